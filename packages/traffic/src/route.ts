import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import { mirroredIn } from './gateway-mirror.ts'
import { markBefore } from './objects.ts'
import { placesOf } from './places.ts'
import type { RouteAcceptance, RouteChange } from './router.ts'
import { type BackendRef, names, type Sides, sameBackends, weightIn } from './weights.ts'

/** A Gateway that a route is attached to. */
export type ParentRef = {
  readonly group?: string
  readonly kind?: string
  readonly namespace?: string
  readonly name: string
  readonly sectionName?: string
  readonly port?: number
}
/** What is read of a rule; its other fields are written back untouched. */
export type Rule = { readonly backendRefs?: readonly BackendRef[]; readonly [field: string]: unknown }
type Condition = {
  readonly type: string
  readonly status: string
  readonly observedGeneration?: number
  readonly reason?: string
  readonly message?: string
}
/** The parts of an HTTPRoute that are read. Source: gateway.networking.k8s.io/v1. */
export type HttpRoute = KubernetesObject & {
  readonly spec?: { readonly parentRefs?: readonly ParentRef[]; readonly rules?: readonly Rule[] }
  readonly status?: {
    readonly parents?: readonly { readonly parentRef: ParentRef; readonly conditions?: readonly Condition[] }[]
  }
}

/** The indices of the rules that send something to the stable Service; only `rule` when one is chosen. */
export const rulesReaching = (route: HttpRoute, sides: Sides, rule?: number): readonly number[] =>
  (route.spec?.rules ?? []).flatMap(({ backendRefs = [] }, index) =>
    (rule === undefined || rule === index) && backendRefs.some((ref) => names(ref, sides.stable, sides)) ? [index] : [],
  )

/** What a release changes in a route, with the values to give back. `mirrors`: the rules' filters change too. `release`: whose mark it gets. */
export const changeOf = (
  route: HttpRoute,
  rules: readonly number[],
  mirrors = false,
  release?: string,
): RouteChange => {
  const { name, namespace = '', uid = '' } = route.metadata
  const before = rules.flatMap((index) => {
    const { backendRefs, filters } = route.spec?.rules?.[index] ?? {}
    const isEmpty = Array.isArray(filters) && filters.length === 0
    return [
      { path: pointerOf('spec', 'rules', index, 'backendRefs'), value: backendRefs },
      // Taking a mirror out of a list tells no empty list from none.
      ...(mirrors || isEmpty
        ? [{ path: pointerOf('spec', 'rules', index, 'filters'), ...(filters === undefined ? {} : { value: filters }) }]
        : []),
    ]
  })
  return {
    ref: { apiVersion: route.apiVersion, kind: 'HTTPRoute', namespace, name, uid },
    before: [...before, markBefore(route, release)],
  }
}

/** The original lists of a change, by the index their rules had. */
export const originalsOf = ({
  before,
}: RouteChange): readonly { readonly index: number; readonly refs: readonly BackendRef[] }[] =>
  before.flatMap(({ path, value }) => {
    const index = /^\/spec\/rules\/(\d+)\/backendRefs$/.exec(path)?.[1]
    return index === undefined || !Array.isArray(value) ? [] : [{ index: Number(index), refs: value as BackendRef[] }]
  })

/** One of the change's rules: its backends before the release, its filters where they were saved, and where it is now. */
export type Located = {
  readonly refs: readonly BackendRef[]
  readonly filters?: unknown
  readonly at: number | undefined
}

/**
 * Where each original's rule is now: where the canary is beside the same backends, or gets copies of their requests; else at its index, or, when rules
 * were added or taken out, at the only free place with the same backends. `at` is `undefined` when it cannot be recognised any more. A tester's rule of
 * ours has the canary alone, so none is ever taken for an original.
 */
export const locate = (rules: readonly Rule[], change: RouteChange, sides: Sides): readonly Located[] => {
  const originals = originalsOf(change)
  const places = placesOf(
    originals,
    rules,
    ({ backendRefs = [] }, { refs }) => sameBackends(backendRefs, refs, sides),
    (rule) => weightIn(rule.backendRefs ?? [], sides) !== undefined || mirroredIn(rule, sides) > 0,
  )
  return originals.map(({ index, refs }, nth) => {
    const saved = change.before.find(({ path }) => path === pointerOf('spec', 'rules', index, 'filters'))
    return { refs, ...(saved === undefined ? {} : { filters: saved.value }), at: places[nth] }
  })
}

/**
 * One side's percent in each of the change's rules; a rule that is gone, or has nothing of ours, gives 0. Rules that stand apart count when they name a
 * Service of ours. @param rules without testers' rules of ours; @param percent that side's percent in a list
 */
export const weightsIn = (
  rules: readonly Rule[],
  change: RouteChange,
  sides: Sides,
  percent: (refs: readonly BackendRef[], sides: Sides) => number | undefined,
): readonly number[] => {
  const ours = locate(rules, change, sides).map(({ at }) => at)
  return rules.flatMap(({ backendRefs = [] }, index) => {
    if (weightIn(backendRefs, sides) === undefined) return ours.includes(index) ? [0] : []
    return [percent(backendRefs, sides) ?? 0]
  })
}

/**
 * Whether every parent of the route has accepted this generation and resolved its backends; if not, what is missing. `behind`: it has not looked yet.
 * Source: RouteParentStatus of the Gateway API reference; a condition of an earlier generation says nothing of this one.
 */
export const acceptance = (route: HttpRoute): RouteAcceptance & { readonly behind?: true } => {
  const { generation } = route.metadata
  const namespace = route.metadata.namespace ?? ''
  const parents = route.spec?.parentRefs ?? []
  if (parents.length === 0) return { accepted: false, text: `HTTPRoute ${route.metadata.name} has no parent gateway` }
  for (const parent of parents) {
    const statuses = (route.status?.parents ?? []).filter(({ parentRef }) => sameParent(parentRef, parent, namespace))
    if (statuses.length === 0)
      return { accepted: false, text: `gateway ${parent.name} has not taken up ${route.metadata.name}` }
    for (const { conditions = [] } of statuses) {
      for (const type of ['Accepted', 'ResolvedRefs']) {
        const condition = conditions.find((each) => each.type === type)
        if (condition === undefined || condition.observedGeneration !== generation)
          return {
            accepted: false,
            behind: true,
            text: `gateway ${parent.name} has not looked at generation ${generation} yet (${type})`,
          }
        if (condition.status !== 'True')
          return {
            accepted: false,
            text: `gateway ${parent.name}: ${type} is ${condition.status}: ${condition.reason ?? ''} ${condition.message ?? ''}`.trim(),
          }
      }
    }
  }
  return { accepted: true }
}

const sameParent = (a: ParentRef, b: ParentRef, namespace: string): boolean =>
  a.name === b.name &&
  (a.kind ?? 'Gateway') === (b.kind ?? 'Gateway') &&
  (a.namespace ?? namespace) === (b.namespace ?? namespace) &&
  a.sectionName === b.sectionName &&
  a.port === b.port
