/**
 * Where each original list is now. Lists that carry something of the release's come first, for somebody may have put one of their own, with the same
 * entries, at an original's index: when there are as many as originals of that kind they are these, in their order. Otherwise a list is found at its
 * index when it is the same there, else at the only other place where it is and nobody else was found.
 * `undefined` for one that cannot be recognised any more. Nothing is found twice.
 * @param originals by rising index; @param same whether a list as it is now is an original, before or during a release: two originals that one list is
 * the same as are the same themselves; @param touched whether a list carries something of the release's
 */
export const placesOf = <L, O extends { readonly index: number }>(
  originals: readonly O[],
  live: readonly L[],
  same: (now: L, original: O) => boolean,
  touched: (now: L) => boolean = () => false,
): readonly (number | undefined)[] => {
  const ours = new Set(live.flatMap((now, at) => (touched(now) ? [at] : [])))
  const listsOf = (original: O): readonly number[] => live.flatMap((now, at) => (same(now, original) ? [at] : []))
  const kinds = Map.groupBy(originals, (original) => String(listsOf(original)))
  const found = [...kinds.values()].flatMap((kind) => {
    const lists = kind[0] === undefined ? [] : listsOf(kind[0])
    const places = placesIn(
      kind.map(({ index }) => index),
      lists.filter((at) => ours.has(at)),
      lists.filter((at) => !ours.has(at)),
    )
    return kind.map((original, nth) => [original, places[nth]] as const)
  })
  const places = new Map(found)
  return originals.map((original) => places.get(original))
}

/** The places of originals of one kind. @param ours where the lists are that carry something of the release's; @param others where those that do not */
const placesIn = (
  indexes: readonly number[],
  ours: readonly number[],
  others: readonly number[],
): readonly (number | undefined)[] => {
  if (ours.length === indexes.length) return ours
  const first = chosen(indexes, ours)
  // While it may still be one of several of ours, one of nobody's is no answer.
  if (ours.some((at) => !first.includes(at))) return first
  const rest = chosen(
    indexes.filter((_, nth) => first[nth] === undefined),
    others,
  ).values()
  return first.map((at) => at ?? rest.next().value)
}

const chosen = (indexes: readonly number[], lists: readonly number[]): readonly (number | undefined)[] => {
  const free = new Set(lists.filter((at) => !indexes.includes(at)))
  return indexes.map((index) => {
    if (lists.includes(index)) return index
    const [only] = free
    if (only === undefined || free.size > 1) return undefined
    free.delete(only)
    return only
  })
}
