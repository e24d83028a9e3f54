import type { Api } from './api.ts'
import { CONFIGMAPS, SECRETS } from './kinds.ts'
import { type Container, type Doc, type EnvVar, isFields, type Pod } from './objects.ts'

/** A container's variables, or the reference that cannot be resolved. */
export type Environment =
  | { readonly kind: 'values'; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: 'missing'; readonly text: string }

/**
 * The environment that a container's spec asks for: `value` with `$(NAME)` references, keys of ConfigMaps and Secrets, `envFrom`, and the
 * common fields of the downward API. A reference to what does not exist is `missing`, with the text of the kubelet.
 */
export const environmentOf = (api: Api, pod: Pod, container: Container): Environment => {
  const { namespace } = pod.metadata
  const values: Record<string, string> = {}
  for (const source of container.envFrom ?? []) {
    const kind = source.configMapRef ? CONFIGMAPS : SECRETS
    const reference = source.configMapRef ?? source.secretRef
    if (reference === undefined) continue
    const object = api.store.get(kind, namespace, reference.name)
    if (object === undefined && !reference.optional) return missing(kind.kind, reference.name)
    for (const [key, value] of Object.entries(dataOf(object))) values[`${source.prefix ?? ''}${key}`] = value
  }
  for (const variable of container.env ?? []) {
    const value = variableValue(api, pod, variable)
    if (typeof value === 'object') return value
    if (value !== undefined) values[variable.name] = expanded(value, values)
  }
  return { kind: 'values', values }
}

/** `$(NAME)` replaced by its value where there is one; `$$(NAME)` stays as `$(NAME)`. */
export const expanded = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\$\$|\$\(([^)]+)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (values[name] ?? whole),
  )

const missing = (kind: string, name: string): Environment => ({
  kind: 'missing',
  text: `${kind.toLowerCase()} "${name}" not found`,
})

const dataOf = (object: Doc | undefined): Record<string, string> => {
  const data = isFields(object?.data) ? object.data : {}
  const secret = object?.kind === 'Secret'
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      secret ? Buffer.from(String(value), 'base64').toString() : String(value),
    ]),
  )
}

const variableValue = (api: Api, pod: Pod, variable: EnvVar): string | undefined | Environment => {
  const from = variable.valueFrom
  if (from === undefined) return variable.value ?? ''
  if (from.fieldRef !== undefined) return fieldOf(pod, from.fieldRef.fieldPath)
  const kind = from.configMapKeyRef ? CONFIGMAPS : SECRETS
  const reference = from.configMapKeyRef ?? from.secretKeyRef
  if (reference === undefined) return ''
  const object = api.store.get(kind, pod.metadata.namespace, reference.name)
  if (object === undefined) return reference.optional ? undefined : missing(kind.kind, reference.name)
  const value = dataOf(object)[reference.key]
  if (value !== undefined || reference.optional) return value
  return {
    kind: 'missing',
    text: `couldn't find key ${reference.key} in ${kind.kind} ${pod.metadata.namespace}/${reference.name}`,
  }
}

const fieldOf = (pod: Pod, path: string): string => {
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path)
  if (keyed) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? ''
  const fields: Record<string, string | undefined> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': 'sandbox',
    'spec.serviceAccountName': pod.spec.serviceAccountName ?? 'default',
    'status.podIP': '127.0.0.1',
    'status.hostIP': '127.0.0.1',
  }
  return fields[path] ?? ''
}
