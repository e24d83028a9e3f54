import { Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'
import { type PlannedPackage, packageOf } from './built.ts'
import { deploysNothing } from './event.ts'
import type { Described, Environment, SluiceFile } from './file.ts'
import type { JobLogin } from './login.ts'
import { environmentOf, type Place } from './place.ts'
import { productionOf } from './production.ts'
import { type PlannedScan, scanOf } from './scanned.ts'
import { joined } from './text.ts'

/** One environment of a delivery, as a job needs it. Paths are relative to the repository's root. */
export type PlannedEnvironment = {
  readonly environment: string
  readonly namespace: string
  readonly deployment: string
  /** `null`: the Deployment's only one. */
  readonly container: string | null
  /** The Kubernetes Service, and its port by number or name. */
  readonly service: string
  readonly 'service-port': string
  /** Paths, one a line: deploy's input; empty for none, which only production may have. */
  readonly manifests: string
  /** `NAME=value` lines for the manifests, without IMAGE; empty for none. */
  readonly values: string
  /** deploy's time, such as `10m`. */
  readonly timeout: string
  readonly context: string | null
  readonly 'runs-on': string | readonly string[]
  /** smoke-test's `checks`: a path, or the YAML itself on one line; empty for none. */
  readonly smoke: string
  /** How long the smoke test may try, such as `5m`. */
  readonly 'smoke-deadline': string
  readonly login: JobLogin | null
  /** The longest its job may take. */
  readonly 'timeout-minutes': number
  /** The concurrency group of what is deployed there. */
  readonly group: string
}

/** Production, as approval, canary and recovery need it. */
export type PlannedProduction = PlannedEnvironment & {
  readonly router: string
  readonly route: string | null
  readonly rule: number | null
  /** JSON text for canary-promote's `plan`. */
  readonly 'canary-plan': string
  readonly approval: 'environment' | 'dispatch' | 'none'
  readonly 'approval-environment': string
  readonly 'recovery-environment': string
  readonly 'recovery-login': JobLogin | null
  /** Whether this run releases to production, and a sentence that says why or why not. */
  readonly wanted: boolean
  readonly 'wanted-why': string
  /** What the canary's job takes when nothing holds it, minutes. */
  readonly 'runner-minutes': number
}

/** What a run delivers and where: what delivery-plan outputs and the workflows read. Every key is always there; keys are kebab-case. */
export type DeliveryPlan = {
  readonly version: 1
  readonly service: string
  /** The image's repository, without tag and digest. */
  readonly repository: string
  readonly folder: string
  /** How many commands run-checks runs. The commands themselves never travel between jobs. */
  readonly checks: number
  /** Why a run of this event deploys nothing at all; `null` when it may. */
  readonly 'deploys-why': string | null
  /** `null`: the digest is brought by whoever starts the run, or nothing is deployed. */
  readonly package: PlannedPackage | null
  readonly scan: PlannedScan
  readonly staging: PlannedEnvironment | null
  readonly production: PlannedProduction | null
}

/** The run that a plan is for. */
export type Asked = {
  /** Empty: the file's only one. */
  readonly service: string
  /** As in GITHUB_EVENT_NAME. */
  readonly event: string
  /** The folder that sluice.yml lies in, from the repository's root; default the root itself. */
  readonly base?: string
}

/**
 * The most that a plan may hold, bytes of JSON. The job that says the outcome gets it once more inside the JSON of GitHub's `needs`, where each quote
 * and backslash is two: as one variable of the environment, of which Linux takes 128 KiB (MAX_ARG_STRLEN in execve(2)).
 */
export const PLAN_LIMIT = 56 * 1024

/**
 * What this run delivers.
 * @throws Fault('input') when the service is not told or not known, when nothing may be planned for the event, when a canary cannot end within the
 * time its runner gives a job, and when the plan is larger than `PLAN_LIMIT`
 */
export const planFor = (file: SluiceFile, { service: asked, event, base = '.' }: Asked): DeliveryPlan => {
  if (event === 'pull_request_target')
    throw new Fault(
      'input',
      'pull_request_target runs with the rights of this repository on what anybody may propose, so nothing is planned for it',
      'Use pull_request for the checks, and push for the delivery.',
    )
  const service = chosen(file, asked.trim())
  const inFile = own(file.services, service) as Described
  const described = { ...inFile, folder: joined(base, inFile.folder) }
  const places = Object.entries(described.deploy).map(
    ([name, target]): Place => ({
      service,
      described,
      name,
      target,
      environment: own(file.environments, name) as Environment,
    }),
  )
  const staging = places.find(({ environment }) => environment.role === 'staging')
  const production = places.find(({ environment }) => environment.role === 'production')
  const plan: DeliveryPlan = {
    version: 1,
    service,
    repository: described.image,
    folder: described.folder,
    checks: described.checks.length,
    'deploys-why': deploysNothing(event) ?? null,
    package: deploysNothing(event) === undefined ? packageOf(described) : null,
    scan: scanOf(service, described),
    staging: staging === undefined || deploysNothing(event) !== undefined ? null : environmentOf(staging),
    production: production === undefined ? null : productionOf(production, { ...file.plan, ...described.plan }, event),
  }
  const size = new TextEncoder().encode(JSON.stringify(plan)).length
  if (size > PLAN_LIMIT)
    throw new Fault(
      'input',
      `the plan of ${service} has ${Math.ceil(size / 1024)} KiB, more than the ${PLAN_LIMIT / 1024} KiB that go from job to job`,
      'Put the smoke checks into a file of their own and give its path.',
    )
  return plan
}

/** What a map itself holds under a name; what every object inherits is nobody's service. */
const own = <T>(map: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(map, name) ? map[name] : undefined

const chosen = (file: SluiceFile, asked: string): string => {
  const names = Object.keys(file.services)
  const [only, ...more] = names
  if (asked === '' && only !== undefined && more.length === 0) return only
  if (asked === '')
    throw new Fault(
      'input',
      `sluice.yml has several services: ${names.join(', ')}`,
      'Say which one with the input service.',
    )
  if (own(file.services, asked) === undefined) throw new Fault('input', unknownName('service', asked, names))
  return asked
}
