/**
 * `meanRatio`: the canary's mean divided by the baseline's; 1: no difference. `cles` (common language effect size): the probability that a value of the
 * canary is above one of the baseline, ties by half; 0.5: no difference.
 */
export type EffectMeasure = 'meanRatio' | 'cles'

/** No difference by this measure. It is the default of every allowed and critical change. */
export const noEffect = (measure: EffectMeasure): number => (measure === 'cles' ? 0.5 : 1)

/**
 * The size of the difference. NaN where a mean is 0: such a ratio says nothing.
 * Source of `cles`: McGraw and Wong, "A common language effect size statistic" (1992); by ranks it is (2R - m(m + 1)) / 2nm, which is this.
 */
export const effectSize = (measure: EffectMeasure, baseline: readonly number[], canary: readonly number[]): number => {
  if (measure === 'cles') return above(canary, baseline)
  const [ofBaseline, ofCanary] = [mean(baseline), mean(canary)]
  return ofBaseline === 0 || ofCanary === 0 ? Number.NaN : ofCanary / ofBaseline
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

const above = (canary: readonly number[], baseline: readonly number[]): number => {
  const sorted = [...baseline].sort((a, b) => a - b)
  let [below, notAbove, sum] = [0, 0, 0]
  for (const value of [...canary].sort((a, b) => a - b)) {
    while (below < sorted.length && Number(sorted[below]) < value) below += 1
    while (notAbove < sorted.length && Number(sorted[notAbove]) <= value) notAbove += 1
    sum += (below + notAbove) / 2
  }
  return sum / (canary.length * baseline.length)
}
