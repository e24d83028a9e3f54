import type { Plan, ReleaseRecord, World } from './record.ts'

/**
 * Pods the canary needs to carry `weight` percent of what `stable` pods carry in all, with headroom: max(minCanary, ⌈w·N/(100 − headroom)⌉).
 * `stable` is the live size N. 0 for weight 0.
 */
export const canarySize = (weight: number, stable: number, plan: Pick<Plan, 'headroom' | 'minCanary'>): number =>
  weight <= 0 ? 0 : Math.max(plan.minCanary, 1, Math.ceil((weight * stable) / (100 - plan.headroom)))

/**
 * Stable pods that must be available to carry all traffic: what it had before the release, or what an autoscaler wants now when that is more.
 */
export const stableNeed = (record: Pick<ReleaseRecord, 'stableReplicas'>, world: World): number =>
  Math.max(record.stableReplicas, world.stable.desired)

/** Whether `available` stable pods carry the share that a canary weight leaves them: ⌈(100 − w)·need/100⌉. */
export const carries = (available: number, weight: number, need: number): boolean =>
  available >= Math.ceil(((100 - weight) * need) / 100)

/** The lowest canary weight, whole percent, that `available` of `need` stable pods allow. */
export const lowestWeight = (available: number, need: number): number =>
  need <= 0 ? 0 : Math.min(100, Math.max(0, Math.ceil(100 - (100 * available) / need)))
