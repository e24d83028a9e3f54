import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { describe } from '@sluice/kit/faults'
import { endGroup, POLITELY, startGroup } from '@sluice/process/group'

/** A program to call. `env` is all that it is given. */
export type Called = {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cancelled: AbortSignal
  /** What it may take, ms; without it as long as it likes. */
  readonly timeoutMs?: number
  /** Says that its time is up, in another way than by the clock. */
  readonly stalled?: AbortSignal
  /** Hears each line as it comes. */
  heard(line: string, stream: 'stdout' | 'stderr'): void
}

/** How a call ended. */
export type Ended =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'cancelled' | 'timed-out' }
  | { readonly kind: 'not-started'; readonly problem: string }

/** One line of buildx's progress may hold a Dockerfile several times; what is longer is left out. */
const LONGEST = 16 * 1024 * 1024
/** What a pipe may stay open after the program has ended, ms. */
const PIPE_MS = 2000
/** A longer timer would ring at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Calls a program in a group of its own, until it ends, its time is up, or the run is cancelled: then nothing of the group is left. */
export const call = async (called: Called): Promise<Ended> => {
  if (called.cancelled.aborted) return { kind: 'cancelled' }
  const child = startGroup(called.program, called.args, called)
  if ('problem' in child) return { kind: 'not-started', problem: child.problem }
  const failed = new Promise<Error>((resolve) => child.once('error', resolve))
  const exited = new Promise<Ended>((resolve) =>
    child.once('exit', (code, signal) =>
      resolve(code === null ? { kind: 'signalled', signal: String(signal) } : { kind: 'exited', code }),
    ),
  )
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const { pid } = child
  if (pid === undefined) return { kind: 'not-started', problem: describe(await failed) }
  const finish = [
    lines(child.stdout, (line) => called.heard(line, 'stdout')),
    lines(child.stderr, (line) => called.heard(line, 'stderr')),
  ]
  const stop = stopper(called)
  const end = await Promise.race([exited, stop.comes])
  stop.clear()
  await endGroup(pid, POLITELY)
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, PIPE_MS).unref())])
  for (const stream of [child.stdout, child.stderr]) stream?.destroy()
  for (const last of finish) last()
  return end
}

const stopper = ({
  timeoutMs,
  stalled,
  cancelled,
}: Called): { readonly comes: Promise<Ended>; readonly clear: () => void } => {
  let clear = (): void => {}
  const comes = new Promise<Ended>((resolve) => {
    const cancel = (): void => resolve({ kind: 'cancelled' })
    const end = (): void => resolve({ kind: 'timed-out' })
    cancelled.addEventListener('abort', cancel, { once: true })
    stalled?.addEventListener('abort', end, { once: true })
    const timer = timeoutMs === undefined ? undefined : setTimeout(end, Math.min(timeoutMs, LONGEST_TIMER))
    clear = () => {
      clearTimeout(timer)
      cancelled.removeEventListener('abort', cancel)
      stalled?.removeEventListener('abort', end)
    }
  })
  return { comes, clear }
}

/**
 * Gives each line of a stream, without holding more than one. A carriage return ends none: what it wrote over is part of the line.
 * @returns gives what is left once the stream is over
 */
const lines = (stream: Readable | null, heard: (line: string) => void): (() => void) => {
  const decoder = new StringDecoder('utf8')
  let parts: string[] = []
  let size = 0
  const end = (): void => {
    if (size > 0 && size <= LONGEST) heard(parts.join(''))
    parts = []
    size = 0
  }
  const more = (part: string): void => {
    size += part.length
    if (size <= LONGEST) parts.push(part)
    else parts = []
  }
  stream?.on('data', (chunk: Buffer) => {
    const [first = '', ...rest] = decoder.write(chunk).split('\n')
    more(first)
    for (const part of rest) {
      end()
      more(part)
    }
  })
  // A pipe that breaks has said all it will.
  stream?.on('error', () => {})
  return end
}
