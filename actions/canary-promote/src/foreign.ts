import type { KubernetesObject } from '@sluice/kubernetes/cluster'

/** What a patch of ours is recorded under: the API server takes it from the User-Agent. */
const OURS = 'sluice'

/**
 * Who wrote a field last, by the object's managedFields: the manager that owns it with the latest time. Ours, and a field that nobody owns, give nothing.
 * @param path field names from the object's top, such as `spec`, `replicas`; a list that is owned as a whole is the end of the path
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
export const authorOf = (object: KubernetesObject, path: readonly string[]): string | undefined => {
  const entries = (object.metadata.managedFields ?? []) as readonly ManagedFields[]
  const [last] = entries
    .filter(({ fieldsV1 }) => owns(fieldsV1, path))
    .sort((a, b) => (b.time ?? '').localeCompare(a.time ?? ''))
  return last?.manager === OURS ? undefined : last?.manager
}

type ManagedFields = { readonly manager?: string; readonly time?: string; readonly fieldsV1?: unknown }

const owns = (fields: unknown, [name, ...rest]: readonly string[]): boolean => {
  if (name === undefined) return true
  if (typeof fields !== 'object' || fields === null) return false
  const inner = (fields as Readonly<Record<string, unknown>>)[`f:${name}`]
  return inner !== undefined && owns(inner, rest)
}
