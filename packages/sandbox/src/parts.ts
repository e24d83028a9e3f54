import { DEFINITIONS, type Kind, NAMESPACES, PODS } from './kinds.ts'
import type { Doc } from './objects.ts'

/** The status that a new object of a kind begins with. */
export const initialStatus = (kind: Kind): { status?: unknown } => {
  if (kind === DEFINITIONS) {
    const said = (type: string): unknown => ({ type, status: 'True', reason: 'NoConflicts' })
    return { status: { conditions: [said('NamesAccepted'), said('Established')] } }
  }
  if (kind === PODS) return { status: { phase: 'Pending', qosClass: 'BestEffort' } }
  if (kind === NAMESPACES) return { status: { phase: 'Active' } }
  if (kind.kind === 'Deployment' || kind.kind === 'Service')
    return { status: kind.kind === 'Service' ? { loadBalancer: {} } : {} }
  return kind.kind === 'ReplicaSet' ? { status: { replicas: 0 } } : {}
}

/** The stored object with the written status: what a write to the status subresource changes. */
export const onlyStatus = (before: Doc, wanted: Doc): Doc => {
  const { status: _, ...rest } = before
  return wanted.status === undefined ? rest : { ...rest, status: wanted.status }
}

/** The written object with the stored status: what a write to the object itself changes. */
export const exceptStatus = (before: Doc, wanted: Doc): Doc => {
  const { status: _, ...rest } = wanted
  return before.status === undefined ? rest : { ...rest, status: before.status }
}

/** The written metadata with what only the server sets as it was. */
export const keptMetadata = (before: Doc, wanted: Doc): Doc['metadata'] => {
  const { managedFields: _, deletionTimestamp: __, deletionGracePeriodSeconds: ___, ...given } = wanted.metadata
  const {
    uid,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    generation,
    generateName,
    namespace,
    resourceVersion,
  } = before.metadata
  return {
    ...given,
    ...defined({
      namespace,
      uid,
      creationTimestamp,
      deletionTimestamp,
      deletionGracePeriodSeconds,
      generation,
      generateName,
      resourceVersion,
    }),
  }
}

const defined = <T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }

/** What tells whether a write changed anything. */
export const content = (object: Doc): unknown => {
  const { managedFields: _, resourceVersion: __, generation: ___, ...metadata } = object.metadata
  return { ...object, metadata }
}

/**
 * What the generation counts changes of: all but metadata and status, and of a Deployment its annotations too, save the revision, which its controller
 * writes. Source: the Deployment's strategy in Kubernetes' registry; seen on 1.34.
 */
export const desired = ({ metadata, status: _, ...rest }: Doc): unknown => {
  if (rest.kind !== 'Deployment') return rest
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => key !== REVISION)
  return { ...rest, annotations: Object.fromEntries(annotations) }
}

const REVISION = 'deployment.kubernetes.io/revision'

/** Field managers without the times of their writes. */
export const withoutTimes = (entries: Doc['metadata']['managedFields']): unknown =>
  (entries ?? []).map(({ time: _, ...entry }) => entry)
