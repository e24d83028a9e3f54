import type { Kind, Kinds } from './kinds.ts'

/** A request's path and query, as the API reads them. */
export type Asked =
  | { readonly kind: 'version' | 'health' | 'roots' | 'groups' }
  | { readonly kind: 'discovery'; readonly group: string; readonly version: string }
  | { readonly kind: 'unknown'; readonly group: string; readonly resource: string }
  | {
      readonly kind: 'resource'
      readonly resource: Kind
      readonly namespace: string | undefined
      readonly name: string | undefined
      readonly subresource: string | undefined
      /** What follows `/proxy`, with its leading slash. */
      readonly rest: string
    }
  | { readonly kind: 'review'; readonly resource: string }

const REVIEWS = new Set(['selfsubjectaccessreviews', 'selfsubjectreviews'])

/** Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`; undefined for a path that no API server has. */
export const readPath = (path: string, kinds: Kinds): Asked | undefined => {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
  const [root, ...rest] = parts
  if (root === 'version') return { kind: 'version' }
  if (root === 'healthz' || root === 'readyz' || root === 'livez') return { kind: 'health' }
  if (root === 'api' && rest.length === 0) return { kind: 'roots' }
  if (root === 'apis' && rest.length === 0) return { kind: 'groups' }
  if (root !== 'api' && root !== 'apis') return undefined
  const group = root === 'api' ? '' : (rest.shift() ?? '')
  const version = rest.shift()
  if (version === undefined) return { kind: 'unknown', group, resource: '' }
  if (rest.length === 0) return { kind: 'discovery', group, version }
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && !(rest[2] === 'status' || rest[2] === 'finalize')
  const namespace = inNamespace ? rest[1] : undefined
  const [plural = '', name, subresource, ...tail] = inNamespace ? rest.slice(2) : rest
  if (REVIEWS.has(plural)) return { kind: 'review', resource: plural }
  const resource = kinds.find(group, version, plural)
  if (resource === undefined) return { kind: 'unknown', group, resource: plural }
  const slash = path.endsWith('/') && tail.length > 0 ? '/' : ''
  return {
    kind: 'resource',
    resource,
    namespace: resource.namespaced ? namespace : undefined,
    name,
    subresource,
    rest: `/${tail.map(encodeURI).join('/')}${slash}`,
  }
}

/** The verb that authorization knows a request by. */
export const verbOf = (
  method: string,
  asked: { name: string | undefined; subresource?: string | undefined },
  query: URLSearchParams,
): string => {
  if (method === 'POST') return 'create'
  if (method === 'PUT') return 'update'
  if (method === 'PATCH') return 'patch'
  if (method === 'DELETE') return asked.name === undefined ? 'deletecollection' : 'delete'
  if (asked.name !== undefined) return 'get'
  return isTrue(query.get('watch')) ? 'watch' : 'list'
}

/** A boolean query parameter: `true`, `1` or present without a value. */
export const isTrue = (value: string | null): boolean => value !== null && value !== 'false' && value !== '0'
