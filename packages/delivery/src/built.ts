import type { Described } from './file.ts'
import { BUILDERS, GHCR, hostOf, otherRegistries, type Packaging } from './package.ts'
import { joined } from './text.ts'

/** One platform of an image: `name` is its name in names of artifacts, such as `linux-arm64`. */
export type Leg = {
  readonly platform: string
  readonly name: string
  readonly 'runs-on': string | readonly string[]
}

/** How the image is built: build-push-image's inputs by their names, as texts, and what package.yml does beside it. Paths are from the repository's root. */
export type PlannedPackage = {
  /** Repositories, one a line; the first is the service's own. */
  readonly images: string
  /** Whether one of them is at ghcr.io, where the run itself logs in. */
  readonly ghcr: boolean
  /** The one other registry that a user name leads into; empty for none. */
  readonly registry: string
  readonly context: string
  readonly dockerfile: string
  readonly target: string
  /** With a comma between them. */
  readonly platforms: string
  readonly legs: readonly Leg[]
  /** Their names, with a blank between them. */
  readonly 'leg-names': string
  readonly tags: string
  readonly flavor: string
  readonly labels: string
  readonly 'build-args': string
  readonly cache: string
  readonly provenance: string
  readonly sbom: boolean
  readonly attest: boolean
  /** The image of the builder, by digest; empty for that of setup-buildx-action. */
  readonly buildkit: string
  readonly attempts: number
  /** `true`, `false`, or JSON. */
  readonly 'ensure-repository': string
  readonly 'aws-role-registries': string
}

/** What package.yml needs; `null`: the service says nothing of how its image is built. */
export const packageOf = ({ image, folder, package: given }: Described): PlannedPackage | null => {
  if (given === undefined) return null
  const legs = legsOf(given.platforms)
  const images = [image, ...given.images]
  return {
    images: images.join('\n'),
    ghcr: images.some((each) => hostOf(each) === GHCR),
    registry: otherRegistries(images)[0] ?? '',
    context: asArgument(joined(folder, given.context)),
    dockerfile: given.dockerfile === undefined ? '' : asArgument(joined(folder, given.dockerfile)),
    target: given.target ?? '',
    platforms: legs.map(({ platform }) => platform).join(','),
    legs,
    'leg-names': legs.map(({ name }) => name).join(' '),
    tags: given.tags.join('\n'),
    flavor: given.flavor.join('\n'),
    labels: pairs(given.labels),
    'build-args': pairs(given['build-args']),
    cache: given.cache,
    provenance: given.provenance,
    sbom: given.sbom,
    attest: given.attest,
    buildkit: given.buildkit ?? '',
    attempts: given.attempts,
    'ensure-repository': ensured(given['ensure-repository'], folder),
    'aws-role-registries': pairs(given['aws-role-registries']),
  }
}

const legsOf = (platforms: Packaging['platforms']): readonly Leg[] =>
  (Array.isArray(platforms)
    ? platforms.map((platform) => [platform, BUILDERS[platform] ?? ''] as const)
    : Object.entries(platforms)
  ).map(([platform, runner]) => ({ platform, name: platform.replaceAll('/', '-'), 'runs-on': runner }))

const ensured = (given: Packaging['ensure-repository'], folder: string): string =>
  typeof given === 'boolean'
    ? String(given)
    : JSON.stringify({
        ...given,
        ...(given.lifecycle === undefined ? {} : { lifecycle: joined(folder, given.lifecycle) }),
      })

const pairs = (map: Readonly<Record<string, string | number | boolean>>): string =>
  Object.entries(map)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')

/** A path that no program takes for an option. */
const asArgument = (path: string): string => (path.startsWith('-') ? `./${path}` : path)
