import { describe, Fault } from '@sluice/kit/faults'
import type { GitHub } from './connect.ts'
import { refusal, refusalBehind } from './refusal.ts'

/**
 * What an environment makes a job wait for. `reviewers` counts the people and teams of whom one must approve, 0 for none; `waitMinutes` is the wait timer;
 * `branches`: `protected`, those with a branch protection rule; `custom`, those that match the environment's name patterns.
 * `absent-or-hidden`: GitHub says 404 for both. `unknown`: it could not be asked, and `why`.
 */
export type Enforced =
  | {
      readonly kind: 'found'
      readonly reviewers: number
      readonly waitMinutes: number
      readonly branches: 'any' | 'protected' | 'custom'
    }
  | { readonly kind: 'absent-or-hidden' }
  | { readonly kind: 'unknown'; readonly why: string }

/**
 * What one environment enforces. Failures are values: an answer that could not be had must not stop a release.
 * Needs `permissions: actions: read` (in a public repository, none).
 * Source: docs.github.com/en/rest/deployments/environments#get-an-environment
 */
export const enforcedBy = async ({ request, owner, repo }: GitHub, name: string): Promise<Enforced> => {
  try {
    const { data } = await request('GET /repos/{owner}/{repo}/environments/{environment_name}', {
      owner,
      repo,
      environment_name: name,
    })
    return isEnvironment(data)
      ? readEnvironment(data)
      : { kind: 'unknown', why: `GitHub's answer for ${name} is not what its documentation describes` }
  } catch (thrown) {
    const fault = refusal(thrown, `show the environment ${name} of ${owner}/${repo}`, 'actions: read')
    if (!(fault instanceof Fault)) throw fault
    return refusalBehind(fault)?.code === 'not-found'
      ? { kind: 'absent-or-hidden' }
      : { kind: 'unknown', why: describe(fault) }
  }
}

/** The fields of GitHub's answer that are read; a rule of a type that is not known here adds nothing. */
export type EnvironmentAnswer = {
  readonly protection_rules?: readonly {
    readonly type?: string
    readonly wait_timer?: number
    readonly reviewers?: readonly unknown[]
  }[]
  readonly deployment_branch_policy?: {
    readonly protected_branches: boolean
    readonly custom_branch_policies: boolean
  } | null
}

/** An empty answer of whatever stands in between must not pass for an environment without rules. */
const isEnvironment = (data: unknown): data is EnvironmentAnswer => {
  if (typeof data !== 'object' || data === null || !('name' in data)) return false
  const { protection_rules: rules = [] } = data as { readonly protection_rules?: unknown }
  return Array.isArray(rules) && rules.every((rule) => typeof rule === 'object' && rule !== null)
}

/** Reads one environment as GitHub describes it. A wait timer is in minutes, 1 to 43,200. */
export const readEnvironment = ({
  protection_rules: rules = [],
  deployment_branch_policy: policy,
}: EnvironmentAnswer): Extract<Enforced, { kind: 'found' }> => ({
  kind: 'found',
  reviewers: rules.reduce(
    (sum, { type, reviewers = [] }) => sum + (type === 'required_reviewers' ? reviewers.length : 0),
    0,
  ),
  waitMinutes: rules.reduce((most, rule) => Math.max(most, rule.type === 'wait_timer' ? (rule.wait_timer ?? 0) : 0), 0),
  branches:
    policy == null ? 'any' : policy.custom_branch_policies ? 'custom' : policy.protected_branches ? 'protected' : 'any',
})
