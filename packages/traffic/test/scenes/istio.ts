import type { Cluster } from '@sluice/kubernetes/cluster'
import { istio } from '../../src/istio.ts'
import type { VirtualService } from '../../src/istio-route.ts'
import type { Scene } from '../router.contract.ts'
import { merge, put, services } from './services.ts'

/** A VirtualService with two routes for the Service and one for somebody else's, and the Service's DestinationRule with a subset. */
export const istioScene = async (cluster: Cluster, namespace: string): Promise<Scene> => {
  await services(cluster, namespace)
  const apiVersion = 'networking.istio.io/v1'
  const virtual = { apiVersion, resource: 'virtualservices', namespace }
  const rules = { apiVersion, resource: 'destinationrules', namespace }
  await put(cluster, rules, {
    apiVersion,
    kind: 'DestinationRule',
    metadata: { name: 'shop', namespace },
    spec: { host: 'shop', trafficPolicy: { loadBalancer: { simple: 'LEAST_REQUEST' } } },
  })
  await put(cluster, virtual, {
    apiVersion,
    kind: 'VirtualService',
    metadata: { name: 'web', namespace },
    spec: {
      hosts: [`shop.${namespace}.example`],
      http: [
        {
          name: 'two',
          match: [{ uri: { prefix: '/two' } }],
          retries: { attempts: 2 },
          route: [
            { destination: { host: 'shop' }, weight: 80 },
            { destination: { host: 'legacy' }, weight: 20 },
          ],
        },
        { match: [{ uri: { prefix: '/else' } }], route: [{ destination: { host: 'legacy' } }] },
        { route: [{ destination: { host: 'shop', port: { number: 80 } } }] },
      ],
    },
  })
  const http = async () => (await cluster.get<VirtualService>(virtual, 'web'))?.spec?.http ?? []
  return {
    router: ({ owned, tester } = {}) =>
      istio(cluster, {
        namespace,
        service: 'shop',
        release: `${namespace}/shop`,
        owned,
        tester,
        owner: '1/1',
        mirrors: [100],
      }),
    kinds: [virtual, rules],
    edit: async () =>
      merge(cluster, virtual, 'web', {
        spec: {
          http: (await http()).map((each) => ({
            ...each,
            route: [...(each.route ?? []), { destination: { host: 'theirs' }, weight: 7 }],
          })),
        },
      }),
    stranger: async () =>
      merge(cluster, virtual, 'web', {
        metadata: { labels: { stage: 'x' }, annotations: { 'example.com/note': 'n' } },
        spec: {
          hosts: [`shop.${namespace}.example`, `www.${namespace}.example`],
          http: [
            { match: [{ uri: { prefix: '/new' } }], route: [{ destination: { host: 'legacy' } }] },
            ...(await http()),
          ],
        },
      }),
    remove: () => cluster.remove(virtual, 'web'),
  }
}
