import { dockerPulls } from './kind.ts'
import { hasGo } from './modules.ts'
import type { Provider } from './paths.ts'
import { output } from './shell.ts'

/**
 * Which way a cluster is made on this machine, or what keeps it from being made, one sentence each. `SLUICE_CLUSTER_PROVIDER` decides; without it all is
 * built here, which needs no image that somebody else made.
 */
export const choose = (env: NodeJS.ProcessEnv): Provider | { readonly lacking: readonly string[] } => {
  const wanted = env.SLUICE_CLUSTER_PROVIDER ?? 'modules'
  if (wanted !== 'modules' && wanted !== 'kind')
    return { lacking: [`SLUICE_CLUSTER_PROVIDER is modules or kind, not ${wanted}`] }
  if (process.platform !== 'linux') return { lacking: ['a cluster of its own needs Linux'] }
  const commands = ['apt-get', 'dpkg-deb', 'flock', 'ip', 'nsenter', 'unshare', 'ldd'].filter(
    (command) => output('sh', ['-c', `command -v ${command}`]) === undefined,
  )
  const lacking = [
    ...(process.getuid?.() === 0 ? [] : ['it needs root, for namespaces, mounts and control groups']),
    ...(hasGo() ? [] : ['it needs Go, to build Kubernetes, etcd, Prometheus and Traefik']),
    ...(commands.length === 0 ? [] : [`it needs ${commands.join(', ')}`]),
    ...(wanted === 'kind' && !dockerPulls() ? ['it needs a Docker that can pull images, for the node'] : []),
  ]
  return lacking.length === 0 ? wanted : { lacking }
}
