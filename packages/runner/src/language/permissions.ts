import type { Access, Permissions } from '../workflow.ts'

/** What a token may do: every scope that is not named is `none`. */
export type Grant = Readonly<Record<string, Access>>

/** The scopes of a token. Source: docs.github.com, "Workflow syntax", permissions. */
export const scopes = [
  'actions',
  'artifact-metadata',
  'attestations',
  'checks',
  'code-quality',
  'contents',
  'copilot-requests',
  'deployments',
  'discussions',
  'drives',
  'id-token',
  'issues',
  'models',
  'packages',
  'pages',
  'pull-requests',
  'repository-projects',
  'security-events',
  'statuses',
  'vulnerability-alerts',
] as const

/**
 * What a token may do where no file says anything: `restricted` reads contents and packages, `permissive` writes all but `id-token`.
 * Source: docs.github.com, "GITHUB_TOKEN", permissions; `CreatePermissionsFromPolicy` of actions/runner.
 */
export const defaultGrant = (policy: 'restricted' | 'permissive'): Grant =>
  policy === 'restricted' ? { contents: 'read', packages: 'read' } : { ...grantOf('write-all'), 'id-token': 'none' }

/** What a `permissions` value gives: `read-all`, `write-all`, or the scopes named and nothing else; `{}` gives nothing. */
export const grantOf = (permissions: Permissions): Grant => {
  if (typeof permissions !== 'string') return permissions
  const access = permissions === 'write-all' ? 'write' : 'read'
  return Object.fromEntries(scopes.map((scope) => [scope, atMost(scope, access)]))
}

/**
 * What a job's token may do: the job's own `permissions`, else the file's, else what its caller gives (for the first file: the repository's default).
 * A pull request of a fork only reads.
 */
export const grantFor = (given: {
  readonly job: Permissions | undefined
  readonly workflow: Permissions | undefined
  readonly otherwise: Grant
  readonly fork?: boolean
}): Grant => {
  const asked = given.job ?? given.workflow
  const grant = asked === undefined ? given.otherwise : grantOf(asked)
  return given.fork ? readOnly(grant) : grant
}

/** What is asked for beyond what is allowed, in GitHub's words; empty when nothing is. */
export const excess = (
  asked: Permissions,
  allowed: Grant,
): { readonly requested: string; readonly allowed: string } | undefined => {
  const beyond = Object.entries(grantOf(asked)).filter(([scope, access]) => rank(access) > rank(allowed[scope]))
  if (beyond.length === 0) return undefined
  return {
    requested: beyond.map(([scope, access]) => `${scope}: ${access}`).join(', '),
    allowed: beyond.map(([scope]) => `${scope}: ${allowed[scope] ?? 'none'}`).join(', '),
  }
}

const order: readonly Access[] = ['none', 'read', 'write']
const rank = (access: Access | undefined): number => order.indexOf(access ?? 'none')

const atMost = (scope: string, access: Access): Access => {
  if (scope === 'models' || scope === 'vulnerability-alerts') return access === 'write' ? 'read' : access
  // There is nothing to read of these: `read-all` gives a value that grants nothing.
  return (scope === 'id-token' || scope === 'copilot-requests') && access === 'read' ? 'none' : access
}

const readOnly = (grant: Grant): Grant =>
  Object.fromEntries(
    Object.entries(grant).map(([scope, access]) => [
      scope,
      access === 'write' ? (scope === 'id-token' ? 'none' : 'read') : access,
    ]),
  )
