import type { KubernetesObject, PatchOperation } from '@sluice/kubernetes/cluster'
import type { Json, Touched } from '@sluice/release/record'
import { EPOCH } from './canary.ts'
import { json } from './touched.ts'

/** The autoscalers of a namespace; `scaledObjects` absent: they could not be read. */
export type Autoscalers = {
  readonly horizontal: readonly KubernetesObject[]
  readonly scaledObjects: readonly KubernetesObject[] | undefined
}

/** What a HorizontalPodAutoscaler is called in references. */
export const HPA = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' }
/** KEDA's autoscaler, which makes and keeps a HorizontalPodAutoscaler of its own. https://keda.sh/docs/2.22/reference/scaledobject-spec/ */
export const SCALED_OBJECT = { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject' }

/**
 * The autoscalers that could make stable smaller than it is now, each with the values that keep it from that, and those that are there.
 * `unknown`: autoscalers whose own keeper could not be read, and would put back whatever was changed.
 * @param replicas stable's size before the release
 */
export const autoscalersOf = (
  found: Autoscalers,
  deployment: string,
  replicas: number,
  kind: 'Deployment' | 'Rollout' = 'Deployment',
): { readonly touched: readonly Touched[]; readonly unknown: readonly string[] } => {
  const scaled = (found.scaledObjects ?? []).filter((object) =>
    targets(object, { kind, name: deployment }, 'Deployment'),
  )
  const horizontal = found.horizontal.filter((object) => targets(object, { kind, name: deployment }, undefined))
  const kept = horizontal.filter(isKept)
  const known = kept.every((object) => scaled.some(({ metadata }) => metadata.name === keeperOf(object)))
  return {
    touched: [
      ...scaled.flatMap((object) => entry(object, SCALED_OBJECT, scaledValues(object, replicas))),
      ...horizontal.filter((object) => !isKept(object)).flatMap((object) => entry(object, HPA, ownValues(object))),
    ],
    unknown: known ? [] : kept.map(({ metadata }) => metadata.name),
  }
}

/** What keeps the autoscaler from making stable smaller. A value that a person changed since is left as it is. */
export const freezing = (object: KubernetesObject, { before }: Touched): readonly PatchOperation[] =>
  before
    .filter(({ path }) => path !== ANNOTATIONS)
    .flatMap(({ path, value, ours }) => (same(valueAt(object, path), value) ? written(object, path, ours) : []))

/** What gives the autoscaler back as it was: only the release's own values are taken back, a person's are kept. */
export const restoring = (object: KubernetesObject, { before }: Touched): readonly PatchOperation[] =>
  before.flatMap(({ path, value, ours }) => {
    if (path === ANNOTATIONS) return []
    if (isOurs(valueAt(object, path), ours)) return written(object, path, value)
    // A person has given it rules of its own; ours among them goes all the same.
    const policy = policyOf(object)
    return policy.startsWith(`${path}/`) && valueAt(object, policy) === DISABLED
      ? written(object, policy, undefined)
      : []
  })

/** Whether the object had no annotation before ours, and has no other now. */
export const hadNoAnnotations = (object: KubernetesObject, { before }: Touched): boolean =>
  before.some(({ path }) => path === ANNOTATIONS) &&
  Object.keys(object.metadata.annotations ?? {}).every((key) => key === EPOCH)

const DISABLED = 'Disabled'
/** KEDA hands a behaviour on to the HorizontalPodAutoscaler that it keeps. https://keda.sh/docs/2.22/reference/scaledobject-spec/#advanced */
const policyOf = ({ kind }: KubernetesObject): string =>
  `/spec/${kind === SCALED_OBJECT.kind ? 'advanced/horizontalPodAutoscalerConfig/' : ''}behavior/scaleDown/selectPolicy`
const ANNOTATIONS = '/metadata/annotations'

type Value = Touched['before'][number]
type Spec = {
  readonly scaleTargetRef?: { readonly kind?: string; readonly name?: string }
  readonly minReplicas?: number
  readonly maxReplicas?: number
  readonly minReplicaCount?: number
  readonly maxReplicaCount?: number
  readonly idleReplicaCount?: number
}
const specOf = (object: KubernetesObject): Spec => (object.spec ?? {}) as Spec

const targets = (
  object: KubernetesObject,
  wanted: { readonly kind: string; readonly name: string },
  silent: string | undefined,
): boolean => {
  const { scaleTargetRef: target } = specOf(object)
  return target?.name === wanted.name && (target.kind ?? silent) === wanted.kind
}

const keeperOf = ({ metadata }: KubernetesObject): string | undefined =>
  metadata.ownerReferences?.find(({ kind }) => kind === SCALED_OBJECT.kind)?.name
const isKept = (object: KubernetesObject): boolean => keeperOf(object) !== undefined

const entry = ({ metadata }: KubernetesObject, kind: typeof HPA, values: readonly Value[]): readonly Touched[] => {
  if (values.length === 0) return []
  const ref = { ...kind, namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' }
  const bare = Object.keys(metadata.annotations ?? {}).length === 0 ? [{ path: ANNOTATIONS }] : []
  return [{ ref, role: 'autoscaler', created: false, before: [...values, ...bare] }]
}

/** One whose least is its most cannot hurt. One whose least is stable's present size can: it takes back what it adds while the release goes on. */
const ownValues = (object: KubernetesObject): readonly Value[] => {
  const { minReplicas = 1, maxReplicas } = specOf(object)
  return maxReplicas !== undefined && minReplicas >= maxReplicas ? [] : policyValue(object)
}

/**
 * `selectPolicy: Disabled`, written at the first level that is not there yet, so that absent is made absent again.
 * Source: the API reference of autoscaling/v2, HPAScalingRules.
 */
const policyValue = (object: KubernetesObject): readonly Value[] => {
  const policy = policyOf(object)
  const value = valueAt(object, policy)
  if (value === DISABLED) return []
  if (value !== undefined) return [{ path: policy, value: json(value), ours: DISABLED }]
  const names = policy.split('/')
  const pathTo = (depth: number): string => names.slice(0, depth).join('/')
  const depth = names.findIndex((_, n) => n > 1 && valueAt(object, pathTo(n + 1)) === undefined) + 1
  const ours = names.slice(depth).reduceRight<Json>((inner, name) => ({ [name]: inner }), DISABLED)
  return [{ path: pathTo(depth), ours }]
}

/**
 * The least that KEDA keeps becomes what stable has now, never more than its most; the size of an idle target would undercut it. Beyond that least its
 * HorizontalPodAutoscaler may not make stable smaller either, where that can be taken back: KEDA up to 2.18.1 compares by DeepDerivative, for which
 * an absent policy equals any, so one that was absent goes only together with another change, that of the least. Source: kedacore/keda issue 5129.
 */
const scaledValues = (object: KubernetesObject, replicas: number): readonly Value[] => {
  const { minReplicaCount, maxReplicaCount = 100, idleReplicaCount } = specOf(object)
  const least = Math.min(maxReplicaCount, replicas)
  const path = '/spec/minReplicaCount'
  const isFixed = (minReplicaCount ?? 0) >= maxReplicaCount
  // KEDA's HorizontalPodAutoscaler has 1 at least.
  const isRaised = Math.max(1, minReplicaCount ?? 0) < least
  const goesBack = isRaised || valueAt(object, policyOf(object)) !== undefined
  return [
    ...((minReplicaCount ?? 0) >= least
      ? []
      : [{ path, ...(minReplicaCount === undefined ? {} : { value: minReplicaCount }), ours: least }]),
    ...(idleReplicaCount === undefined ? [] : [{ path: '/spec/idleReplicaCount', value: idleReplicaCount }]),
    ...(isFixed || !goesBack ? [] : policyValue(object)),
  ]
}

/** What is there by a pointer of plain names, as all of these are. */
const valueAt = (object: KubernetesObject, path: string): unknown =>
  path
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined,
      object,
    )

const written = (object: KubernetesObject, path: string, value: Json | undefined): readonly PatchOperation[] => {
  const live = valueAt(object, path)
  if (same(live, value)) return []
  if (value === undefined) return [{ op: 'remove', path }]
  return [{ op: live === undefined ? 'add' : 'replace', path, value }]
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** What the API server makes of a behaviour that says less. Source: pkg/apis/autoscaling/v2/defaults.go of Kubernetes. */
const DEFAULTS = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  },
  scaleDown: { selectPolicy: DISABLED, policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
}

/** The value that the release wrote, with nothing in it but what the API server adds by itself. */
const isOurs = (live: unknown, ours: Json | undefined): boolean => {
  if (typeof ours !== 'object' || ours === null) return same(live, ours)
  return live !== undefined && holds(live, ours) && holds(filledIn(ours as Fields), json(live))
}

type Fields = { readonly [name: string]: Json }
const filledIn = (ours: Fields): unknown => {
  if ('scaleDown' in ours) return DEFAULTS
  if ('selectPolicy' in ours) return DEFAULTS.scaleDown
  return Object.fromEntries(Object.entries(ours).map(([name, inner]) => [name, filledIn(inner as Fields)]))
}

/** Whether everything that `part` says is in `whole`, lists compared whole and in their order. */
const holds = (whole: unknown, part: Json): boolean => {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return sameInAnyOrder(whole, part)
  if (typeof whole !== 'object' || whole === null) return false
  return Object.entries(part).every(([key, value]) =>
    holds((whole as Readonly<Record<string, unknown>>)[key], value as Json),
  )
}

/** Keys of objects have no order, as a server may answer in its own. */
const sameInAnyOrder = (a: unknown, b: unknown): boolean => same(ordered(a), ordered(b))
const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, ordered(inner)]),
  )
}
