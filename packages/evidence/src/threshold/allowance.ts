/** How many failures are allowed: so many in a row, or so many over the whole run. One more is a failure of the whole. Negative: any number. */
export type Allowance = { readonly allowed: number; readonly of: 'consecutive' | 'total' }

/** What was counted: failures over all looks, at the end of them without a break, and in the longest run without one. */
export type Failures = { readonly total: number; readonly run: number; readonly longest: number }

/** Before any look. */
export const beginFailures = (): Failures => ({ total: 0, run: 0, longest: 0 })

/** One look. A success ends a run of failures; a look that says nothing is no look, and is not to be counted. */
export const countFailure = ({ total, run, longest }: Failures, failed: boolean): Failures =>
  failed ? { total: total + 1, run: run + 1, longest: Math.max(longest, run + 1) } : { total, run: 0, longest }

/** Whether more failed than is allowed, now or at any look before: what was once broken stays broken. */
export const exceeded = (failures: Failures, { allowed, of }: Allowance): boolean =>
  allowed >= 0 && (of === 'total' ? failures.total : failures.longest) > allowed
