import { Fault } from '@sluice/kit/faults'
import { mask } from '@sluice/kit/state'
import { type Credentials, credentialsFor } from '@sluice/registry/credentials'
import { type DockerConfig, openDockerConfig } from '@sluice/registry/docker-config'
import { type Ecr, type EcrPolicy, openEcr } from '@sluice/registry/ecr/ecr'
import { parseEcrHost } from '@sluice/registry/ecr/host'
import { connectRegistry, type Digest, type Registry } from '@sluice/registry/registry'
import { type Repository, shownRepository } from '@sluice/registry/repository'
import type { Place } from '../ports.ts'

/** Where to push to, and who does. */
export type Given = {
  readonly repositories: readonly Repository[]
  /** For the registry that is not ECR. */
  readonly credentials: Credentials | undefined
  readonly roles: readonly { readonly host: string; readonly role: string }[]
  /** What a missing repository at ECR is created with; absent: none is created. */
  readonly policy: EcrPolicy | undefined
  readonly attempts: number
}

/** The machine, as far as registries are concerned. `temporary`: a folder of the job for the private Docker configuration. */
export type Around = {
  readonly env: NodeJS.ProcessEnv
  readonly cancelled: AbortSignal
  readonly dockerConfig: string
  readonly temporary: string
  say(line: string): void
}

/** The registries of one run. `folder` is the DOCKER_CONFIG that knows the logins, in the temporary folder. */
export type Registries = {
  readonly folder: string
  place(repository: string): Place
  login(): Promise<void>
  ensure(): Promise<readonly string[]>
}

/**
 * Opens the registries. Nobody is asked anything yet.
 * @throws Fault('input') when one name and password are to be for several registries
 */
export const openRegistries = async (given: Given, around: Around): Promise<Registries> => {
  const hosts = [...new Set([...given.repositories.map(({ host }) => host), ...given.roles.map(({ host }) => host)])]
  const ecrs = new Map((await Promise.all(hosts.map((host) => ecrOf(host, given, around)))).flat())
  const others = hosts.filter((host) => !ecrs.has(host))
  if (given.credentials !== undefined && others.length !== 1)
    throw new Fault(
      'input',
      others.length === 0
        ? 'registry-username and registry-password are given, and all images are at ECR, which has passwords of its own'
        : `registry-username and registry-password are one registry's, and images are at ${others.join(' and ')}`,
      'Log in to the others with docker/login-action in a step before.',
    )
  const config = openDockerConfig(around.dockerConfig, around.temporary, around.env.DOCKER_AUTH_CONFIG)
  const logins = new Map<string, Credentials>()
  const use = (host: string, credentials: Credentials): void => {
    if (logins.get(host)?.password === credentials.password) return
    mask(credentials.password)
    logins.set(host, credentials)
    config.set(host, credentials)
  }
  if (given.credentials !== undefined) for (const host of others) use(host, given.credentials)
  const places = new Map(
    given.repositories.map((repository) => {
      const registry = connect(repository, logins, config, { given, around })
      return [shownRepository(repository), placeOf(registry, ecrs.get(repository.host))] as const
    }),
  )
  return {
    folder: config.folder,
    place: (name) => {
      const place = places.get(name)
      if (place === undefined) throw new Error(`${name} is none of the repositories`)
      return place
    },
    login: async () => {
      for (const [host, ecr] of ecrs) use(host, await ecr.login())
    },
    ensure: async () => {
      const { policy } = given
      if (policy === undefined) return []
      const all = given.repositories.map(async (repository) => {
        const ecr = ecrs.get(repository.host)
        if (ecr === undefined)
          return [
            `${shownRepository(repository)} is not at ECR: its registry makes repositories by itself, or not at all`,
          ]
        const { created, notes } = await ecr.ensure(repository.path, policy)
        if (created) around.say(`created ${shownRepository(repository)}`)
        return notes
      })
      return (await Promise.all(all)).flat()
    },
  }
}

/**
 * The client of ECR's own API, where a role is given or the job has AWS credentials; else what `docker login` left is used, as anywhere. Where neither is, the machine may
 * have a role of its own, which only the API can say.
 */
const ecrOf = async (
  host: string,
  { roles }: Given,
  { env, cancelled, dockerConfig }: Around,
): Promise<readonly (readonly [string, Ecr])[]> => {
  const parsed = parseEcrHost(host)
  if (parsed === undefined) return []
  const role = roles.find((one) => one.host === host)?.role
  const known = role !== undefined || AWS_VARIABLES.some((name) => Boolean(env[name]))
  if (!known && (await credentialsFor(dockerConfig, host, env)) !== undefined) return []
  return [[host, openEcr(host, parsed, { role, env, signal: cancelled })]]
}

const AWS_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_PROFILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]

const connect = (
  repository: Repository,
  logins: ReadonlyMap<string, Credentials>,
  config: DockerConfig,
  { given, around }: { readonly given: Given; readonly around: Around },
): Registry =>
  connectRegistry(repository, {
    credentials: async () => logins.get(repository.host) ?? credentialsFor(config.folder, repository.host, around.env),
    attempts: given.attempts,
    signal: around.cancelled,
    env: around.env,
    onRetry: around.say,
  })

const placeOf = (registry: Registry, ecr: Ecr | undefined): Place => {
  const { path } = registry.repository
  return {
    tags: () => registry.tags(),
    find: async (tags) => {
      if (ecr !== undefined) return (await ecr.digests(path, tags)) as ReadonlyMap<string, Digest>
      const found = await Promise.all(tags.map(async (tag) => [tag, await registry.find(tag)] as const))
      return new Map(found.flatMap(([tag, digest]) => (digest === undefined ? [] : [[tag, digest] as const])))
    },
    enforced: async (tag) => (ecr === undefined ? false : ecr.immutable(path, tag)),
    image: (reference) => registry.image(reference),
    manifest: (reference) => registry.manifest(reference),
    pushable: () => registry.pushable(),
    put: (reference, manifest) => registry.put(reference, manifest),
  }
}
