import type { EnvironmentRules } from '../github.ts'
import { evaluate, evaluateText } from '../language/evaluate.ts'
import type { Scope, Template } from '../template.ts'

/** The environment that a job names. `deployment` false: GitHub makes no Deployment for the job; rules, secrets and variables hold all the same. */
export type JobEnvironment = { readonly name: string; readonly deployment: boolean }

/**
 * Reads a job's `environment`, a name or a mapping; its `url` is the machine's to evaluate, after the steps. An empty name is none.
 * @param scope with `github`, `needs`, `strategy`, `matrix`, `vars` and `inputs`
 * @throws Fault('input') for an expression that cannot be evaluated
 * Source: `ConvertToActionEnvironmentReference` of actions/runner; docs.github.com, "Deployments and environments"
 */
export const environmentOf = (template: Template | undefined, scope: Scope): JobEnvironment | undefined => {
  if (template?.kind !== 'mapping') return named(evaluateText(template, scope), true)
  const under = (key: string) =>
    template.entries.find((entry) => entry.key.kind === 'literal' && entry.key.value === key)?.value
  const deployment = under('deployment')
  return named(evaluateText(under('name'), scope), deployment === undefined || evaluate(deployment, scope) !== false)
}

const named = (name: string, deployment: boolean): JobEnvironment | undefined =>
  name === '' ? undefined : { name, deployment }

/** The rules of an environment, by its name without regard to case; one that nobody made has none. */
export const rulesOf = (environments: Readonly<Record<string, EnvironmentRules>>, name: string): EnvironmentRules =>
  Object.entries(environments).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] ?? {}

/**
 * Whether an environment's branch patterns let a branch use it. `*` matches anything but a slash, `**` followed by a slash any folders.
 * Source: docs.github.com, "Deployments and environments", deployment branches and tags
 * @param patterns undefined: any branch
 */
export const mayDeploy = (branch: string, patterns: readonly string[] | undefined): boolean =>
  patterns === undefined || patterns.some((pattern) => fits(branch, pattern))

/** GitHub's words for a job whose branch may not use its environment. */
export const branchRefusal = (branch: string, environment: string): string =>
  `Branch "${branch}" is not allowed to deploy to ${environment} due to environment protection rules.`

/** GitHub's words for a job that a reviewer rejected, or that another rule kept out. */
export const REJECTED = "The deployment was rejected or didn't satisfy other protection rules."

const fits = (branch: string, pattern: string): boolean => {
  const source = pattern
    .split(/(\*\*\/|\*|\?|\[[^\]]+\])/)
    .map((part) => {
      if (part === '**/') return '(?:[^/]+/)*'
      if (part === '*') return '[^/]*'
      if (part === '?') return '[^/]'
      if (part.startsWith('[') && part.endsWith(']')) return part.replace(/^\[!/, '[^')
      return part.replace(/[.+^${}()|[\]\\]/g, '\\$&')
    })
    .join('')
  return new RegExp(`^${source}$`).test(branch)
}
