import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { request } from '@sluice/http/request'
import { type Clock, realClock } from '@sluice/http/retry'
import { Fault } from '@sluice/kit/faults'
import { type EcrHost, regionOf } from './host.ts'
import { type IdToken, idTokenOf } from './id-token.ts'
import { askerOf, kept } from './identity.ts'
import { type EcrPolicy, lifecycleProblem } from './policy.ts'
import { openPrivate } from './private.ts'
import { openPublic } from './public.ts'
import type { Send } from './sts.ts'

export type { EcrPolicy }

/** What docker logs in with. `expiresAt`: ms UTC. */
export type EcrLogin = { readonly username: string; readonly password: string; readonly expiresAt: number }

/** One registry of Amazon ECR; repositories are named as in an image, without the host. */
export type Ecr = {
  /** The login of now, kept until it ends within 15 minutes. The password must be masked by the caller. */
  login(): Promise<EcrLogin>
  /**
   * Makes the repository when it is not there; two at once end the same. The settings of one that is there are not changed.
   * @returns `notes`: how one that was there differs from what was asked for
   */
  ensure(
    repository: string,
    policy: EcrPolicy,
  ): Promise<{ readonly created: boolean; readonly notes: readonly string[] }>
  /** Whether a tag cannot be overwritten once it is written. */
  immutable(repository: string, tag: string): Promise<boolean>
  /** tag → digest of those that exist. */
  digests(repository: string, tags: readonly string[]): Promise<ReadonlyMap<string, string>>
}

/**
 * `role`: the ARN of one to be taken on; `env`: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, GitHub's variables for identity tokens and
 * those of a proxy; `endpoint`: in place of AWS's own, for tests; `idToken`: in place of GitHub's issuer.
 */
export type EcrGiven = {
  readonly role: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** The machine's own unless given. */
  readonly clock?: Clock
  readonly signal: AbortSignal
  readonly endpoint?: string
  readonly idToken?: IdToken
}

const LOGIN_AHEAD_MS = 15 * 60_000
const ONE_CALL_MS = 15_000

/**
 * Opens a registry; nothing is asked before a method is called. Every call is tried up to four times in all.
 * All methods throw Fault('input') for what the caller can mend (rights, names, no credentials) and Fault('upstream') for what AWS or the network did.
 */
export const openEcr = (host: string, parsed: EcrHost, given: EcrGiven): Ecr => {
  const { clock = realClock, signal, env, endpoint } = given
  // Plain HTTP is this machine's own: GitHub's issuer of a local run. No proxy is asked for it.
  const agents = {
    http: new HttpAgent({ keepAlive: true }),
    https: new HttpsAgent({ keepAlive: true, proxyEnv: { ...env } }),
  }
  const agentOf = (url: string | URL): HttpAgent => (new URL(url).protocol === 'https:' ? agents.https : agents.http)
  const send: Send = (call) => request({ ...call, timeoutMs: ONE_CALL_MS, signal, tls: { agent: agentOf(call.url) } })
  const region = regionOf(parsed)
  const fips = parsed.kind === 'private' && parsed.fips
  const tokenUrl = env.ACTIONS_ID_TOKEN_REQUEST_URL ?? ''
  const tls = URL.canParse(tokenUrl) ? { agent: agentOf(tokenUrl) } : {}
  const asker = askerOf(
    host,
    { clock, signal, region, fips, endpoint, send },
    { role: given.role, env, idToken: given.idToken ?? idTokenOf(env, { clock, signal }, tls) },
  )
  const place = { host, asker, clock, signal, endpoint, send, agents, timeoutMs: ONE_CALL_MS }
  const registry = parsed.kind === 'public' ? openPublic(parsed, place) : openPrivate(parsed, place)
  return {
    ...registry,
    login: kept(registry.login, { fresh: ({ expiresAt }) => expiresAt - LOGIN_AHEAD_MS > clock.now() }),
    ensure: async (repository, policy) => {
      const problem = policy.lifecycle === undefined ? undefined : lifecycleProblem(policy.lifecycle)
      if (problem !== undefined)
        throw new Fault(
          'input',
          `the lifecycle policy for ${repository} ${problem}`,
          'Give the JSON of a policy, {"rules": […]}',
        )
      return registry.ensure(repository, policy)
    },
  }
}
