import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { EPOCH } from '@sluice/kubernetes/fenced'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import type { RouteChange } from './router.ts'
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

/** What a release changes in a route, with the values to give back. */
export const changeOf = (route: HttpRoute, rules: readonly number[]): RouteChange => {
  const { name, namespace = '', uid = '', annotations } = route.metadata
  return {
    ref: { apiVersion: route.apiVersion, kind: 'HTTPRoute', namespace, name, uid },
    before: [
      ...rules.map((index) => ({
        path: pointerOf('spec', 'rules', index, 'backendRefs'),
        value: route.spec?.rules?.[index]?.backendRefs,
      })),
      { path: annotations === undefined ? '/metadata/annotations' : pointerOf('metadata', 'annotations', EPOCH) },
    ],
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

/**
 * Where each original's rule is now: at its index, or, when rules were added or taken out, at the only free place with the same backends.
 * `at` is `undefined` when it cannot be recognised any more.
 */
export const locate = (
  route: HttpRoute,
  change: RouteChange,
  sides: Sides,
): readonly { readonly refs: readonly BackendRef[]; readonly at: number | undefined }[] => {
  const live = (route.spec?.rules ?? []).map(({ backendRefs = [] }) => backendRefs)
  const originals = originalsOf(change)
  const inPlace = originals
    .filter(({ index, refs }) => sameBackends(live[index] ?? [], refs, sides))
    .map(({ index }) => index)
  const taken = new Set(inPlace)
  return originals.map(({ index, refs }) => {
    if (inPlace.includes(index)) return { refs, at: index }
    const candidates = live.flatMap((other, at) => (!taken.has(at) && sameBackends(other, refs, sides) ? [at] : []))
    const [only] = candidates
    if (only === undefined || candidates.length > 1) return { refs, at: undefined }
    taken.add(only)
    return { refs, at: only }
  })
}

/** The canary's percent in each of the change's rules; a rule that is gone, or has no canary, gives 0. Rules that stand apart count when they name the canary. */
export const weightsIn = (route: HttpRoute, change: RouteChange, sides: Sides): readonly number[] => {
  const ours = locate(route, change, sides).map(({ at }) => at)
  return (route.spec?.rules ?? []).flatMap(({ backendRefs = [] }, index) => {
    const weight = weightIn(backendRefs, sides)
    return weight === undefined ? (ours.includes(index) ? [0] : []) : [weight]
  })
}

/**
 * Whether every parent of the route has accepted this generation and resolved its backends; if not, what is missing.
 * Source: RouteParentStatus of the Gateway API reference; a condition of an earlier generation says nothing of this one.
 */
export const acceptance = (route: HttpRoute): { readonly accepted: boolean; readonly text?: string } => {
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
