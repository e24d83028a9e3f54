import { apiVersionOf, type Kinds } from './kinds.ts'
import { type Refusal, refuse } from './refusals.ts'
import type { Asked } from './requests.ts'

/** Answers `/version`, `/healthz`, `/api`, `/apis` and the resource list of one group version. */
export const discovery = (
  kinds: Kinds,
  asked: Extract<Asked, { kind: 'version' | 'health' | 'roots' | 'groups' | 'discovery' }>,
): unknown => {
  if (asked.kind === 'discovery') return resources(kinds, asked.group, asked.version)
  if (asked.kind === 'version')
    return {
      major: '1',
      minor: '34',
      gitVersion: 'v1.34.0+sluice-sandbox',
      platform: `${process.platform}/${process.arch}`,
    }
  if (asked.kind === 'health') return 'ok'
  if (asked.kind === 'roots') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups(kinds) }
}

const groups = (kinds: Kinds): unknown => {
  const versions = new Map<string, Set<string>>()
  for (const kind of kinds.all()) {
    if (kind.group !== '') versions.set(kind.group, (versions.get(kind.group) ?? new Set()).add(kind.version))
  }
  return [...versions].map(([name, served]) => {
    const list = [...served].map((version) => ({ groupVersion: `${name}/${version}`, version }))
    return { name, versions: list, preferredVersion: list[0] }
  })
}

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

const resources = (kinds: Kinds, group: string, version: string): unknown | Refusal => {
  const served = kinds.all().filter((kind) => kind.group === group && kind.version === version)
  if (served.length === 0) return refuse(404, 'NotFound', 'the server could not find the requested resource')
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ ...(served[0] as (typeof served)[number]) }),
    resources: served.flatMap((kind) => {
      const base = { singularName: kind.kind.toLowerCase(), namespaced: kind.namespaced, kind: kind.kind }
      const sub = (name: string): unknown => ({
        ...base,
        singularName: '',
        name: `${kind.resource}/${name}`,
        verbs: ['get', 'patch', 'update'],
      })
      return [
        { ...base, name: kind.resource, verbs: VERBS },
        ...(kind.status ? [sub('status')] : []),
        ...(kind.scale ? [sub('scale')] : []),
      ]
    }),
  }
}
