import type { Deployment } from './objects.ts'

/** One ReplicaSet as the rollout sees it: what it is asked for, what it has. `created` orders old ones, oldest first. */
export type Sizes = {
  readonly name: string
  readonly wanted: number
  readonly available: number
  readonly created: string
}

/**
 * How far a rollout may go above and below the wanted count, in pods. Percentages round up for surge and down for unavailable;
 * both 0 would stand still, so one may then be unavailable.
 * https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
 */
export const bounds = (spec: Deployment['spec']): { surge: number; unavailable: number } => {
  const of = (value: number | string | undefined, round: (n: number) => number): number =>
    typeof value === 'number' ? value : round((Number.parseFloat(value ?? '25%') / 100) * spec.replicas)
  if (spec.strategy.type === 'Recreate') return { surge: 0, unavailable: 0 }
  const surge = of(spec.strategy.rollingUpdate?.maxSurge, Math.ceil)
  const unavailable = Math.min(spec.replicas, of(spec.strategy.rollingUpdate?.maxUnavailable, Math.floor))
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable }
}

/** The size that the new ReplicaSet may have now. */
export const newSize = (spec: Deployment['spec'], now: Sizes, old: readonly Sizes[]): number => {
  if (now.wanted >= spec.replicas) return spec.replicas
  if (spec.strategy.type === 'Recreate') return spec.replicas
  const room = spec.replicas + bounds(spec).surge - total(old) - now.wanted
  return room <= 0 ? now.wanted : now.wanted + Math.min(room, spec.replicas - now.wanted)
}

/** The sizes that old ReplicaSets may have now: pods that are not available go first, then available ones as far as the bound allows. */
export const oldSizes = (spec: Deployment['spec'], now: Sizes, old: readonly Sizes[]): ReadonlyMap<string, number> => {
  const sizes = new Map(old.map((one) => [one.name, one.wanted]))
  const least = spec.replicas - bounds(spec).unavailable
  let spare = total(old) + now.wanted - least - (now.wanted - now.available)
  if (spare <= 0) return sizes
  const eldest = [...old].sort((a, b) => (a.created < b.created ? -1 : 1))
  for (const one of eldest) {
    const sick = Math.min(spare, one.wanted - Math.min(one.wanted, one.available))
    sizes.set(one.name, one.wanted - sick)
    spare -= sick
  }
  let extra = now.available + old.reduce((sum, one) => sum + one.available, 0) - least
  for (const one of eldest) {
    const size = sizes.get(one.name) ?? 0
    const fewer = Math.max(0, Math.min(size, extra))
    sizes.set(one.name, size - fewer)
    extra -= fewer
  }
  return sizes
}

/**
 * The sizes after the Deployment's own count changed in the middle of a rollout: every ReplicaSet keeps its share, what rounding leaves goes
 * to the largest. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
 */
export const proportional = (spec: Deployment['spec'], sets: readonly Sizes[]): ReadonlyMap<string, number> => {
  const allowed = spec.replicas > 0 ? spec.replicas + bounds(spec).surge : 0
  const before = total(sets)
  const ordered = [...sets].sort((a, b) => b.wanted - a.wanted)
  const sizes = new Map(
    ordered.map((one) => [one.name, before === 0 ? 0 : Math.round((one.wanted * allowed) / before)]),
  )
  const first = ordered[0]
  if (first !== undefined) {
    const rest = allowed - [...sizes.values()].reduce((sum, size) => sum + size, 0)
    sizes.set(first.name, Math.max(0, (sizes.get(first.name) ?? 0) + rest))
  }
  return sizes
}

const total = (sets: readonly Sizes[]): number => sets.reduce((sum, one) => sum + one.wanted, 0)
