import type { Cluster } from '@sluice/kubernetes/cluster'
import { traefik } from '../../src/traefik.ts'
import type { TraefikService } from '../../src/traefik-services.ts'
import type { Scene } from '../router.contract.ts'
import { merge, put, services } from './services.ts'

/** A weighted TraefikService of two Services, and the IngressRoute that names it, beside a route of somebody else's. */
export const traefikScene = async (cluster: Cluster, namespace: string): Promise<Scene> => {
  await services(cluster, namespace)
  const apiVersion = 'traefik.io/v1alpha1'
  const weighted = { apiVersion, resource: 'traefikservices', namespace }
  const routes = { apiVersion, resource: 'ingressroutes', namespace }
  await put(cluster, weighted, {
    apiVersion,
    kind: 'TraefikService',
    metadata: { name: 'web', namespace, labels: { team: 'a' } },
    spec: {
      weighted: {
        services: [
          { name: 'shop', port: 80, passHostHeader: true },
          { name: 'legacy', port: 'http', weight: 3 },
        ],
      },
    },
  })
  await put(cluster, routes, {
    apiVersion,
    kind: 'IngressRoute',
    metadata: { name: 'web', namespace, annotations: { 'kubernetes.io/ingress.class': 'edge' } },
    spec: {
      entryPoints: ['web'],
      routes: [
        {
          kind: 'Rule',
          match: `Host(\`shop.${namespace}.example\`)`,
          middlewares: [{ name: 'limits' }],
          services: [{ kind: 'TraefikService', name: 'web' }],
        },
        { kind: 'Rule', match: `Host(\`else.${namespace}.example\`)`, services: [{ name: 'else', port: 80 }] },
      ],
    },
  })
  return {
    router: ({ owned, tester } = {}) =>
      traefik(cluster, { namespace, service: 'shop', release: `${namespace}/shop`, owned, tester, owner: '1/1' }),
    kinds: [weighted, routes],
    edit: async () => {
      const live = await cluster.get<TraefikService>(weighted, 'web')
      const entries = live?.spec?.weighted?.services ?? []
      await merge(cluster, weighted, 'web', {
        spec: { weighted: { services: [...entries, { name: 'theirs', port: 80, weight: 7 }] } },
      })
    },
    stranger: () =>
      merge(cluster, weighted, 'web', {
        metadata: { labels: { stage: 'x' }, annotations: { 'example.com/note': 'n' } },
        spec: { weighted: { sticky: { cookie: { name: 'side' } } } },
      }),
    remove: () => cluster.remove(weighted, 'web'),
  }
}
