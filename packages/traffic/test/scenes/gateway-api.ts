import type { Cluster } from '@sluice/kubernetes/cluster'
import { until } from '../../../metrics/test/rig.ts'
import { gatewayApi } from '../../src/gateway-api.ts'
import type { HttpRoute } from '../../src/route.ts'
import type { Scene, Target } from '../router.contract.ts'
import { merge, put, services } from './services.ts'

/** An HTTPRoute with two rules for the Service, filters of the user's in both, and one for somebody else. */
export const gatewayScene = async (cluster: Cluster, namespace: string, { gateway }: Target): Promise<Scene> => {
  await services(cluster, namespace)
  const apiVersion = 'gateway.networking.k8s.io/v1'
  const at = (resource: string) => ({ apiVersion, resource, namespace })
  await put(cluster, at('gateways'), {
    apiVersion,
    kind: 'Gateway',
    metadata: { name: 'edge', namespace },
    spec: { gatewayClassName: gateway.className, listeners: [{ name: 'http', port: gateway.port, protocol: 'HTTP' }] },
  })
  const header = (value: string) => ({
    type: 'RequestHeaderModifier',
    requestHeaderModifier: { set: [{ name: 'x-from', value }] },
  })
  const match = (value: string) => [{ path: { type: 'PathPrefix', value } }]
  await put(
    cluster,
    { ...at('httproutes') },
    {
      apiVersion,
      kind: 'HTTPRoute',
      metadata: { name: 'web', namespace },
      spec: {
        parentRefs: [{ name: 'edge' }],
        hostnames: [`shop.${namespace}.example`],
        rules: [
          { matches: match('/'), backendRefs: [{ name: 'shop', port: 80, filters: [header('edge')] }] },
          {
            matches: match('/two'),
            filters: [header('two')],
            backendRefs: [
              { name: 'shop', port: 80, weight: 2 },
              { name: 'legacy', port: 80, weight: 3 },
            ],
          },
        ],
      },
    },
  )
  const router: Scene['router'] = ({ owned, tester } = {}) =>
    gatewayApi(cluster, { namespace, service: 'shop', release: `${namespace}/shop`, owned, tester })
  const routes = at('httproutes')
  // A route that no gateway has accepted is refused, so one has to be there first.
  await until(async () => (await router().preflight()).every(({ level }) => level !== 'error'))
  const rules = async () => (await cluster.get<HttpRoute>(routes, 'web'))?.spec?.rules ?? []
  return {
    router,
    kinds: [routes],
    edit: async () =>
      merge(cluster, routes, 'web', {
        spec: {
          rules: (await rules()).map((rule) => ({
            ...rule,
            backendRefs: [...(rule.backendRefs ?? []), { name: 'theirs', port: 80, weight: 7 }],
          })),
        },
      }),
    stranger: async () =>
      merge(cluster, routes, 'web', {
        metadata: { labels: { stage: 'x' }, annotations: { 'example.com/note': 'n' } },
        spec: {
          hostnames: [`shop.${namespace}.example`, `www.${namespace}.example`],
          rules: [{ matches: match('/new'), backendRefs: [{ name: 'new', port: 80 }] }, ...(await rules())],
        },
      }),
    remove: () => cluster.remove(routes, 'web'),
  }
}
