import { isSecretInput, isSensitive } from './secret.ts'

/** One request on the way along redirects. */
export type Leg = {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/**
 * The request that a redirect asks for, or why it is not made (RFC 9110, 15.4). To another origin go no headers that may be secret and no
 * body. 303, and 301 or 302 after a POST, continue as GET.
 * @param location as the answer said it, absolute or relative
 */
export const followed = (leg: Leg, status: number, location: string): Leg | { readonly why: string } => {
  const { url, method, headers, body } = leg
  if (!URL.canParse(location, url.href)) return { why: 'its Location is not an address' }
  const next = new URL(location, url)
  if (!/^https?:$/.test(next.protocol)) return { why: 'its Location is not http or https' }
  const becomesGet = (status === 303 && method !== 'HEAD') || (status < 303 && method === 'POST')
  const away = url.origin !== next.origin
  if (away && !becomesGet && body !== undefined) {
    return { why: `not followed to ${next.origin}: the request's body is not sent to another host` }
  }
  const kept = Object.entries(headers).filter(([name]) => {
    if (becomesGet && /^content-/i.test(name)) return false
    return !away || !(isSensitive(name) || isSecretInput(name) || /^host$/i.test(name))
  })
  return {
    url: next,
    method: becomesGet ? 'GET' : method,
    headers: Object.fromEntries(kept),
    body: becomesGet ? undefined : body,
  }
}
