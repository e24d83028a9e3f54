import type { HttpAnswer } from '@sluice/http/request'
import { type Challenge, challengeIn } from './challenge.ts'
import type { Credentials } from './credentials.ts'
import { type Access, basic, type Means, tokenFor } from './token.ts'

/** What to put into `Authorization`, for one repository. */
export type Authorization = {
  /** What is known to be wanted, renewed when it is about to end; `undefined` before the registry asked for anything. */
  header(access: Access): Promise<string | undefined>
  /** After a refusal: what it asks for, got anew; `undefined` where there is nothing to show, or nothing else than what was `used`. */
  after(answer: HttpAnswer, access: Access, used: string | undefined): Promise<string | undefined>
  /** Whether credentials were shown. */
  shown(): boolean
  /** Whether they were shown for a token, which is for one kind of access. */
  scoped(): boolean
  /** The text with every password and token in it replaced. */
  scrubbed(text: string): string
}

type Held = { readonly challenge: Challenge; readonly header: string; readonly until: number }

/** How long before its end a token is renewed, ms; half its life where that is shorter. */
const EARLY_MS = 10_000
/** How long credentials are kept before they are asked for again, ms. */
const BASIC_MS = 5 * 60_000

/**
 * Shows nothing until the registry asks, then a token for what it asks for, or the credentials themselves. Tokens are kept for each kind of access.
 * Source: distribution.github.io/distribution/spec/auth/token and /oauth
 */
export const authorize = (
  means: Means & { readonly credentials: () => Promise<Credentials | undefined> },
): Authorization => {
  const held = new Map<Access, Held>()
  const asking = new Map<Access, Promise<Held | undefined>>()
  const secrets = new Set<string>()
  let shown = false
  let scoped = false
  const given = async (): Promise<Credentials | undefined> => {
    const credentials = await means.credentials()
    if (credentials === undefined) return undefined
    shown = true
    for (const secret of [credentials.password, basic(credentials).slice('Basic '.length)]) secrets.add(secret)
    return credentials
  }
  const acquire = async (challenge: Challenge, access: Access): Promise<Held | undefined> => {
    const credentials = await given()
    if (challenge.kind === 'basic') {
      if (credentials === undefined) return undefined
      return { challenge, header: basic(credentials), until: means.now() + BASIC_MS }
    }
    scoped ||= credentials !== undefined
    const { token, ms } = await tokenFor(challenge, { means, access, credentials })
    secrets.add(token)
    return { challenge, header: `Bearer ${token}`, until: means.now() + ms - Math.min(EARLY_MS, ms / 2) }
  }
  /** Requests at the same time wait for one token. */
  const renew = (challenge: Challenge, access: Access): Promise<Held | undefined> => {
    const pending = asking.get(access)
    if (pending !== undefined) return pending
    const next = acquire(challenge, access)
      .then((got) => {
        if (got !== undefined) held.set(access, got)
        return got
      })
      .finally(() => asking.delete(access))
    asking.set(access, next)
    return next
  }
  return {
    header: async (access) => {
      const pending = asking.get(access)
      if (pending !== undefined) return (await pending)?.header
      const now = held.get(access)
      return now === undefined || means.now() < now.until ? now?.header : (await renew(now.challenge, access))?.header
    },
    after: async ({ status, headers }, access, used) => {
      const now = held.get(access)
      // Another request was turned away before this one, and has asked already.
      if (now !== undefined && now.header !== used && means.now() < now.until) return now.header
      // Credentials that have ended are not always told from those that are not enough.
      const known = status === 403 && now?.challenge.kind === 'basic' ? now.challenge : undefined
      const challenge = status === 401 ? (challengeIn(headers['www-authenticate']) ?? now?.challenge) : known
      const header = challenge === undefined ? undefined : (await renew(challenge, access))?.header
      return header === used ? undefined : header
    },
    shown: () => shown,
    scoped: () => scoped,
    // The longest first: one may be part of another.
    scrubbed: (text) =>
      [...secrets]
        .filter((one) => one.length > 3)
        .sort((a, b) => b.length - a.length)
        .reduce((rest, one) => rest.replaceAll(one, '***'), text),
  }
}
