import { beginFailures, countFailure, exceeded, type Failures } from './allowance.ts'
import { inRange, type Range, type Reading } from './reading.ts'

/** How a metric is measured and how often it may miss, in the words and with the defaults of Argo Rollouts' AnalysisTemplate. */
export type AnalysisLimits = {
  /** A measurement in here is a success. With `failure` alone: whatever is not a failure is. With neither: every one. */
  readonly success?: Range | undefined
  /** A measurement in here is a failure, also where it is a success by `success`. With `success` alone: whatever is not a success is. */
  readonly failure?: Range | undefined
  /** Failures allowed in the whole analysis, -1: any number. Default 0. */
  readonly failureLimit?: number | undefined
  /** Measurements allowed that are neither. Default 0. */
  readonly inconclusiveLimit?: number | undefined
  /** Errors allowed in a row. Default 4. */
  readonly consecutiveErrorLimit?: number | undefined
  /** So many successes in a row end the analysis. Default 0: they do not. */
  readonly consecutiveSuccessLimit?: number | undefined
  /** So many measurements without an error end the analysis. None: it runs until it is ended. */
  readonly count?: number | undefined
}

/** Where a metric's analysis stands; all but `running` are final. */
export type AnalysisPhase = 'running' | 'successful' | 'failed' | 'inconclusive' | 'error'

/** `measured`: measurements without an error. `succeeded`: the successes at the end without a break. */
export type AnalysisState = {
  readonly phase: AnalysisPhase
  readonly measured: number
  readonly succeeded: number
  readonly failures: Failures
  readonly inconclusives: Failures
  readonly errors: Failures
}

/** Before any measurement. */
export const beginAnalysis = (): AnalysisState => ({
  phase: 'running',
  measured: 0,
  succeeded: 0,
  failures: beginFailures(),
  inconclusives: beginFailures(),
  errors: beginFailures(),
})

/**
 * One measurement, judged as Argo Rollouts does: an empty result is an error, NaN lies in no range, and of the limits broken at once errors are named
 * before inconclusive measurements and these before failures. A final phase stays. Where `count` is reached before `consecutiveSuccessLimit`
 * the analysis is inconclusive.
 * Source: Argo Rollouts, "Analysis & progressive delivery"; docs/decisions/0015-judges-of-peers.md.
 */
export const lookAnalysis = (state: AnalysisState, reading: Reading, limits: AnalysisLimits): AnalysisState => {
  if (state.phase !== 'running') return state
  const kind = measure(reading, limits)
  const seen = {
    measured: state.measured + (kind === 'error' ? 0 : 1),
    succeeded: kind === 'success' ? state.succeeded + 1 : 0,
    failures: countFailure(state.failures, kind === 'failure'),
    inconclusives: countFailure(state.inconclusives, kind === 'inconclusive'),
    errors: countFailure(state.errors, kind === 'error'),
  }
  return { ...seen, phase: phaseOf(seen, limits) }
}

/** The analysis is over by its caller's will: what was not decided is a success, as with Argo Rollouts, even without a measurement. */
export const endAnalysis = (state: AnalysisState): AnalysisState =>
  state.phase === 'running' ? { ...state, phase: 'successful' } : state

/** The worst of several metrics' phases, which is the release's: failed, error, inconclusive, running, successful. */
export const worstPhase = (phases: readonly AnalysisPhase[]): AnalysisPhase =>
  WORST_FIRST.find((phase) => phases.includes(phase)) ?? 'running'

const WORST_FIRST: readonly AnalysisPhase[] = ['failed', 'error', 'inconclusive', 'running', 'successful']

const measure = (
  reading: Reading,
  { success, failure }: AnalysisLimits,
): 'success' | 'failure' | 'inconclusive' | 'error' => {
  if (reading === 'error' || reading === null) return 'error'
  if (failure !== undefined && inRange(reading, failure)) return 'failure'
  if (success === undefined || inRange(reading, success)) return 'success'
  return failure === undefined ? 'failure' : 'inconclusive'
}

const phaseOf = (state: Omit<AnalysisState, 'phase'>, limits: AnalysisLimits): AnalysisPhase => {
  const { failureLimit = 0, inconclusiveLimit = 0, consecutiveErrorLimit = 4, consecutiveSuccessLimit = 0 } = limits
  if (exceeded(state.errors, { allowed: consecutiveErrorLimit, of: 'consecutive' })) return 'error'
  if (exceeded(state.inconclusives, { allowed: inconclusiveLimit, of: 'total' })) return 'inconclusive'
  if (exceeded(state.failures, { allowed: failureLimit, of: 'total' })) return 'failed'
  if (consecutiveSuccessLimit > 0 && state.succeeded >= consecutiveSuccessLimit) return 'successful'
  if (limits.count === undefined || state.measured < limits.count) return 'running'
  return consecutiveSuccessLimit > 0 ? 'inconclusive' : 'successful'
}
