import type { Cluster } from '@sluice/kubernetes/cluster'
import { nginx } from '../../src/nginx.ts'
import type { Scene } from '../router.contract.ts'
import { merge, put, services } from './services.ts'

/** An Ingress of ingress-nginx with a rule for the Service and one for somebody else's. */
export const nginxScene = async (cluster: Cluster, namespace: string): Promise<Scene> => {
  await services(cluster, namespace)
  const apiVersion = 'networking.k8s.io/v1'
  const ingresses = { apiVersion, resource: 'ingresses', namespace }
  // Cluster-wide: every namespace after the first finds it there.
  await cluster.create(
    { apiVersion, resource: 'ingressclasses' },
    {
      apiVersion,
      kind: 'IngressClass',
      metadata: { name: 'nginx' },
      spec: { controller: 'k8s.io/ingress-nginx' },
    },
  )
  const path = (at: string, name: string) => ({
    path: at,
    pathType: 'Prefix',
    backend: { service: { name, port: { number: 80 } } },
  })
  const rules = (name: string) => [
    { host: `shop.${namespace}.example`, http: { paths: [path('/', name), path('/old', 'legacy')] } },
    { host: `else.${namespace}.example`, http: { paths: [path('/', 'legacy')] } },
  ]
  await put(cluster, ingresses, {
    apiVersion,
    kind: 'Ingress',
    metadata: { name: 'web', namespace, annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '30' } },
    spec: { ingressClassName: 'nginx', rules: rules('shop') },
  })
  return {
    router: ({ owned, tester } = {}) =>
      nginx(cluster, { namespace, service: 'shop', release: `${namespace}/shop`, owned, tester, owner: '1/1' }),
    kinds: [ingresses],
    edit: () => merge(cluster, ingresses, 'web', { spec: { rules: rules('theirs') } }),
    stranger: () =>
      merge(cluster, ingresses, 'web', {
        metadata: { labels: { stage: 'x' }, annotations: { 'example.com/note': 'n' } },
        spec: {
          rules: [...rules('shop'), { host: `new.${namespace}.example`, http: { paths: [path('/', 'legacy')] } }],
        },
      }),
    remove: () => cluster.remove(ingresses, 'web'),
  }
}
