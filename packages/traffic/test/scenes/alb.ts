import type { Cluster } from '@sluice/kubernetes/cluster'
import { alb } from '../../src/alb.ts'
import type { Scene } from '../router.contract.ts'
import { merge, put, services } from './services.ts'

const KEY = 'alb.ingress.kubernetes.io/actions.shop'

/** An Ingress whose rules name an action with two target groups, its text laid out as a person would. */
export const albScene = async (cluster: Cluster, namespace: string): Promise<Scene> => {
  await services(cluster, namespace)
  const apiVersion = 'networking.k8s.io/v1'
  const ingresses = { apiVersion, resource: 'ingresses', namespace }
  const backend = (name: string) => ({ service: { name, port: { name: 'use-annotation' } } })
  await put(cluster, ingresses, {
    apiVersion,
    kind: 'Ingress',
    metadata: {
      name: 'web',
      namespace,
      annotations: {
        'alb.ingress.kubernetes.io/target-type': 'ip',
        'alb.ingress.kubernetes.io/actions.else': '{"type":"redirect","redirectConfig":{"statusCode":"HTTP_301"}}',
        [KEY]: `{ "Type": "forward",
  "ForwardConfig": { "TargetGroups": [ { "ServiceName": "shop",   "ServicePort": "80", "Weight": 9 },
                                       { "ServiceName": "legacy", "ServicePort":  80,  "Weight": 1 } ] } }`,
      },
    },
    spec: {
      ingressClassName: 'alb',
      rules: [
        {
          host: `shop.${namespace}.example`,
          http: { paths: [{ path: '/', pathType: 'Prefix', backend: backend('shop') }] },
        },
      ],
    },
  })
  const text = async () => (await cluster.get(ingresses, 'web'))?.metadata.annotations?.[KEY] ?? '{}'
  return {
    router: ({ owned } = {}) => alb(cluster, { namespace, service: 'shop', release: `${namespace}/shop`, owned }),
    kinds: [ingresses],
    edit: async () => {
      const action = JSON.parse(await text())
      action.ForwardConfig.TargetGroups.push({ ServiceName: 'theirs', ServicePort: 80, Weight: 5 })
      await merge(cluster, ingresses, 'web', { metadata: { annotations: { [KEY]: JSON.stringify(action) } } })
    },
    stranger: () =>
      merge(cluster, ingresses, 'web', {
        metadata: { annotations: { 'example.com/note': 'n', 'alb.ingress.kubernetes.io/scheme': 'internal' } },
        spec: { defaultBackend: backend('else') },
      }),
    remove: () => cluster.remove(ingresses, 'web'),
  }
}
