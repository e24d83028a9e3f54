import { beginAnalysis, lookAnalysis } from '../../../packages/evidence/src/threshold/analysis.ts'
import { beginChecks, lookChecks } from '../../../packages/evidence/src/threshold/checks.ts'
import type { Judge } from './judge.ts'
import type { Counter, Moment } from './release.ts'

const EVERY = 60

/**
 * A fixed limit as Argo Rollouts has it: each minute the canary's share of bad answers over that minute may be at most 5 %; the fourth measurement that
 * is above fails the release (`failureLimit: 3`). A minute without requests is a success, as its users write it.
 */
export const fixedLimit: Judge = {
  name: 'fixed limit 5 %, failureLimit 3',
  every: () => EVERY,
  begin: () => {
    const minuteOf = minutes()
    let state = beginAnalysis()
    return {
      look: (moment) => {
        const { total, bad } = minuteOf(moment)
        if (moment.weight === 0) return undefined
        state = lookAnalysis(state, total === 0 ? 0 : bad / total, { success: { max: 0.05 }, failureLimit: 3 })
        return state.phase === 'running' ? undefined : { kind: 'stopped', code: state.phase }
      },
    }
  },
}

/**
 * Flagger's own check: each minute at least 99 % good answers over that minute; the fifth failed check takes the release back (`threshold: 5`). A minute
 * without requests has no value, which is a failed check.
 */
export const successRate: Judge = {
  name: 'success rate 99 %, 5 failed checks',
  every: () => EVERY,
  begin: () => {
    const minuteOf = minutes()
    let state = beginChecks()
    return {
      look: (moment) => {
        const { total, bad } = minuteOf(moment)
        if (moment.weight === 0) return undefined
        const reading = total === 0 ? Number.NaN : 100 - (100 * bad) / total
        state = lookChecks(state, [{ name: 'success-rate', reading, range: { min: 99 } }], 5)
        return state.phase === 'running' ? undefined : { kind: 'stopped', code: state.phase }
      },
    }
  },
}

/** What the canary counted since the look before. */
const minutes = (): ((moment: Moment) => Counter) => {
  let before: Counter = { total: 0, bad: 0 }
  return ({ read: { canary } }) => {
    const minute = { total: canary.total - before.total, bad: canary.bad - before.bad }
    before = canary
    return minute
  }
}
