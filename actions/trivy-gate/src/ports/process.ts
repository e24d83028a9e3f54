import { describe } from '@sluice/kit/faults'
import { endGroup, POLITELY, startGroup } from '@sluice/process/group'
import type { Ended } from '../scanner.ts'

/** One process to run. `env` is all that it is given. */
export type Command = {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly cancelled: AbortSignal
  /** Hears each line that it writes, of either stream. */
  heard(line: string): void
}

/** Of what it wrote the end is kept, for a reason that people read. */
const KEPT = 16 * 1024
/** What a pipe may stay open after the process has ended, ms. */
const PIPE_MS = 1000
/** A longer timer would ring at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Runs a process in a group of its own until it ends, the time is up or the job is cancelled; then nothing of the group is left. */
export const runProcess = async (command: Command): Promise<Ended> => {
  let said = ''
  const hear = (line: string): void => {
    said = `${said}${line}\n`.slice(-KEPT)
    command.heard(line)
  }
  const child = startGroup(command.file, command.args, command)
  if ('problem' in child) return { kind: 'not-started', said: child.problem }
  const exited = new Promise<Omit<Ended, 'said'>>((resolve) =>
    child.once('exit', (code, signal) =>
      resolve(code === null ? { kind: 'signalled', signal: String(signal) } : { kind: 'exited', code }),
    ),
  )
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const failed = new Promise<Error>((resolve) => child.once('error', resolve))
  const { pid } = child
  if (pid === undefined) return { kind: 'not-started', said: describe(await failed) }
  for (const stream of [child.stdout, child.stderr]) lines(stream, hear)
  const stopped = stopper(command)
  const end = await Promise.race([exited, stopped.comes])
  stopped.clear()
  // What it leaves behind would hold the pipes open, and could go on reading what is no longer its concern.
  await endGroup(pid, POLITELY)
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, PIPE_MS).unref())])
  for (const stream of [child.stdout, child.stderr]) stream?.destroy()
  return { ...end, said }
}

const stopper = ({
  timeoutMs,
  cancelled,
}: Command): { readonly comes: Promise<Omit<Ended, 'said'>>; readonly clear: () => void } => {
  let clear = (): void => {}
  const comes = new Promise<Omit<Ended, 'said'>>((resolve) => {
    const timer = setTimeout(() => resolve({ kind: 'timed-out' }), Math.min(Math.max(0, timeoutMs), LONGEST_TIMER))
    const cancel = (): void => resolve({ kind: 'cancelled' })
    if (cancelled.aborted) cancel()
    cancelled.addEventListener('abort', cancel, { once: true })
    clear = () => {
      clearTimeout(timer)
      cancelled.removeEventListener('abort', cancel)
    }
  })
  return { comes, clear }
}

/** Gives each line of a stream as it comes; a line that does not end is cut. */
const lines = (stream: NodeJS.ReadableStream | null, hear: (line: string) => void): void => {
  let rest = ''
  stream?.setEncoding('utf8')
  stream?.on('data', (chunk: string) => {
    const all = `${rest}${chunk}`.split(/\r?\n|\r(?!$)/)
    rest = (all.pop() ?? '').slice(0, KEPT)
    for (const line of all) if (line.trim() !== '') hear(line)
  })
  stream?.on('end', () => {
    if (rest.trim() !== '') hear(rest)
    rest = ''
  })
}
