import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, Fault } from '@sluice/kit/faults'
import { foldersOf, programIn } from '@sluice/process/program'
import {
  argumentsOf,
  type Call,
  type Ended,
  environmentOf,
  HOW_TO_ADD,
  type Releases,
  releaseFor,
  type Target,
  versionIn,
  warned,
} from '../scanner.ts'
import { install } from './install.ts'
import { runProcess } from './process.ts'
import table from './releases.json' with { type: 'json' }

/** What the caller chose of the scanner. */
export type Wanted = {
  readonly target: Target
  readonly scanners: Call['scanners']
  readonly version: string | undefined
  readonly config: string | undefined
  readonly dockerConfig: string | undefined
  readonly cacheDir: string | undefined
  /** Where its report goes. */
  readonly output: string
}

/** What it is run with. */
export type World = {
  readonly env: NodeJS.ProcessEnv
  readonly cancelled: AbortSignal
  /** `2026-05-01`, UTC: the day of the cache. */
  readonly today: string
  readonly timeoutMs: number
  say(line: string): void
}

/** A scanner that is ready. */
export type Trivy = {
  readonly version: string
  /** One scan, from this mirror or with the databases that are here. */
  scan(mirror: Call['mirror'], timeoutMs: number): Promise<Ended>
  /** Which databases of today are here. */
  here(): { readonly database: boolean; readonly java: boolean }
  /** Its report; `undefined` where it wrote none. */
  written(): string | undefined
  /** Removes every file it made, but for the report and the cache. */
  close(): void
}

const VERSION_MS = 60_000
const DAY = 86_400_000
/** Another job may still use what was the cache of yesterday. */
const KEPT_DAYS = 2

/**
 * Makes a scanner ready: the one on PATH, if it is the version that is wanted, else the one that the table in releases.json names.
 * @throws Fault('input') where there is none, or where it is one of the stolen releases; Fault('upstream') where it cannot be fetched
 */
export const openTrivy = async (wanted: Wanted, world: World): Promise<Trivy> => {
  const { env } = world
  if (process.platform === 'win32')
    throw new Fault('input', 'trivy-gate does not scan on Windows', 'Scan on Linux or macOS, or give a report')
  const folder = mkdtempSync(join(env.RUNNER_TEMP || tmpdir(), 'sluice-trivy-'))
  try {
    return await openIn(folder, wanted, world)
  } catch (thrown) {
    rmSync(folder, { recursive: true, force: true })
    throw thrown
  }
}

const openIn = async (folder: string, wanted: Wanted, world: World): Promise<Trivy> => {
  const { target, scanners, output, config } = wanted
  const { env, cancelled, say } = world
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const made = (name: string): string => {
    mkdirSync(join(folder, name))
    return join(folder, name)
  }
  const cache = cacheOf(wanted.cacheDir ?? join(env.RUNNER_TEMP || tmpdir(), 'sluice', 'trivy-cache'), world.today)
  const given = environmentOf(
    env,
    {
      // A folder is read with what lies in the home of whoever built it, such as Maven's packages; nothing else needs it.
      home: target.kind === 'path' && env.HOME ? env.HOME : made('home'),
      docker: wanted.dockerConfig === undefined ? made('docker') : resolve(wanted.dockerConfig),
      cache,
    },
    target,
  )
  const run = (program: string, args: readonly string[], timeoutMs: number, heard: (line: string) => void) =>
    runProcess({ file: program, args, env: given, timeoutMs, cancelled, heard })
  const ask = async (program: string): Promise<string | undefined> =>
    versionIn((await run(program, ['--version'], VERSION_MS, () => {})).said)
  const { program, version } = await choose({ folder, wanted: wanted.version, world, ask })
  say(`Trivy ${version} scans ${target.name}${target.platform === undefined ? '' : ` (${target.platform})`}`)
  const rest = {
    nothing: file('nothing.yaml', '{}\n'),
    noExceptions: file('no-exceptions', ''),
    ...(config === undefined ? {} : { config: resolve(config) }),
  }
  const has = (...names: readonly string[]): boolean => names.every((name) => existsSync(join(cache, name)))
  const here = (): ReturnType<Trivy['here']> => ({
    database: has('db/trivy.db', 'db/metadata.json'),
    java: has('java-db/trivy-java.db', 'java-db/metadata.json'),
  })
  return {
    version,
    here,
    scan: (mirror, timeoutMs) => {
      mkdirSync(resolve(output, '..'), { recursive: true })
      // What an earlier try left must not pass for the answer of this one.
      rmSync(output, { force: true })
      const from = mirror === undefined ? { here: here() } : { mirror }
      const args = argumentsOf({ target, scanners, output: resolve(output), timeoutMs, ...rest, ...from })
      return run(program, args, timeoutMs, (line) => say(`trivy: ${line}`))
    },
    written: () => writtenIn(output),
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

type Choice = {
  readonly folder: string
  readonly wanted: string | undefined
  readonly world: World
  ask(program: string): Promise<string | undefined>
}

const choose = async ({
  folder,
  wanted,
  world,
  ask,
}: Choice): Promise<{ readonly program: string; readonly version: string }> => {
  const releases: Releases = table
  // A relative folder on PATH would be one of the workspace, which a pull request fills.
  const folders = foldersOf(world.env.PATH).filter((each) => each.startsWith('/'))
  const onPath = programIn(folders, 'trivy')
  const found = onPath === undefined ? undefined : { program: onPath, version: await ask(onPath) }
  if (found !== undefined && (wanted === undefined || found.version === wanted)) {
    const { program, version } = found
    if (version === undefined)
      throw new Fault('input', `${program} does not say its version when it is asked by --version`, HOW_TO_ADD)
    const bad = warned(version)
    if (bad !== undefined)
      throw new Fault('input', bad, 'Take it off this machine, and make anew whatever the machine had of secrets')
    return { program, version }
  }
  const version = wanted ?? Object.keys(releases).at(-1)
  if (version === undefined)
    throw new Fault('input', 'There is no trivy on PATH, and releases.json names none to install', HOW_TO_ADD)
  const release = releaseFor(releases, version, `${process.platform}-${process.arch}`)
  if ('problem' in release) {
    const there =
      found === undefined ? 'there is none on PATH' : `the one on PATH is ${found.version ?? 'of no version'}`
    throw new Fault('input', `Trivy ${version} is asked for, and ${there}. ${release.problem}`, HOW_TO_ADD)
  }
  const program = join(folder, 'bin', 'trivy')
  world.say(`Installing Trivy ${version} from ${release.url}`)
  await install(release, program, world)
  const says = await ask(program)
  if (says === version) return { program, version }
  throw new Fault('upstream', `${release.url} is Trivy ${says ?? 'of no version'}, not ${version}`, HOW_TO_ADD)
}

/** The day's folder in the cache; folders of days that are over go. */
const cacheOf = (root: string, today: string): string => {
  const folder = resolve(root, today)
  try {
    mkdirSync(folder, { recursive: true })
    const oldest = new Date(Date.parse(today) - KEPT_DAYS * DAY).toISOString().slice(0, 10)
    for (const name of readdirSync(resolve(root)))
      if (/^\d{4}-\d\d-\d\d$/.test(name) && name < oldest) rmSync(resolve(root, name), { recursive: true, force: true })
  } catch (thrown) {
    throw new Fault(
      'input',
      `cache-dir ${root} cannot be used: ${describe(thrown)}`,
      'Name a folder that may be written',
    )
  }
  return folder
}

const writtenIn = (output: string): string | undefined => {
  try {
    const text = readFileSync(output, 'utf8')
    return text.trim() === '' ? undefined : text
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw new Fault('upstream', `Trivy's report ${output} cannot be read: ${describe(thrown)}`, 'Look at the log')
  }
}
