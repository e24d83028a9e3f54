import type { Owner, Plan, Template } from '../../src/record.ts'
import type { Start } from '../../src/start.ts'

/** The hash of the template that stable begins with. */
export const PREVIOUS = 'previous'

/** The hash of the template that is released. */
export const CANARY = 'analysed'

/** A pod template by its hash; `letter` makes its digest. */
export const template = (hash: string, letter: string): Template => ({
  hash,
  image: { repository: 'registry.example/shop', digest: `sha256:${letter.repeat(64)}` },
  body: { containers: [{ name: 'shop', image: hash }] },
})

/** A plan of one to four steps, short enough to play thousands of times. */
export const plan = (steps: number, over: Partial<Plan> = {}): Plan => ({
  split: 'weights',
  steps: [5, 25, 50, 80].slice(0, steps).map((weight) => ({ weight, hold: 2_000 })),
  interval: 1_000,
  minRequests: 50,
  maxHold: 4_000,
  onInconclusive: 'rollback',
  drain: 1_500,
  lease: 5_000,
  readyWithin: 6_000,
  headroom: 20,
  minCanary: 1,
  metrics: {},
  ...over,
})

/** The same beside a fresh baseline, whose weights end at 50. */
export const freshPlan = (steps: number, over: Partial<Plan> = {}): Plan =>
  plan(steps, {
    baseline: 'fresh',
    steps: [5, 20, 35, 50].slice(-steps).map((weight) => ({ weight, hold: 2_000 })),
    ...over,
  })

/** A run of the example's workflow. */
export const owner = (runId: string, attempt = 1): Owner => ({
  repository: 'example/shop',
  runId,
  attempt,
  job: 'canary',
})

/** What a release of the example begins with. */
export const start = (over: Partial<Start> = {}): Start => ({
  writer: 'sluice 0.1.0',
  owner: owner('1'),
  plan: plan(2),
  stable: template(PREVIOUS, 'a'),
  canary: template(CANARY, 'b'),
  stableReplicas: 4,
  touched: [],
  evidence: null,
  at: 0,
  ...over,
})
