import type { ExceptionUse, Found } from '../found.ts'
import { type Artifact, type Entry, matcher, namesOf } from './match.ts'

const DAY = 86_400_000

/** How exceptions are held to account. `strict`: one without a reason or an expiry excuses nothing. `artifact`: what was scanned, for VEX statements about images. */
export type Rules = {
  readonly strict: boolean
  readonly now: Date
  readonly expiringWithinDays: number
  readonly artifact?: Artifact | undefined
}

/**
 * Which exception excuses each finding (an index into `exceptions`: the first that holds), and what became of each exception, in their order. `used` of one that is past its day counts what it
 * would have excused and nothing else does; it is past its day from 00:00 UTC on.
 */
export const useExceptions = (
  found: readonly Found[],
  exceptions: readonly Entry[],
  rules: Rules,
): { readonly uses: readonly ExceptionUse[]; readonly excusedBy: readonly (number | undefined)[] } => {
  const standings = exceptions.map((exception) => standing(exception, rules))
  const candidates = byName(exceptions, rules.artifact)
  const used = exceptions.map(() => 0)
  const excusedBy = found.map((one) => {
    const speaking = candidates(one)
    const holding = speaking.find((index) => standings[index]?.state === 'holds')
    const counted = holding ?? speaking.find((index) => standings[index]?.state === 'expired')
    if (counted !== undefined) used[counted] = (used[counted] ?? 0) + 1
    return holding
  })
  const uses = exceptions.map((exception, index): ExceptionUse => {
    const { state, soon, problem } = standings[index] ?? { state: 'refused' }
    const count = used[index] ?? 0
    const shown = state === 'holds' ? (count === 0 ? 'unused' : soon ? 'expiring' : 'active') : state
    return { exception, used: count, state: shown, ...(problem !== undefined && { problem }) }
  })
  return { uses, excusedBy }
}

type Standing = {
  readonly state: 'holds' | 'expired' | 'refused'
  readonly soon?: boolean
  readonly problem?: string
}

const standing = ({ expires, reason, source }: Entry, { strict, now, expiringWithinDays }: Rules): Standing => {
  const end = expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(`${expires.slice(0, 10)}T00:00:00Z`)
  // What is no day, or a clock that says none, has no time left.
  if (!(end > now.getTime())) return { state: 'expired' }
  const missing = [
    ...((reason ?? '').trim() === '' ? [NO_REASON[source]] : []),
    ...(expires === undefined ? [NO_EXPIRY[source]] : []),
  ]
  if (strict && missing.length > 0) return { state: 'refused', problem: `has ${missing.join(' and ')}` }
  return { state: 'holds', soon: end - now.getTime() <= expiringWithinDays * DAY }
}

const NO_REASON: Readonly<Record<Entry['source'], string>> = {
  trivyignore: 'no reason (a comment beside or directly above it)',
  'trivyignore.yaml': 'no reason (statement)',
  openvex: 'no reason (justification, impact_statement or status_notes)',
}
const NO_EXPIRY: Readonly<Record<Entry['source'], string>> = {
  trivyignore: 'no expiry (exp:YYYY-MM-DD)',
  'trivyignore.yaml': 'no expiry (expired_at)',
  openvex: 'no expiry (exp:YYYY-MM-DD in status_notes)',
}

/** The exceptions that speak of a finding, in their order, without asking each of them. */
const byName = (
  exceptions: readonly Entry[],
  artifact: Artifact | undefined,
): ((found: Found) => readonly number[]) => {
  const named = new Map<string, Set<number>>()
  const tests = exceptions.map((exception) => matcher(exception, artifact))
  for (const [index, { id, aliases = [] }] of exceptions.entries()) {
    for (const name of [id, ...aliases]) named.set(name, (named.get(name) ?? new Set()).add(index))
  }
  return (found) => {
    const indices = new Set(namesOf(found).flatMap((name) => [...(named.get(name) ?? [])]))
    return [...indices].sort((a, b) => a - b).filter((index) => tests[index]?.(found) === true)
  }
}
