import type { Resource } from './cluster.ts'

/** The path of a kind's collection: `/apis/apps/v1/namespaces/shop/deployments`. */
export const collectionPath = ({ apiVersion, resource, namespace }: Resource): string => {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return `${root}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`
}

/** The path of one object; `resource` may name a subresource (`deployments/scale`). */
export const objectPath = (resource: Resource, name: string): string => {
  const [plural = '', subresource] = resource.resource.split('/')
  const path = `${collectionPath({ ...resource, resource: plural })}/${encodeURIComponent(name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}

/** `?a=1&b=2` of what is defined, or nothing. */
export const queryOf = (values: Readonly<Record<string, string | number | undefined>>): string => {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== undefined) query.append(key, String(value))
  return query.size === 0 ? '' : `?${query}`
}
