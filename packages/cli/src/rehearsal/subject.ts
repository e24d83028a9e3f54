import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Described, readSluiceFile, type SluiceFile } from '@sluice/delivery/file'
import { type DeliveryPlan, type PlannedEnvironment, type PlannedProduction, planFor } from '@sluice/delivery/plan'
import { Fault } from '@sluice/kit/faults'
import { parse } from 'yaml'
import type { Act } from '../arguments.ts'
import type { PlanKeys } from './shortened.ts'

/** What is rehearsed: a repository with a sluice.yml, and one service of it that is deployed to a production environment. */
export type Subject = {
  /** `example`: this checkout's own, whose faults and metrics are its own; `own`: a user's. */
  readonly kind: 'example' | 'own'
  readonly folder: string
  readonly service: string
  /** The text of sluice.yml. */
  readonly text: string
  /** Whether it says how its image is built. */
  readonly packaged: boolean
  /** The image's repository. */
  readonly repository: string
  readonly staging: PlannedEnvironment | null
  readonly production: PlannedProduction
  /** How the service is started; a user's always has one. */
  readonly start: Described['start']
  /** Paths that clients may ask for, the likeliest first: those of the smoke checks that are plain requests, then the one that says ready. */
  readonly paths: readonly string[]
  /** The service's folder. */
  readonly home: string
  /** The canary's plan as it holds in life. */
  readonly plan: PlanKeys
  /** The files that git knows or would add, as paths with `/`. */
  readonly files: readonly string[]
}

/** Where to look: `given` a folder that was named, else upwards from `cwd`, else the example of the checkout. */
export type Where = { readonly root: string; readonly cwd: string; readonly given: string | undefined }

/** What is wanted of it: a service by name, empty for the only one, and what is done to its run. `defaults` is canary-promote's plan where sluice.yml says nothing, as YAML. */
export type Wanted = { readonly service: string; readonly act: Act; readonly defaults: string }

/**
 * Finds the repository and reads what is to be rehearsed. Nothing in it is changed, now or later.
 * @throws Fault('input') for no sluice.yml in a named folder, one that is wrong, a service without production, one without `start`, and a refusal that nobody is asked for
 */
export const findSubject = (where: Where, { service, act, defaults }: Wanted): Subject => {
  const example = join(where.root, EXAMPLE)
  const folder = realpathSync(folderOf(where) ?? example)
  const text = readFileSync(join(folder, 'sluice.yml'), 'utf8')
  const file = readSluiceFile(text, join(folder, 'sluice.yml'))
  const plan = planFor(file, { service: service || onlyReleased(file), event: 'push' })
  const described = file.services[plan.service]
  if (plan.production === null || described === undefined)
    throw new Fault(
      'input',
      `sluice.yml deploys ${plan.service} to no environment with the role production, so there is no canary to rehearse`,
      "Name one under environments, and under the service's deploy.",
    )
  if (act === 'refuse' && plan.production.approval === 'none')
    throw new Fault(
      'input',
      `--approve no: ${plan.production.environment} asks nobody (approval: none), so nobody can refuse`,
    )
  const kind = folder === realpathSync(example) ? 'example' : 'own'
  if (kind === 'own' && described.start === undefined) throw withoutStart(plan.service)
  return {
    kind,
    folder,
    text,
    service: plan.service,
    packaged: described.package !== undefined,
    repository: plan.repository,
    staging: plan.staging,
    production: plan.production,
    start: described.start,
    paths: pathsOf(folder, plan.production.smoke, described.start?.ready),
    home: join(folder, described.folder),
    plan: { ...parse(defaults), ...lifePlan(file, plan) },
    files: filesOf(folder).filter((path) => !path.startsWith('.sluice/')),
  }
}

const EXAMPLE = 'examples/support-router'

const folderOf = ({ cwd, given }: Where): string | undefined => {
  if (given !== undefined) {
    const folder = resolve(cwd, given)
    if (!existsSync(join(folder, 'sluice.yml')))
      throw new Fault('input', `--repository: there is no sluice.yml in ${folder}`)
    return folder
  }
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'sluice.yml'))) return folder
    if (dirname(folder) === folder) return undefined
  }
}

/** The only service that is released to production. @throws Fault('input') when there are several */
const onlyReleased = (file: SluiceFile): string => {
  const isReleased = ({ deploy }: Described): boolean =>
    Object.keys(deploy).some((name) => file.environments[name]?.role === 'production')
  const names = Object.entries(file.services).flatMap(([name, described]) => (isReleased(described) ? [name] : []))
  if (names.length > 1)
    throw new Fault(
      'input',
      `sluice.yml releases several services to production: ${names.join(', ')}`,
      'Say which one with --service.',
    )
  return names[0] ?? Object.keys(file.services)[0] ?? ''
}

const lifePlan = (file: SluiceFile, { service }: DeliveryPlan): PlanKeys =>
  ({ ...file.plan, ...file.services[service]?.plan }) as PlanKeys

const withoutStart = (service: string): Fault =>
  new Fault(
    'input',
    `sluice.yml does not say how ${service} is started, so there is nothing that could run in the embedded cluster`,
    `Add to the service: start: { run: npm start, port: 8080, ready: /ready }. The command listens on the port in PORT; ready is a path that answers 2xx. Images are not run: that would need Docker.`,
  )

type SmokeCheck = { readonly method?: string; readonly path?: string; readonly expect?: { readonly status?: unknown } }

/** @param smoke a path inside the repository, or the checks themselves on one line; empty for none */
const pathsOf = (folder: string, smoke: string, ready: string | undefined): readonly string[] => {
  const text = smoke.startsWith('[')
    ? smoke
    : existsSync(join(folder, smoke)) && smoke !== ''
      ? readFileSync(join(folder, smoke), 'utf8')
      : ''
  const read: unknown = parse(text)
  const checks: readonly SmokeCheck[] = Array.isArray(read) ? read : []
  const plain = checks.filter(
    ({ method = 'GET', path, expect }) =>
      method === 'GET' && path?.startsWith('/') && /^2/.test(String(expect?.status ?? 200)),
  )
  return [...new Set([...plain.flatMap(({ path }) => path ?? []), ...(ready === undefined ? [] : [ready])])]
}

/** Tracked and not ignored, as git says; without git all files but those that nobody commits. */
const filesOf = (folder: string): readonly string[] => {
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 256 * 1024 * 1024,
    })
    return listed.split('\0').filter((path) => path !== '' && existsSync(join(folder, path)))
  } catch {
    return walk(folder, '')
  }
}

const NEVER = new Set(['.git', 'node_modules', '.sluice'])

const walk = (folder: string, inner: string): readonly string[] =>
  readdirSync(join(folder, inner), { withFileTypes: true })
    .filter(({ name }) => !NEVER.has(name))
    .flatMap((entry) => {
      const path = inner === '' ? entry.name : `${inner}/${entry.name}`
      return entry.isDirectory() ? walk(folder, path) : [path]
    })
