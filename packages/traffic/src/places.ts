/**
 * Where each original list is now: at its index when it is the same there, else at the only other place where it is and nobody else was found.
 * `undefined` for one that cannot be recognised any more. Nothing is found twice.
 * @param same whether a list as it is now is an original, before or during a release
 */
export const placesOf = <L, O extends { readonly index: number }>(
  originals: readonly O[],
  live: readonly L[],
  same: (now: L, original: O) => boolean,
): readonly (number | undefined)[] => {
  const isAt = (at: number, original: O): boolean => {
    const now = live[at]
    return now !== undefined && same(now, original)
  }
  const inPlace = originals.filter((original) => isAt(original.index, original))
  const taken = new Set(inPlace.map(({ index }) => index))
  return originals.map((original) => {
    if (inPlace.includes(original)) return original.index
    const candidates = live.flatMap((_, at) => (!taken.has(at) && isAt(at, original) ? [at] : []))
    const [only] = candidates
    if (only === undefined || candidates.length > 1) return undefined
    taken.add(only)
    return only
  })
}
