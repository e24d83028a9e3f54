import { connect } from '@sluice/kubernetes/connect'
import { startSandbox } from '@sluice/sandbox/sandbox'
import type { Target } from './router.contract.ts'
import { ROUTERS } from './scenes/all.ts'
import { put } from './scenes/services.ts'

/** Resources that routers read and write and the embedded cluster does not know by itself, as it then serves them: without a schema. */
const DEFINED = [
  { group: 'traefik.io', version: 'v1alpha1', kind: 'TraefikService', plural: 'traefikservices', scope: 'Namespaced' },
  { group: 'traefik.io', version: 'v1alpha1', kind: 'IngressRoute', plural: 'ingressroutes', scope: 'Namespaced' },
  {
    group: 'networking.istio.io',
    version: 'v1',
    kind: 'VirtualService',
    plural: 'virtualservices',
    scope: 'Namespaced',
  },
  {
    group: 'networking.istio.io',
    version: 'v1',
    kind: 'DestinationRule',
    plural: 'destinationrules',
    scope: 'Namespaced',
  },
  { group: 'networking.k8s.io', version: 'v1', kind: 'IngressClass', plural: 'ingressclasses', scope: 'Cluster' },
]

/** An embedded cluster of its own for each router: on a busy machine one that serves all of them would make them wait for each other. */
const embedded = async (): Promise<Target> => {
  const sandbox = await startSandbox({ images: {}, reloadMs: 20 })
  const cluster = await connect({ kubeconfig: sandbox.kubeconfig(), env: {} })
  for (const { group, version, kind, plural, scope } of DEFINED) {
    await put(
      cluster,
      { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' },
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `${plural}.${group}` },
        spec: {
          group,
          scope,
          names: { plural, singular: kind.toLowerCase(), kind },
          versions: [
            {
              name: version,
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
            },
          ],
        },
      },
    )
  }
  let count = 0
  return {
    cluster,
    gateway: { className: 'sandbox', port: 80 },
    namespace: async () => {
      const name = `scene-${++count}`
      await put(
        cluster,
        { apiVersion: 'v1', resource: 'namespaces' },
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      )
      return name
    },
    stop: () => sandbox.stop(),
  }
}

for (const contract of ROUTERS) contract(embedded)
