/** `k` bad of `n` requests, 0 ≤ k ≤ n. Fractions are allowed: weighted counts are counts too. */
export type Count = { readonly n: number; readonly k: number }

/** The same interval seen on both sides. */
export type Pair = { readonly baseline: Count; readonly canary: Count }

/** No requests. */
export const zero: Count = { n: 0, k: 0 }

/** The sum of two counts. */
export const add = (a: Count, b: Count): Count => ({ n: a.n + b.n, k: a.k + b.k })

/** Share of bad requests; 0 where there were none. */
export const share = (count: Count): number => (count.n > 0 ? count.k / count.n : 0)

/**
 * Adds an interval to a sum that forgets: what is older than about `window` requests no longer weighs.
 * The sum's `n` never exceeds `window`, or the interval's own n where that is larger.
 */
export const remember = (sum: Count, interval: Count, window: number): Count => {
  const room = Math.max(0, window - interval.n)
  const keep = sum.n > room ? room / sum.n : 1
  return { n: sum.n * keep + interval.n, k: sum.k * keep + interval.k }
}
