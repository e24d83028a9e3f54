import type { HttpResult } from '@sluice/http/request'

/**
 * GitHub turns a call away for its rate limits with 403 as well as 429. Such a 403 is made a 429, which is repeated, unlike a 403 for missing
 * permissions; and the wait that GitHub asks for is put where it is looked for: `retry-after`, else `x-ratelimit-reset` when nothing remains, else
 * a minute for a secondary limit. Source: docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 * @param now ms UTC
 */
export const limited = (result: HttpResult, now: number): HttpResult => {
  if (result.kind !== 'answered' || (result.status !== 403 && result.status !== 429)) return result
  const { headers } = result
  const spent = headers['x-ratelimit-remaining'] === '0'
  const secondary = /secondary rate limit|abuse detection/i.test(result.body)
  if (result.status === 403 && !spent && !secondary && headers['retry-after'] === undefined) return result
  const reset = Number(headers['x-ratelimit-reset'])
  const wait = spent && reset > 0 ? Math.max(0, Math.ceil(reset - now / 1000)) : 60
  return { ...result, status: 429, headers: { ...headers, 'retry-after': headers['retry-after'] ?? String(wait) } }
}
