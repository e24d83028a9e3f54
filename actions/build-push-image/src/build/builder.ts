import type { Builder } from './result.ts'
import { short } from './text.ts'

/** What the builder is wanted for. */
export type Needs = { readonly push: boolean; readonly platforms: readonly string[] }

/** What docker said of itself, each text as it was written; `undefined` where the call failed, with `why` it did. */
export type Told = {
  /** `docker --version` */
  readonly docker: string
  /** `docker buildx version` */
  readonly buildx: string | undefined
  /** `docker buildx inspect --bootstrap` */
  readonly inspect: string | undefined
  /** `docker buildx inspect` of a builder that could not be started, which says at least what it is; `''` where nothing does. */
  readonly unstarted?: string
  readonly why: string
}

type Version = readonly [number, number]
/** `--progress rawjson` came last of what is used. Source: https://github.com/docker/buildx/releases/tag/v0.13.0 */
const BUILDX: Version = [0, 13]
/** `image-manifest` and `ignore-error` of a cache. Source: https://github.com/moby/buildkit/releases/tag/v0.12.0 */
const BUILDKIT: Version = [0, 12]

/** A sentence for each thing that is missing or too old, with what to do; and what may be wrong, which is for the log. */
export type Look = {
  readonly builder: Builder
  /** The machines that it builds on. */
  readonly nodes: number
  readonly missing: readonly string[]
  readonly hint: string
  readonly doubts: readonly string[]
}

/** What a builder with several machines does when it pushes several platforms: it writes the tag `latest` when it puts them together, whatever was asked for. */
export const severalNodes = (
  { nodes, builder }: Pick<Look, 'nodes' | 'builder'>,
  platforms: readonly string[],
): string | undefined =>
  nodes > 1 && platforms.length > 1
    ? `the builder ${builder.name} has ${nodes} nodes, and buildx writes the tag latest when it puts together what they pushed`
    : undefined

const LONGEST = 300
const SETUP = 'Add docker/setup-buildx-action in a step before'

/** What to do about several nodes. */
export const ONE_NODE =
  'Use a builder of one node, or build each platform in a job of its own with push: by-digest, and merge their digests'

/** Reads what docker said of itself. */
export const lookAt = (told: Told, needs: Needs): Look => {
  const { docker, buildx, inspect, why } = told
  const builder: Builder = {
    docker: /(\d{1,9}\.\d{1,9}\S{0,60}?)(,|\s|$)/.exec(docker)?.[1] ?? '',
    buildx: /github\.com\/docker\/buildx v?(\S{1,100})/.exec(buildx ?? '')?.[1] ?? '',
    ...inspected(inspect ?? told.unstarted ?? ''),
  }
  const nodes = Math.max(0, valuesOf(inspect ?? '', 'Name').length - 1)
  const of = (missing: readonly string[], hint: string): Look => ({ builder, nodes, missing, hint, doubts: [] })
  if (/podman/i.test(docker))
    return of(
      ["docker is Podman's here, which builds without BuildKit"],
      'Use a runner with Docker, such as ubuntu-latest',
    )
  if (buildx === undefined)
    return of(
      [`docker ${builder.docker} has no buildx (${why})`],
      `${SETUP}, or install the package docker-buildx-plugin`,
    )
  if (builder.buildx === '')
    return of([`docker buildx is not Docker's own: it says ${JSON.stringify(buildx.trim().slice(0, 100))}`], SETUP)
  const silent = silentBuilder(told)
  if (silent !== undefined) return of([silent], startOf(builder.name))
  const missing: string[] = []
  const old = isOlder(builder.buildx, BUILDX)
  if (old) missing.push(`buildx ${builder.buildx} is older than 0.13, the first that tells of its progress as JSON`)
  if (inspect === undefined) missing.push(`there is no builder that runs (${why})`)
  else missing.push(...builderProblems(builder, inspect, needs))
  const several = needs.push ? severalNodes({ nodes, builder }, needs.platforms) : undefined
  if (several !== undefined) return { builder, nodes, missing: [...missing, several], hint: ONE_NODE, doubts: [] }
  return { builder, nodes, missing, hint: hintOf(missing, builder), doubts: doubtsOf(builder, needs) }
}

/** What says that nobody answered, and not that there is nothing to ask. */
const NO_ANSWER =
  /deadline exceeded|connection refused|cannot connect|is the docker daemon running|error during connect|dial (tcp|unix)|no such host|i\/o timeout|no answer in time/i

/** A builder that is there, and does not answer: a newer version of it would not either. */
const silentBuilder = ({ inspect, unstarted, why }: Told): string | undefined => {
  const known = inspect ?? unstarted ?? ''
  const running = valuesOf(known, 'Status').includes('running')
  const said = inspect === undefined ? why : running ? '' : (valuesOf(known, 'Error')[0] ?? '')
  if (!NO_ANSWER.test(said)) return undefined
  const [name = ''] = valuesOf(known, 'Name')
  const about = ['Driver', 'Endpoint'].flatMap((field) => valuesOf(known, field)[0] ?? [])
  const what = `the builder${name === '' ? '' : ` ${name}`}${about.length === 0 ? '' : ` (${about.join(', ')})`}`
  return `${short(what, LONGEST)} does not answer: ${short(said, LONGEST)}`
}

const startOf = (name: string): string =>
  `Start it, such as with docker buildx inspect --bootstrap${name === '' ? '' : ` ${name}`}, or make another with docker/setup-buildx-action in a step before`

const hintOf = (missing: readonly string[], { driver }: Builder): string => {
  if (missing.length === 0) return ''
  return driver === 'docker'
    ? `${SETUP}: it makes a builder of the driver docker-container`
    : `${SETUP}, of a newer version`
}

const builderProblems = ({ name, driver, buildkit }: Builder, inspect: string, needs: Needs): readonly string[] => {
  const problems: string[] = []
  const errors = valuesOf(inspect, 'Error')
  const status = valuesOf(inspect, 'Status')
  if (errors.length > 0 && !status.includes('running'))
    problems.push(`the builder ${name} does not run: ${short(errors[0] ?? '', LONGEST)}`)
  else if (status.length > 0 && !status.includes('running'))
    problems.push(`the builder ${name} does not run: it is ${status[0]}`)
  else if (buildkit === '') problems.push(`the builder ${name} (${driver}) has no BuildKit`)
  if (buildkit !== '' && isOlder(buildkit, BUILDKIT))
    problems.push(`BuildKit ${buildkit} of the builder ${name} is older than 0.12`)
  if (driver === 'docker' && needs.push)
    problems.push(`the builder ${name} has the driver docker, which cannot push by digest`)
  if (driver === 'docker' && needs.platforms.length > 1)
    problems.push(`the builder ${name} has the driver docker, which builds for one platform only`)
  return problems
}

/** What only compiles for another platform needs no emulation of it: whether something must run there shows in the build. */
const doubtsOf = ({ name, platforms }: Builder, needs: Needs): readonly string[] => {
  const strange = needs.platforms.filter(
    (platform) => !platforms.includes(platform) && !platforms.includes(platform.replace(/\/v8$/, '')),
  )
  if (platforms.length === 0 || strange.length === 0) return []
  return [
    `the builder ${name} cannot run programs of ${strange.join(', ')}: a RUN on that platform will fail without docker/setup-qemu-action in a step before`,
  ]
}

/** Source: the text of https://docs.docker.com/reference/cli/docker/buildx/inspect/, which has no other form; before 0.13 it says `Buildkit:`. */
const inspected = (text: string): Pick<Builder, 'name' | 'driver' | 'buildkit' | 'platforms'> => ({
  name: valuesOf(text, 'Name')[0] ?? '',
  driver: valuesOf(text, 'Driver')[0] ?? '',
  buildkit: (
    valuesOf(text, 'BuildKit version')[0] ??
    valuesOf(text, 'Buildkit version')[0] ??
    valuesOf(text, 'Buildkit')[0] ??
    ''
  ).replace(/^v/, ''),
  // An asterisk: chosen for this node by hand.
  platforms: [
    ...new Set(
      valuesOf(text, 'Platforms')
        .flatMap((all) => all.split(','))
        .map((platform) => platform.trim().replace(/\*$/, ''))
        .filter((platform) => platform !== ''),
    ),
  ],
})

const valuesOf = (text: string, name: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim())
    .filter((value) => value !== '')

/** A version of no number, such as that of a build from source, is not older. */
const isOlder = (version: string, [major, minor]: Version): boolean => {
  const [, first, second] = /^v?(\d{1,9})\.(\d{1,9})/.exec(version) ?? []
  if (first === undefined || second === undefined || version.startsWith('0.0.0')) return false
  return Number(first) < major || (Number(first) === major && Number(second) < minor)
}
