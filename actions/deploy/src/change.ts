import type { KubernetesObject, PatchOperation } from '@sluice/kubernetes/cluster'
import type { Target } from './resource.ts'

/** What a deploy did to one object. `before` absent: it was created. Kept in memory only: it may be a Secret. */
export type Change = {
  readonly target: Target
  readonly before?: KubernetesObject
  readonly after: KubernetesObject
}

/** How a deploy left one object, for the summary and the report. */
export type Effect = 'created' | 'changed' | 'unchanged'

/** Reads the effect off the object before and after: absent before is created, the same content is unchanged. */
export const effectOf = ({ before, after }: Change): Effect => {
  if (before === undefined) return 'created'
  return sameContent(before, after) ? 'unchanged' : 'changed'
}

/**
 * The live object with what a deploy changed put back, and everything that others did since kept (a three-way merge: maps by key, lists as a
 * whole); `undefined` when somebody else has changed the same fields since.
 */
export const restored = (
  live: KubernetesObject,
  { before, after }: { readonly before: KubernetesObject; readonly after: KubernetesObject },
): KubernetesObject | undefined => {
  const content = reverted(written(before), written(after), written(live))
  if (content === CHANGED || !isRecord(content) || !isRecord(content.metadata)) return undefined
  const { labels: _labels, annotations, ...identity } = live.metadata
  const { labels: oldLabels, annotations: oldAnnotations, ...rest } = content.metadata
  const revision = annotations?.[REVISION]
  const kept = {
    ...(isRecord(oldAnnotations) ? oldAnnotations : {}),
    ...(revision === undefined ? {} : { [REVISION]: revision }),
  }
  return {
    ...content,
    ...(live.status === undefined ? {} : { status: live.status }),
    metadata: {
      ...identity,
      ...rest,
      ...(isRecord(oldLabels) ? { labels: oldLabels } : {}),
      ...(Object.keys(kept).length === 0 ? {} : { annotations: kept }),
    },
  } as KubernetesObject
}

/**
 * The JSON Patch (RFC 6902) from one object to another of the same identity. Each field is tested to be as it was read and nothing else is,
 * so that a status that moves all the time does not stand in the way.
 */
export const patchTo = (live: unknown, wanted: unknown, path = ''): readonly PatchOperation[] => {
  if (same(live, wanted)) return []
  if (isRecord(live) && isRecord(wanted)) {
    const keys = [...new Set([...Object.keys(live), ...Object.keys(wanted)])]
    return keys.flatMap((key) =>
      patchTo(own(live, key), own(wanted, key), `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    )
  }
  if (live === undefined) return [{ op: 'add', path, value: wanted }]
  const test = { op: 'test', path, value: live } as const
  return [test, wanted === undefined ? { op: 'remove', path } : { op: 'replace', path, value: wanted }]
}

/** The containers of a Deployment's template, as far as a deploy looks at them. */
export const containersOf = (
  deployment: KubernetesObject,
): readonly { readonly name: string; readonly image: string }[] => {
  const template = templateOf(deployment)
  const spec = isRecord(template) ? template.spec : undefined
  const containers = isRecord(spec) && Array.isArray(spec.containers) ? spec.containers : []
  return containers.map((each: { name?: string; image?: string }) => ({
    name: each.name ?? '',
    image: each.image ?? '',
  }))
}

/** The number that Kubernetes counts pod templates of a Deployment with; empty before it has seen the first. */
export const revisionOf = (deployment: KubernetesObject | undefined): string =>
  deployment?.metadata.annotations?.[REVISION] ?? ''

/** A Deployment's pod template. */
const templateOf = ({ spec }: KubernetesObject): unknown => (isRecord(spec) ? spec.template : undefined)

const REVISION = 'deployment.kubernetes.io/revision'

const sameContent = (a: KubernetesObject, b: KubernetesObject): boolean => same(written(a), written(b))

/** What people write: everything but what the API server and controllers keep for themselves. */
const written = ({ metadata, status: _status, ...content }: KubernetesObject): Readonly<Record<string, unknown>> => {
  const { labels, annotations, finalizers, ownerReferences } = metadata
  return { ...content, metadata: { labels, annotations: withoutRevision(annotations), finalizers, ownerReferences } }
}

const withoutRevision = (annotations: KubernetesObject['metadata']['annotations']): unknown => {
  if (annotations === undefined) return undefined
  const { [REVISION]: _revision, ...others } = annotations
  return Object.keys(others).length === 0 ? undefined : others
}

const CHANGED = Symbol('changed since')

const reverted = (before: unknown, after: unknown, live: unknown): unknown => {
  if (same(before, after) || same(live, before)) return live
  if (same(live, after)) return before
  if (!isRecord(before) || !isRecord(after) || !isRecord(live)) return CHANGED
  const keys = [...new Set([...Object.keys(before), ...Object.keys(live)])]
  const entries = keys.map((key) => [key, reverted(own(before, key), own(after, key), own(live, key))] as const)
  if (entries.some(([, value]) => value === CHANGED)) return CHANGED
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

const same = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => same(item, b[index]))
    )
  }
  if (!isRecord(a) || !isRecord(b)) return false
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...keys].every((key) => same(own(a, key), own(b, key)))
}

/** A key may be called `constructor`; what every object inherits under that name is not meant. */
const own = (record: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(record, key) ? record[key] : undefined

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
