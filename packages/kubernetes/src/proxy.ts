import type { HttpResult } from '@sluice/http/request'
import type { ProxyAnswer, ProxyRequest, ProxyTarget } from './cluster.ts'
import { refusal, ruleFor, type Status, statusOf } from './refusal.ts'
import { type Session, unreachable } from './session.ts'

/** The path that reaches a port of a pod or service through the API server; `https:name:port` when the target speaks TLS. */
export const proxyPath = ({ kind, namespace, name, port, scheme }: ProxyTarget, path: string): string => {
  const target = `${scheme === 'https' ? 'https:' : ''}${name}:${port}`
  return `/api/v1/namespaces/${namespace}/${kind}/${target}/proxy${path.startsWith('/') ? path : `/${path}`}`
}

/**
 * Tells the API server's own refusals (a `Status` object) from what the target answered.
 * @throws Fault('upstream') when the API server itself cannot be reached or does not know us
 */
export const proxyAnswer = (
  result: HttpResult,
  target: ProxyTarget,
  asked: ProxyRequest,
  session: Session,
  now: number,
): ProxyAnswer => {
  if (result.kind === 'too-large') return { kind: 'too-large', text: result.text }
  if (result.kind === 'no-answer') {
    if (result.cause === 'timeout' && result.connected)
      return { kind: 'timed-out', text: `no answer within ${asked.timeoutMs} ms` }
    throw unreachable(session.server, result)
  }
  const status = ownStatus(result.status, result.body)
  if (status === undefined)
    return { kind: 'answered', status: result.status, headers: result.headers, body: result.body }
  const text = status.message ?? `status ${result.status}`
  const { kind, namespace, name } = target
  const access = { verb: verbOf(asked.method), group: '', resource: `${kind}/proxy`, namespace, name } as const
  if (result.status === 401) throw refusal(result, access, session.identity(), now)
  if (result.status === 403) return { kind: 'forbidden', text: `${text}\n${ruleFor({ ...access, name: undefined })}` }
  return { kind: TIMED_OUT.test(text) || result.status === 504 ? 'timed-out' : 'unreachable', text }
}

const TIMED_OUT = /i\/o timeout|context deadline exceeded|TLS handshake timeout|Timeout: request did not complete/i

/** A target may itself be an API server: only the codes and sentences with which a proxy refuses count as its own word. */
const ownStatus = (code: number, body: string): Status | undefined => {
  const status = statusOf(body)
  if (status === undefined) return undefined
  const message = status.message ?? ''
  if (code === 401) return status
  if (code === 403) return /proxy|forbidden/i.test(message) ? status : undefined
  if (code === 404) return /^(pods|services) ".*" not found/.test(message) ? status : undefined
  return code >= 400 ? status : undefined
}

const verbOf = (method = 'GET'): 'get' | 'create' | 'update' | 'patch' | 'delete' =>
  VERBS[method.toUpperCase()] ?? 'get'
const VERBS: Readonly<Record<string, 'create' | 'update' | 'patch' | 'delete'>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}
