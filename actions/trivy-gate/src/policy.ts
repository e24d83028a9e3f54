import { instant } from './feeds.ts'
import type { Found, Severity } from './found.ts'

const DAY = 86_400_000
/** The last day with a year of four digits. */
const LAST = Date.UTC(9999, 11, 31)

/** Which findings fail. Absent feeds are not asked; a feed that is given is complete: what it does not name is not exploited (KEV) or counts as 1 (EPSS). */
export type Policy = {
  readonly failOn: ReadonlySet<Severity>
  /** Vulnerabilities that no version mends do not fail. */
  readonly ignoreUnfixed: boolean
  readonly grace: Grace
  /** CVEs known to be exploited: they have no grace, and `minEpss` does not let them through. */
  readonly kev?: ReadonlySet<string> | undefined
  readonly epss?: ReadonlyMap<string, number> | undefined
  /** Vulnerabilities less likely to be exploited than this (0 … 1) do not fail. One without a score counts as 1. */
  readonly minEpss?: number | undefined
}

/**
 * Days from `from` on in which a vulnerability of a severity does not fail yet. `published`: when it was made known. `fix`: when a version that mends it appeared; no report
 * says that, so the clock has a beginning only beside a baseline that knew the vulnerability without a fix. Where the beginning is not known there is no grace.
 */
export type Grace = {
  readonly days: Readonly<Partial<Record<Severity, number>>>
  readonly from: 'published' | 'fix'
}

/** What the policy says of one finding by itself. `undated`: it would have grace if its beginning were known. `until`: the day on which grace ends, or of a grace from the fix has ended. */
export type Stand = {
  readonly state: 'fails' | 'below' | 'unfixed' | 'in-grace'
  readonly until?: string
  readonly exploited?: true
  readonly epss?: number
  readonly undated?: true
}

/**
 * Where a finding stands, exceptions and baseline left aside.
 * @param fixSince since when (ISO 8601) there is a fix of it, as far as that is known
 */
export const stand = (
  found: Found,
  policy: Policy,
  now: Date,
  fixSince: (found: Found) => string | undefined,
): Stand => {
  if (found.kind !== 'vulnerability') return { state: policy.failOn.has(found.severity) ? 'fails' : 'below' }
  const exploited = policy.kev?.has(found.id) === true
  const epss = policy.epss?.get(found.id)
  const known = { ...(exploited && { exploited: true as const }), ...(epss !== undefined && { epss }) }
  if (!policy.failOn.has(found.severity)) return { state: 'below', ...known }
  if (policy.minEpss !== undefined && !exploited && (epss ?? 1) < policy.minEpss) return { state: 'below', ...known }
  if (policy.ignoreUnfixed && found.package?.fixed === undefined) return { state: 'unfixed', ...known }
  return { ...inTime(found, policy.grace, { now, since: fixSince(found), exploited }), ...known }
}

type Times = { readonly now: Date; readonly since: string | undefined; readonly exploited: boolean }

const inTime = (found: Found, grace: Grace, { now, since, exploited }: Times): Stand => {
  const ofFix = grace.from === 'fix'
  const days = exploited ? 0 : (grace.days[found.severity] ?? 0)
  if (days <= 0 && !(ofFix && Object.values(grace.days).some((some) => some > 0))) return { state: 'fails' }
  const from = instant(ofFix ? since : found.published)
  // A day that is yet to come would lengthen the grace by as much.
  if (from === undefined || from > now.getTime() + DAY)
    return days > 0 ? { state: 'fails', undated: true } : { state: 'fails' }
  const end = Math.min(from + days * DAY, LAST)
  const until = new Date(end).toISOString().slice(0, 10)
  if (now.getTime() < end) return { state: 'in-grace', until }
  return ofFix ? { state: 'fails', until } : { state: 'fails' }
}
