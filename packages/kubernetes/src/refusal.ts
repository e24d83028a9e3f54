import { Fault } from '@sluice/kit/faults'
import { tokenEnd } from './token.ts'

/** What was asked, in the words of RBAC: `patch` `httproutes` of group `gateway.networking.k8s.io`. */
export type Access = {
  readonly verb: 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete'
  readonly group: string
  /** With its subresource: `pods/proxy`. */
  readonly resource: string
  readonly namespace?: string | undefined
  readonly name?: string | undefined
}

/** Whose credential was used, for messages. */
export type Identity = {
  readonly server: string
  readonly user: string
  readonly origin: string
  readonly token?: string | undefined
}

/** The API server's `Status` object, as far as messages need it. */
export type Status = {
  readonly kind?: string
  readonly reason?: string
  readonly message?: string
  readonly code?: number
  readonly details?: {
    readonly causes?: readonly { readonly field?: string; readonly message?: string; readonly reason?: string }[]
  }
}

/** The body as a Status, or undefined: a proxy on the way and an HTML page are not the API server's word. */
export const statusOf = (body: string): Status | undefined => {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status'
      ? (value as Status)
      : undefined
  } catch {
    return undefined
  }
}

/** The rule, as YAML for a Role or ClusterRole, that would allow what was refused. `create` and `list` cannot be limited to names. */
export const ruleFor = ({ verb, group, resource, namespace, name }: Access): string => {
  const named = name !== undefined && verb !== 'create' && verb !== 'list'
  return [
    'apiVersion: rbac.authorization.k8s.io/v1',
    `kind: ${namespace === undefined ? 'ClusterRole' : 'Role'}`,
    'metadata:',
    '  name: sluice',
    ...(namespace === undefined ? [] : [`  namespace: ${namespace}`]),
    'rules:',
    `  - apiGroups: ["${group}"]`,
    `    resources: ["${resource}"]`,
    ...(named ? [`    resourceNames: ["${name}"]`] : []),
    `    verbs: ["${verb}"]`,
  ].join('\n')
}

/** The HTTP status behind a fault of this package; `undefined` when there was no answer, or it is another's fault. */
export const statusBehind = (thrown: unknown): number | undefined =>
  thrown instanceof Fault && typeof thrown.cause === 'object' && thrown.cause !== null && 'status' in thrown.cause
    ? Number(thrown.cause.status)
    : undefined

/**
 * The fault for an answer that is neither success nor one of the outcomes a caller expects (absent, conflict).
 * 400 and 422 are the caller's input; all else is upstream. No credential is ever part of it.
 */
export const refusal = (
  answer: { readonly status: number; readonly body: string },
  access: Access,
  identity: Identity,
  now: number,
): Fault => {
  const status = statusOf(answer.body)
  const what = `${access.verb} ${access.resource}${access.name === undefined ? '' : ` ${access.name}`}${access.namespace === undefined ? '' : ` in namespace ${access.namespace}`}`
  const said = status?.message ?? excerpt(answer.body)
  const cause = { cause: { status: answer.status } }
  switch (answer.status) {
    case 401:
      return new Fault(
        'upstream',
        `${identity.server} does not accept the credential of user "${identity.user}" from ${identity.origin} (401)${expiry(identity.token, now)}`,
        'Log in again, and check that the credential belongs to this cluster',
        cause,
      )
    case 403:
      // A rule of RBAC helps against an authorizer, which says what the user cannot do; admission and webhooks say why they will not have the object.
      if (status !== undefined && !/ cannot [a-z]+/.test(said))
        return new Fault('upstream', `The API server refused to ${what}: ${said} (403)`, undefined, cause)
      return new Fault(
        'upstream',
        `Not allowed to ${what}: ${said} (403)`,
        `This rule, bound to the user, would allow it:\n${ruleFor(access)}`,
        cause,
      )
    case 400:
    case 422: {
      const causes = (status?.details?.causes ?? []).map(
        ({ field, message }) => `${field ?? 'object'}: ${message ?? 'invalid'}`,
      )
      const list = causes.length > 1 ? `\n  ${causes.join('\n  ')}` : ` ${causes[0] ?? said}`
      return new Fault('input', `The API server finds it invalid (${what}, ${answer.status}):${list}`, undefined, cause)
    }
    case 404:
      return new Fault(
        'upstream',
        `${identity.server} does not serve ${access.resource}${access.group === '' ? '' : ` of ${access.group}`} (404): ${said}`,
        'The kind may not be installed, or the address is not that of an API server',
        cause,
      )
    default:
      return new Fault(
        'upstream',
        `${identity.server} failed to ${what}: ${said || 'no explanation'} (${answer.status})`,
        undefined,
        cause,
      )
  }
}

const excerpt = (body: string): string => {
  const text = body.replace(/\s+/g, ' ').trim()
  if (/^<(!doctype|html)/i.test(text)) return 'an HTML page, not an API server'
  return text.length > 200 ? `${text.slice(0, 197)}…` : text
}

/** When a token ended, for a sentence; empty for one that did not, or does not say. */
const expiry = (token: string | undefined, now: number): string => {
  const end = tokenEnd(token)
  return end === undefined || end > now ? '' : `: its token ended at ${new Date(end).toISOString()}`
}
