import type { Agent as HttpAgent } from 'node:http'
import type { Agent as HttpsAgent } from 'node:https'
import { Fault } from '@sluice/kit/faults'
import type { Calling } from './answer.ts'
import type { EcrLogin } from './ecr.ts'
import type { Asker } from './identity.ts'
import type { Send } from './sts.ts'

/** What both kinds of registry are opened with. */
export type Place = Calling & {
  readonly host: string
  readonly asker: Asker
  /** In place of AWS's own. */
  readonly endpoint: string | undefined
  readonly send: Send
  readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent }
  /** For one request. */
  readonly timeoutMs: number
}

/**
 * The login in an authorization token: base64 of `user:password`.
 * @param endsAt ms UTC
 * @throws Fault('upstream') for what is none
 */
export const loginOf = (host: string, token: string | undefined, endsAt: number | undefined): EcrLogin => {
  const text = Buffer.from(token ?? '', 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1 || endsAt === undefined || Number.isNaN(endsAt))
    throw new Fault('upstream', `${host} answered with a token that is none`, 'Look at https://health.aws.amazon.com')
  return { username: text.slice(0, colon), password: text.slice(colon + 1), expiresAt: endsAt }
}
