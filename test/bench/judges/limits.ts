import type { Judge } from './judge.ts'
import type { Counter } from './release.ts'

const EVERY = 60

/**
 * A fixed limit as Argo Rollouts has it: each minute the canary's share of bad answers over that minute may be at most 5 %; the fourth measurement that
 * is above fails the release (`failureLimit: 3`). A minute without requests is no failure, as its users write it.
 */
export const fixedLimit: Judge = {
  name: 'fixed limit 5 %, failureLimit 3',
  every: () => EVERY,
  begin: () => counting({ fails: ({ total, bad }) => total > 0 && bad / total > 0.05, most: 4, code: 'limit' }),
}

/**
 * Flagger's own check: each minute at least 99 % good answers over that minute; the fifth failed check takes the release back (`threshold: 5`). A minute
 * without requests has no value, which Flagger counts as a failed check.
 */
export const successRate: Judge = {
  name: 'success rate 99 %, 5 failed checks',
  every: () => EVERY,
  begin: () => counting({ fails: ({ total, bad }) => total === 0 || bad / total > 0.01, most: 5, code: 'threshold' }),
}

const counting = (rule: {
  readonly fails: (minute: Counter) => boolean
  readonly most: number
  readonly code: string
}) => {
  let before: Counter = { total: 0, bad: 0 }
  let failed = 0
  return {
    look: ({ weight, read: { canary } }: Parameters<ReturnType<Judge['begin']>['look']>[0]) => {
      const minute = { total: canary.total - before.total, bad: canary.bad - before.bad }
      before = canary
      if (weight > 0 && rule.fails(minute)) failed += 1
      return failed >= rule.most ? ({ kind: 'stopped', code: rule.code } as const) : undefined
    },
  }
}
