import { existsSync, readFileSync, statSync } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { describe, Fault } from '@sluice/kit/faults'
import { loggedLine } from '@sluice/kit/log'
import { foldersOf, programIn } from '@sluice/process/program'
import { type Look, lookAt, type Needs, ONE_NODE, severalNodes } from '../build/builder.ts'
import { errorOf, failureOf, fileOf } from '../build/failure.ts'
import { argumentsOf, type BuildOrder, type Output } from '../build/order.ts'
import { type Progress, type Reader, reader } from '../build/progress.ts'
import type { Builder, BuildResult } from '../build/result.ts'
import { lasting, short } from '../build/text.ts'
import { classify, type Transient } from '../build/transient.ts'
import { call, type Ended } from './call.ts'

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
  say(line: string): void
}

/** Drives `docker buildx`. What it says is logged as it comes. */
export type Docker = {
  /** @throws Fault('input') that names all that is missing or too old */
  look(): Promise<Builder>
  /** @throws Fault('input') for secrets that cannot be given, and for a builder that would write a tag by itself */
  run(order: BuildOrder, output: Output): Promise<BuildResult>
  /**
   * The same bytes, and so the same digest, under another name; buildx 0.15 or later.
   * @param from `host/path@digest`
   * @param to with a tag or a digest
   */
  copy(from: string, to: string): Promise<{ readonly problem?: string; readonly transient?: Transient }>
}

const LOOK_MS = 60_000
/** A builder that has to be started may have to be fetched. */
const BOOT_MS = 300_000
const SILENCE_MS = 25_000
/** BuildKit takes no secret that is larger. Source: github.com/moby/buildkit (session/secrets) */
const LARGEST_SECRET = 500 * 1024
const LARGEST_METADATA = 64 * 1024 * 1024

/** Opens the driver. Nothing is called yet. */
export const openDocker = (around: Around): Docker => {
  let calls = 0
  let looked: Look | undefined
  return {
    look: async () => {
      looked = await look(around)
      return looked.builder
    },
    run: async (order, output) => {
      const several =
        looked === undefined || output.kind !== 'by-digest' ? undefined : severalNodes(looked, order.platforms)
      if (several !== undefined) throw new Fault('input', several, ONE_NODE)
      return build(around, { order, output, file: join(around.temporary, `buildx-${++calls}.json`) })
    },
    copy: (from, to) => copy(around, from, to),
  }
}

/** Inputs are the action's own: some are secrets. Of provenance nothing belongs in the file of metadata. */
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
  const found = lookAt(
    {
      docker: docker.out,
      buildx: buildx.out,
      inspect: inspect.out,
      why: inspect.why,
    },
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
  return { out: undefined, why: short(why.replace(/^(ERROR|docker): /, '').trim(), 300) }
}

const toldEnd = (ended: Ended): string => {
  if (ended.kind === 'exited') return `exit code ${ended.code}`
  if (ended.kind === 'signalled') return `the signal ${ended.signal}`
  if (ended.kind === 'not-started') return `an error when it was started: ${ended.problem}`
  return ended.kind === 'timed-out' ? 'no answer in time' : 'a cancelled run'
}

type Asked = { readonly order: BuildOrder; readonly output: Output; readonly file: string }

const build = async (around: Around, { order, output, file }: Asked): Promise<BuildResult> => {
  const { args, env } = argumentsOf(order, output, file)
  for (const { id, path } of order.secretFiles) checkSecretFile(id, path)
  warnOfActionsCache(around, args)
  const read = reader()
  const log = logger(around, read)
  const ended = await call({
    program: programOf(around),
    args,
    env: environment(around, env),
    cancelled: around.cancelled,
    heard: (line) => log.say(read.heard(line)),
  })
  log.end()
  if (ended.kind === 'cancelled' || around.cancelled.aborted) return { kind: 'cancelled' }
  const dockerfile = dockerfileOf(order)
  const seen = read.soFar()
  const progress: Progress = {
    ...seen,
    warnings: seen.warnings.map((warning) => ({ ...warning, file: fileOf(warning.file, dockerfile) })),
  }
  if (ended.kind === 'exited' && ended.code === 0)
    return { kind: 'done', digest: output.kind === 'by-digest' ? digestIn(file) : undefined, progress }
  return failed(order, progress, toldEnd(ended))
}

const failed = (order: BuildOrder, progress: Progress, ended: string): BuildResult => {
  const local = isFolder(order.context)
  const has = (path: string): boolean | undefined => (local ? existsSync(join(order.context, path)) : undefined)
  const failure = failureOf({ progress, dockerfile: dockerfileOf(order), ended }, has)
  return { kind: 'failed', failure, transient: classify(errorOf(progress) ?? ''), progress }
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
  return { say, end: () => clearInterval(timer) }
}

const checkSecretFile = (id: string, path: string): void => {
  const refuse = (what: string): never => {
    throw new Fault(
      'input',
      `Invalid input: secret-files: ${id}: ${path} ${what}`,
      'Correct the path, or make the file in a step before',
    )
  }
  try {
    const found = statSync(path)
    if (!found.isFile()) refuse('is not a file')
    if (found.size === 0) refuse('is empty')
    if (found.size > LARGEST_SECRET) refuse('is larger than 500 KiB, the most that BuildKit takes')
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    refuse(
      thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
        ? 'does not exist'
        : `cannot be read: ${describe(thrown)}`,
    )
  }
}

/** buildx leaves out a cache of GitHub's that it has no token for, and says nothing of it. */
const warnOfActionsCache = ({ env, say }: Around, args: readonly string[]): void => {
  if (!args.some((arg) => /^type=gha(,|$)/.test(arg))) return
  if (env.ACTIONS_RUNTIME_TOKEN && (env.ACTIONS_RESULTS_URL || env.ACTIONS_CACHE_URL)) return
  say("cache: gha is not used: the runner gives no token for GitHub's cache (ACTIONS_RUNTIME_TOKEN)")
}

/** Source: https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file */
const digestIn = (file: string): string | undefined => {
  try {
    if (statSync(file).size > LARGEST_METADATA) return undefined
    const read: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const digest =
      typeof read === 'object' && read !== null && 'containerimage.digest' in read ? read['containerimage.digest'] : ''
    return typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined
  } catch {
    return undefined
  }
}

const copy = async (
  around: Around,
  from: string,
  to: string,
): Promise<{ readonly problem?: string; readonly transient?: Transient }> => {
  const said: string[] = []
  const ended = await call({
    program: programOf(around),
    args: ['buildx', 'imagetools', 'create', '--prefer-index=false', '--tag', to, '--', from],
    env: environment(around),
    cancelled: around.cancelled,
    heard: (line) => {
      around.say(loggedLine(short(line, 2000)))
      said.push(short(line, 2000))
      if (said.length > 50) said.shift()
    },
  })
  if (ended.kind === 'exited' && ended.code === 0) return {}
  const problem = errorOf({ said, steps: [] }) ?? `docker buildx imagetools create ended with ${toldEnd(ended)}`
  const transient = ended.kind === 'cancelled' ? undefined : classify(problem)
  return { problem, ...(transient === undefined ? {} : { transient }) }
}
