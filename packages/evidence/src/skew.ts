import { type Count, type Pair, share } from './count.ts'
import type { ByPod } from './counters.ts'
import type { Use } from './series.ts'

/**
 * An interval that waits until its neighbours are known. `step`: of the plan, when it closed; `weight`: the canary's share then, percent; `share`: that of what both
 * sides count, where it is not the weight. `at`: its end, `lasted`: its length, ms; both absent in what was saved before they were kept.
 */
export type Pending = {
  readonly pair: Pair
  readonly use: Use
  readonly step: number
  readonly weight?: number
  readonly share?: number
  readonly at?: number
  readonly lasted?: number
  readonly pods?: ByPod
}

/**
 * Lets intervals wait until `guard` more have closed. Where the sides are read at different moments, a shared outage reaches one of them an interval
 * before the other: so an interval whose neighbours (not itself, or its own outcome would choose) show the baseline's ratio moving is not judged.
 * @param margin the tolerated increase, 0 … 1: a ratio that moves by less cannot make a healthy canary look worse than that
 * @returns the interval that is due, if any, and those that still wait: at most twice the guard
 */
export const waitFor = (
  waiting: readonly Pending[],
  closed: Pending,
  guard: number,
  margin = 0,
): { readonly waiting: readonly Pending[]; readonly due?: Pending } => {
  const all = [...waiting, closed]
  const at = all.length - 1 - guard
  const due = all[at]
  if (due === undefined) return { waiting: all }
  const around = all.filter((_, index) => index !== at && Math.abs(index - at) <= guard)
  const kept = all.slice(Math.max(0, at + 1 - guard))
  return {
    waiting: kept,
    due: moved(
      around.map(({ pair }) => pair.baseline),
      margin,
    )
      ? { ...due, use: due.use === 'judged' ? 'skewed' : due.use }
      : due,
  }
}

/** Whether two of these counts differ by more than five standard deviations of their difference, and by more than is tolerated. */
const moved = (counts: readonly Count[], margin: number): boolean =>
  counts.some((one, index) =>
    counts.slice(index + 1).some((other) => apart(one, other) > SIGMAS && Math.abs(share(one) - share(other)) > margin),
  )

const SIGMAS = 5

const apart = (a: Count, b: Count): number => {
  if (a.n === 0 || b.n === 0) return 0
  const pooled = share({ n: a.n + b.n, k: a.k + b.k })
  const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / a.n + 1 / b.n))
  return deviation === 0 ? 0 : Math.abs(share(a) - share(b)) / deviation
}
