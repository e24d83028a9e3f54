import type { Kind } from './kinds.ts'

/** How the entries of a list are told apart in a merge: by these fields, by their own value, or not at all (replaced whole). */
export type ListShape = readonly string[] | 'set' | 'atomic'

const BY_NAME: readonly string[] = ['name']
const LISTS: Readonly<Record<string, ListShape>> = {
  containers: BY_NAME,
  initContainers: BY_NAME,
  ephemeralContainers: BY_NAME,
  env: BY_NAME,
  volumes: BY_NAME,
  imagePullSecrets: BY_NAME,
  listeners: BY_NAME,
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  conditions: ['type'],
  ownerReferences: ['uid'],
  finalizers: 'set',
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
}

/**
 * The shape of the list at a path of field names (indexes left out), as the Kubernetes API declares it by `listType` and `listMapKey`.
 * Lists of kinds without such a declaration are replaced whole.
 */
export const listShape = (kind: Kind, path: readonly string[]): ListShape => {
  const field = path[path.length - 1] ?? ''
  if (path[0] === 'metadata') return path.length === 2 ? (LISTS[field] ?? 'atomic') : 'atomic'
  if (kind.custom) return kind.kind === 'Gateway' && field === 'listeners' && path.length === 2 ? BY_NAME : 'atomic'
  if (field === 'ports')
    return path.includes('containers') || path.includes('initContainers') ? CONTAINER_PORTS : SERVICE_PORTS
  return LISTS[field] ?? 'atomic'
}

const CONTAINER_PORTS = ['containerPort', 'protocol']
const SERVICE_PORTS = ['port', 'protocol']

/** Maps that the API declares atomic: they have one owner and are replaced whole by apply (not by strategic merge). */
export const isAtomicMap = (kind: Kind, path: readonly string[]): boolean => {
  const field = path[path.length - 1] ?? ''
  if (kind.custom) return false
  return (
    ['selector', 'labelSelector', 'nodeSelector', 'podSelector'].includes(field) ||
    ['fieldRef', 'configMapKeyRef', 'secretKeyRef', 'resourceFieldRef'].includes(field)
  )
}

/** The key of a list entry; a port without a protocol is TCP, as the API's default says. */
export const entryKey = (keys: readonly string[], entry: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    [...keys].sort().flatMap((key) => {
      const value = entry[key] ?? (key === 'protocol' ? 'TCP' : undefined)
      return value === undefined ? [] : [[key, value]]
    }),
  )
