import type { SluiceFile } from '@sluice/delivery/file'
import { type DeliveryPlan, planFor } from '@sluice/delivery/plan'
import { jobLimit } from '@sluice/delivery/runner'
import { Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import { credentialFindings } from './credentials.ts'
import { enforcementFindings, environmentsOf, isUnenforced, isUnusable, STOPPING } from './enforcement.ts'
import type { Look, Seen } from './look.ts'
import { type Named, namedBy } from './named.ts'
import { type Release, releaseText } from './release.ts'
import type { Comes } from './stages.ts'

/** What is asked. `service` and `digest` empty for none; `base` is the folder of sluice.yml. */
export type Asked = {
  readonly service: string
  readonly digest: string
  /** Whether the run is to deliver, not only to read the file. */
  readonly delivers: boolean
  readonly event: string
  readonly base: string
  readonly commit: string
  readonly unenforced: 'fail' | 'warn'
  /** The address of the repository's environments, for people. */
  readonly settings: string
}

/** What the action needs of the world. */
export type Ports = {
  /** What each environment enforces, in the order asked. It never throws: what cannot be had is `unknown`. */
  look(names: readonly string[]): Promise<readonly Look[]>
  /** Writes release.json and gives its path and its SHA-256. */
  keep(text: string): { readonly path: string; readonly sha256: string }
  /** Whether the checkout has it. */
  exists(path: string): boolean
  /** `file:line:column` of what the keys lead to. */
  placeOf(keys: readonly PropertyKey[]): string
  say(line: string): void
}

/** What came of it. */
export type Planned = {
  readonly verdict: 'pass' | 'fail'
  readonly reason: {
    readonly code: 'planned' | (typeof STOPPING)[number]
    readonly text: string
    readonly next: string
  }
  readonly plan: DeliveryPlan
  readonly comes: Comes
  readonly seen: readonly Seen[]
  readonly findings: readonly Finding[]
  readonly release: { readonly path: string; readonly sha256: string } | undefined
}

/**
 * Plans, then looks at the environments that this run will use.
 * @throws Fault('input') when nothing can be planned: see planFor; and when a digest is to be delivered that nobody gives or builds
 */
export const run = async (file: SluiceFile, asked: Asked, ports: Ports): Promise<Planned> => {
  const plan = planFor(file, asked)
  const comes = comesFrom(plan, asked, ports)
  const environments = environmentsOf(plan)
  const looks = environments.length === 0 ? [] : await ports.look(environments.map(({ name }) => name))
  const seen = environments.map(
    ({ name, purpose }, index): Seen => ({
      name,
      purpose,
      look: looks[index] ?? { kind: 'unknown', why: 'it was not asked' },
    }),
  )
  const level = asked.unenforced === 'fail' ? 'error' : 'warning'
  const findings = [
    ...enforcementFindings(seen, level, asked.settings),
    ...runnerFindings(plan),
    ...credentialFindings(plan),
    ...missing(namedBy(file, plan.service, asked.base), ports),
  ]
  const failed = asked.unenforced === 'fail' && (isUnenforced(seen) || isUnusable(seen))
  const release: Release = {
    service: plan.service,
    repository: plan.repository,
    digest: asked.digest,
    commit: asked.commit,
  }
  const told = {
    plan,
    comes,
    seen,
    findings,
    release: asked.digest === '' || failed ? undefined : ports.keep(releaseText(release)),
  }
  if (!failed) return { ...told, verdict: 'pass', reason: { code: 'planned', text: textOf(plan, comes), next: '' } }
  const code = STOPPING.find((each) => findings.some(({ id }) => id === each)) ?? 'approval-not-enforced'
  const finding = findings.find(({ id }) => id === code)
  return {
    ...told,
    verdict: 'fail',
    reason: {
      code,
      text:
        code === 'custom-rule'
          ? `${finding?.text}`
          : `${plan.production?.environment} is to wait for an approval, but ${finding?.text}`,
      next: `${finding?.hint}. With unenforced-approval: warn the release goes on all the same`,
    },
  }
}

/** Where the digest comes from that the later jobs take. */
const comesFrom = (plan: DeliveryPlan, { digest, delivers }: Asked, { placeOf }: Ports): Comes => {
  if (digest !== '') return 'given'
  if (!delivers || plan['deploys-why'] !== null) return 'nowhere'
  if (plan.package !== null) return 'built'
  throw new Fault(
    'input',
    `${placeOf(['services', plan.service])}: no digest is given, and ${plan.service} has no package, which would say how its image is built`,
    'Give the workflow the digest of an image that is pushed already, or add package: {} to the service. If a job before was to give it, see its warnings: GitHub drops an output that holds text it masks.',
  )
}

const textOf = ({ service, staging, production }: DeliveryPlan, comes: Comes): string => {
  const to = [
    ...(staging === null ? [] : [staging.environment]),
    ...(production?.wanted === true ? [production.environment] : []),
  ]
  const why = production === null || production.wanted ? '' : `; ${production['wanted-why']}`
  if (to.length === 0) return `${service}: nothing is to be deployed${why}`
  if (comes === 'nowhere')
    return `${service}: no digest is given, so nothing is deployed; with one it would be to ${to.join(', then ')}${why}`
  return `${service}: ${comes === 'built' ? 'is built, then deployed to' : 'planned for'} ${to.join(', then ')}${why}`
}

/** What is missing in the checkout would stop a later job. It may be made there before it is read, so it stops nothing here. */
const missing = (named: readonly Named[], { exists, placeOf }: Ports): readonly Finding[] =>
  named
    .filter(({ path }) => !exists(path))
    .map(({ path, keys, what }) => ({
      id: 'path-missing',
      level: 'warning',
      text: `${what}: there is no ${path} in this checkout`,
      hint: 'A later job that reads it will stop there.',
      where: placeOf(keys),
    }))

/** A runner of unknown kind may be one of GitHub's larger ones, which end a job as early as the others. */
const runnerFindings = ({ production }: DeliveryPlan): readonly Finding[] => {
  if (production === null || jobLimit(production['runs-on']).kind !== 'unknown') return []
  const minutes = production['timeout-minutes']
  if (minutes <= HOSTED) return []
  return [
    {
      id: 'runner-limit',
      level: 'warning',
      text: `the canary may take ${minutes} min; if ${[production['runs-on']].flat().join(', ')} is a runner of GitHub's, its job ends after ${HOSTED} min`,
      hint: 'Shorten the plan, or name self-hosted among the labels.',
      measured: minutes,
      limit: HOSTED,
      unit: 'min',
    },
  ]
}

const HOSTED = 360
