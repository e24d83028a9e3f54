import type { Json } from '../template.ts'
import type { Home } from './load.ts'

/** What started a run. */
export type Cause = {
  readonly event: string
  readonly payload: Readonly<Record<string, Json>>
  readonly sha: string
  readonly branch: string
}

/** A run as contexts and claims name it. */
export type RunIdentity = {
  readonly id: number
  readonly number: number
  readonly workflow: string
  readonly file: string
  readonly repository: string
  readonly cause: Cause
}

/** A repository's number; any that stays the same will do. */
export const REPOSITORY_ID = '1'
/** Its owner's number; the same holds for it. */
export const OWNER_ID = '1'
/** Who does everything here. */
export const ACTOR = 'someone'

/**
 * `github` as all jobs of a run see it, those of called workflows too: it is always the caller's.
 * @param urls of the web site and the API that steps are given
 * Source: docs.github.com, "Contexts", github context; "Reusing workflow configurations", github context
 */
export const githubContext = (
  run: RunIdentity,
  urls: { readonly server: string; readonly api: string },
): Readonly<Record<string, Json>> => ({
  ref: refOf(run.cause.branch),
  ref_name: run.cause.branch,
  ref_type: 'branch',
  ref_protected: false,
  sha: run.cause.sha,
  repository: run.repository,
  repository_owner: run.repository.split('/')[0] ?? '',
  repository_id: REPOSITORY_ID,
  repository_owner_id: OWNER_ID,
  repository_visibility: 'private',
  repositoryUrl: `git://github.com/${run.repository}.git`,
  run_id: String(run.id),
  run_number: String(run.number),
  run_attempt: '1',
  retention_days: '90',
  artifact_cache_size_limit: '10',
  secret_source: 'Actions',
  actor: ACTOR,
  actor_id: '1',
  triggering_actor: ACTOR,
  workflow: run.workflow,
  workflow_ref: `${run.repository}/${run.file}@${refOf(run.cause.branch)}`,
  workflow_sha: run.cause.sha,
  head_ref: '',
  base_ref: '',
  event_name: run.cause.event,
  event: run.cause.payload,
  server_url: urls.server,
  api_url: urls.api,
  graphql_url: `${urls.api}/graphql`,
})

/**
 * What `job` says of the file that holds the job: the called workflow's, where `github` says the caller's.
 * Source: docs.github.com, "Contexts", job context
 */
export const jobContext = (home: Home, file: string): Readonly<Record<string, Json>> => ({
  workflow_ref: `${home.repository}/${file}@${home.ref}`,
  workflow_sha: home.sha,
  workflow_repository: home.repository,
  workflow_file_path: file,
})

/** A branch's full name. */
export const refOf = (branch: string): string => `refs/heads/${branch}`
