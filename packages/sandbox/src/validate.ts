import { array, jsonType } from './causes.ts'
import type { Kind } from './kinds.ts'
import { metadataCauses } from './names.ts'
import { service, weights } from './networks.ts'
import { type Doc, isFields, same } from './objects.ts'
import { badRequest, type Cause, invalid, type Refusal } from './refusals.ts'
import { containersOf, podCauses, podChange, rollout, workload } from './workloads.ts'

/**
 * What the API server would refuse an object for, or nothing. 400 for values of the wrong type, 422 with a cause per field for wrong ones.
 * `before`: the stored object, for what may not change.
 */
export const wrongWith = (kind: Kind, object: Doc, before?: Doc): Refusal | undefined => {
  const mistyped = wrongType(kind, object)
  if (mistyped !== undefined) {
    return badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${mistyped}`)
  }
  const causes = [...metadataCauses(kind, object), ...specCauses(kind, object, before)]
  return causes.length === 0 ? undefined : invalid(kind, object.metadata.name, causes)
}

const wrongType = (kind: Kind, object: Doc): string | undefined => {
  const spec = isFields(object.spec) ? object.spec : {}
  const replicas = spec.replicas
  if (
    (kind.kind === 'Deployment' || kind.kind === 'ReplicaSet') &&
    replicas !== undefined &&
    !Number.isInteger(replicas)
  ) {
    return `json: cannot unmarshal ${jsonType(replicas)} into Go struct field ${kind.kind}Spec.spec.replicas of type int32`
  }
  if (kind.kind === 'ConfigMap' && isFields(object.data)) {
    const wrong = Object.values(object.data).find((value) => typeof value !== 'string')
    if (wrong !== undefined)
      return `json: cannot unmarshal ${jsonType(wrong)} into Go struct field ConfigMap.data of type string`
  }
  for (const { container } of containersOf(kind, object)) {
    for (const entry of array(container.env)) {
      const value = isFields(entry) ? entry.value : undefined
      if (value !== undefined && typeof value !== 'string') {
        return `json: cannot unmarshal ${jsonType(value)} into Go struct field EnvVar.env.value of type string`
      }
    }
  }
  for (const [name, value] of Object.entries({ ...object.metadata.labels, ...object.metadata.annotations })) {
    if (typeof value !== 'string')
      return `json: cannot unmarshal ${jsonType(value)} into Go struct field ObjectMeta.metadata (${name}) of type string`
  }
  return undefined
}

const specCauses = (kind: Kind, object: Doc, before?: Doc): readonly Cause[] => {
  const spec = isFields(object.spec) ? object.spec : {}
  switch (kind.kind) {
    case 'Deployment':
    case 'ReplicaSet':
      return [
        ...workload(spec, before),
        ...podCauses(kind, object),
        ...(kind.kind === 'Deployment' ? rollout(spec) : []),
      ]
    case 'Pod':
      return [...podCauses(kind, object), ...podChange(object, before)]
    case 'Service':
      return service(spec, before)
    case 'HTTPRoute':
      return weights(spec)
    case 'ConfigMap':
      return object.immutable === true && before?.immutable === true && !same(object.data, before.data)
        ? [
            {
              reason: 'FieldValueForbidden',
              field: 'data',
              message: 'Forbidden: field is immutable when `immutable` is set',
            },
          ]
        : []
    default:
      return []
  }
}
