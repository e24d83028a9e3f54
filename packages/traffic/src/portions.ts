/** How one kind of route writes the entries of a weighted list. */
export type Dialect<E> = {
  /** Whether the entry sends to this Service of the release's namespace. */
  names(entry: E, service: string): boolean
  /** The entry's own weight, relative to its neighbours; what an absent one means is decided here. */
  weight(entry: E): number
  weighted(entry: E, weight: number): E
  /** A copy that sends to another Service. */
  renamed(entry: E, service: string): E
  /** What tells the entry from others, its weight aside; two texts are equal when the entries are. */
  identity(entry: E): string
}

/** The Services on both sides of a split, by name. */
export type Pair = { readonly stable: string; readonly canary: string }

/**
 * The list with `weight` percent of stable's portion going to the canary. Stable's own W becomes W·(100 − weight), beside it stands a copy for the
 * canary with W·weight, and every other entry is scaled by 100: its portion stays to the last digit.
 * @param original the list as it was before the release; @param weight whole percent, 0 … 100
 */
export const portioned = <E>(
  original: readonly E[],
  dialect: Dialect<E>,
  { stable, canary }: Pair,
  weight: number,
): readonly E[] =>
  original.flatMap((entry) => {
    const own = dialect.weight(entry)
    if (!dialect.names(entry, stable)) return [dialect.weighted(entry, own * 100)]
    return [
      dialect.weighted(entry, own * (100 - weight)),
      dialect.weighted(dialect.renamed(entry, canary), own * weight),
    ]
  })

/** The same portions in the smallest whole numbers, when a weight is above `most`; the list itself when none is. */
export const reduced = <E>(entries: readonly E[], dialect: Dialect<E>, most: number): readonly E[] => {
  if (entries.every((entry) => dialect.weight(entry) <= most)) return entries
  const common = entries.map(dialect.weight).reduce(divisor, 0)
  return entries.map((entry) => dialect.weighted(entry, dialect.weight(entry) / common))
}

/** The canary's percent of what stable and canary get together; `undefined` when the list has no canary. */
export const percentIn = <E>(entries: readonly E[], dialect: Dialect<E>, pair: Pair): number | undefined => {
  const sum = (service: string): number =>
    entries.filter((entry) => dialect.names(entry, service)).reduce((total, entry) => total + dialect.weight(entry), 0)
  if (!entries.some((entry) => dialect.names(entry, pair.canary))) return undefined
  const ours = sum(pair.canary)
  return ours === 0 ? 0 : (100 * ours) / (ours + sum(pair.stable))
}

/** The list without the canary, for when the original is no longer to be recognised. Where only the canary is left it becomes stable's: an empty list serves nobody. */
export const withoutTheCanary = <E>(entries: readonly E[], dialect: Dialect<E>, pair: Pair): readonly E[] => {
  const rest = entries.filter((entry) => !dialect.names(entry, pair.canary))
  return rest.length > 0 ? rest : entries.map((entry) => dialect.renamed(entry, pair.stable))
}

/** Whether two lists have the same entries in the same order, weights and the canary aside: one list, before and during a release. */
export const sameEntries = <E>(a: readonly E[], b: readonly E[], dialect: Dialect<E>, pair: Pair): boolean => {
  const plain = (entries: readonly E[]): readonly string[] =>
    entries.filter((entry) => !dialect.names(entry, pair.canary)).map((entry) => dialect.identity(entry))
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b))
}

/** A JSON text that does not depend on the order in which keys were written. */
export const orderless = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  ) ?? ''

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
