import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Deployment } from '../api/deployment-state.ts'
import { startGitHubApi } from '../api/server.ts'
import type { JobRequest, RunningJob } from '../execution.ts'
import type { Happening, PlatformOptions } from '../github.ts'
import { startJob } from '../job/job.ts'
import { defaultGrant, type Grant } from '../language/permissions.ts'
import type { Json } from '../template.ts'
import { deployer } from './deployment.ts'
import { filesOf, resolver } from './files.ts'
import { removeFolder } from './folder.ts'
import { concurrencyGroups, type Groups } from './groups.ts'
import { type Issuer, startIssuer } from './identity.ts'
import type { Files, Home } from './load.ts'
import { type Machines, machines } from './machines.ts'
import { repositoryPayload } from './payloads.ts'
import { openRepository, type Repository } from './repository.ts'

/** An opaque token, as a job gets one. */
export type Lent = { readonly token: string; readonly giveBack: () => void }

/** What all runs of a platform share. */
export type Hub = {
  readonly options: PlatformOptions
  readonly url: string
  /** What a browser would open; here the API's own address, so that nothing leads outside. */
  readonly site: string
  readonly repositoryName: string
  readonly payload: Json
  readonly repository: Repository
  readonly files: Files
  readonly groups: Groups
  readonly machines: Machines
  readonly start: (request: JobRequest) => RunningJob
  readonly resolve: JobRequest['resolve']
  readonly identify: Issuer['open']
  readonly deploy: ReturnType<typeof deployer>
  readonly deployments: () => readonly Deployment[]
  /** Makes a token that the API knows until it is given back. */
  readonly lend: (grant: Grant) => Lent
  readonly given: Grant
  /** The run's own repository at a commit. */
  readonly own: (sha: string, ref: string) => Home
  /** The folder that machines are made in. */
  readonly directory: string
  /** Numbers the runs of a workflow file. */
  readonly numberOf: (file: string) => number
  /** Says what happens to whoever listens. */
  readonly tell: (happening: Happening) => void
  readonly closed: () => boolean
  readonly onStop: (stop: () => void) => () => void
  /** Ends all runs at once, as if all machines died and the site with them. */
  readonly stop: () => void
  readonly close: () => Promise<void>
}

/** Opens what all runs share: the API and the issuer on loopback, the repository, groups and machines. */
export const openHub = async (
  options: PlatformOptions,
  start: (request: JobRequest) => RunningJob = startJob,
): Promise<Hub> => {
  const { name, folder, defaultBranch } = options.repository
  const tokens = new Map<string, Grant>()
  const repository = openRepository(folder)
  const api = await startGitHubApi({
    repository: name,
    permissionsOf: (token) => tokens.get(token),
    ...(options.environments ? { environments: options.environments } : {}),
    commitOf: repository.commitOf,
    defaultBranch,
  })
  const issuer = await startIssuer(Date.now)
  mkdirSync(options.directory, { recursive: true })
  const directory = mkdtempSync(join(options.directory, 'platform-'))
  const files = filesOf(options, repository)
  const numbers = new Map<string, number>()
  const stops = new Set<() => void>()
  let closed = false
  const lend: Hub['lend'] = (grant) => {
    const token = `ghs_${randomBytes(18).toString('hex')}`
    tokens.set(token, grant)
    return { token, giveBack: () => void tokens.delete(token) }
  }
  return {
    options,
    url: api.url,
    site: api.url,
    repositoryName: name,
    payload: repositoryPayload(name, defaultBranch, api.url),
    repository,
    files,
    groups: concurrencyGroups(),
    machines: machines(options.machines ?? 4),
    start,
    resolve: resolver(options, { repository, files, cache: join(directory, 'actions') }),
    identify: issuer.open,
    deploy: deployer({ url: api.url, repository: name, lend }),
    deployments: api.deployments,
    lend,
    given: defaultGrant(options.defaultPermissions ?? 'restricted'),
    own: (sha, ref) => ({ repository: name, folder, sha, ref }),
    directory,
    numberOf: (file) => {
      const number = (numbers.get(file) ?? 0) + 1
      numbers.set(file, number)
      return number
    },
    tell: (happening) => {
      try {
        options.on?.(happening)
      } catch {
        // A listener is no part of a run: what it throws changes nothing.
      }
    },
    closed: () => closed,
    onStop: (stop) => {
      stops.add(stop)
      return () => void stops.delete(stop)
    },
    stop: () => {
      closed = true
      for (const stop of stops) stop()
    },
    close: async () => {
      await Promise.all([api.close(), issuer.close()])
      removeFolder(directory)
    },
  }
}
