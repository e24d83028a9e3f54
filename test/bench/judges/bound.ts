/** The Kullback-Leibler divergence between two Bernoulli distributions, nats a request; both probabilities inside (0, 1). */
export const divergence = (canary: number, baseline: number): number =>
  canary * Math.log(canary / baseline) + (1 - canary) * Math.log((1 - canary) / (1 - baseline))

/**
 * Canary requests that a test which errs in α of the healthy releases needs on average, even one that knows both ratios: ln(1/α)/KL.
 * Source: Wald, "Sequential tests of statistical hypotheses" (1945).
 */
export const leastRequests = (baseline: number, canary: number, alpha: number): number =>
  Math.log(1 / alpha) / divergence(canary, baseline)
