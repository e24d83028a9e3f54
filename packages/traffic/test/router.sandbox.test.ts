import { connect } from '@sluice/kubernetes/connect'
import { startSandbox } from '@sluice/sandbox/sandbox'
import { routerContract, type Target } from './router.contract.ts'
import { albScene } from './scenes/alb.ts'
import { gatewayScene } from './scenes/gateway-api.ts'
import { replicasScene } from './scenes/replicas.ts'
import { put } from './scenes/services.ts'
import { traefikScene } from './scenes/traefik.ts'

/** Custom resources that routers write, as the embedded cluster serves them: without a schema. */
const DEFINED = [
  ['traefik.io', 'v1alpha1', 'TraefikService'],
  ['traefik.io', 'v1alpha1', 'IngressRoute'],
] as const

/** An embedded cluster of its own for each router: on a busy machine one that serves all of them would make them wait for each other. */
const embedded = async (): Promise<Target> => {
  const sandbox = await startSandbox({ images: {}, reloadMs: 20 })
  const cluster = await connect({ kubeconfig: sandbox.kubeconfig(), env: {} })
  for (const [group, version, kind] of DEFINED) {
    const plural = `${kind.toLowerCase()}s`
    await put(
      cluster,
      { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' },
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `${plural}.${group}` },
        spec: {
          group,
          scope: 'Namespaced',
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
    gatewayClass: 'sandbox',
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

routerContract('gateway-api', embedded, gatewayScene, { marks: true, mirror: true, testers: ['header'] })
routerContract('traefik', embedded, traefikScene, { marks: true, mirror: false, testers: ['header', 'cookie'] })
routerContract('alb', embedded, albScene, { marks: true, mirror: false, testers: [] })
routerContract('replicas', embedded, replicasScene, { marks: false, mirror: false, testers: [] })
