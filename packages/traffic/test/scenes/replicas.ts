import type { Cluster } from '@sluice/kubernetes/cluster'
import { replicas } from '../../src/replicas.ts'
import type { Scene } from '../router.contract.ts'
import { put, services } from './services.ts'

const IMAGE = `registry.example/none@sha256:${'0'.repeat(64)}`

/** A Deployment of nine and the canary's of none, which the release has made, behind one Service. No pod of them ever runs. */
export const replicasScene = async (cluster: Cluster, namespace: string): Promise<Scene> => {
  await services(cluster, namespace)
  const deployments = { apiVersion: 'apps/v1', resource: 'deployments', namespace }
  for (const [name, count, track] of [
    ['shop', 9, 'stable'],
    ['shop-canary', 0, 'canary'],
  ] as const)
    await put(cluster, deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas: count,
        selector: { matchLabels: { app: 'shop', track } },
        template: {
          metadata: { labels: { app: 'shop', track } },
          spec: { containers: [{ name: 'web', image: IMAGE }] },
        },
      },
    })
  return {
    router: ({ owned } = {}) => replicas(cluster, { namespace, deployment: 'shop', service: 'shop', owned }),
    kinds: [deployments, { apiVersion: 'v1', resource: 'services', namespace }],
    made: ['shop-canary'],
  }
}
