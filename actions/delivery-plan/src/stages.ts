import { shown, stepsInWords } from '@sluice/delivery/canary'
import type { DeliveryPlan, PlannedEnvironment, PlannedProduction } from '@sluice/delivery/plan'

/** One stage of this run. `does`: what it does, or why it has nothing to check. `atMost` in minutes. */
export type Stage = {
  readonly name: 'checks' | 'package' | 'scan' | 'stage' | 'approve' | 'canary' | 'recover'
  readonly on: boolean
  readonly does: string
  readonly environment: string
  readonly runner: string
  readonly atMost: number | null
}

/** Where the digest comes from that a run deploys: it is given, built on the way, or there is none and the file is only read. */
export type Comes = 'given' | 'built' | 'nowhere'

/** The stages of this run, in their order; those that are off are there as well. */
export const stagesOf = (plan: DeliveryPlan, comes: Comes): readonly Stage[] => [
  {
    name: 'checks',
    on: plan.checks > 0,
    does: plan.checks > 0 ? `${plan.checks} command${plan.checks === 1 ? '' : 's'}` : 'sluice.yml names no checks',
    environment: '',
    runner: '',
    atMost: null,
  },
  { ...NO_PLACE, name: 'package', ...packaging(plan, comes) },
  { ...NO_PLACE, name: 'scan', ...scanning(plan, comes) },
  ...deploying(plan, comes),
]

const NO_PLACE = { environment: '', runner: '', atMost: null } as const

/** Why nothing is deployed without a digest. */
const NO_DIGEST = 'no digest is given: the file is only read'

const packaging = (
  { package: built, 'deploys-why': why }: DeliveryPlan,
  comes: Comes,
): Partial<Stage> & Pick<Stage, 'on' | 'does'> => {
  if (comes === 'given') return { on: false, does: 'the digest is given' }
  if (why !== null) return { on: false, does: why }
  if (comes === 'nowhere' || built === null) return { on: false, does: NO_DIGEST }
  const runners = [...new Set(built.legs.map((leg) => [leg['runs-on']].flat().join('+')))]
  return {
    on: true,
    does: `${built.platforms.replaceAll(',', ', ')}${built.attest ? ', attested' : ''}`,
    runner: runners.join(', '),
  }
}

const scanning = ({ scan, 'deploys-why': why }: DeliveryPlan, comes: Comes): Pick<Stage, 'on' | 'does'> => {
  if (comes === 'nowhere' && why === null) return { on: false, does: NO_DIGEST }
  const imaged = comes !== 'nowhere'
  const parts = [
    ...(['source', 'dependencies'] as const).filter((part) => scan[part]),
    ...(scan.image && (imaged || scan.report !== '') ? ['image'] : []),
    ...(scan.verify && imaged ? ['attestation'] : []),
    ...(['codeql', 'semgrep', 'sonarqube'] as const).filter((tool) => scan[tool] !== null),
  ]
  if (parts.length > 0) return { on: true, does: parts.join(', ') }
  return { on: false, does: scan.any ? 'there is no image to scan' : 'sluice.yml names neither scan nor sast' }
}

const deploying = ({ staging, production, 'deploys-why': why }: DeliveryPlan, comes: Comes): readonly Stage[] => {
  const off = why ?? (comes === 'nowhere' ? NO_DIGEST : undefined)
  const wanted = production?.wanted === true && off === undefined
  const notWanted = off ?? production?.['wanted-why'] ?? 'no environment with the role production'
  const asked = wanted && production.approval === 'environment'
  return [
    {
      name: 'stage',
      on: staging !== null && off === undefined,
      does: off ?? (staging === null ? 'no environment with the role staging' : stagingDoes(staging)),
      ...placed(staging, staging?.environment),
    },
    {
      name: 'approve',
      on: asked,
      does: asked ? 'waits for a reviewer' : wanted ? production['wanted-why'] : notWanted,
      environment: production?.approval === 'environment' ? production['approval-environment'] : '',
      runner: '',
      atMost: null,
    },
    {
      name: 'canary',
      on: wanted,
      does: wanted ? canaryDoes(production) : notWanted,
      ...placed(production, production?.environment),
    },
    {
      name: 'recover',
      on: wanted,
      does: wanted ? 'only when the canary does not end well: traffic goes back to stable' : notWanted,
      ...placed(production, production?.['recovery-environment']),
      atMost: null,
    },
  ]
}

const stagingDoes = ({ smoke, namespace, deployment }: PlannedEnvironment): string =>
  `deploys to ${namespace}/${deployment}${smoke === '' ? ', asserts the image that runs' : ', smoke test'}`

const canaryDoes = (production: PlannedProduction): string =>
  `${stepsInWords(JSON.parse(production['canary-plan'])).join(' → ')} of ${production.namespace}/${production.deployment}, then promoted or taken back`

const placed = (
  planned: PlannedEnvironment | null,
  environment: string | undefined,
): Pick<Stage, 'environment' | 'runner' | 'atMost'> => ({
  environment: environment ?? '',
  runner: planned === null ? '' : [planned['runs-on']].flat().join(', '),
  atMost: planned?.['timeout-minutes'] ?? null,
})

/** `3 h 35 min`, or nothing for a stage that has no bound of its own here. */
export const atMost = (minutes: number | null): string => (minutes === null ? '' : shown(minutes * 60_000))
