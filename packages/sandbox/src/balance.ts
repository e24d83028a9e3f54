/**
 * Smooth weighted round robin: of every Σw choices in a row each entry gets exactly its weight, spread as evenly as can be.
 * Each choice raises every entry by its weight, takes the highest and lowers it by the sum.
 * @returns a function that gives the next index; -1 when no weight is above 0. docs/decisions/0004-embedded-cluster.md
 */
export const weighted = (weights: readonly number[]): (() => number) => {
  const sum = weights.reduce((all, weight) => all + weight, 0)
  const credit = weights.map(() => 0)
  return () => {
    if (sum <= 0) return -1
    let best = 0
    for (let i = 0; i < weights.length; i += 1) {
      credit[i] = (credit[i] ?? 0) + (weights[i] ?? 0)
      if ((credit[i] ?? 0) > (credit[best] ?? 0)) best = i
    }
    credit[best] = (credit[best] ?? 0) - sum
    return best
  }
}

/** Takes entries in turn, whatever their number is at the moment; the turn is kept by the caller's key. */
export const roundRobin = (): (<T>(key: string, entries: readonly T[]) => T | undefined) => {
  const turns = new Map<string, number>()
  return (key, entries) => {
    if (entries.length === 0) return undefined
    const turn = (turns.get(key) ?? -1) + 1
    turns.set(key, turn)
    return entries[turn % entries.length]
  }
}
