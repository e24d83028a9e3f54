/**
 * What is mended of the original judge, one switch each; `true`: mended. Source: docs/decisions/0015-judges-of-peers.md, which has the figures.
 *
 * | switch | the original | mended |
 * | --- | --- | --- |
 * | `samples` | judges any number of samples: with 2 a side it calls 23 % of healthy metrics High or Low, with 1 the rounding of noise decides | fewer than `least` a side, or so few that no interval exists at this confidence, are `too-few`: nothing is decided |
 * | `constants` | two constant sides get random noise, another at each run | their difference is known exactly and is the interval: what the noise's limit is |
 * | `errors` | a metric whose test fails counts nowhere, so that its group scores 100 | it counts against its group |
 * | `criticalErrors` | a critical metric whose test fails is not critical | it is |
 * | `emptyGroups` | a group in which nothing could be judged scores 100 | it has no score; its weight goes to the others, and without any other the canary is inconclusive |
 * | `settings` | `tolerance` and `confidence` are accepted and not read | they are read |
 * | `marginal` | a score that equals the marginal one is Marginal, yet ends the run as a failure | one rule, at least |
 * | `unit` | ends are found to 1e-4 of the metric's unit: below about a thousandth, seconds say other than milliseconds | to a millionth of the span of the data |
 * | `noRatio` | without a ratio (a mean is 0) nothing is Low and nothing critical | a difference that has no ratio passes every ratio |
 */
export type Mends = {
  readonly samples: boolean
  readonly constants: boolean
  readonly errors: boolean
  readonly criticalErrors: boolean
  readonly emptyGroups: boolean
  readonly settings: boolean
  readonly marginal: boolean
  readonly unit: boolean
  readonly noRatio: boolean
}

/** Every mend on, or with `compatible` every mend off; single ones as they are named. */
export const mendsOf = (compatible: boolean, single: Partial<Mends> = {}): Mends => ({
  samples: !compatible,
  constants: !compatible,
  errors: !compatible,
  criticalErrors: !compatible,
  emptyGroups: !compatible,
  settings: !compatible,
  marginal: !compatible,
  unit: !compatible,
  noRatio: !compatible,
  ...single,
})
