/** One request as its client saw it. `at` is when it was sent (ms UTC), `took` in ms; `status` 0: no answer came; `release` is empty when the service did not say. */
export type Answer = {
  readonly at: number
  readonly took: number
  readonly status: number
  readonly release: string
}

/** The header by which a rehearsal's clients are known to the process in front of a service. Its value differs for each request, and is the same for the same seed. */
export const CLIENT = 'x-sluice-client'

/** Slower than this (ms) is slow: the threshold that the plan of the rehearsal judges by. */
const SLOW = 500

/** No answer, or one of 500 and above. */
export const isFailed = ({ status }: Answer): boolean => status === 0 || status >= 500

/** Failed in front of the service or without it: a gateway's error, a broken connection, a time-out. The service names its release in every answer. */
export const isBeyondService = (answer: Answer): boolean => isFailed(answer) && answer.release === ''

/** What a client would complain of: failed, or slow. */
export const isBad = (answer: Answer): boolean => isFailed(answer) || answer.took > SLOW

/** `to` is not included; both compare with the time of sending. */
export const sentBetween = (answers: readonly Answer[], from: number, to: number): readonly Answer[] =>
  answers.filter(({ at }) => at >= from && at < to)

/** Counts of answers: all, those that failed, and those that were slow. */
export type Share = { readonly total: number; readonly failed: number; readonly slow: number }

/** Counts by the release that answered; an answer that names none is counted under the empty name. */
export const byRelease = (answers: readonly Answer[]): ReadonlyMap<string, Share> => {
  const shares = new Map<string, { total: number; failed: number; slow: number }>()
  for (const answer of answers) {
    const share = shares.get(answer.release) ?? { total: 0, failed: 0, slow: 0 }
    shares.set(answer.release, share)
    share.total++
    if (isFailed(answer)) share.failed++
    if (answer.took > SLOW) share.slow++
  }
  return shares
}

/**
 * From the first bad answer that was not stable's to the last one, in ms, by the time they reached the client; absent when there was none.
 * An answer without a release is the canary's: stable is sound, and only what goes to the canary can be lost.
 */
export const badSpan = (
  answers: readonly Answer[],
  stable: string,
): { readonly first: number; readonly last: number; readonly count: number } | undefined => {
  const ends = answers.filter((answer) => answer.release !== stable && isBad(answer)).map(({ at, took }) => at + took)
  if (ends.length === 0) return undefined
  return { first: Math.min(...ends), last: Math.max(...ends), count: ends.length }
}

/** One second of the clients' counts for each release, from `from` on; seconds without an answer are there with zeros, a last second that is not whole is left out. */
export const perSecond = (
  answers: readonly Answer[],
  { from, to }: { readonly from: number; readonly to: number },
): ReadonlyMap<string, readonly Share[]> => {
  const seconds = Math.max(0, Math.floor((to - from) / 1000))
  const rows = new Map<string, { total: number; failed: number; slow: number }[]>()
  for (const answer of answers) {
    const second = Math.floor((answer.at - from) / 1000)
    if (second < 0 || second >= seconds) continue
    const row = rows.get(answer.release) ?? Array.from({ length: seconds }, () => ({ total: 0, failed: 0, slow: 0 }))
    rows.set(answer.release, row)
    const share = row[second]
    if (share === undefined) continue
    share.total++
    if (isFailed(answer)) share.failed++
    if (answer.took > SLOW) share.slow++
  }
  return rows
}

/** The value below which `share` of the values lie (nearest rank); NaN of none. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}
