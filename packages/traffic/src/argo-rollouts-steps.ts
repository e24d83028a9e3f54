import type { CanaryStep } from './argo-rollouts.ts'

/** Where a weight of the plan stands in a Rollout's steps: the index of its `setWeight`, and of the pause that ends it. */
export type Place = { readonly weight: number; readonly set: number; readonly pause: number }

/** The places of the plan's weights, or what is wrong with the steps, one sentence each. */
export type Places =
  | { readonly kind: 'found'; readonly places: readonly Place[] }
  | { readonly kind: 'unfit'; readonly problems: readonly string[] }

/**
 * Finds each weight of the plan as a `setWeight` that an indefinite pause ends. A Rollout that pauses for ever where the plan does not stop would never
 * go on, or would have to be sent past a pause that its owner put there: both are problems. Other steps between a weight and its pause are the owner's.
 */
export const placesOf = (weights: readonly number[], steps: readonly CanaryStep[]): Places => {
  const stops: Place[] = []
  let at = { weight: 0, set: -1 }
  steps.forEach((step, index) => {
    if (step.setWeight !== undefined) at = { weight: step.setWeight, set: index }
    if (isIndefinite(step)) stops.push({ ...at, pause: index })
  })
  const places = weights.map((weight) => stops.find((stop) => stop.weight === weight && stop.set >= 0))
  const missing = weights.filter((_, index) => places[index] === undefined)
  const extra = stops.filter((stop) => !places.includes(stop))
  const problems = [
    ...missing.map((weight) =>
      steps.some((step) => step.setWeight === weight)
        ? `setWeight ${weight} is not ended by a pause without a duration`
        : `there is no setWeight ${weight}`,
    ),
    ...extra.map((stop) => `step ${stop.pause} pauses for ever at weight ${stop.weight}, where the plan does not stop`),
  ]
  const found = places.filter((place) => place !== undefined)
  const falling = found.some((place, index) => index > 0 && place.set < (found[index - 1]?.set ?? 0))
  if (problems.length > 0 || falling)
    return { kind: 'unfit', problems: falling ? [...problems, 'its weights do not rise as the plan’s do'] : problems }
  return { kind: 'found', places: found }
}

/** The weight that a Rollout's steps ask for at an index: the last `setWeight` up to it, 100 when all steps are done. */
export const weightAt = (steps: readonly CanaryStep[], index: number): number =>
  index >= steps.length
    ? 100
    : (steps.slice(0, index + 1).findLast((step) => step.setWeight !== undefined)?.setWeight ?? 0)

/** Whether a step waits until somebody promotes. */
export const isIndefinite = (step: CanaryStep | undefined): boolean =>
  step?.pause !== undefined && step.pause !== null && step.pause.duration === undefined

/** The steps that a Rollout needs for these weights, as YAML to paste under `spec`. */
export const stepsSnippet = (weights: readonly number[]): string =>
  [
    'strategy:',
    '  canary:',
    '    steps:',
    ...weights.flatMap((weight) => [`      - setWeight: ${weight}`, '      - pause: {}']),
  ].join('\n')
