import { existsSync, statSync } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import { loggedLine } from '@sluice/kit/log'
import { foldersOf, programIn } from '@sluice/process/program'
import { type Look, lookAt, type Needs, ONE_NODE, severalNodes } from '../build/builder.ts'
import { errorOf, failureOf, fileOf } from '../build/failure.ts'
import { argumentsOf, type BuildOrder, type Output } from '../build/order.ts'
import { type Progress, type Reader, reader } from '../build/progress.ts'
import { type Clean, cleaner } from '../build/redact.ts'
import type { Builder, BuildResult } from '../build/result.ts'
import { pinnedContext, type Sources, sourcesIn } from '../build/sources.ts'
import { lasting, short } from '../build/text.ts'
import { classify, type Transient } from '../build/transient.ts'
import { call, type Ended } from './call.ts'
import { digestIn, readJson, writePolicy } from './metadata.ts'
import { checkSecretFile, secretsOf } from './secret-files.ts'

export type { Builder, BuildResult } from '../build/result.ts'

/** The machine, as far as docker is concerned. */
export type Around = {
  /** The folder for DOCKER_CONFIG. */
  readonly dockerConfig: () => string
  readonly env: NodeJS.ProcessEnv
  readonly cancelled: AbortSignal
  /** A folder of the run. */
  readonly temporary: string
  /** What the builder is wanted for; without it, only for a build that stays where it is. */
  readonly needs?: Needs
  /** How long a build that is under way says nothing at most, ms; by default 25 s. */
  readonly silenceMs?: number
  /** How long a push may come no further before it is ended, ms; by default 5 minutes. */
  readonly stallMs?: number
  say(line: string): void
}

/** Drives `docker buildx` for one image. What it says is logged as it comes, without secrets. */
export type Docker = {
  /** @throws Fault('input') that names all that is missing or too old */
  look(): Promise<Builder>
  /**
   * Without an output it builds; with one after that it takes the very sources that the build took.
   * @throws Fault('input') for secrets that cannot be given, and for a builder that would write a tag by itself
   */
  run(order: BuildOrder, output: Output): Promise<BuildResult>
  /**
   * The same bytes, and so the same digest, under another name; buildx 0.15 or later.
   * @param from `host/path@digest`
   * @param to with a tag or a digest
   */
  copy(from: string, to: string): Promise<{ readonly problem?: string; readonly transient?: Transient }>
  /**
   * An image that is at a registry into Docker's own store, under these names: the very bytes, where a build would make others.
   * @param image `host/path@digest`
   * @returns what stands in the way
   */
  pull(image: string, names: readonly string[]): Promise<string | undefined>
}

const LOOK_MS = 60_000
/** A builder that has to be started may have to be fetched. */
const BOOT_MS = 300_000
const SILENCE_MS = 25_000
const STALL_MS = 300_000

/** Opens the driver. Nothing is called yet. */
export const openDocker = (around: Around): Docker => {
  let calls = 0
  let looked: Look | undefined
  let built: Built | undefined
  const done = (left: Built): void => {
    built = left
  }
  return {
    look: async () => {
      looked = await look(around)
      return looked.builder
    },
    run: async (order, output) => {
      const several =
        looked === undefined || output.kind !== 'by-digest' ? undefined : severalNodes(looked, order.platforms)
      if (several !== undefined) throw new Fault('input', several, ONE_NODE)
      const file = join(around.temporary, `buildx-${++calls}`)
      if (output.kind !== 'none') return build(around, { order, output, file, built })
      built = undefined
      return build(around, { order, output, file, done })
    },
    copy: (from, to) => copy(around, from, to),
    pull: (image, names) => pull(around, image, names),
  }
}

/** Inputs are the action's own: some are secrets. */
const environment = (
  { env, dockerConfig }: Around,
  own: Readonly<Record<string, string>> = {},
): Record<string, string> => ({
  ...Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined || /^INPUT_/i.test(name) ? [] : [[name, value] as const],
    ),
  ),
  DOCKER_CONFIG: dockerConfig(),
  BUILDX_METADATA_PROVENANCE: 'disabled',
  DOCKER_CLI_HINTS: 'false',
  ...own,
})

const programOf = ({ env }: Around): string => {
  const program = programIn(foldersOf(env.PATH), 'docker')
  if (program !== undefined) return program
  throw new Fault(
    'input',
    'docker is not on PATH',
    'Use a runner with Docker, such as ubuntu-latest, or install it in a step before',
  )
}

const look = async (around: Around): Promise<Look> => {
  programOf(around)
  const docker = await ask(around, ['--version'], LOOK_MS)
  if (docker.out === undefined) throw new Fault('input', `docker does not work: ${docker.why}`, 'Install it again')
  const buildx = await ask(around, ['buildx', 'version'], LOOK_MS)
  const inspect =
    buildx.out === undefined || /podman/i.test(docker.out)
      ? buildx
      : await ask(around, ['buildx', 'inspect', '--bootstrap'], BOOT_MS)
  const unstarted =
    buildx.out === undefined || inspect.out !== undefined
      ? ''
      : ((await ask(around, ['buildx', 'inspect'], LOOK_MS)).out ?? '')
  const found = lookAt(
    { docker: docker.out, buildx: buildx.out, inspect: inspect.out, unstarted, why: inspect.why },
    around.needs ?? { push: false, platforms: [] },
  )
  if (found.missing.length > 0) throw new Fault('input', found.missing.join('; '), found.hint)
  for (const doubt of found.doubts) around.say(loggedLine(doubt))
  return found
}

type Answer = { readonly out: string | undefined; readonly why: string }

const MOST_KEPT = 256 * 1024

/** What docker answers, of either stream the end. `out` is `undefined` where the call failed; `why` it did. */
const ask = async (around: Around, args: readonly string[], timeoutMs: number): Promise<Answer> => {
  const said = { stdout: '', stderr: '' }
  const ended = await call({
    program: programOf(around),
    args,
    env: environment(around),
    cancelled: around.cancelled,
    timeoutMs,
    heard: (line, stream) => {
      said[stream] = `${said[stream]}${line}\n`.slice(-MOST_KEPT)
    },
  })
  if (ended.kind === 'cancelled') throw new Fault('upstream', 'The run was cancelled')
  if (ended.kind === 'exited' && ended.code === 0) return { out: said.stdout, why: '' }
  const text = `${said.stderr}\n${said.stdout}`.split('\n').filter((line) => line.trim() !== '')
  const why = text.find((line) => /^(ERROR|error|docker): /.test(line)) ?? text.at(-1) ?? toldEnd(ended)
  return {
    out: undefined,
    why: short(
      cleaner([])(why)
        .replace(/^(ERROR|docker): /, '')
        .trim(),
      300,
    ),
  }
}

const toldEnd = (ended: Ended): string => {
  if (ended.kind === 'exited') return `exit code ${ended.code}`
  if (ended.kind === 'signalled') return `the signal ${ended.signal}`
  if (ended.kind === 'not-started') return `an error when it was started: ${ended.problem}`
  return ended.kind === 'timed-out' ? 'no answer in time' : 'a cancelled run'
}

/** What a build leaves for the push of it. `ended`: by the builder's clock, ms UTC. */
type Built = {
  readonly sources: Sources
  readonly ended: number
  /** What was done again since: the next push finds it in the cache. */
  readonly again: Set<string>
}

type Asked = {
  readonly order: BuildOrder
  readonly output: Output
  /** Files of it begin so. */
  readonly file: string
  /** What is pushed or loaded. */
  readonly built?: Built | undefined
  done?(built: Built): void
}

const build = async (around: Around, asked: Asked): Promise<BuildResult> => {
  const { order, output, file, built } = asked
  const pinned =
    built === undefined ? order : { ...order, context: pinnedContext(order.context, built.sources, order.buildArgs) }
  const { args, env } = argumentsOf(pinned, output, `${file}.json`)
  for (const { id, path } of order.secretFiles) checkSecretFile(id, path)
  warnOfActionsCache(around, args)
  const clean = cleaner(secretsOf(order))
  const read = reader({ clean, again: built !== undefined })
  const log = logger(around, read)
  const stall = output.kind === 'by-digest' ? stalling(around.stallMs ?? STALL_MS, read) : undefined
  const policy = built === undefined ? {} : writePolicy(built.sources, `${file}-sources.json`, around.env)
  const ended = await call({
    program: programOf(around),
    args,
    // What the sources were resolved to is told with the provenance of the file of metadata, whatever the image has.
    env: environment(around, {
      ...env,
      ...policy,
      ...(output.kind === 'none' ? { BUILDX_METADATA_PROVENANCE: 'min' } : {}),
    }),
    cancelled: around.cancelled,
    ...(stall === undefined ? {} : { stalled: stall.signal }),
    heard: (line) => log.say(read.heard(line)),
  })
  stall?.clear()
  log.end()
  for (const step of built === undefined ? [] : read.ranSince(built.ended)) built?.again.add(step)
  if (ended.kind === 'cancelled' || around.cancelled.aborted) return { kind: 'cancelled' }
  const dockerfile = dockerfileOf(order)
  const seen = read.soFar()
  const progress: Progress = {
    ...seen,
    warnings: seen.warnings.map((warning) => ({ ...warning, file: fileOf(warning.file, dockerfile) })),
  }
  if (ended.kind === 'timed-out' && stall !== undefined) return stalled({ order, progress, clean }, stall.where())
  if (ended.kind !== 'exited' || ended.code !== 0) return failed({ order, progress, clean }, toldEnd(ended))
  const metadata = readJson(`${file}.json`)
  asked.done?.({ sources: sourcesIn(metadata), ended: read.lastEnd() ?? Number.POSITIVE_INFINITY, again: new Set() })
  return {
    kind: 'done',
    digest: output.kind === 'by-digest' ? digestIn(metadata) : undefined,
    ranAgain: [...(built?.again ?? [])],
    progress,
  }
}

type Left = { readonly order: BuildOrder; readonly progress: Progress; readonly clean: Clean }

const failed = ({ order, progress, clean }: Left, ended: string): BuildResult & { kind: 'failed' } => {
  const local = isFolder(order.context)
  const has = (path: string): boolean | undefined => (local ? existsSync(join(order.context, path)) : undefined)
  const failure = failureOf({ progress, dockerfile: dockerfileOf(order), ended: clean(ended) }, has)
  return { kind: 'failed', failure, transient: classify(errorOf(progress) ?? ''), progress }
}

const stalled = (left: Left, where: string): BuildResult => {
  const { failure } = failed(left, 'a push that stood still')
  const { hint: _, ...rest } = failure
  const text = `the push came no further for ${where}, and was ended`
  return {
    kind: 'failed',
    failure: { ...rest, cause: text },
    transient: { kind: 'timeout', text },
    progress: left.progress,
  }
}

/** Watches that a push comes further: a registry that takes a connection and says nothing would hold it for ever. */
const stalling = (
  longest: number,
  read: Reader,
): { readonly signal: AbortSignal; readonly where: () => string; readonly clear: () => void } => {
  const stop = new AbortController()
  let [moves, since, where] = [read.moves(), performance.now(), '']
  const timer = setInterval(
    () => {
      if (read.moves() !== moves) [moves, since] = [read.moves(), performance.now()]
      if (performance.now() - since < longest) return
      const current = read.current()
      where = `${lasting(longest)}${current === '' ? '' : ` at ${current}`}`
      stop.abort()
    },
    Math.min(longest / 10, 1000),
  )
  timer.unref()
  return { signal: stop.signal, where: () => where, clear: () => clearInterval(timer) }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** As an annotation names it, relative to the folder of the job; `''` for one that is nowhere in it. */
const dockerfileOf = ({ context, dockerfile }: BuildOrder): string => {
  if (dockerfile === undefined && !isFolder(context)) return ''
  const path = dockerfile ?? join(context, 'Dockerfile')
  const inside = relative(process.cwd(), resolve(path))
  return isAbsolute(inside) || inside.startsWith(`..${sep}`) ? '' : inside
}

/** Logs what is said, and a sign of life where nothing is. */
const logger = (
  around: Around,
  read: Reader,
): { readonly say: (lines: readonly string[]) => void; readonly end: () => void } => {
  const began = performance.now()
  const silence = around.silenceMs ?? SILENCE_MS
  let last = began
  const say = (lines: readonly string[]): void => {
    for (const line of lines) around.say(loggedLine(line))
    if (lines.length > 0) last = performance.now()
  }
  const timer = setInterval(() => {
    if (performance.now() - last < silence) return
    const current = read.current()
    say([`… ${lasting(performance.now() - began)} so far${current === '' ? '' : `: ${current}`}`])
  }, silence / 10)
  timer.unref()
  return {
    say,
    end: () => {
      clearInterval(timer)
      say(read.end())
    },
  }
}

/** buildx leaves out a cache of GitHub's that it has no token for, and says nothing of it. */
const warnOfActionsCache = ({ env, say }: Around, args: readonly string[]): void => {
  if (!args.some((arg) => /^type=gha(,|$)/.test(arg))) return
  if (env.ACTIONS_RUNTIME_TOKEN && (env.ACTIONS_RESULTS_URL || env.ACTIONS_CACHE_URL)) return
  say("cache: gha is not used: the runner gives no token for GitHub's cache (ACTIONS_RUNTIME_TOKEN)")
}

const copy = async (around: Around, from: string, to: string): Promise<Stopped> =>
  heard(around, ['buildx', 'imagetools', 'create', '--prefer-index=false', '--tag', to, '--', from])

const pull = async (around: Around, image: string, names: readonly string[]): Promise<string | undefined> => {
  for (const args of [['pull', '--quiet', image], ...names.map((name) => ['tag', image, name])]) {
    const { problem } = await heard(around, args)
    if (problem !== undefined) return `docker ${args[0]} ${image}: ${problem}`
  }
  return undefined
}

/** What stood in the way of a call; nothing where nothing did. */
type Stopped = { readonly problem?: string; readonly transient?: Transient }

/** Calls docker, and logs what it says. */
const heard = async (around: Around, args: readonly string[]): Promise<Stopped> => {
  const said: string[] = []
  const clean = cleaner([])
  const ended = await call({
    program: programOf(around),
    args,
    env: environment(around),
    cancelled: around.cancelled,
    heard: (line) => {
      const shown = short(clean(line), 2000)
      around.say(loggedLine(shown))
      said.push(shown)
      if (said.length > 50) said.shift()
    },
  })
  if (ended.kind === 'exited' && ended.code === 0) return {}
  const words = args.filter((word) => /^[a-z]+$/.test(word)).join(' ')
  const problem = errorOf({ said, steps: [] }) ?? `docker ${words} ended with ${toldEnd(ended)}`
  const transient = ended.kind === 'cancelled' ? undefined : classify(problem)
  return { problem, ...(transient === undefined ? {} : { transient }) }
}
