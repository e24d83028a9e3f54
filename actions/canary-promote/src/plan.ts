import type { JudgePlan } from '@sluice/evidence/judge'
import type { Finding } from '@sluice/kit/report'
import type { Json, Plan, ReleaseRecord } from '@sluice/release/record'
import type { RouterName, Tester } from '@sluice/traffic/router'
import { abilityProblems, type RouterAsked } from './abilities.ts'
import { type Guard, guardNote, guardOf, guardProblems } from './guard.ts'
import type { WholePlan } from './inputs.ts'
import { type MetricSettings, noDataOf, providerOf, providerProblems } from './providers.ts'
import type { Setup } from './setup.ts'

/** What this action needs beyond the state machine's plan; saved with it, so that whoever takes over reads it from the cluster alone. */
export type Settings = MetricSettings & {
  readonly setup: Setup
  readonly router: RouterName
  readonly route: string | null
  readonly rule: number | null
  readonly tester: Tester | null
  /** What each step asks of the canary, percent. */
  readonly weights?: readonly number[]
  /** What the steps that only copy requests ask, percent. */
  readonly mirrors?: readonly number[]
  readonly alpha: number
  readonly warmUp: number
  readonly settle: number
  /** Absent: none was asked for. */
  readonly guard?: Guard
}

/** Problems of a plan that no single key shows, with its router's where it is known; each a sentence with the key's name. */
export const planProblems = (plan: WholePlan, asked?: RouterAsked): readonly string[] => {
  const weights = plan.steps.flatMap((step) => ('weight' in step ? [step.weight] : []))
  const names = plan.metrics.map(({ name }) => name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  return [
    ...(weights.length === 0
      ? ['plan: steps is empty; a canary needs at least one, such as { weight: 5, hold: 10m }']
      : []),
    ...(weights.some((weight, index) => index > 0 && weight <= (weights[index - 1] ?? 0))
      ? [`plan: steps must rise in weight; they are ${weights.join(', ')}`]
      : []),
    ...(plan.steps.some(
      (step, index) => 'mirror' in step && plan.steps.slice(0, index).some((each) => 'weight' in each),
    )
      ? ['plan: steps that mirror come before the first one with a weight, which would fall to 0 again']
      : []),
    ...freshProblems(plan, weights),
    ...(names.length === 0
      ? ['plan: metrics is empty; a release that nothing is measured of can never be promoted']
      : []),
    ...twice.map((name) => `plan: two metrics are named ${name}`),
    ...plan.metrics.flatMap((metric) =>
      metric.kind === 'gauge' && metric.max === undefined && metric.min === undefined
        ? [`plan: metric ${metric.name} is a gauge and needs max, min or both`]
        : [],
    ),
    ...guardProblems(guardOf(plan.guard), plan.lease),
    ...(asked === undefined ? [] : abilityProblems(plan, asked)),
    ...providerProblems(plan),
    // A live run renews its Lease once an interval at best: the others must see that before they think it dead.
    ...(plan.lease < 3 * plan.interval
      ? [`plan: lease must be at least three intervals, ${(3 * plan.interval) / 1000}s, not ${plan.lease / 1000}s`]
      : []),
  ]
}

/** Both sides get the same weight, and stable the rest. */
const freshProblems = ({ baseline, steps }: WholePlan, weights: readonly number[]): readonly string[] => {
  if (baseline !== 'fresh') return []
  const high = weights.filter((weight) => weight > 50)
  return [
    ...(high.length > 0
      ? [
          `plan: weights beside a fresh baseline, which gets the same, are at most 50; ${high.join(', ')} ${high.length === 1 ? 'is' : 'are'} more`,
        ]
      : []),
    ...(steps.some((step) => 'mirror' in step)
      ? [
          'plan: steps that mirror copy requests to the canary alone, and a fresh baseline would have none to compare with; leave these steps out, or write baseline: stable',
        ]
      : []),
  ]
}

/** What a user should know of a plan that is none the less carried out. */
export const planFindings = (plan: WholePlan): readonly Finding[] => [
  ...guardFindings(plan),
  ...Object.keys(plan.probe?.headers ?? {})
    .filter((header) => /auth|cookie|token|secret|key/i.test(header))
    .map(
      (header): Finding => ({
        id: 'secret-in-record',
        level: 'warning',
        text: `the probe's header ${header} is saved with the plan in the release's ConfigMap, where whoever may read ConfigMaps can read it`,
        hint: 'Give the probe a path that needs no credential, or one that may do nothing else.',
      }),
    ),
]

const guardFindings = (plan: WholePlan): readonly Finding[] => {
  const guard = guardOf(plan.guard)
  return guard === undefined ? [] : [guardNote(guard, plan.lease)]
}

/** The steps as the state machine takes them: one that only copies requests has weight 0. */
export const stepsOf = ({ steps }: WholePlan): Plan['steps'] =>
  steps.map((step) => ('weight' in step ? step : { weight: 0, ...step }))

/** The part of the plan that the state machine decides by. */
export const releasePlan = (plan: WholePlan, settings: Settings): Plan => ({
  split: SPLITS[settings.router] ?? 'weights',
  ...(plan.baseline === 'fresh' ? { baseline: 'fresh' as const } : {}),
  steps: stepsOf(plan),
  interval: plan.interval,
  minRequests: plan['min-requests'],
  maxHold: plan['max-hold'],
  onInconclusive: plan['on-inconclusive'],
  drain: plan.drain,
  lease: plan.lease,
  readyWithin: plan['ready-within'],
  headroom: plan.headroom,
  minCanary: plan['min-canary'],
  metrics: settings as unknown as Json,
})

const SPLITS: { readonly [Router in RouterName]?: Plan['split'] } = {
  replicas: 'replicas',
  'argo-rollouts': 'controller',
}

/** What a saved release was set up with. */
export const settingsOf = (record: ReleaseRecord): Settings => record.plan.metrics as unknown as Settings

/** What the evidence is judged by. */
export const judgePlan = (settings: Settings): JudgePlan => ({
  metrics: settings.metrics.map((metric) =>
    metric.kind === 'gauge'
      ? {
          name: metric.name,
          kind: metric.kind,
          ...noDataOf(metric),
          ...(metric.max === undefined ? {} : { max: metric.max }),
          ...(metric.min === undefined ? {} : { min: metric.min }),
          ...(metric.failures === undefined ? {} : { failures: metric.failures }),
        }
      : {
          name: metric.name,
          kind: metric.kind,
          ...noDataOf(metric),
          ...(providerOf(metric, settings) === 'probe' ? { synthetic: true } : {}),
          ...(metric.margin === undefined ? {} : { margin: metric.margin }),
          ...(metric.max === undefined ? {} : { max: metric.max }),
        },
  ),
  alpha: settings.alpha,
  warmUp: settings.warmUp,
  settle: settings.settle,
  // Of our own requests none is missing because the route sends none.
  missing: settings.metrics.some((metric) => metric.kind !== 'gauge' && providerOf(metric, settings) !== 'probe')
    ? // Only a fresh baseline sees nothing but what the route splits.
      settings.setup.fresh === undefined
      ? 'silence'
      : 'share'
    : 'off',
})
