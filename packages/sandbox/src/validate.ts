import type { Kind } from './kinds.ts'
import { type Doc, isFields, type LabelSelector, same } from './objects.ts'
import { badRequest, type Cause, invalid, type Refusal } from './refusals.ts'
import { selects } from './selectors.ts'

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const SERVICE_NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/

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

const jsonType = (value: unknown): string =>
  Array.isArray(value)
    ? 'array'
    : typeof value === 'object'
      ? 'object'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value

const metadataCauses = (kind: Kind, object: Doc): readonly Cause[] => {
  const { name, labels } = object.metadata
  const strict = kind.kind === 'Service' || kind.kind === 'Namespace'
  const pattern = kind.kind === 'Service' ? SERVICE_NAME : kind.kind === 'Namespace' ? LABEL : SUBDOMAIN
  const causes: Cause[] = []
  if (!pattern.test(name)) causes.push(wrong('metadata.name', name, strict ? labelRule(kind) : subdomainRule()))
  const longest = strict ? 63 : 253
  if (name.length > longest) causes.push(wrong('metadata.name', name, `must be no more than ${longest} characters`))
  return [...causes, ...labelCauses('metadata.labels', labels)]
}

const labelCauses = (field: string, labels: unknown): readonly Cause[] =>
  Object.entries(isFields(labels) ? labels : {}).flatMap(([key, value]) => {
    const causes: Cause[] = []
    const label = key.split('/').pop() ?? ''
    if (label === '' || !VALUE.test(label) || label.length > 63 || key.split('/').length > 2) {
      causes.push(
        wrong(
          field,
          key,
          "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ),
      )
    }
    if (String(value).length > 63) causes.push(wrong(field, value, 'must be no more than 63 characters'))
    else if (!VALUE.test(String(value))) {
      causes.push(
        wrong(
          field,
          value,
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ),
      )
    }
    return causes
  })

const labelRule = (kind: Kind): string =>
  kind.kind === 'Service'
    ? "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

const subdomainRule = (): string =>
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

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

const workload = (spec: Record<string, unknown>, before?: Doc): readonly Cause[] => {
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

const rollout = (spec: Record<string, unknown>): readonly Cause[] => {
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

const containersOf = (kind: Kind, object: Doc): readonly ContainerAt[] => {
  const pod = podSpecOf(kind, object)
  if (pod === undefined) return []
  return array(pod.spec.containers).flatMap((container, i) =>
    isFields(container) ? [{ container, at: `${pod.at}.containers[${i}]` }] : [],
  )
}

const podCauses = (kind: Kind, object: Doc): readonly Cause[] => {
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

const podChange = (object: Doc, before?: Doc): readonly Cause[] => {
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

const service = (spec: Record<string, unknown>, before?: Doc): readonly Cause[] => {
  const causes: Cause[] = []
  const ports = array(spec.ports)
  if (ports.length === 0 && spec.type !== 'ExternalName' && spec.clusterIP !== 'None')
    causes.push(required('spec.ports'))
  const names = new Set<unknown>()
  ports.forEach((port, i) => {
    if (!isFields(port)) return
    const number = Number(port.port)
    if (!(number >= 1 && number <= 65_535))
      causes.push(wrong(`spec.ports[${i}].port`, port.port, 'must be between 1 and 65535, inclusive'))
    if (ports.length > 1 && port.name === undefined) causes.push(required(`spec.ports[${i}].name`))
    else if (port.name !== undefined && names.has(port.name)) causes.push(duplicate(`spec.ports[${i}].name`, port.name))
    names.add(port.name)
  })
  const old = isFields(before?.spec) ? before.spec.clusterIP : undefined
  if (before !== undefined && old !== undefined && spec.clusterIP !== old) {
    causes.push(wrong('spec.clusterIPs[0]', spec.clusterIP, 'may not change once set'))
  }
  return causes
}

const weights = (spec: Record<string, unknown>): readonly Cause[] =>
  array(spec.rules).flatMap((rule, i) =>
    array(isFields(rule) ? rule.backendRefs : []).flatMap((ref, j): Cause[] => {
      if (!isFields(ref)) return []
      const at = `spec.rules[${i}].backendRefs[${j}]`
      const weight = ref.weight
      const causes: Cause[] = []
      if (ref.name === undefined) causes.push(required(`${at}.name`))
      if (!Number.isInteger(weight)) {
        causes.push({
          reason: 'FieldValueTypeInvalid',
          field: `${at}.weight`,
          message: `Invalid value: ${JSON.stringify(jsonType(weight))}: ${at}.weight in body must be of type integer: ${JSON.stringify(jsonType(weight))}`,
        })
      } else if (Number(weight) < 0)
        causes.push(wrong(`${at}.weight`, weight, `${at}.weight in body should be greater than or equal to 0`))
      else if (Number(weight) > 1_000_000)
        causes.push(wrong(`${at}.weight`, weight, `${at}.weight in body should be less than or equal to 1e+06`))
      if (ref.kind === 'Service' && ref.group === '' && ref.port === undefined) {
        causes.push({
          reason: 'FieldValueInvalid',
          field: at,
          message: 'Invalid value: "object": Must have port for Service reference',
        })
      }
      return causes
    }),
  )

const array = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const wrong = (field: string, value: unknown, rule: string): Cause => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${JSON.stringify(value) ?? 'null'}: ${rule}`,
})
const required = (field: string): Cause => ({ reason: 'FieldValueRequired', field, message: 'Required value' })
const duplicate = (field: string, value: unknown): Cause => ({
  reason: 'FieldValueDuplicate',
  field,
  message: `Duplicate value: ${JSON.stringify(value)}`,
})
