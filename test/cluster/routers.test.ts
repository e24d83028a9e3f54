import { randomBytes } from 'node:crypto'
import { connect } from '@sluice/kubernetes/connect'
import type { Target } from '../../packages/traffic/test/router.contract.ts'
import { ROUTERS } from '../../packages/traffic/test/scenes/all.ts'
import { put } from '../../packages/traffic/test/scenes/services.ts'
import { kubeconfigOf } from './access.ts'
import { PORTS } from './processes.ts'
import { realCluster } from './site.ts'

const standing = realCluster()

/** The real API server with the real definitions of custom resources. Only Traefik is there to serve what is written. */
const real = async (): Promise<Target> => {
  const { access } = await standing
  const cluster = await connect({ kubeconfig: kubeconfigOf(access), env: {} })
  const namespaces = { apiVersion: 'v1', resource: 'namespaces' }
  const made: string[] = []
  return {
    cluster,
    gateway: { className: 'traefik', port: PORTS.web },
    namespace: async () => {
      const name = `router-${randomBytes(4).toString('hex')}`
      made.push(name)
      await put(cluster, namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
      return name
    },
    stop: async () => {
      for (const name of made) await cluster.remove(namespaces, name)
      // The one thing of a scene that is nobody's namespace's.
      await cluster.remove({ apiVersion: 'networking.k8s.io/v1', resource: 'ingressclasses' }, 'nginx')
    },
  }
}

// The very assertions that the embedded cluster is held to.
for (const contract of ROUTERS) contract(real)
