import { join } from 'node:path'
import { type Debian, debian, type Packages } from '../cluster/debian.ts'
import { built, hasGo } from '../cluster/modules.ts'
import { pathsOf } from '../cluster/paths.ts'
import { output } from '../cluster/shell.ts'

/** What building and pushing images needs of Debian. Docker's client and daemon are as old as those that people still have. */
const OF_IMAGES: Packages = {
  folder: 'docker',
  what: 'Docker, a registry and runc',
  names: ['busybox-static', 'containerd', 'docker-registry', 'docker.io', 'runc'],
}

/** What keeps images from being built and pushed for real on this machine, one sentence each; empty when nothing does. */
export const lacking = (): readonly string[] => {
  if (process.platform !== 'linux') return ['building and pushing images for real needs Linux']
  const commands = ['apt-get', 'dpkg-deb', 'openssl', 'setpriv', 'unshare'].filter(
    (command) => output('sh', ['-c', `command -v ${command}`]) === undefined,
  )
  return [
    ...(process.getuid?.() === 0 ? [] : ['it needs root, for the containers that BuildKit builds in']),
    ...(hasGo() ? [] : ['it needs Go, to build BuildKit and buildx']),
    ...(commands.length === 0 ? [] : [`it needs ${commands.join(', ')}`]),
  ]
}

/** Every program that images are built and pushed with: where the built ones lie, and where Debian's are found. */
export type Programs = {
  readonly buildx: string
  readonly buildkitd: string
  /** A static program that does for a whole distribution. */
  readonly busybox: string
  readonly debian: Debian
}

/**
 * The programs, built and downloaded when they are not in the cache that they share with the cluster's: about two minutes the first time.
 * @throws Error when one cannot be had, with what Go or apt said
 */
export const programs = (): Programs => {
  const paths = pathsOf()
  const unpacked = debian(paths, OF_IMAGES)
  return {
    buildx: built(paths, 'buildx'),
    buildkitd: built(paths, 'buildkit'),
    busybox: join(unpacked.root, 'bin/busybox'),
    debian: unpacked,
  }
}
