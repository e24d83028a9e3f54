import { judgeSeries } from '../../../packages/evidence/src/kayenta/judge.ts'
import { seeded } from '../../../packages/evidence/test/random.ts'
import type { Judge } from './judge.ts'
import type { Counter, Moment, Side } from './release.ts'

/**
 * Kayenta's judge as it is (`compatible`), every 5 min over all minutes since the canary began: each side's share of bad answers minute by minute, in
 * percent; only an increase counts; pass 95, marginal 75, and a score that fails stops the release.
 */
export const mannWhitney: Judge = {
  name: 'Mann-Whitney every 5 min',
  every: () => 60,
  begin: () => {
    // The original's noise for constant sides is unseeded; here a release must come out the same each time.
    const random = seeded(1)
    const ratios = { baseline: [] as number[], canary: [] as number[] }
    let before: Moment['read'] = { baseline: { total: 0, bad: 0 }, canary: { total: 0, bad: 0 } }
    return {
      look: ({ at, weight, read }) => {
        if (weight > 0) for (const side of SIDES) ratios[side].push(percentOf(before[side], read[side]))
        before = read
        if (weight === 0 || at % 300 !== 0) return undefined
        const metric = { name: 'bad', direction: 'increase', ...ratios } as const
        const { verdict } = judgeSeries([metric], { pass: 95, marginal: 75, compatible: true, random })
        return verdict === 'Fail' ? { kind: 'stopped', code: 'score' } : undefined
      },
    }
  },
}

const SIDES: readonly Side[] = ['baseline', 'canary']

/** NaN where nothing was asked; Kayenta leaves such minutes out. */
const percentOf = (from: Counter, to: Counter): number => (100 * (to.bad - from.bad)) / (to.total - from.total)
