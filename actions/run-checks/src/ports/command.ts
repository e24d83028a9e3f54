import type { ChildProcess } from 'node:child_process'
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { describe, Fault } from '@sluice/kit/faults'
import { endGroup, POLITELY, startGroup } from '@sluice/process/group'
import { foldersOf, programIn } from '@sluice/process/program'
import type { Check } from '../check.ts'
import type { Ended } from '../ended.ts'
import { environmentOf, RUNNER_FILES, type RunnerFiles } from '../environment.ts'
import type { Written } from '../summary.ts'
import { linesOf } from './lines.ts'

/** Runs commands as a `run` step of GitHub's does. */
export type Shell = {
  execute(check: Check, heard: (line: string) => void, cancelled: AbortSignal): Promise<Ended>
  /** What the checks wrote to their step summaries so far. */
  written(): readonly Written[]
  /** Removes every file it made. */
  close(): void
}

/** Of one check's own summary; the runner takes 1 MiB of a whole step's. */
const SUMMARY_BYTES = 256 * 1024
/** What a pipe may stay open after all that could write to it has been ended, ms; the time in which the log takes nothing is not counted. */
const PIPE_MS = 1000
/** The same, whatever the log does, unless the run is cancelled: then there is no time for it. */
const LAST_MS = 60_000

/**
 * Opens the shell: finds bash and makes a folder for scripts and the checks' own runner files.
 * @param root what the checks' folders are relative to
 * @param log where the checks' lines end up, so that none is read before there is room for it
 * @throws Fault('input') where there is no bash, or processes cannot be ended as a group
 */
export const openShell = (env: Readonly<Record<string, string | undefined>>, root: string, log: Writable): Shell => {
  if (process.platform === 'win32')
    throw new Fault('input', 'run-checks does not run on Windows', 'Give the job a Linux or macOS runner.')
  const bash = programIn(foldersOf(env.PATH), 'bash')
  if (bash === undefined) {
    const hint = 'Install bash in the runner image first (Alpine: apk add bash).'
    throw new Fault('input', `There is no bash in PATH (${env.PATH ?? ''}), and checks are bash scripts`, hint)
  }
  const folder = mkdtempSync(join(env.RUNNER_TEMP || tmpdir(), 'sluice-checks-'))
  const summaries: { readonly name: string; readonly file: string }[] = []
  let count = 0
  return {
    execute: async (check, heard, cancelled) => {
      const base = join(folder, String(count++))
      // A check before this one may have tidied up more than was its own.
      mkdirSync(folder, { recursive: true })
      const files = runnerFiles(base)
      summaries.push({ name: check.name, file: files.GITHUB_STEP_SUMMARY })
      const script = `${base}.sh`
      writeFileSync(script, `${check.run.replaceAll('\r\n', '\n')}\n`, { mode: 0o600 })
      const cwd = join(root, check.folder)
      if (!isFolder(cwd)) return { kind: 'not-started', text: `its folder ${check.folder} does not exist` }
      // https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
      const args = ['--noprofile', '--norc', '-eo', 'pipefail', script]
      const child = startGroup(bash, args, { cwd, env: environmentOf(env, check.env, files) })
      if ('problem' in child) return { kind: 'not-started', text: `it could not be started: ${child.problem}` }
      return watch(child, { timeoutMs: check.timeoutMs, heard, log, cancelled })
    },
    written: () => summaries.map(({ name, file }) => ({ name, markdown: beginning(file, SUMMARY_BYTES) })),
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

type Watched = {
  readonly timeoutMs: number
  readonly heard: (line: string) => void
  readonly log: Writable
  readonly cancelled: AbortSignal
}

/** Waits for the end of a command and of everything it started. */
const watch = async (child: ChildProcess, { timeoutMs, heard, log, cancelled }: Watched): Promise<Ended> => {
  const failed = new Promise<Error>((resolve) => child.once('error', resolve))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const exited = new Promise<Ended>((resolve) =>
    child.once('exit', (code, signal) =>
      resolve(code === null ? { kind: 'signalled', signal: String(signal) } : { kind: 'exited', code }),
    ),
  )
  const { pid } = child
  if (pid === undefined) return { kind: 'not-started', text: `it could not be started: ${describe(await failed)}` }
  const finish = [linesOf(child.stdout, heard, log), linesOf(child.stderr, heard, log)]
  const alarm = timer(timeoutMs)
  const stop = whenAborted(cancelled)
  const first = await Promise.race([
    exited,
    alarm.rings.then((): Ended => ({ kind: 'timed-out' })),
    stop.comes.then((): Ended => ({ kind: 'cancelled' })),
  ])
  alarm.clear()
  // What a command leaves behind would hold its pipes open, and could write to files of the runner's after our own last word.
  await endGroup(pid, first.kind === 'cancelled' ? SOON : POLITELY)
  stop.clear()
  await Promise.race([closed, quiet(log, first.kind === 'cancelled' ? PIPE_MS : LAST_MS)])
  for (const stream of [child.stdout, child.stderr]) stream?.destroy()
  for (const each of finish) each()
  return first
}

/** Resolves once there was enough time to read what is still in the pipes, in any case after `longest` ms. */
const quiet = async (log: Writable, longest: number): Promise<void> => {
  const begun = performance.now()
  for (let open = 0; open < PIPE_MS && performance.now() - begun < longest; ) {
    await timer(LOOK_MS).rings
    if (!log.writableNeedDrain) open += LOOK_MS
  }
}
const LOOK_MS = 50

/** In total 3 s: the runner waits 7.5 s after its first signal. */
const SOON = [
  ['SIGINT', 1500],
  ['SIGTERM', 1500],
] as const

const timer = (ms: number): { readonly rings: Promise<void>; clear(): void } => {
  let handle: NodeJS.Timeout | undefined
  const rings = new Promise<void>((resolve) => {
    handle = setTimeout(resolve, Math.min(ms, LONGEST_TIMER))
  })
  return { rings, clear: () => clearTimeout(handle) }
}

/** A longer one would ring at once. */
const LONGEST_TIMER = 2 ** 31 - 1

const whenAborted = (signal: AbortSignal): { readonly comes: Promise<void>; clear(): void } => {
  let listen: () => void = () => {}
  const comes = new Promise<void>((resolve) => {
    listen = () => resolve()
    if (signal.aborted) resolve()
    signal.addEventListener('abort', listen, { once: true })
  })
  return { comes, clear: () => signal.removeEventListener('abort', listen) }
}

const runnerFiles = (base: string): RunnerFiles => {
  const files = RUNNER_FILES.map((name) => [name, `${base}.${name.toLowerCase()}`] as const)
  for (const [, file] of files) writeFileSync(file, '')
  return Object.fromEntries(files) as unknown as RunnerFiles
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** The text a file begins with; empty when it is gone, or is no file any more: a pipe would be waited for without end. */
const beginning = (file: string, bytes: number): string => {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      if (!fstatSync(descriptor).isFile()) return ''
      const buffer = Buffer.alloc(bytes)
      return buffer.subarray(0, readSync(descriptor, buffer, 0, bytes, 0)).toString()
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return ''
  }
}
