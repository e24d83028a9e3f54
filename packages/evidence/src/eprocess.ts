/**
 * A test by betting: capital is spread over alternatives, each alternative multiplies its part by an E-variable per interval.
 * `logs[0]` is the part that never bets, `logs[j]` the log capital of alternative j; `peak` is the largest log capital ever held.
 * `t` counts intervals that carried evidence. Plain JSON, constant size, always finite.
 */
export type EProcess = { readonly t: number; readonly logs: readonly number[]; readonly peak: number }

/**
 * Starts with a capital of `stake`: a hundredth is kept aside, the rest is spread over the alternatives. P(the capital ever reaches m/α) is then at most
 * stake × α/m.
 * @param weights of the alternatives, each above 0, in any unit
 */
export const start = (weights: readonly number[], stake = 1): EProcess => {
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  const parts = [ASIDE, ...weights.map((weight) => ((1 - ASIDE) * weight) / all)]
  return { t: 0, logs: parts.map((part) => Math.log(stake * part)), peak: Math.log(stake) }
}

const ASIDE = 0.01

/**
 * One interval. `logFactors[j]` is the log of alternative j's E-variable: its expectation is ≤ 1 for every point of the null hypothesis,
 * given the past. Each step's factor is then a mean of E-variables with weights that only the past decides, hence an E-variable itself,
 * and the capital is an E-process: P(it ever reaches 1/α) ≤ α (Ville).
 * After the bets a small part λ = 1/(t + 100) of the capital is spread anew over all parts (Herbster and Warmuth, "Tracking the best expert",
 * 1998), so that an alternative which lost everything in healthy minutes or in a shared outage still finds a fault that begins later.
 * An interval without evidence (all factors 1) changes nothing.
 */
export const bet = (process: EProcess, logFactors: readonly number[]): EProcess => {
  if (logFactors.every((factor) => factor === 0)) return process
  const bets = process.logs.map((log, j) => log + (j === 0 ? 0 : (logFactors[j - 1] ?? 0)))
  const total = logSum(bets)
  const moved = 1 / (process.t + SETTLED)
  const fresh = total + Math.log(moved / bets.length)
  const logs = bets.map((log) => logSum([log + Math.log1p(-moved), fresh]))
  return { t: process.t + 1, logs, peak: Math.max(process.peak, total) }
}

/** The log of the capital now: the evidence against the null hypothesis. */
export const logEvidence = (process: EProcess): number => logSum(process.logs)

const SETTLED = 100

const logSum = (logs: readonly number[]): number => {
  const top = Math.max(...logs)
  return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0))
}
