import { fitting } from './portions.ts'
import type { Split, Tester } from './router.ts'

/** One entry of a rule's `backendRefs`; fields that are not read here (filters among them) are carried along. */
export type BackendRef = {
  readonly group?: string
  readonly kind?: string
  readonly name: string
  readonly namespace?: string
  readonly port?: number
  /** Relative to its neighbours; absent means 1. */
  readonly weight?: number
  readonly [field: string]: unknown
}

/**
 * The stable Service, where the route looks for names without a namespace, the Service of the canary beside it, and whose requests always go there.
 * `baseline`: the Service of a fresh baseline; absent: the release has none.
 */
export type Sides = {
  readonly stable: string
  readonly canary: string
  readonly baseline?: string | undefined
  readonly namespace: string
  readonly routeNamespace: string
  readonly tester?: Tester | undefined
}

/** The largest weight that Gateway API takes. */
export const MAX_WEIGHT = 1_000_000
/** The highest weight of a rule that can be scaled by 100 and still be a valid weight. */
export const MAX_SPLITTABLE = MAX_WEIGHT / 100

/** Whether an entry names this Service. An absent group is core, an absent kind Service, an absent namespace the route's. */
export const names = (ref: BackendRef, service: string, { namespace, routeNamespace }: Sides): boolean =>
  (ref.group ?? '') === '' &&
  (ref.kind ?? 'Service') === 'Service' &&
  ref.name === service &&
  (ref.namespace ?? routeNamespace) === namespace

/** Whether an entry names a Service of the release's own: the canary's, or a fresh baseline's. */
export const isOurs = (ref: BackendRef, sides: Sides): boolean =>
  names(ref, sides.canary, sides) || (sides.baseline !== undefined && names(ref, sides.baseline, sides))

/**
 * The rule's backends with `weight` percent of stable's share going to the canary, and `baseline` percent to a fresh baseline where there is one: stable's own W
 * becomes W·(100 − weight − baseline), beside it stand copies (port and filters too) that name the canary with W·weight and the baseline with W·baseline, and
 * every other backend is scaled by 100, so its share stays.
 * @param original the list as it was before the release; whole percents, together 0 … 100
 * @param live the same list as it is now: what others wrote for the other backends is kept, stable's and the canary's portions are the original's
 * Source: HTTPRouteRule.backendRefs of the Gateway API reference (weights are relative; absent means 1).
 */
export const split = (
  original: readonly BackendRef[],
  sides: Sides,
  { weight, baseline = 0 }: Pick<Split, 'weight' | 'baseline'>,
  live: readonly BackendRef[] = original,
): readonly BackendRef[] => {
  const portions = portionsOf(original, sides, live)
  return original.flatMap((ref, nth) => {
    if (!names(ref, sides.stable, sides)) return [{ ...ref, weight: portions[nth] ?? 0 }]
    const own = ref.weight ?? 1
    return [
      { ...ref, weight: own * (100 - weight - baseline) },
      { ...ref, name: sides.canary, weight: own * weight },
      ...(sides.baseline === undefined ? [] : [{ ...ref, name: sides.baseline, weight: own * baseline }]),
    ]
  })
}

/**
 * The list without the release: the original exactly, but for the weights that others wrote for the other backends meanwhile. Where these are no whole
 * numbers all stay scaled by 100, as far as the next release can split them: larger ones are divided, and rounded where no whole numbers have the same
 * shares. A list of others without the canary in it stays as it is.
 * @param live the same list as it is now, during a release or after it
 */
export const unsplit = (
  original: readonly BackendRef[],
  sides: Sides,
  live: readonly BackendRef[],
): readonly BackendRef[] => {
  if (!live.some((ref) => isOurs(ref, sides))) return isBereft(original, sides, live) ? original : live
  const portions = portionsOf(original, sides, live)
  const isWhole = portions.every((portion) => portion % 100 === 0)
  const weights = isWhole ? portions.map((portion) => portion / 100) : fitting(portions, PLAIN, MAX_SPLITTABLE)
  return original.map((ref, nth) => {
    const weight = weights[nth] ?? 0
    return weight === (ref.weight ?? 1) ? ref : { ...ref, weight }
  })
}

/** The canary's percent of what stable, canary and fresh baseline get together; `undefined` when the list has nothing of the release's own. */
export const weightIn = (refs: readonly BackendRef[], sides: Sides): number | undefined =>
  refs.some((ref) => isOurs(ref, sides)) ? percentOf(sides.canary, refs, sides) : undefined

/** The fresh baseline's percent of what stable, canary and fresh baseline get together; 0 where there is none. */
export const baselineIn = (refs: readonly BackendRef[], sides: Sides): number =>
  sides.baseline === undefined ? 0 : percentOf(sides.baseline, refs, sides)

/** The list without the canary and the fresh baseline. */
export const withoutCanary = (refs: readonly BackendRef[], sides: Sides): readonly BackendRef[] =>
  refs.filter((ref) => !isOurs(ref, sides))

/**
 * The list without the canary and the fresh baseline, for when the original is no longer to be recognised. What they got goes to stable; where stable is not in the list
 * it is left to the others, and becomes stable's when they get nothing, as a rule without backends answers with 500. Weights that are still scaled are
 * brought to those that the next release can split.
 */
export const backToStable = (refs: readonly BackendRef[], sides: Sides): readonly BackendRef[] =>
  fitting(
    freed(refs, sides),
    { weight: ({ weight = 1 }) => weight, weighted: (ref, weight) => ({ ...ref, weight }) },
    MAX_SPLITTABLE,
  )

const freed = (refs: readonly BackendRef[], sides: Sides): readonly BackendRef[] => {
  const isCanary = (ref: BackendRef): boolean => isOurs(ref, sides)
  const isStable = (ref: BackendRef): boolean => names(ref, sides.stable, sides)
  const rest = withoutCanary(refs, sides)
  if (!rest.some(isStable)) {
    const isServed = rest.length > 0 && (sum(rest) > 0 || sum(refs) === 0)
    return isServed ? rest : refs.map((ref) => (isCanary(ref) ? { ...ref, name: sides.stable } : ref))
  }
  // What is ours stands behind the entry of stable's that it is a copy of.
  const heirs = refs.map((ref, at) => {
    if (!isCanary(ref)) return -1
    const before = refs.findLastIndex((each, nth) => nth < at && isStable(each))
    return before === -1 ? refs.findIndex(isStable) : before
  })
  return refs.flatMap((ref, at) => {
    if (isCanary(ref)) return []
    const gained = sum(refs.filter((_, nth) => heirs[nth] === at))
    return [gained === 0 ? ref : { ...ref, weight: (ref.weight ?? 1) + gained }]
  })
}

/** Whether two lists name the same backends in the same order, weights and the canary aside: the same rule, before and during a release. */
export const sameBackends = (a: readonly BackendRef[], b: readonly BackendRef[], sides: Sides): boolean => {
  const plain = (refs: readonly BackendRef[]): string =>
    JSON.stringify(
      withoutCanary(refs, sides).map(({ weight: _, ...ref }) =>
        Object.entries({ ...ref, group: ref.group ?? '', kind: ref.kind ?? 'Service' }).sort(([x], [y]) =>
          x < y ? -1 : 1,
        ),
      ),
    )
  return plain(a) === plain(b)
}

/** Weights without their entries. */
const PLAIN = { weight: (own: number): number => own, weighted: (_: number, weight: number): number => weight }

const percentOf = (service: string, refs: readonly BackendRef[], sides: Sides): number => {
  const own = sum(refs.filter((ref) => names(ref, service, sides)))
  const split = refs.filter((ref) => isOurs(ref, sides) || names(ref, sides.stable, sides))
  return own === 0 ? 0 : (100 * own) / sum(split)
}

const sum = (refs: readonly BackendRef[]): number => refs.reduce((total, { weight = 1 }) => total + weight, 0)

/**
 * What every backend of the list gets where stable gets 100 times its original weight. A list with the canary is in this scale already; one without was
 * written anew by somebody, whose shares beside stable are kept, up to the largest weight: a larger one would be turned away with the whole list.
 */
const portionsOf = (original: readonly BackendRef[], sides: Sides, live: readonly BackendRef[]): readonly number[] => {
  const isStable = (ref: BackendRef): boolean => names(ref, sides.stable, sides)
  const theirs = withoutCanary(live, sides)
  const isSplit = theirs.length < live.length
  const [before, now] = [sum(original.filter(isStable)), sum(theirs.filter(isStable))]
  const isRewritten = !isSplit && before > 0 && now > 0 && !isBereft(original, sides, live)
  return original.map((ref, nth) => {
    const { weight = 1 } = theirs[nth] ?? ref
    if (isStable(ref) || !(isSplit || isRewritten || weight === 0)) return (ref.weight ?? 1) * 100
    if (isSplit || weight === 0) return weight
    return Math.min(MAX_WEIGHT, Math.max(1, Math.round((weight * 100 * before) / now)))
  })
}

/** Whether a list without the canary is a split one that somebody took nothing but the canary out of: scaled, or of stable alone. */
const isBereft = (original: readonly BackendRef[], sides: Sides, live: readonly BackendRef[]): boolean => {
  const pairs = original.map((ref, nth) => ({ ref, was: ref.weight ?? 1, is: live[nth]?.weight ?? 1 }))
  const stable = pairs.filter(({ ref }) => names(ref, sides.stable, sides))
  const others = pairs.filter((pair) => !stable.includes(pair))
  const left = stable.reduce((total, { is }) => total + is, 0) / stable.reduce((total, { was }) => total + was, 0)
  const isScaled =
    Number.isInteger(left) && left <= 100 && left !== 1 && stable.every(({ was, is }) => is === was * left)
  return others.length === 0 || (isScaled && others.every(({ was, is }) => is === was * 100))
}
