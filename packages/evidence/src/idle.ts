import { add, type Count, type Pair, zero } from './count.ts'
import type { Correlations } from './dispersion.ts'

/** By what an interval is bet on: fixed before any of its requests was seen. `since`: when it began, ms. */
export type Terms = { readonly since: number; readonly margin: number; readonly correlations: Correlations }

/**
 * The baseline's requests since the canary's last one. By themselves they can be compared with nothing; left out, the few requests of a small canary would stand
 * beside far fewer of the baseline's than there were. So they are bet on with the canary's next, by the terms of when they began to wait.
 */
export type Idle = Terms & { readonly baseline: Count }

/** What is bet on now, if anything; what waits for the canary's next request; and what has waited too long, of which the baseline's estimate only learns. */
export type Met = { readonly late?: Count } & (
  | { readonly due: { readonly pair: Pair; readonly terms: Terms } }
  | { readonly due?: undefined; readonly idle: Idle }
)

/** Adds an interval to those that wait, as it began by `terms`. Whether they are bet on depends on how many requests there were and never on their answers, which keeps the test valid. */
export const meet = (idle: Idle | undefined, pair: Pair, terms: Terms): Met => {
  const waited = idle === undefined ? Number.NaN : terms.since - idle.since
  const held = waited >= 0 && waited <= LONGEST ? idle : undefined
  const late = held === undefined && idle !== undefined ? { late: idle.baseline } : {}
  const { baseline: before, ...begun }: Idle = held ?? { ...terms, baseline: zero }
  const baseline = add(before, pair.baseline)
  return pair.canary.n === 0
    ? { ...late, idle: { ...begun, baseline } }
    : { ...late, due: { pair: { baseline, canary: pair.canary }, terms: begun } }
}

/** As far as two looks may be apart that come a little late, ms: longer ago the baseline may have been another one. */
export const LONGEST = 75_000
