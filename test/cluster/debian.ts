import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Paths, say } from './paths.ts'
import { succeed } from './shell.ts'

/** A list of packages that is unpacked as one. `folder`: how its folder in the cache begins. `what`: what is said to be downloaded. */
export type Packages = { readonly folder: string; readonly what: string; readonly names: readonly string[] }

/** What a cluster needs of Debian. */
const OF_A_CLUSTER: Packages = {
  folder: 'debian',
  what: 'the container runtime and network plugins',
  names: [
    'busybox-static',
    'conntrack',
    'containerd',
    'containernetworking-plugins',
    'docker-registry',
    'nftables',
    'runc',
    'tini',
  ],
}

/** The folder that holds Debian's programs as `usr/bin`, `usr/sbin`, `usr/lib/cni`, and what must be set for them to be found. */
export type Debian = { readonly root: string; readonly path: string; readonly libraries: string }

/**
 * Debian's packages, by default the container runtime and network plugins of a cluster, downloaded and unpacked into the cache: nothing is installed, so
 * nothing starts by itself and nothing of the machine changes. What the named packages need and the machine has already is not downloaded again, and is
 * used from where it is.
 * @throws Error when apt cannot get them
 */
export const debian = ({ cache }: Pick<Paths, 'cache'>, packages: Packages = OF_A_CLUSTER): Debian => {
  const release = createHash('sha256')
    .update(existsSync('/etc/os-release') ? readFileSync('/etc/os-release') : '')
    .update(packages.names.join(' '))
  const root = join(cache, `${packages.folder}-${release.digest('hex').slice(0, 16)}`)
  if (!existsSync(root)) unpack(root, packages)
  const library = `usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
  return {
    root,
    path: ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((folder) => join(root, folder)).join(':'),
    libraries: join(root, library),
  }
}

const unpack = (root: string, { what, names }: Packages): void => {
  const started = performance.now()
  say(`downloading ${what} from Debian`)
  const half = `${root}.${process.pid}`
  const [lists, archives] = [join(half, 'lists'), join(half, 'archives')]
  for (const folder of [lists, archives]) mkdirSync(join(folder, 'partial'), { recursive: true })
  const options = [
    '-o',
    `Dir::State::lists=${lists}`,
    '-o',
    `Dir::Cache::archives=${archives}`,
    '-o',
    'Debug::NoLocking=1',
  ]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    succeed('apt-get', ['update', ...options], { env })
    succeed(
      'apt-get',
      ['install', '--yes', '--no-install-recommends', '--download-only', '--reinstall', ...options, ...names],
      { env },
    )
    const files = readdirSync(archives).filter((name) => name.endsWith('.deb'))
    for (const file of files) succeed('dpkg-deb', ['--extract', join(archives, file), join(half, 'root')])
    renameSync(join(half, 'root'), root)
  } finally {
    rmSync(half, { recursive: true, force: true })
  }
  say(`unpacked them in ${Math.round((performance.now() - started) / 1000)} s`)
}
