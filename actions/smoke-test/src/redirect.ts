import { isSecretInput, isSensitive } from './secret.ts'

export type Hop = {
  readonly from: URL
  readonly to: URL
  readonly status: number
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/**
 * How a redirect is followed (RFC 9110, 15.4). To another origin go no headers that may be secret and no body: a request that would need
 * its body there is not sent. 303, and 301 or 302 after a POST, continue as GET.
 */
export const crossesTo = ({
  from,
  to,
  status,
  method,
  headers,
  body,
}: Hop):
  | { readonly kind: 'stop'; readonly why: string }
  | {
      readonly kind: 'follow'
      readonly method: string
      readonly headers: Readonly<Record<string, string>>
      readonly body: string | undefined
    } => {
  const becomesGet = (status === 303 && method !== 'HEAD') || (status < 303 && method === 'POST')
  const away = from.origin !== to.origin
  if (away && !becomesGet && body !== undefined) {
    return {
      kind: 'stop',
      why: `not followed: it leads to ${to.origin}, and the request's body is not sent to another host`,
    }
  }
  const kept = Object.entries(headers).filter(([name]) => {
    if (becomesGet && /^content-/i.test(name)) return false
    return !away || !(isSensitive(name) || isSecretInput(name) || /^host$/i.test(name))
  })
  return {
    kind: 'follow',
    method: becomesGet ? 'GET' : method,
    headers: Object.fromEntries(kept),
    body: becomesGet ? undefined : body,
  }
}
