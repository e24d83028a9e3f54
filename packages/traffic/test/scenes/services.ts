import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'

/** Puts an object into the namespace and gives it back as the server has it. */
export const put = async (
  cluster: Cluster,
  resource: Resource,
  object: Record<string, unknown>,
): Promise<KubernetesObject> => {
  const written = await cluster.create(resource, object as KubernetesObject)
  if (written.kind !== 'written') throw new Error(`${resource.resource}: ${written.kind}`)
  return written.object
}

/** Services `shop`, `shop-canary` and one of somebody else's, with nobody behind them. */
export const services = async (cluster: Cluster, namespace: string): Promise<void> => {
  for (const name of ['shop', 'shop-canary', 'legacy'])
    await put(
      cluster,
      { apiVersion: 'v1', resource: 'services', namespace },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace },
        spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
      },
    )
}

/** Changes an object as another writer would, whatever its version. */
export const merge = (cluster: Cluster, resource: Resource, name: string, patch: unknown): Promise<unknown> =>
  cluster.mergePatch(resource, name, patch)
