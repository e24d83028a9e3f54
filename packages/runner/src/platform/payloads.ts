import type { Json } from '../template.ts'
import type { RunTrace } from '../trace.ts'
import { ACTOR, type Cause, OWNER_ID, REPOSITORY_ID, refOf } from './contexts.ts'
import type { Commit } from './repository.ts'

/** What every payload says besides. */
export type Sender = { readonly payload: Json; readonly site: string; readonly repositoryName: string }

type Payload = Readonly<Record<string, Json>>

/** The repository as payloads name it. */
export const repositoryPayload = (repository: string, defaultBranch: string, site: string): Payload => {
  const [owner = '', name = ''] = repository.split('/')
  return {
    id: Number(REPOSITORY_ID),
    name,
    full_name: repository,
    private: true,
    visibility: 'private',
    owner: { login: owner, id: Number(OWNER_ID) },
    default_branch: defaultBranch,
    html_url: `${site}/${repository}`,
  }
}

/** A push of one commit. Source: docs.github.com, "Webhook events and payloads", push */
export const pushPayload = (
  { branch, before, commit }: { readonly branch: string; readonly before: string; readonly commit: Commit },
  { payload, site, repositoryName }: Sender,
): Payload => {
  const person = { name: commit.author, email: commit.email }
  const head = {
    id: commit.id,
    message: commit.message,
    timestamp: commit.timestamp,
    author: person,
    committer: person,
    url: `${site}/${repositoryName}/commit/${commit.id}`,
  }
  return {
    ref: refOf(branch),
    before,
    after: commit.id,
    created: /^0+$/.test(before),
    deleted: false,
    forced: false,
    head_commit: head,
    commits: [head],
    compare: `${site}/${repositoryName}/compare/${before.slice(0, 12)}...${commit.id.slice(0, 12)}`,
    pusher: person,
    repository: payload,
    sender: SENDER,
  }
}

/** A run started by hand. Source: docs.github.com, "Webhook events and payloads", workflow_dispatch */
export const dispatchPayload = (
  { path, branch, inputs }: { readonly path: string; readonly branch: string; readonly inputs: Payload },
  { payload }: Sender,
): Payload => ({ workflow: path, ref: refOf(branch), inputs, repository: payload, sender: SENDER })

/** A run that has ended. Source: docs.github.com, "Webhook events and payloads", workflow_run */
export const workflowRunPayload = (
  trace: RunTrace,
  { branch, sha, event }: Cause,
  { payload, site, repositoryName }: Sender,
): Payload => ({
  action: 'completed',
  workflow_run: {
    id: trace.id,
    name: trace.workflow,
    path: trace.file,
    event,
    status: 'completed',
    conclusion: trace.conclusion,
    head_branch: branch,
    head_sha: sha,
    run_number: trace.id,
    run_attempt: trace.attempt,
    created_at: new Date(trace.startedAt).toISOString(),
    run_started_at: new Date(trace.startedAt).toISOString(),
    updated_at: new Date(trace.endedAt).toISOString(),
    html_url: `${site}/${repositoryName}/actions/runs/${trace.id}`,
    pull_requests: [],
    actor: SENDER,
    head_repository: payload,
  },
  workflow: { name: trace.workflow, path: trace.file },
  repository: payload,
  sender: SENDER,
})

const SENDER = { login: ACTOR, id: 1, type: 'User' }
