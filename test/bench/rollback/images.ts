import { join } from 'node:path'
import { nodeFiles, pushImage } from '../../../scripts/image.ts'
import { REPOSITORY } from '../../cluster/images.ts'
import type { Real } from '../../cluster/site.ts'
import { registryOf } from '../../cluster/up.ts'
import { NOISE, type NoisyRelease, type Scene } from './scenes.ts'

/** Gives the image of every release of the race, `repository@sha256:…`; those that fail by chance are made and pushed here. */
export const imagesOf = async (real: Real): Promise<(release: Scene['release']) => string> => {
  const service = { from: join(import.meta.dirname, '../../cluster/service/shop.mjs'), to: '/shop.mjs' }
  const noisy = { from: join(import.meta.dirname, 'noisy.mjs'), to: '/noisy.mjs' }
  const node = nodeFiles()
  const push = async (version: NoisyRelease): Promise<string> => {
    const spec = {
      layers: [node, [service], [noisy]],
      entrypoint: ['/usr/local/bin/node', '/noisy.mjs'],
      env: { VERSION: version, CHANCE: String(NOISE) },
      user: '65532:65532',
      ports: [8080],
    }
    const cache = join(real.paths.cache, 'layers')
    return `${REPOSITORY}@${(await pushImage(registryOf(real.address), 'shop', spec, { cache })).digest}`
  }
  const made = { 'old-noisy': await push('old-noisy'), 'good-noisy': await push('good-noisy') }
  return (release) =>
    release in made ? made[release as NoisyRelease] : real.image(release as Parameters<Real['image']>[0])
}
