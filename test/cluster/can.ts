import { hasGo } from './modules.ts'
import { output } from './shell.ts'

/** What keeps a cluster from running on this machine, one sentence each; empty: nothing does. */
export const cannot = (): readonly string[] => {
  if (process.platform !== 'linux') return ['a cluster of its own needs Linux']
  const commands = ['apt-get', 'dpkg-deb', 'ip', 'nsenter', 'unshare', 'ldd'].filter(
    (command) => output('sh', ['-c', `command -v ${command}`]) === undefined,
  )
  return [
    ...(process.getuid?.() === 0 ? [] : ['it needs root, for namespaces, mounts and control groups']),
    ...(hasGo() ? [] : ['it needs Go, to build Kubernetes, etcd, Prometheus and Traefik']),
    ...(commands.length === 0 ? [] : [`it needs ${commands.join(', ')}`]),
  ]
}
