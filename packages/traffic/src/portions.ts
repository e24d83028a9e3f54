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

/** What is to be known of entries of which only the weights count. */
type Weights<E> = Pick<Dialect<E>, 'weight' | 'weighted'>

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
export const reduced = <E>(entries: readonly E[], dialect: Weights<E>, most: number): readonly E[] => {
  if (entries.every((entry) => dialect.weight(entry) <= most)) return entries
  const common = entries.map(dialect.weight).reduce(divisor, 0)
  if (common === 0) return entries
  return entries.map((entry) => dialect.weighted(entry, dialect.weight(entry) / common))
}

/** The same portions in whole numbers that are all at most `most`: rounded where no others will do, but nothing that gets something gets nothing. */
export const fitting = <E>(entries: readonly E[], dialect: Weights<E>, most: number): readonly E[] => {
  const small = reduced(entries, dialect, most)
  const largest = Math.max(...small.map(dialect.weight))
  if (largest <= most) return small
  return small.map((entry) => {
    const own = dialect.weight(entry)
    return dialect.weighted(entry, own === 0 ? 0 : Math.max(1, Math.round((own * most) / largest)))
  })
}

/**
 * The list that a release's splits are computed from, and that is given back at its end: the saved one, but for weights of other entries that somebody
 * wrote meanwhile. That nobody did shows in what splits of the saved list come to: one of them has these weights. What somebody wrote into a list with
 * the canary is brought to stable's saved weights, where that makes whole numbers; a list without the canary is all theirs.
 * @param live the same entries as `original`, with or without the canary's; @param split what a weight of `original` is written as
 */
export const baseOf = <E>(
  original: readonly E[],
  live: readonly E[],
  { stable, canary }: Pair,
  { dialect, split }: { readonly dialect: Dialect<E>; readonly split: (weight: number) => readonly E[] | undefined },
): readonly E[] => {
  const isOurs = (entry: E): boolean => dialect.names(entry, stable) || dialect.names(entry, canary)
  const weights = (entries: readonly E[], ours: boolean): readonly number[] =>
    entries.filter((entry) => isOurs(entry) === ours).map(dialect.weight)
  const [theirs, own] = [weights(live, false), weights(live, true)]
  const isWritten = (entries: readonly E[] | undefined): boolean => {
    if (entries === undefined || String(weights(entries, false)) !== String(theirs)) return false
    // Another weight than was written for the canary, or for stable, is put right by the next: it is no reason to keep others'.
    const wanted = weights(entries, true)
    return own.some((weight, nth) => weight === wanted[nth])
  }
  const isSplit = live.some((entry) => dialect.names(entry, canary))
  if (theirs.length === 0 || (!isSplit && isWritten(original))) return original
  const splits = Array.from({ length: 101 }, (_, weight) => split(weight))
  const taken = (entries: readonly E[] | undefined) => entries?.filter((entry) => !dialect.names(entry, canary))
  if (splits.some((entries) => isWritten(isSplit ? entries : taken(entries)))) return original
  if (!isSplit) return live
  const rest = withoutTheCanary(live, dialect, { stable, canary })
  const [saved, now] = [sumOf(weights(original, true)), sumOf(own)]
  const scaled = theirs.map((weight) => (weight * saved) / now)
  if (now === 0 || !scaled.every(Number.isInteger)) return reduced(rest, dialect, 0)
  const next = scaled.values()
  return original.map((entry) => (isOurs(entry) ? entry : dialect.weighted(entry, next.next().value ?? 0)))
}

/** The canary's percent of what stable and canary get together; `undefined` when the list has no canary. */
export const percentIn = <E>(entries: readonly E[], dialect: Dialect<E>, pair: Pair): number | undefined => {
  const sum = (service: string): number =>
    entries.filter((entry) => dialect.names(entry, service)).reduce((total, entry) => total + dialect.weight(entry), 0)
  if (!entries.some((entry) => dialect.names(entry, pair.canary))) return undefined
  const ours = sum(pair.canary)
  return ours === 0 ? 0 : (100 * ours) / (ours + sum(pair.stable))
}

/**
 * The list without the canary, for when the original is no longer to be recognised. What the canary got goes to stable; where stable is not in the list
 * it is left to the others, and becomes stable's when they get nothing: such a list serves nobody.
 */
export const withoutTheCanary = <E>(
  entries: readonly E[],
  dialect: Dialect<E>,
  { stable, canary }: Pair,
): readonly E[] => {
  const isCanary = (entry: E): boolean => dialect.names(entry, canary)
  const isStable = (entry: E): boolean => dialect.names(entry, stable)
  const total = (some: readonly E[]): number => sumOf(some.map(dialect.weight))
  const rest = entries.filter((entry) => !isCanary(entry))
  if (!rest.some(isStable)) {
    const isServed = rest.length > 0 && (total(rest) > 0 || total(entries) === 0)
    return isServed ? rest : entries.map((entry) => (isCanary(entry) ? dialect.renamed(entry, stable) : entry))
  }
  // A canary of ours stands behind the entry of stable's that it is a copy of.
  const heirOf = (at: number): number => {
    const before = entries.findLastIndex((entry, nth) => nth < at && isStable(entry))
    return before === -1 ? entries.findIndex(isStable) : before
  }
  return entries.flatMap((entry, at) => {
    if (isCanary(entry)) return []
    const gained = total(entries.filter((each, nth) => isCanary(each) && heirOf(nth) === at))
    return [gained === 0 ? entry : dialect.weighted(entry, dialect.weight(entry) + gained)]
  })
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

const sumOf = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
