import type { JobRequest } from '../execution.ts'
import type { EnvironmentRules } from '../github.ts'
import type { Json } from '../template.ts'
import type { NormalJob } from '../workflow.ts'
import { jobContext, type RunIdentity, refOf } from './contexts.ts'
import type { JobEnvironment } from './environments.ts'
import type { Ready } from './graph.ts'
import { type Claims, claimsOf } from './identity.ts'
import type { Settings } from './settings.ts'
import { nameOf } from './unbegun.ts'

/** What a job's OIDC token says. */
export const claimsFor = (ready: Ready, environment: JobEnvironment | undefined, run: RunIdentity): Claims => {
  const { home, workflow } = ready.graph.loaded
  return claimsOf(run, {
    environment: environment?.name ?? '',
    workflowRef: `${home.repository}/${workflow.file}@${home.ref}`,
    workflowSha: home.sha,
  })
}

/** What the platform adds to what a job's file says. */
export type Given = {
  readonly run: RunIdentity
  readonly settings: Settings
  readonly rules: EnvironmentRules
  readonly checkout: { readonly repository: string; readonly folder: string }
  readonly resolve: JobRequest['resolve']
  readonly say: JobRequest['say']
  readonly token: string
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
}

/**
 * What a machine is told of a job. Secrets and variables of the environment go before the repository's; those secrets only where every caller said
 * `secrets: inherit`. Source: docs.github.com, "Deployments and environments"; actions/runner#1490 and #4453
 */
export const requestFor = (
  ready: Ready & { readonly job: NormalJob },
  { run, settings, rules, checkout, resolve, say, token, directory, env }: Given,
): JobRequest => {
  const { graph, job, scope } = ready
  const { home, workflow } = graph.loaded
  const github = scope.contexts.github as Readonly<Record<string, Json>>
  const { branch, sha } = run.cause
  return {
    ids: ready.ids,
    name: nameOf(ready),
    job,
    workflow,
    contexts: {
      ...scope.contexts,
      github: { ...github, token },
      vars: { ...graph.vars, ...rules.vars },
      secrets: { ...graph.secrets.values, ...(graph.secrets.inherited ? rules.secrets : {}), GITHUB_TOKEN: token },
      job: jobContext(home, workflow.file),
    },
    home,
    checkout: { ...checkout, sha, ref: refOf(branch) },
    resolve,
    timeoutMinutes: settings.timeoutMinutes,
    env,
    directory,
    say,
  }
}
