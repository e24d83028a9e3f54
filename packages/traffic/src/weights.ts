import type { Tester } from './router.ts'

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

/** The stable Service, where the route looks for names without a namespace, the Service of the canary beside it, and whose requests always go there. */
export type Sides = {
  readonly stable: string
  readonly canary: string
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

/**
 * The rule's backends with `weight` percent of stable's share going to the canary: stable's own W becomes W·(100 − weight), beside it a copy
 * (port and filters too) that names the canary with W·weight, and every other backend is scaled by 100, so its share stays.
 * @param original the list as it was before the release; @param weight whole percent, 0 … 100
 * Source: HTTPRouteRule.backendRefs of the Gateway API reference (weights are relative; absent means 1).
 */
export const split = (original: readonly BackendRef[], sides: Sides, weight: number): readonly BackendRef[] =>
  original.flatMap((ref) => {
    const own = ref.weight ?? 1
    if (!names(ref, sides.stable, sides)) return [{ ...ref, weight: own * 100 }]
    return [
      { ...ref, weight: own * (100 - weight) },
      { ...ref, name: sides.canary, weight: own * weight },
    ]
  })

/** The canary's percent of what stable and canary get together; `undefined` when the list has no canary. */
export const weightIn = (refs: readonly BackendRef[], sides: Sides): number | undefined => {
  const canary = refs.filter((ref) => names(ref, sides.canary, sides))
  if (canary.length === 0) return undefined
  const stable = refs.filter((ref) => names(ref, sides.stable, sides))
  const [ours, theirs] = [sum(canary), sum(stable)]
  return ours === 0 ? 0 : (100 * ours) / (ours + theirs)
}

/** The list without the canary: what is left to do when the original is no longer to be recognised. */
export const withoutCanary = (refs: readonly BackendRef[], sides: Sides): readonly BackendRef[] =>
  refs.filter((ref) => !names(ref, sides.canary, sides))

/** As `withoutCanary`, but a list of the canary alone becomes stable's: a rule without backends answers with 500. */
export const backToStable = (refs: readonly BackendRef[], sides: Sides): readonly BackendRef[] => {
  const rest = withoutCanary(refs, sides)
  return rest.length > 0 ? rest : refs.map((ref) => ({ ...ref, name: sides.stable }))
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

const sum = (refs: readonly BackendRef[]): number => refs.reduce((total, { weight = 1 }) => total + weight, 0)
