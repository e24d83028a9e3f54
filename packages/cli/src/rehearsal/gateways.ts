import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { parseAllDocuments } from 'yaml'
import type { Ground } from './ground.ts'
import type { Route } from './production.ts'

/** A Gateway by its place. */
export type GatewayName = { readonly namespace: string; readonly name: string }

type Parent = {
  readonly kind?: string
  readonly name: string
  readonly namespace?: string
  readonly sectionName?: string
  readonly port?: number
}

/** The objects of manifest files, as far as they can be read without their values. @param paths files and folders, relative to `folder` */
export const readManifests = (folder: string, paths: readonly string[]): readonly KubernetesObject[] =>
  paths
    .flatMap((path) => yamlFiles(join(folder, path)))
    .flatMap((file) => {
      const documents = parseAllDocuments(readFileSync(file, 'utf8'))
      return (Array.isArray(documents) ? documents : []).flatMap((document) => {
        const object: KubernetesObject | null = document.errors.length > 0 ? null : document.toJS()
        return typeof object?.kind === 'string' && typeof object.metadata?.name === 'string' ? [object] : []
      })
    })

/**
 * Sets up what a platform team would have: the namespaces, and the Gateways that the routes name as their parents, each with the listeners that are named.
 * @param namespace where an object without one goes
 */
export const setUpPlatform = async (
  { cluster, gateway, namespace: make }: Pick<Ground, 'cluster' | 'gateway' | 'namespace'>,
  manifests: readonly KubernetesObject[],
  namespace: string,
): Promise<void> => {
  const gateways = new Map<string, { readonly at: GatewayName; readonly parents: Parent[] }>()
  for (const object of manifests.filter(({ kind }) => kind === 'HTTPRoute'))
    for (const parent of parentsOf(object as Route)) {
      const at = { namespace: parent.namespace ?? object.metadata.namespace ?? namespace, name: parent.name }
      const known = gateways.get(`${at.namespace}/${at.name}`) ?? { at, parents: [] }
      gateways.set(`${at.namespace}/${at.name}`, known)
      known.parents.push(parent)
    }
  const namespaces = new Set([namespace, ...[...gateways.values()].map(({ at }) => at.namespace)])
  for (const name of namespaces) await make(name)
  for (const { at, parents } of gateways.values()) {
    const apiVersion = 'gateway.networking.k8s.io/v1'
    await cluster.apply(
      { apiVersion, resource: 'gateways', namespace: at.namespace },
      {
        apiVersion,
        kind: 'Gateway',
        metadata: at,
        spec: {
          gatewayClassName: gateway.className,
          listeners: listenersOf(parents, gateway.port).map((listener) => ({
            ...listener,
            ...(gateway.hostname === undefined ? {} : { hostname: gateway.hostname(at) }),
          })),
        },
      } as KubernetesObject,
      { fieldManager: 'platform' },
    )
  }
}

/** The Gateways among a route's parents. */
export const parentsOf = (route: Route): readonly Parent[] =>
  (route.spec.parentRefs ?? []).filter(({ kind = 'Gateway' }) => kind === 'Gateway')

const listenersOf = (parents: readonly Parent[], only: number | undefined): readonly object[] => {
  const named = new Map(parents.map(({ sectionName = 'http', port = 80 }) => [sectionName, only ?? port]))
  return [...named].map(([name, port]) => ({ name, port, protocol: 'HTTP' }))
}

/** As the deploy action takes them: a file, a folder's YAML and JSON files, or a pattern. */
const yamlFiles = (path: string): readonly string[] => {
  if (!existsSync(path))
    return globSync(path)
      .filter((found) => statSync(found).isFile())
      .sort()
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(path, name))
}
