import type { Owner, Plan, Reason, ReleaseRecord, Template, Touched } from './record.ts'

/** What a release begins with. Times in ms UTC. */
export type Start = {
  readonly writer: string
  readonly owner: Owner
  readonly plan: Plan
  readonly stable: Template
  readonly canary: Template
  /** Stable's replicas now. */
  readonly stableReplicas: number
  /** What the release will change or create, as intended: saved before anything is created. */
  readonly touched: readonly Touched[]
  readonly evidence: ReleaseRecord['evidence']
  readonly at: number
  /** The record in the cluster, if there is one. It must be done. */
  readonly previous?: ReleaseRecord
  /** The epoch that stable still carries from the release before: the record may have been deleted since. Default 0. */
  readonly marked?: number
}

/** A release that began, or why it may not. */
export type Started =
  | { readonly kind: 'started'; readonly record: ReleaseRecord }
  | { readonly kind: 'refused'; readonly why: Reason }

/**
 * The record of a new release: weight 0, preparing the first step. Its epoch is one above the previous record's, which it replaces, keeping the history,
 * and above the mark that stable carries, so that a deleted record does not make every later release look overtaken.
 * Refused: steps that do not rise from above 0 to at most 100 (99 when the split is not by a router's weights, 50 beside a fresh baseline), copies beside one, steps that mirror after one with a weight or without a
 * router, a canary template that already is stable's, and a previous release that is not done.
 */
export const startRelease = (start: Start): Started => {
  const why = whyNot(start)
  if (why) return { kind: 'refused', why }
  const { at, plan, previous, marked = 0, ...rest } = start
  const record: ReleaseRecord = {
    schema: 'sluice.dev/release/v1',
    ...rest,
    plan,
    epoch: Math.max(previous?.epoch ?? 0, marked) + 1,
    state: { phase: 'preparing', step: 0, since: at },
    startedAt: at,
    deadline: at + longestRun(plan),
    history: previous?.history ?? [],
  }
  return { kind: 'started', record }
}

/**
 * The longest a release of this plan may take, ms: every step made ready, taken by the route, held and held back as long as the plan allows,
 * then the promotion's roll-out and the way down.
 */
export const longestRun = (plan: Pick<Plan, 'steps' | 'readyWithin' | 'maxHold' | 'drain'>): number =>
  plan.steps.reduce((sum, step) => sum + 2 * plan.readyWithin + step.hold + plan.maxHold, 0) +
  4 * plan.readyWithin +
  plan.drain

const isMirror = ({ mirror = 0 }: Plan['steps'][number]): boolean => mirror > 0

const whyNot = ({ plan, stable, canary, previous }: Start): Reason | undefined => {
  const fresh = plan.baseline === 'fresh'
  const highest = fresh ? 50 : plan.split === 'weights' ? 100 : 99
  const copies = plan.steps.filter(isMirror)
  const weights = plan.steps.filter((step) => !isMirror(step)).map((step) => step.weight)
  const rising = weights.every((weight, n) => weight > (weights[n - 1] ?? 0) && weight <= highest)
  if (weights.length === 0 || !rising)
    return {
      code: 'plan',
      text: `the weights of the plan's steps are ${weights.join(', ') || 'none'}`,
      next: `give at least one step; each weight is higher than the one before, from 1 to ${highest}`,
    }
  if (fresh && (plan.split !== 'weights' || copies.length > 0))
    return {
      code: 'plan',
      text:
        copies.length > 0
          ? 'a step of the plan copies requests, and a fresh baseline would get none of them'
          : 'a fresh baseline gets its share by weights, and the split of the plan is not by weights of a router',
      next: 'compare with stable itself (baseline: stable), or leave these steps out and use a router that splits by weights',
    }
  const lastCopy = plan.steps.findLastIndex(isMirror)
  if (lastCopy >= copies.length || copies.some(({ mirror = 0, weight }) => mirror > 100 || weight !== 0))
    return {
      code: 'plan',
      text: `step ${lastCopy + 1} of the plan copies requests`,
      next: 'steps that mirror come before the first one with a weight, which would fall to 0 again; each copies 1 to 100 percent',
    }
  if (copies.length > 0 && plan.split === 'replicas')
    return {
      code: 'plan',
      text: 'a step of the plan copies requests, and the split is by replicas',
      next: 'copies need a router that can make them; leave the step out or use one',
    }
  if (stable.hash === canary.hash)
    return {
      code: 'already-live',
      text: `the canary's template is the one that stable runs (${stable.hash})`,
      next: 'there is nothing to release: change the image or the manifests',
    }
  if (previous && previous.state.phase !== 'done')
    return {
      code: 'unfinished',
      text: `the release of run ${previous.owner.runId} is still ${previous.state.phase}`,
      next: 'take it over first: mode reap or resume',
    }
  return undefined
}
