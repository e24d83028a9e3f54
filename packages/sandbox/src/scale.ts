import type { Kind } from './kinds.ts'
import { type Deployment, type Doc, isFields, type Json } from './objects.ts'
import { jsonPatched, mergePatched } from './patch.ts'
import { badRequest, invalid, isRefusal, type Refusal, refuse } from './refusals.ts'

/** The Scale of a Deployment or ReplicaSet (`autoscaling/v1`). */
export const scaleOf = (object: Doc): Doc => {
  const workload = object as Deployment
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const selector = Object.entries(workload.spec.selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: JSON.parse(
      JSON.stringify({ name, namespace, uid, resourceVersion, creationTimestamp }),
    ) as Doc['metadata'],
    spec: workload.spec.replicas === 0 ? {} : { replicas: workload.spec.replicas },
    status: { replicas: workload.status?.replicas ?? 0, selector: selector.join(',') },
  }
}

/** The object with the count that a write of its Scale asks for. A Scale without a count means 0, as in the API. */
export const scaled = (kind: Kind, object: Doc, write: { verb: string; type: string; body: Json }): Doc | Refusal => {
  const before = scaleOf(object)
  const after =
    write.verb === 'update'
      ? write.body
      : write.type === 'application/json-patch+json'
        ? jsonPatched(before, write.body)
        : /merge-patch\+json$/.test(write.type)
          ? mergePatched(before, write.body)
          : refuse(
              415,
              'UnsupportedMediaType',
              'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json',
            )
  if (isRefusal(after)) return after
  if (!isFields(after)) return badRequest('the object provided is unrecognized (must be of type Scale)')
  const spec = isFields(after.spec) ? after.spec : {}
  const replicas = spec.replicas ?? 0
  if (!Number.isInteger(replicas))
    return badRequest(
      'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32',
    )
  if (Number(replicas) < 0) {
    return invalid({ ...kind, kind: 'Scale', group: 'autoscaling' }, object.metadata.name, [
      {
        reason: 'FieldValueInvalid',
        field: 'spec.replicas',
        message: `Invalid value: ${String(replicas)}: must be greater than or equal to 0`,
      },
    ])
  }
  const metadata = isFields(after.metadata) ? after.metadata : {}
  const resourceVersion = metadata.resourceVersion
  return {
    ...object,
    metadata: {
      ...object.metadata,
      ...(typeof resourceVersion === 'string' && resourceVersion !== '' ? { resourceVersion } : {}),
    },
    spec: { ...(object as Deployment).spec, replicas: Number(replicas) },
  }
}
