import { expect, test } from 'vitest'
import { describeChange, describeCommand, describeState } from '../src/describe.ts'
import { remember } from '../src/history.ts'
import { pauseAfter } from '../src/pace.ts'
import type { Command, ReleaseRecord, State } from '../src/record.ts'
import { startRelease } from '../src/start.ts'
import { owner, start } from './simulation/release.ts'

const record = (state: State): ReleaseRecord => {
  const started = startRelease(start())
  if (started.kind === 'refused') throw new Error(started.why.text)
  return { ...started.record, state }
}
const why = { code: 'errors', text: '20 % of 300 requests failed against 1 %', next: '' }
const way = { to: 'back', verdict: 'rolled-back', why, restore: false } as const

test.each<[State, string]>([
  [{ phase: 'preparing', step: 0, since: 0 }, 'step 1 of 2: preparing the canary for weight 5'],
  [{ phase: 'raising', step: 1, since: 0 }, 'step 2 of 2: raising the weight to 25'],
  [{ phase: 'analysing', step: 1, since: 0 }, 'step 2 of 2: analysing at weight 25'],
  [{ phase: 'holding', step: 0, since: 0, held: 0, why }, `step 1 of 2: holding at weight 5: ${why.text}`],
  [
    { phase: 'promoting', since: 0, cancelled: false },
    'promoting: stable gets the analysed template, canary holds weight 25',
  ],
  [{ phase: 'promoting', since: 0, cancelled: true }, 'promoting: cancelled, to be carried on by a takeover'],
  [{ phase: 'lowering', weight: 5, since: 0, ...way }, `going back: weight 5, on its way to 0 (${why.text})`],
  [{ phase: 'lowering', weight: 0, since: 0, ...way }, `going back: weight 0 (${why.text})`],
  [
    { phase: 'lowering', weight: 0, baseline: 25, since: 0, ...way },
    `going back: weight 0, the fresh baseline's 25 (${why.text})`,
  ],
  [
    { phase: 'lowering', weight: 0, since: 0, ...way, refused: 'not allowed to patch httproutes' },
    `going back: weight 0 (${why.text}); the route may not be written (not allowed to patch httproutes), so the canary's Service is led to stable's pods, and the route still names it`,
  ],
  [{ phase: 'draining', since: 0, ...way, to: 'forward' }, 'promoted: draining the canary'],
  [{ phase: 'done', verdict: 'rolled-back', why, at: 0 }, `done: rolled-back (errors): ${why.text}`],
])('%o reads as one line', (state, line) => {
  expect(describeState(record(state))).toBe(line)
})

test('a step that copies requests says so instead of a weight', () => {
  const copying = record({ phase: 'raising', step: 0, since: 0 })
  const plan = { ...copying.plan, steps: [{ weight: 0, mirror: 20, hold: 0 }, ...copying.plan.steps] }
  expect(describeState({ ...copying, plan })).toBe('step 1 of 3: beginning to copy 20 % of the requests')
  expect(describeState({ ...copying, plan, state: { phase: 'analysing', step: 0, since: 0 } })).toBe(
    'step 1 of 3: analysing at a copy of 20 %',
  )
})

test('a step beside a fresh baseline says that both have the weight', () => {
  const fresh = record({ phase: 'preparing', step: 0, since: 0 })
  const plan = { ...fresh.plan, baseline: 'fresh' as const }
  const said = (phase: 'preparing' | 'raising' | 'analysing') =>
    describeState({ ...fresh, plan, state: { phase, step: 0, since: 0 } })
  expect(said('preparing')).toBe('step 1 of 2: preparing the canary and a fresh baseline for weight 5')
  expect(said('raising')).toBe('step 1 of 2: raising the weight to 5 beside a fresh baseline of the same weight')
  expect(said('analysing')).toBe('step 1 of 2: analysing at weight 5 beside a fresh baseline of the same weight')
})

test.each<[Command, string]>([
  [{ do: 'apply', role: 'baseline', replicas: 3 }, 'apply baseline with 3 replicas'],
  [{ do: 'weight', to: 25, baseline: 25 }, "weight to 25, the fresh baseline's to 25"],
  [{ do: 'apply', role: 'canary', replicas: 3 }, 'apply canary with 3 replicas'],
  [{ do: 'apply', role: 'service' }, 'apply service'],
  [{ do: 'weight', to: 25 }, 'weight to 25'],
  [{ do: 'weight', to: 0, mirror: 20 }, 'weight to 0 and a copy of 20 %'],
  [{ do: 'freeze-autoscalers' }, 'freeze autoscalers'],
  [{ do: 'scale', role: 'stable', to: 4 }, 'scale stable to 4'],
  [{ do: 'restore-route' }, 'restore route'],
])('%o reads as %s', (command, text) => {
  expect(describeCommand(command)).toBe(text)
})

test('a line is said for a change and for a takeover, and only then', () => {
  const before = record({ phase: 'analysing', step: 0, since: 0 })
  expect(describeChange(undefined, before)).toBe('step 1 of 2: analysing at weight 5')
  expect(describeChange(before, { ...before, evidence: 1 })).toBeUndefined()
  expect(describeChange(before, { ...before, epoch: 2, owner: owner('9') })).toBe(
    'taken over by run 9/1 (epoch 2): step 1 of 2: analysing at weight 5',
  )
})

test.each<[string, State, State, number]>([
  ['not after a change', { phase: 'preparing', step: 0, since: 0 }, { phase: 'raising', step: 0, since: 1 }, 0],
  [
    'half a second while waiting',
    { phase: 'raising', step: 0, since: 0 },
    { phase: 'raising', step: 0, since: 0 },
    500,
  ],
  [
    'an interval while watching',
    { phase: 'analysing', step: 0, since: 0 },
    { phase: 'analysing', step: 0, since: 0 },
    1_000,
  ],
  [
    'an interval when holding begins, so that a judge who wavers does not spin the loop',
    { phase: 'analysing', step: 0, since: 0 },
    { phase: 'holding', step: 0, since: 0, held: 1, why },
    1_000,
  ],
  [
    'not between two weights on the way down',
    { phase: 'lowering', weight: 50, since: 0, ...way },
    { phase: 'lowering', weight: 25, since: 0, ...way },
    0,
  ],
])('the loop sleeps %s', (_, before, after, ms) => {
  expect(pauseAfter(record(before), record(after))).toBe(ms)
})

test('the history keeps the last ten releases', () => {
  let now = record({ phase: 'preparing', step: 0, since: 0 })
  for (let at = 1; at <= 12; at += 1) now = remember(now, { verdict: 'promoted', at })
  expect(now.history.map((entry) => entry.at)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
})
