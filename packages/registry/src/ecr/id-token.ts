import { type HttpRequest, type HttpResult, request } from '@sluice/http/request'
import { withRetries } from '@sluice/http/retry'
import { Fault } from '@sluice/kit/faults'
import type { Calling } from './answer.ts'

/** Gives a token that says to `audience` which job this is. */
export type IdToken = (audience: string) => Promise<string>

/**
 * GitHub's issuer of tokens for this job; `undefined` for a job without `id-token: write`, whose variables are not set.
 * Source: https://docs.github.com/en/actions/reference/security/oidc (ACTIONS_ID_TOKEN_REQUEST_URL)
 */
export const idTokenOf = (
  env: Readonly<Record<string, string | undefined>>,
  { clock, signal }: Calling,
  tls: NonNullable<HttpRequest['tls']>,
): IdToken | undefined => {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url = '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: token = '' } = env
  if (url === '' || token === '' || !URL.canParse(url)) return undefined
  return async (audience) => {
    const asked = new URL(url)
    asked.searchParams.set('audience', audience)
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
    const attempt = (): Promise<HttpResult> => request({ url: asked, headers, timeoutMs: 10_000, signal, tls })
    const result = await withRetries(attempt, true, { tries: 4, firstWait: 500, longestWait: 5000 }, clock)
    const value = result.kind === 'answered' && result.status === 200 ? tokenIn(result.body) : undefined
    if (value !== undefined) return value
    const said = result.kind === 'answered' ? `status ${result.status}` : result.text
    throw new Fault(
      'upstream',
      `GitHub gave no identity token for ${audience} (${said})`,
      'Look at https://www.githubstatus.com, then run the job again',
    )
  }
}

const tokenIn = (body: string): string | undefined => {
  try {
    const { value } = JSON.parse(body) as { readonly value?: unknown }
    return typeof value === 'string' && value !== '' ? value : undefined
  } catch {
    return undefined
  }
}
