import { join } from 'node:path'
import { nodeFiles, pushImage } from '../../scripts/image.ts'
import type { Debian } from './debian.ts'
import type { Paths } from './paths.ts'
import { PORTS } from './processes.ts'

/** The image of the container that holds a pod's namespaces: a static program that sleeps. The container runtime knows it by its tag. */
export const pushPause = async (registry: string, { root }: Debian): Promise<void> => {
  const busybox = { from: join(root, 'bin/busybox'), to: '/bin/busybox', mode: 0o755 }
  const entrypoint = ['/bin/busybox', 'sleep', '2147483647']
  await pushImage(registry, 'pause', { layers: [[busybox]], entrypoint }, { tags: ['1'] })
}

/** What a release of the test service does; each is an image of its own. */
export const RELEASES = {
  old: {},
  good: {},
  better: {},
  errors: { FAULT: 'errors', ERRORS: '20' },
  'few-errors': { FAULT: 'errors', ERRORS: '2' },
  slow: { FAULT: 'slow', DELAY: '300' },
  crash: { FAULT: 'crash' },
  'never-ready': { FAULT: 'never-ready' },
  hang: { FAULT: 'hang' },
  hungry: { FAULT: 'hungry', MIB: '200' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>
export type Release = keyof typeof RELEASES

/** Repository of the test service, as the kubelet pulls it. */
export const REPOSITORY = `127.0.0.1:${PORTS.registry}/shop`

/** Makes and pushes every release of the test service; gives their digests. They share all layers, so only the first takes time. */
export const pushReleases = async (paths: Paths, registry: string): Promise<Readonly<Record<Release, string>>> => {
  const service = { from: join(import.meta.dirname, 'service/shop.mjs'), to: '/shop.mjs' }
  const node = nodeFiles()
  const digests: [string, string][] = []
  for (const [release, env] of Object.entries(RELEASES)) {
    const spec = {
      layers: [node, [service]],
      entrypoint: ['/usr/local/bin/node', '/shop.mjs'],
      env: { VERSION: release, ...env },
      user: '65532:65532',
      ports: [8080],
    }
    const { digest } = await pushImage(registry, 'shop', spec, { cache: join(paths.cache, 'layers') })
    digests.push([release, digest])
  }
  return Object.fromEntries(digests) as Readonly<Record<Release, string>>
}
