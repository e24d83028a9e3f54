import type { PowerStatement } from '@sluice/canary-report/report'
import { correlationsOf, type DispersionState, dispersionOf } from '@sluice/evidence/dispersion'
import { evidenceLimit } from '@sluice/evidence/evidence'
import { smallestIncrease } from '@sluice/evidence/power'
import { baselineRatio } from '@sluice/evidence/ratio'
import type { Finding } from '@sluice/kit/report'
import type { ReleaseRecord, World } from '@sluice/release/record'
import { expectedIn, type Rate, ratesOf } from './expected.ts'
import { warning } from './finding.ts'
import { watchOf } from './judgement.ts'
import { lasting, points, requestRate, stepShare } from './phrases.ts'
import { settingsOf } from './plan.ts'
import { providerOf } from './providers.ts'
import type { Recording } from './recording.ts'
import { shortageFindings } from './shortage.ts'

/** What a plan can see: a sentence for each metric that counts the users' requests, and what is to be known of the plan at this rate. */
export type Planned = { readonly statements: readonly PowerStatement[]; readonly findings: readonly Finding[] }

/**
 * What the plan can reveal at the rate of requests that was measured, most of it on the baseline while the canary's pods were made. `undefined` until
 * enough was measured: 100 requests of each metric in 2 s or more when the first weight is about to be raised, else half a minute of every metric, which a
 * source that tells the time before has at once; and after the first step. It presumes that the rate and the baseline's ratio stay as they are.
 */
export const plannedOf = (record: ReleaseRecord, world: World, recording: Recording): Planned | undefined => {
  if (!('step' in record.state) || record.state.step > 0) return undefined
  const rates = ratesOf(record, recording)
  const raising = isAboutToRaise(record, world)
  if (!raising && rates.length < countsUsers(record)) return undefined
  if (rates.length === 0 || !rates.every((rate) => isMeasured(rate, raising))) return undefined
  return {
    statements: rates.map((rate) => statementOf(record, rate)),
    findings: [...rates.flatMap((rate) => weakness(record, rate)), ...shortageFindings(record, rates)],
  }
}

const countsUsers = (record: ReleaseRecord): number => {
  const settings = settingsOf(record)
  return settings.metrics.filter((metric) => metric.kind !== 'gauge' && providerOf(metric, settings) !== 'probe').length
}

const isAboutToRaise = ({ state }: ReleaseRecord, { canary }: World): boolean =>
  state.phase !== 'preparing' || (canary !== undefined && canary.ready >= canary.desired)

const isMeasured = ({ requests, seconds }: Rate, raising: boolean): boolean =>
  seconds >= 30 || (raising && requests >= 100 && seconds >= 2)

const statementOf = (record: ReleaseRecord, rate: Rate): PowerStatement => {
  const { metric, requests, seconds, perSecond } = rate
  const { steps } = record.plan
  const all = revealedBy(record, rate)
  const measured = `${requestRate(perSecond)} in all, ${Math.round(requests)} counted in ${lasting(1000 * seconds)}`
  const [first, ...more] = steps
  const begin =
    first === undefined
      ? ''
      : `at ${requestRate(expectedIn(record, rate, first, 1000).canary)} to the canary (${measured}), ${lasting(first.hold)} at ${stepShare(first)} ${reveals(all[0])}`
  const increase = all.at(-1)
  const whole =
    more.length === 0 ? '' : `; the whole plan ${increase === undefined ? 'neither' : `+${points(increase)}`}`
  return { metric, ...(increase === undefined ? {} : { increase }), text: `${metric}: ${begin}${whole}` }
}

const reveals = (increase: number | undefined): string =>
  increase === undefined
    ? 'will reveal nothing, not even a canary that always fails'
    : `will reveal +${points(increase)} with 95 % probability`

/** What is revealed by the end of each step: the evidence goes on from step to step. */
const revealedBy = (record: ReleaseRecord, rate: Rate): readonly (number | undefined)[] => {
  const { evidence } = watchOf(record)
  const known = evidence.metrics[rate.metric]
  if (known?.kind !== 'counted') return []
  const { steps, interval } = record.plan
  const { warmUp } = settingsOf(record)
  const traffic = steps.map((step, index) => {
    const judged = Math.max(0, step.hold - (index === 0 ? warmUp : 0))
    const looks = judged / interval
    const { baseline, canary } = expectedIn(record, rate, step, judged)
    const weighs = (n: number): number => (looks === 0 ? 0 : n / divisor(known.dispersion, n / looks, interval))
    return { baseline: weighs(baseline), canary: weighs(canary), looks, every: interval }
  })
  const question = {
    baseline: baselineRatio(known.ratio),
    margin: known.margin,
    logLimit: evidenceLimit(evidence),
  }
  return steps.map((_, last) => smallestIncrease({ ...question, traffic: traffic.slice(0, last + 1) }))
}

/** By what an interval's requests will be divided, as far as the baseline's past shows by now. */
const divisor = (known: DispersionState | undefined, n: number, lasted: number): number =>
  known === undefined ? 1 : dispersionOf(correlationsOf(known), { n, lasted, pods: 0 })

/** One warning at most: that nothing is revealed, or the first step by whose end it is little. */
const weakness = (record: ReleaseRecord, rate: Rate): readonly Finding[] => {
  const all = revealedBy(record, rate)
  const at = `${rate.metric}: at ${requestRate(rate.perSecond)}`
  if (all.at(-1) === undefined) {
    const text = `${at} this plan reveals nothing, not even a canary that always fails`
    return [warning('plan-reveals-nothing', text, { hint: MORE })]
  }
  const weak = all.findIndex((increase) => increase === undefined || increase > LITTLE)
  if (weak < 0) return []
  const increase = all[weak]
  const text = `${at} ${increase === undefined ? 'nothing' : `no increase below ${points(increase)}`} is sure to be revealed by the end of step ${weak + 1}`
  return [warning('plan-reveals-little', text, { hint: MORE })]
}

/** Ten percentage points. */
const LITTLE = 0.1
const MORE =
  'Hold longer or raise the weights; where there are few users, a metric of provider probe sends requests of its own.'
