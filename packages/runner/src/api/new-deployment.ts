import { type Deployment, type DeploymentState, type DeploymentStatus, STATES } from './deployment-state.ts'
import type { DeploymentRules } from './deployments.ts'
import { bodyOf, invalid, type Reply, refused, wrongTypes } from './exchange.ts'

/**
 * The deployment that a body asks for, or why GitHub makes none: a wrong field, no such ref, a merge, or status contexts that are not success.
 * Source: docs.github.com/en/rest/deployments/deployments#create-a-deployment
 * @param at when it is made, ISO 8601
 */
export const newDeployment = (body: string, id: number, at: string, rules: DeploymentRules): Deployment | Reply => {
  const docs = '/deployments/deployments#create-a-deployment'
  const read = bodyOf(body, docs)
  if ('reply' in read) return read.reply
  const { fields } = read
  const wrong = wrongTypes(
    fields,
    {
      ref: 'string',
      task: 'string',
      auto_merge: 'boolean',
      required_contexts: 'strings',
      payload: 'payload',
      environment: 'string',
      description: 'string',
      transient_environment: 'boolean',
      production_environment: 'boolean',
    },
    { required: ['ref'], docs },
  )
  if (wrong !== undefined) return wrong
  const ref = String(fields.ref)
  const sha = rules.commitOf(ref)
  if (sha === undefined) return refused(422, `No ref found for: ${ref}`, docs)
  const merged = fields.auto_merge === false ? 'up-to-date' : rules.merge(ref)
  if (merged === 'merged')
    return { status: 202, body: { message: `Auto-merged ${rules.defaultBranch} into ${ref} on deployment.` } }
  if (merged === 'conflict') return refused(409, `Conflict merging ${rules.defaultBranch} into ${ref}.`, docs)
  const unmet = unmetContexts(fields.required_contexts as readonly string[] | undefined, rules.contextsOf(sha))
  if (unmet.length > 0)
    return refused(409, `Conflict: Commit status checks failed for ${ref}.`, docs, {
      errors: [{ resource: 'Deployment', field: 'required_contexts', code: 'invalid', contexts: unmet }],
    })
  const environment = textOf(fields.environment) || 'production'
  return {
    id,
    ref,
    sha,
    task: textOf(fields.task) || 'deploy',
    environment,
    originalEnvironment: environment,
    description: fields.description == null ? null : String(fields.description),
    payload: fields.payload ?? {},
    transient: fields.transient_environment === true,
    production:
      typeof fields.production_environment === 'boolean' ? fields.production_environment : environment === 'production',
    createdAt: at,
    statuses: [],
  }
}

/** Required contexts that are not `success`; without a list, every context that the commit has is required. */
const unmetContexts = (
  required: readonly string[] | undefined,
  present: Readonly<Record<string, string>>,
): readonly { readonly context: string; readonly state: string }[] =>
  (required ?? Object.keys(present))
    .map((context) => ({ context, state: present[context] ?? 'pending' }))
    .filter(({ state }) => state !== 'success')

/**
 * The status that a body asks for, or why GitHub takes none. A status without an environment keeps the deployment's.
 * Source: docs.github.com/en/rest/deployments/statuses#create-a-deployment-status
 */
export const newStatus = (
  body: string,
  deployment: Deployment,
  { id, at }: { readonly id: number; readonly at: string },
): { readonly added: DeploymentStatus; readonly autoInactive: boolean } | { readonly reply: Reply } => {
  const docs = '/deployments/statuses#create-a-deployment-status'
  const read = bodyOf(body, docs)
  if ('reply' in read) return read
  const { fields } = read
  const texts = ['state', 'target_url', 'log_url', 'description', 'environment', 'environment_url'] as const
  const wrong = wrongTypes(
    fields,
    { ...Object.fromEntries(texts.map((name) => [name, 'string' as const])), auto_inactive: 'boolean' },
    { required: ['state'], docs },
  )
  if (wrong !== undefined) return { reply: wrong }
  const problems = statusProblems(fields)
  if (problems.length > 0) {
    const errors = problems.map(({ field, message }) => {
      return { resource: 'DeploymentStatus', code: 'custom', field, message } as const
    })
    return { reply: invalid(errors, docs) }
  }
  const logUrl = textOf(fields.log_url) || textOf(fields.target_url)
  return {
    autoInactive: fields.auto_inactive !== false,
    added: {
      id,
      state: fields.state as DeploymentState,
      description: textOf(fields.description),
      environment: textOf(fields.environment) || deployment.environment,
      logUrl,
      environmentUrl: textOf(fields.environment_url),
      createdAt: at,
    },
  }
}

/** Limits of a status that GitHub answers with 422. */
const statusProblems = (fields: Readonly<Record<string, unknown>>) => [
  ...(STATES.some((state) => state === fields.state)
    ? []
    : [{ field: 'state', message: 'state is not included in the list' }]),
  ...(textOf(fields.description).length > 140
    ? [{ field: 'description', message: 'description is too long (maximum is 140 characters)' }]
    : []),
  ...['target_url', 'log_url', 'environment_url']
    .filter((name) => textOf(fields[name]) !== '' && !/^https?:\/\//i.test(textOf(fields[name])))
    .map((field) => ({ field, message: `${field} must use http(s) scheme` })),
]

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
