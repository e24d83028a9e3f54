import type { Json } from '../template.ts'

/** What of the `github` context a step also has as `GITHUB_…`. Source: `GitHubContext` in actions/runner. */
const AS_VARIABLES = [
  'action_path action_ref action_repository action actor actor_id api_url base_ref env event_name event_path',
  'graphql_url head_ref job output path ref_name ref_protected ref_type ref repository repository_id',
  'repository_owner repository_owner_id retention_days run_attempt run_id run_number server_url sha state',
  'step_summary triggering_actor workflow workflow_ref workflow_sha workspace',
]
  .join(' ')
  .split(' ')

/**
 * The variables that the runner sets itself, over whatever a workflow says: GITHUB_* and RUNNER_* from their contexts.
 * That is why GITHUB_ENV cannot change them. Values that are neither text, number nor boolean are left out.
 * Source: docs.github.com, "Variables reference", default environment variables; `IEnvironmentContextData` in actions/runner.
 */
export const ownVariables = (
  github: Readonly<Record<string, Json>>,
  runner: Readonly<Record<string, Json>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries([
    ...AS_VARIABLES.flatMap((name) => named('GITHUB', name, github[name])),
    ...Object.entries(runner).flatMap(([name, value]) => named('RUNNER', name, value)),
  ])

/** `INPUT_…` variables of an action: spaces become `_`, letters upper case, anything else stays, dashes too. Source: `Handler.AddInputsToEnvironment` in actions/runner. */
export const inputVariables = (inputs: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value]),
  )

const named = (prefix: string, name: string, value: Json | undefined): readonly (readonly [string, string])[] =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? [[`${prefix}_${name.toUpperCase()}`, String(value)]]
    : []
