import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as wait } from 'node:timers/promises'
import { CANCELLATION } from '../execution.ts'
import { killTree, TRACKING } from './tree.ts'

/** What to start, and who is told. `stop` cancels it within GitHub's times, `end` kills its tree at once. */
export type Start = {
  readonly program: string
  readonly arguments: readonly string[]
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly heard: (line: string) => void
  readonly stop: AbortSignal
  readonly end: AbortSignal
}

/** How a process ended; `code` is 128 + the signal's number when one ended it. */
export type Exit =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'not-started'; readonly text: string }

/** How long the output of an ended process is still heard when others hold it open, ms. Source: `ProcessInvoker.ProcessExitedHandler` in actions/runner. */
const HELD_OPEN = 5_000

/**
 * Runs a process without input and hears its lines, of both streams in the order in which they come.
 * When stopped it gets SIGINT, after 7.5 s SIGTERM, after 2.5 s more its whole tree is killed; signals go to the process alone, not to its children.
 * It resolves when it has ended and its output is closed, or 5 s later: what it left in the background lives on, unheard, until the job ends.
 * Source: `ProcessInvoker.CancelAndKillProcessTree` in actions/runner.
 */
export const runProcess = async (start: Start): Promise<Exit> => {
  const child = spawn(start.program, [...start.arguments], {
    cwd: start.folder,
    env: start.env,
    // A session of its own: Ctrl+C in the terminal is for us to pass on, at the right time.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const flush = [child.stdout, child.stderr].map((stream) => linesOf(stream, start.heard))
  const over = new AbortController()
  const closed = new Promise<Exit>((resolve) => {
    child.on('error', (error) => resolve({ kind: 'not-started', text: notStarted(start, error) }))
    const exited = (code: number | null, signal: NodeJS.Signals | null): void =>
      resolve({ kind: 'exited', code: code ?? 128 + numberOf(signal) })
    child.on('close', exited)
    child.on('exit', (code, signal) => void slept(HELD_OPEN, over.signal).then(() => exited(code, signal)))
  })
  const kill = (): void => void killTree({ root: child.pid })
  const killAll = (): void => void killTree({ root: child.pid, tracking: start.env[TRACKING] ?? '' })
  const stopping = whenAborted(start.stop, over.signal, () => stopInTime(child, kill, closed))
  const ending = whenAborted(start.end, over.signal, async () => killAll())
  unfinished.add(killAll)
  try {
    return await closed
  } finally {
    over.abort()
    unfinished.delete(killAll)
    for (const last of flush) last()
    await Promise.all([stopping, ending])
  }
}

const unfinished = new Set<() => void>()
// In sessions of their own, they would outlive us when we end in the middle of a job.
process.on('exit', () => {
  for (const kill of unfinished) kill()
})

type Child = ReturnType<typeof spawn>

const stopInTime = async (child: Child, kill: () => void, closed: Promise<Exit>): Promise<void> => {
  child.kill('SIGINT')
  if (await within(CANCELLATION.interrupt, closed)) return
  child.kill('SIGTERM')
  if (await within(CANCELLATION.terminate, closed)) return
  kill()
}

const whenAborted = (signal: AbortSignal, over: AbortSignal, act: () => Promise<void>): Promise<void> =>
  new Promise((resolve) => {
    const begin = (): void => void act().then(resolve)
    if (signal.aborted) return begin()
    signal.addEventListener('abort', begin, { once: true })
    over.addEventListener('abort', () => {
      signal.removeEventListener('abort', begin)
      if (!signal.aborted) resolve()
    })
  })

const within = async (ms: number, done: Promise<unknown>): Promise<boolean> => {
  const late = new AbortController()
  const first = await Promise.race([done.then(() => true), slept(ms, late.signal).then(() => false)])
  late.abort()
  return first
}

const slept = (ms: number, over: AbortSignal): Promise<boolean> =>
  wait(ms, undefined, { signal: over }).then(
    () => true,
    () => false,
  )

/** Hands on whole lines; the returned function hands on what is left without an end, and nothing after it. */
const linesOf = (stream: NodeJS.ReadableStream, heard: (line: string) => void): (() => void) => {
  const decoder = new StringDecoder('utf8')
  // A line of many megabytes comes in as many parts: they are put together once.
  let rest: string[] = []
  let deaf = false
  const end = (last: string): void => {
    const line = [...rest, last].join('')
    rest = []
    heard(line.endsWith('\r') ? line.slice(0, -1) : line)
  }
  stream.on('data', (chunk: Buffer) => {
    if (deaf) return
    const parts = decoder.write(chunk).split('\n')
    const open = parts.pop() ?? ''
    for (const part of parts) end(part)
    rest.push(open)
  })
  return () => {
    deaf = true
    const last = rest.join('') + decoder.end()
    if (last !== '') heard(last)
  }
}

const notStarted = ({ program, folder }: Start, error: Error): string =>
  `An error occurred trying to start process '${program}' with working directory '${folder}'. ${error.message}`

const numberOf = (signal: NodeJS.Signals | null): number => (signal === null ? 0 : (constants.signals[signal] ?? 0))
