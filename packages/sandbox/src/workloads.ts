import { array, duplicate, required, wrong } from './causes.ts'
import type { Kind } from './kinds.ts'
import { LABEL, labelCauses, labelRule } from './names.ts'
import { type Doc, isFields, type LabelSelector, same } from './objects.ts'
import type { Cause } from './refusals.ts'
import { selects } from './selectors.ts'

/** What is wrong with a Deployment's or ReplicaSet's count, selector and template labels. */
export const workload = (spec: Record<string, unknown>, before?: Doc): readonly Cause[] => {
  const causes: Cause[] = []
  const selector = spec.selector as LabelSelector | undefined
  const template = isFields(spec.template) ? spec.template : {}
  const labels = isFields(template.metadata) ? template.metadata.labels : undefined
  if (Number(spec.replicas) < 0)
    causes.push(wrong('spec.replicas', spec.replicas, 'must be greater than or equal to 0'))
  if (!isFields(selector)) causes.push(required('spec.selector'))
  else if (Object.keys(selector).length === 0) {
    causes.push(wrong('spec.selector', selector, 'empty selector is invalid for deployment'))
  } else if (!selects(selector, (labels ?? {}) as Record<string, string>)) {
    causes.push(wrong('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`'))
  }
  const old = isFields(before?.spec) ? before.spec.selector : undefined
  if (before !== undefined && !same(old, selector)) causes.push(wrong('spec.selector', selector, 'field is immutable'))
  return [...causes, ...labelCauses('spec.template.labels', labels)]
}

/** What is wrong with a Deployment's strategy and deadlines. */
export const rollout = (spec: Record<string, unknown>): readonly Cause[] => {
  const strategy = isFields(spec.strategy) ? spec.strategy : {}
  const rolling = isFields(strategy.rollingUpdate) ? strategy.rollingUpdate : undefined
  const causes: Cause[] = []
  if (strategy.type === 'Recreate' && rolling !== undefined) {
    causes.push({
      reason: 'FieldValueForbidden',
      field: 'spec.strategy.rollingUpdate',
      message: "Forbidden: may not be specified when strategy `type` is 'Recreate'",
    })
  }
  const none = (value: unknown): boolean => value === 0 || value === '0' || value === '0%'
  if (rolling !== undefined && none(rolling.maxSurge) && none(rolling.maxUnavailable)) {
    causes.push(
      wrong('spec.strategy.rollingUpdate.maxUnavailable', rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0'),
    )
  }
  for (const name of ['maxSurge', 'maxUnavailable']) {
    const value = rolling?.[name]
    const good = typeof value === 'number' ? value >= 0 : value === undefined || /^\d+%$/.test(String(value))
    if (!good)
      causes.push(
        wrong(
          `spec.strategy.rollingUpdate.${name}`,
          value,
          "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')",
        ),
      )
  }
  if (Number(spec.progressDeadlineSeconds) <= Number(spec.minReadySeconds ?? 0)) {
    causes.push(
      wrong('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds, 'must be greater than minReadySeconds'),
    )
  }
  return causes
}

type ContainerAt = { readonly container: Record<string, unknown>; readonly at: string }

const podSpecOf = (kind: Kind, object: Doc): { spec: Record<string, unknown>; at: string } | undefined => {
  const spec = isFields(object.spec) ? object.spec : {}
  if (kind.kind === 'Pod') return { spec, at: 'spec' }
  if (kind.kind !== 'Deployment' && kind.kind !== 'ReplicaSet') return undefined
  const template = isFields(spec.template) ? spec.template : {}
  return { spec: isFields(template.spec) ? template.spec : {}, at: 'spec.template.spec' }
}

/** The containers of a pod or of a workload's template, with where each is. */
export const containersOf = (kind: Kind, object: Doc): readonly ContainerAt[] => {
  const pod = podSpecOf(kind, object)
  if (pod === undefined) return []
  return array(pod.spec.containers).flatMap((container, i) =>
    isFields(container) ? [{ container, at: `${pod.at}.containers[${i}]` }] : [],
  )
}

/** What is wrong with the containers of a pod or template. */
export const podCauses = (kind: Kind, object: Doc): readonly Cause[] => {
  const pod = podSpecOf(kind, object)
  const containers = containersOf(kind, object)
  const causes: Cause[] = containers.length === 0 ? [required(`${pod?.at ?? 'spec'}.containers`)] : []
  const names = new Set<unknown>()
  const portNames = new Set<unknown>()
  for (const { container, at } of containers) {
    const { name, image } = container
    if (name === undefined || name === '') causes.push(required(`${at}.name`))
    else if (!LABEL.test(String(name)) || String(name).length > 63)
      causes.push(wrong(`${at}.name`, name, labelRule(kind)))
    else if (names.has(name)) causes.push(duplicate(`${at}.name`, name))
    names.add(name)
    if (typeof image !== 'string' || image.trim() === '') causes.push(required(`${at}.image`))
    array(container.ports).forEach((port, i) => {
      if (!isFields(port)) return
      const number = Number(port.containerPort)
      if (!(number >= 1 && number <= 65_535))
        causes.push(
          wrong(`${at}.ports[${i}].containerPort`, port.containerPort, 'must be between 1 and 65535, inclusive'),
        )
      if (port.name !== undefined && portNames.has(port.name))
        causes.push(duplicate(`${at}.ports[${i}].name`, port.name))
      portNames.add(port.name)
    })
    array(container.env).forEach((entry, i) => {
      if (isFields(entry) && (entry.name === undefined || entry.name === ''))
        causes.push(required(`${at}.env[${i}].name`))
    })
    for (const field of ['readinessProbe', 'livenessProbe', 'startupProbe']) {
      const probe = container[field]
      if (
        isFields(probe) &&
        !['httpGet', 'tcpSocket', 'exec', 'grpc'].some((handler) => probe[handler] !== undefined)
      ) {
        causes.push({
          reason: 'FieldValueRequired',
          field: `${at}.${field}`,
          message: 'Required value: must specify a handler type',
        })
      }
    }
  }
  return causes
}

/** What of a pod has changed that may not. */
export const podChange = (object: Doc, before?: Doc): readonly Cause[] => {
  if (before === undefined) return []
  const bare = (doc: Doc): unknown => {
    const spec = isFields(doc.spec) ? doc.spec : {}
    const { activeDeadlineSeconds: _, terminationGracePeriodSeconds: __, nodeName: ___, ...rest } = spec
    return {
      ...rest,
      containers: array(spec.containers).map((one) => (isFields(one) ? { ...one, image: '' } : one)),
    }
  }
  return same(bare(object), bare(before))
    ? []
    : [
        {
          reason: 'FieldValueForbidden',
          field: 'spec',
          message:
            'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
        },
      ]
}
