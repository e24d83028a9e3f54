/**
 * How many canary pods beside `stable` ones come nearest to `weight` percent of all pods: c with c/(stable + c) nearest w. More than nothing is at
 * least one pod, so the smallest share is 1/(stable + 1).
 * @param weight 0 … 99
 */
export const canaryPods = (weight: number, stable: number): number => {
  if (weight <= 0) return 0
  const share = Math.min(weight, 99) / 100
  const exact = (share * Math.max(1, stable)) / (1 - share)
  const low = Math.max(1, Math.floor(exact))
  return shareOf(low + 1, stable) - weight < weight - shareOf(low, stable) ? low + 1 : low
}

/** The percent of pods that are the canary's, 0 when there are none at all. */
export const shareOf = (canary: number, stable: number): number =>
  canary + stable === 0 ? 0 : (100 * canary) / (canary + stable)
