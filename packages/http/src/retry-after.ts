/**
 * How long a `Retry-After` header asks to wait, ms; `undefined` when there is none or it cannot be read. A date that has passed is 0.
 * Source: RFC 9110, section 10.2.3 (seconds, or an HTTP date).
 */
export const retryAfter = (header: string | undefined, now: number): number | undefined => {
  const text = header?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * 1000
  // A date begins with its weekday; Date.parse alone would read "1.5" as a day of January.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return undefined
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
