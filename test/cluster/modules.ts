import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Paths, say } from './paths.ts'
import { output, succeed } from './shell.ts'

/** A program that is built from Go modules: the folder of its go.mod under modules/, the package to build, and what the linker is told. */
type Program = { readonly package: string; readonly linker?: string }

const VERSION = 'v1.34.4'
const VERSIONS = { gitVersion: VERSION, gitMajor: '1', gitMinor: '34' }

const PROGRAMS = {
  etcd: { package: 'go.etcd.io/etcd/server/v3' },
  // Without these the server calls itself v0.0.0, and clients that look at versions refuse it.
  kubernetes: {
    package: '.',
    linker: Object.entries(VERSIONS)
      .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
      .join(' '),
  },
  prometheus: { package: 'github.com/prometheus/prometheus/cmd/prometheus' },
  'metrics-server': { package: 'sigs.k8s.io/metrics-server/cmd/metrics-server' },
  traefik: { package: 'github.com/traefik/traefik/v3/cmd/traefik' },
  'argo-rollouts': { package: 'github.com/argoproj/argo-rollouts/cmd/rollouts-controller' },
  flagger: { package: 'github.com/fluxcd/flagger/cmd/flagger' },
  kind: { package: 'sigs.k8s.io/kind' },
  // A program that says no version is one that others do not trust with what is new.
  buildx: {
    package: 'github.com/docker/buildx/cmd/buildx',
    linker: '-X github.com/docker/buildx/version.Version=v0.29.0',
  },
  buildkit: {
    package: 'github.com/moby/buildkit/cmd/buildkitd',
    linker: '-X github.com/moby/buildkit/version.Version=v0.25.0',
  },
} as const satisfies Readonly<Record<string, Program>>

/** The name of a program that is built here. */
export type ProgramName = keyof typeof PROGRAMS

/**
 * What a cluster needs. Flagger is only ever raced against, and is built for that alone; kind is built where it is the provider; buildx and BuildKit
 * are built for the tests of images.
 */
export const CLUSTER_PROGRAMS: readonly ProgramName[] = [
  'etcd',
  'kubernetes',
  'prometheus',
  'metrics-server',
  'traefik',
  'argo-rollouts',
]

/** Whether Go is there to build with. */
export const hasGo = (): boolean => output('go', ['version']) !== undefined

/**
 * The path of a program, built when it is not in the cache: binaries are kept by the hash of all that decides them. Says what is being built and how
 * long it took. Two builds at once end in the same file; a build that was killed leaves nothing that would be taken for one.
 * @throws Error when Go cannot build it, with what Go said
 */
export const built = (paths: Pick<Paths, 'cache' | 'modules'>, name: ProgramName): string => {
  const { package: target, linker = '' } = PROGRAMS[name] as Program
  const folder = join(paths.modules, name)
  const hash = createHash('sha256').update(`${process.arch} ${target} ${linker}`)
  for (const file of ['go.mod', 'go.sum', 'main.go']) {
    const path = join(folder, file)
    if (existsSync(path)) hash.update(readFileSync(path))
  }
  const binary = join(paths.cache, 'bin', `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(binary)) return binary
  mkdirSync(join(paths.cache, 'bin'), { recursive: true })
  const started = performance.now()
  const half = `${binary}.${process.pid}`
  say(`building ${name} from Go modules`)
  const flags = ['build', '-trimpath', '-mod=readonly', '-ldflags', `-s -w ${linker}`, '-o', half, target]
  try {
    succeed('go', flags, { cwd: folder, env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOTOOLCHAIN: 'local' } })
    renameSync(half, binary)
  } finally {
    rmSync(half, { force: true })
  }
  say(`built ${name} in ${Math.round((performance.now() - started) / 1000)} s`)
  return binary
}

/**
 * Where the source of a module lies, downloaded when it is not there: custom resource definitions come with the programs that serve them.
 * @param module name@version; Go checks its hash against the public checksum database
 */
export const sourceOf = (module: string): string => {
  const env = { ...process.env, GOFLAGS: '', GOTOOLCHAIN: 'local' }
  const told = succeed('go', ['mod', 'download', '-json', module], { cwd: tmpdir(), env })
  return (JSON.parse(told) as { readonly Dir: string }).Dir
}
