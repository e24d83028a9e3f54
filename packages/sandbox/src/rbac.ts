import { randomBytes } from 'node:crypto'
import { type Refusal, refuse } from './refusals.ts'

/** A rule as RBAC writes it; `*` meets everything. `namespaces` absent: all of them, as a ClusterRoleBinding gives. */
export type PolicyRule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly namespaces?: readonly string[]
}

/** Whom a token stands for and what it may do; `expiresAt` in ms UTC. */
export type User = { readonly name: string; readonly rules: readonly PolicyRule[]; readonly expiresAt: number }

/** What a request wants to do. `resource` with its subresource: `pods/log`. */
export type Attempt = {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string | undefined
}

/** Tokens and whom they belong to. */
export type Tokens = {
  /** `token`: one of the caller's own making, such as a JWT. */
  issue(
    rules: readonly PolicyRule[],
    options?: { readonly user?: string; readonly expiresInMs?: number; readonly token?: string },
  ): string
  /** From now on this token answers 401. */
  revoke(token: string): void
  userOf(authorization: string | undefined, now: number): User | undefined
}

const EVERYTHING: PolicyRule = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }

/** The rules of a cluster administrator. */
export const ADMIN: readonly PolicyRule[] = [EVERYTHING]

/** Issues bearer tokens and looks them up. */
export const createTokens = (now: () => number): Tokens => {
  const users = new Map<string, User>()
  return {
    issue: (rules, options = {}) => {
      const token = options.token ?? randomBytes(24).toString('base64url')
      const name = options.user ?? `system:serviceaccount:sandbox:token-${users.size + 1}`
      users.set(token, { name, rules, expiresAt: now() + (options.expiresInMs ?? Number.POSITIVE_INFINITY) })
      return token
    },
    revoke: (token) => void users.delete(token),
    userOf: (authorization, at) => {
      const user = users.get(/^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? '')
      return user !== undefined && at < user.expiresAt ? user : undefined
    },
  }
}

/** Whether a user's rules allow an attempt. */
export const allows = (rules: readonly PolicyRule[], attempt: Attempt): boolean =>
  rules.some(
    (rule) =>
      has(rule.verbs, attempt.verb) &&
      has(rule.apiGroups, attempt.group) &&
      (has(rule.resources, attempt.resource) || rule.resources.includes(`*/${attempt.resource.split('/')[1]}`)) &&
      (rule.resourceNames === undefined ||
        rule.resourceNames.length === 0 ||
        rule.resourceNames.includes(attempt.name ?? '')) &&
      (rule.namespaces === undefined || rule.namespaces.includes(attempt.namespace ?? '')),
  )

const has = (list: readonly string[], value: string): boolean => list.includes('*') || list.includes(value)

/** 403 in the words of the API server. */
export const forbidden = (user: User, attempt: Attempt): Refusal => {
  const plural = attempt.resource.split('/')[0] ?? ''
  const what = attempt.group === '' ? plural : `${plural}.${attempt.group}`
  const name = attempt.name === undefined ? '' : ` "${attempt.name}"`
  const where = attempt.namespace === undefined ? 'at the cluster scope' : `in the namespace "${attempt.namespace}"`
  return refuse(
    403,
    'Forbidden',
    `${what}${name} is forbidden: User "${user.name}" cannot ${attempt.verb} resource "${attempt.resource}" in API group "${attempt.group}" ${where}`,
    {
      ...(attempt.name === undefined ? {} : { name: attempt.name }),
      ...(attempt.group === '' ? {} : { group: attempt.group }),
      kind: plural,
    },
  )
}
