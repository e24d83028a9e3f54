import { describe, expect, test } from 'vitest'
import { describeState } from '../src/describe.ts'
import { afterCommand, afterLook, undone, type Written } from '../src/foreign.ts'
import { next } from '../src/next.ts'
import type { Command, Event, Reason, ReleaseRecord, State, StateIn, World } from '../src/record.ts'
import { type Start, startRelease } from '../src/start.ts'
import { CANARY, owner, PREVIOUS, plan, start } from './simulation/release.ts'

const record = (state: State, over: Partial<Start> = {}): ReleaseRecord => {
  const started = startRelease(start({ plan: plan(2), ...over }))
  if (started.kind === 'refused') throw new Error(started.why.text)
  return { ...started.record, state }
}

const world = (over: Partial<World> = {}): World => ({
  at: 1_000,
  weight: { written: 5, accepted: true, marked: true },
  stable: { desired: 4, available: 4, hash: PREVIOUS, rolledOut: true },
  canary: { desired: 2, ready: 2, restarts: 0, hash: CANARY },
  service: true,
  leftovers: 2,
  ...over,
})

const stable = (over: Partial<World['stable']>): World['stable'] => ({ ...world().stable, ...over })
const canary = (over: Partial<NonNullable<World['canary']>>) => ({
  desired: 2,
  ready: 2,
  restarts: 0,
  hash: CANARY,
  ...over,
})
const why = (code: string): Reason => ({ code, text: `because of ${code}`, next: '' })
const observed = (over: Partial<World> = {}): Event => ({ kind: 'observed', world: world(over) })
const refused = (cause: 'fenced' | 'forbidden' | 'environment' | 'upstream'): Event => ({
  kind: 'refused',
  at: 1_000,
  command: { do: 'weight', to: 5 },
  cause,
  text: 'no',
})

const analysing: State = { phase: 'analysing', step: 0, since: 0 }
const holding: State = { phase: 'holding', step: 0, since: 0, held: 500, why: why('outage') }
const promoting: State = { phase: 'promoting', since: 0, cancelled: false }
const back: StateIn<'lowering'> = {
  phase: 'lowering',
  to: 'back',
  weight: 5,
  since: 0,
  verdict: 'rolled-back',
  why: why('errors'),
  restore: false,
}
const forward: StateIn<'lowering'> = { ...back, to: 'forward', verdict: 'promoted', weight: 50 }

const end = ({ state }: ReleaseRecord) =>
  'verdict' in state ? `${state.phase} ${state.verdict} ${state.why.code}` : state.phase

describe('on the way up', () => {
  const preparing: State = { phase: 'preparing', step: 0, since: 0 }
  const absent = (): Event => {
    const { canary: _none, ...rest } = world({ weight: { written: 0, accepted: true, marked: false }, service: false })
    return { kind: 'observed', world: rest }
  }

  test.each<[string, State, Event, readonly Command[]]>([
    [
      'asks for Service and canary when there are none',
      preparing,
      absent(),
      [
        { do: 'apply', role: 'service' },
        { do: 'apply', role: 'canary', replicas: 1 },
      ],
    ],
    [
      'asks for the canary alone when the Service is there',
      preparing,
      { kind: 'observed', world: { ...world(), canary: canary({ hash: 'other' }) } },
      [{ do: 'apply', role: 'canary', replicas: 2 }],
    ],
    [
      'grows the canary before the next weight',
      { ...preparing, step: 1 },
      observed({ canary: canary({ desired: 1, ready: 1 }) }),
      [{ do: 'apply', role: 'canary', replicas: 2 }],
    ],
    ['waits for readiness without asking again', preparing, observed({ canary: canary({ ready: 1 }) }), []],
    ['asks for the weight once all are ready', preparing, observed(), [{ do: 'weight', to: 5 }]],
    [
      'asks for the weight again when it is not written',
      { phase: 'raising', step: 0, since: 0 },
      observed({ weight: { written: 0, accepted: true, marked: false } }),
      [{ do: 'weight', to: 5 }],
    ],
    [
      'waits for a written weight to be accepted',
      { phase: 'raising', step: 0, since: 0 },
      observed({ weight: { written: 5, accepted: false, marked: true } }),
      [],
    ],
    [
      'writes the analysed template to stable',
      promoting,
      observed({ weight: { written: 25, accepted: true, marked: true } }),
      [{ do: 'write-stable' }],
    ],
    [
      'keeps waiting while stable rolls',
      promoting,
      observed({
        weight: { written: 25, accepted: true, marked: true },
        stable: stable({ hash: CANARY, rolledOut: false }),
      }),
      [],
    ],
  ])('%s', (_, state, event, commands) => {
    expect(next(record(state), event).commands).toEqual(commands)
  })

  test.each([
    ['analysing', analysing],
    ['holding', holding],
  ])('a canary that somebody else changed while %s is not what will be promoted: back', (_, state) => {
    const moved = next(record(state), observed({ canary: canary({ hash: 'other' }) }))
    expect(end(moved.record)).toBe('lowering error canary-changed')
  })

  test('a canary whose Service is gone goes back while it is analysed, and gets it again while it carries a promotion', () => {
    const gone = observed({ service: false, weight: { written: 25, accepted: true, marked: true } })
    expect(end(next(record(analysing), gone).record)).toBe('lowering error canary-changed')
    expect(next(record(promoting), gone).commands).toEqual([{ do: 'apply', role: 'service' }, { do: 'write-stable' }])
  })

  test('with a split by replicas the canary is created without pods and needs no Service', () => {
    const { canary: _none, ...rest } = world({ service: false })
    const moved = next(record(preparing, { plan: plan(2, { split: 'replicas' }) }), { kind: 'observed', world: rest })
    expect(moved.commands).toEqual([{ do: 'apply', role: 'canary', replicas: 0 }])
  })

  test.each<[string, State, Event, string]>([
    [
      'a crash loop turns back at once',
      preparing,
      observed({ canary: canary({ ready: 0, failed: why('crash-loop') }) }),
      'lowering rolled-back crash-loop',
    ],
    [
      'an unschedulable pod may still be scheduled',
      preparing,
      observed({ canary: canary({ ready: 0, failed: why('environment') }) }),
      'preparing',
    ],
    [
      'an unschedulable pod ends in error, not in a failed image',
      preparing,
      observed({ at: 6_000, canary: canary({ ready: 0, failed: why('environment') }) }),
      'lowering error environment',
    ],
    [
      'pods that never get ready turn back',
      preparing,
      observed({ at: 6_000, canary: canary({ ready: 1 }) }),
      'lowering rolled-back not-ready',
    ],
    [
      'a canary that cannot be created is not the image’s fault',
      preparing,
      { ...absent(), world: { ...(absent() as Extract<Event, { kind: 'observed' }>).world, at: 6_000 } } as Event,
      'lowering error environment',
    ],
    [
      'the failure of somebody else’s old canary does not count',
      preparing,
      observed({ canary: canary({ hash: 'old', failed: why('crash-loop') }) }),
      'preparing',
    ],
    [
      'a weight that is never accepted ends in error',
      { phase: 'raising', step: 0, since: 0 },
      observed({ at: 6_000, weight: { written: 5, accepted: false, marked: true } }),
      'lowering error weight-not-taken',
    ],
    [
      'a pod lost before the weight is written is waited for',
      { phase: 'raising', step: 0, since: 0 },
      observed({ weight: { written: 0, accepted: true, marked: false }, canary: canary({ ready: 1 }) }),
      'preparing',
    ],
    ['a read-back weight starts the analysis', { phase: 'raising', step: 0, since: 0 }, observed(), 'analysing'],
    [
      'a canary without a ready pod turns back',
      analysing,
      observed({ canary: canary({ ready: 0 }) }),
      'lowering rolled-back lost-readiness',
    ],
    [
      'pods that most of stable lost too are nobody’s fault',
      analysing,
      observed({ canary: canary({ ready: 0, failed: why('crash-loop') }), stable: stable({ available: 1 }) }),
      'analysing',
    ],
    [
      'a weight that is no longer ours is raised again',
      analysing,
      observed({ weight: { written: 3, accepted: true, marked: true } }),
      'raising',
    ],
    [
      'another template on stable supersedes',
      analysing,
      observed({ stable: stable({ hash: 'other' }) }),
      'lowering superseded superseded',
    ],
    [
      'our own template on stable before promotion was somebody else',
      analysing,
      observed({ stable: stable({ hash: CANARY }) }),
      'lowering superseded superseded',
    ],
    ['the deadline turns back', analysing, observed({ at: 1e9 }), 'lowering inconclusive deadline'],
    ['the deadline gives the old template back', promoting, observed({ at: 1e9 }), 'lowering rolled-back deadline'],
    [
      'a stable rolled out at the deadline still counts',
      promoting,
      observed({ at: 1e9, stable: stable({ hash: CANARY }) }),
      'lowering promoted promoted',
    ],
    [
      'too few stable pods are no promotion',
      promoting,
      observed({ stable: stable({ hash: CANARY, available: 3, desired: 3 }) }),
      'promoting',
    ],
    [
      'another template on stable supersedes a promotion',
      promoting,
      observed({ stable: stable({ hash: 'other' }) }),
      'lowering superseded superseded',
    ],
    [
      'a canary lost while stable rolls turns back',
      promoting,
      observed({ canary: canary({ ready: 0 }) }),
      'lowering rolled-back lost-readiness',
    ],
  ])('%s', (_, state, event, expected) => {
    expect(end(next(record(state), event).record)).toBe(expected)
  })
})

describe('judgements', () => {
  const judged = (
    at: number,
    kind: 'continue' | 'pass' | 'reject' | 'hold' | 'inconclusive',
    code = 'errors',
  ): Event => ({
    kind: 'judged',
    at,
    judgement: kind === 'continue' || kind === 'pass' ? { kind } : { kind, why: why(code) },
  })

  test.each<[string, State, Event, string]>([
    ['a pass before the hold is over changes nothing', analysing, judged(1_999, 'pass'), 'analysing'],
    ['a pass after the hold ends the step', analysing, judged(2_000, 'pass'), 'preparing'],
    ['the last pass begins the promotion', { ...analysing, step: 1 }, judged(2_000, 'pass'), 'promoting'],
    ['too few requests at the end of the hold hold the weight', analysing, judged(2_000, 'continue'), 'holding'],
    ['a rejection turns back', analysing, judged(10, 'reject'), 'lowering rolled-back errors'],
    [
      'a rejection for the environment is an error',
      analysing,
      judged(10, 'reject', 'environment'),
      'lowering error environment',
    ],
    [
      'a rejection counts between two steps',
      { phase: 'preparing', step: 1, since: 0 },
      judged(10, 'reject'),
      'lowering rolled-back errors',
    ],
    [
      'a rejection counts while the weight rises',
      { phase: 'raising', step: 1, since: 0 },
      judged(10, 'reject'),
      'lowering rolled-back errors',
    ],
    ['nothing is judged once promotion began', promoting, judged(10, 'reject'), 'promoting'],
    ['an outage of both sides holds', analysing, judged(10, 'hold'), 'holding'],
    ['what clears before the hold is over goes on as before', holding, judged(1_000, 'continue'), 'analysing'],
    ['a pass while holding ends a step whose hold is over', holding, judged(2_000, 'pass'), 'preparing'],
    ['a rejection while holding turns back', holding, judged(600, 'reject'), 'lowering rolled-back errors'],
    ['holding lasts until max-hold', holding, judged(4_499, 'hold', 'outage'), 'holding'],
    ['then on-inconclusive decides', holding, judged(4_500, 'hold', 'outage'), 'lowering inconclusive outage'],
  ])('%s', (_, state, event, expected) => {
    expect(end(next(record(state), event).record)).toBe(expected)
  })

  test('holding keeps the start of the watch, so that the hold is not served twice', () => {
    const held = next(record(analysing), judged(700, 'hold')).record
    expect(held.state).toMatchObject({ since: 0, held: 700 })
    expect(next(held, judged(900, 'pass')).record.state).toEqual(analysing)
  })

  test.each([
    ['promote', undefined, 'preparing'],
    ['promote', true, 'lowering inconclusive outage'],
    ['hold', undefined, 'holding'],
    ['hold', true, 'holding'],
    ['rollback', undefined, 'lowering inconclusive outage'],
    ['rollback', true, 'lowering inconclusive outage'],
  ] as const)(
    'on-inconclusive: %s after max-hold, where one side counted nothing: %s',
    (onInconclusive, blind, expected) => {
      const held = record({ ...holding, ...(blind ? { blind } : {}) }, { plan: plan(2, { onInconclusive }) })
      const { maxHold, interval } = held.plan
      const judgement = { kind: 'inconclusive', why: why('outage'), ...(blind ? { blind } : {}) } as const
      expect(end(next(held, { kind: 'judged', at: 500 + maxHold, judgement }).record)).toBe(expected)
      const silent = (more: number) => next(held, observed({ at: 500 + maxHold + more })).record
      expect(end(silent(2 * interval))).toBe(expected)
      // The judgement of that look is still to come, and knows what was counted by then.
      expect(silent(2 * interval - 1)).toBe(held)
    },
  )

  test('a step that is held for a person is said once, and goes on by itself when enough is counted', () => {
    const held = record(holding, { plan: plan(2, { onInconclusive: 'hold' }) })
    const waiting = next(held, judged(4_500, 'inconclusive', 'outage')).record
    expect(waiting.state).toMatchObject({ phase: 'holding', held: 500, person: true })
    expect(describeState(waiting)).toMatch(
      /^step 1 of 2: holding at weight 5 for a person .*, until [\d-]+T.* at most: because of outage$/,
    )
    expect(next(waiting, judged(4_600, 'inconclusive', 'outage')).record).toBe(waiting)
    expect(end(next(waiting, judged(9_000, 'pass')).record)).toBe('preparing')
    const taken = next(waiting, { kind: 'taken-over', at: 9_000, mode: 'resume', owner: owner('2') }).record
    expect(taken.state).toEqual({ ...holding, since: 9_000, held: 9_000 })
  })

  test('a release that was held until its deadline says by what', () => {
    const held = record(holding, { plan: plan(2, { onInconclusive: 'hold' }) })
    const over = next(held, observed({ at: held.deadline })).record
    expect(over.state).toMatchObject({
      verdict: 'inconclusive',
      why: { code: 'deadline', text: expect.stringContaining('; it was held: because of outage') },
    })
  })

  test('a way back after max-hold tells what was known last', () => {
    const moved = next(record(holding), {
      kind: 'judged',
      at: 4_500,
      judgement: { kind: 'inconclusive', why: { ...why('outage'), text: '3 requests' } },
    })
    expect(moved.record.state).toMatchObject({
      why: { text: '3 requests; that was still so when max-hold (4 s) was over' },
    })
  })

  test('a release that was promoted although a step was not conclusive says so, and which', () => {
    const held = record(holding, { plan: plan(2, { onInconclusive: 'promote' }) })
    const passed = next(held, judged(4_500, 'inconclusive', 'outage')).record
    expect(passed.overruled).toEqual([{ step: 0, why: why('outage'), at: 4_500 }])
    const rolled = stable({ hash: CANARY })
    const done = next({ ...passed, state: promoting }, observed({ stable: rolled })).record
    expect(done.state).toMatchObject({
      verdict: 'promoted',
      why: { code: 'promoted-inconclusive', text: expect.stringContaining('Step 1: because of outage') },
    })
    const clean = next({ ...held, state: promoting }, observed({ stable: rolled })).record
    expect(clean.state).toMatchObject({ verdict: 'promoted', why: { code: 'promoted' } })
  })

  test('what is missing is what the judge says', () => {
    const moved = next(record(analysing), {
      kind: 'judged',
      at: 3_000,
      judgement: { kind: 'continue', why: why('too-few-requests'), blind: true },
    })
    expect(moved.record.state).toMatchObject({ phase: 'holding', why: why('too-few-requests'), blind: true })
    const counted = next(moved.record, {
      kind: 'judged',
      at: 3_100,
      judgement: { kind: 'continue', why: why('too-few-requests') },
    })
    expect(counted.record.state).not.toHaveProperty('blind')
  })

  test('a release held for ever still notices that its canary is gone', () => {
    const held = record(holding, { plan: plan(2, { onInconclusive: 'hold' }) })
    const moved = next(held, observed({ at: 9_000, canary: canary({ ready: 0 }) }))
    expect(end(moved.record)).toBe('lowering rolled-back lost-readiness')
  })
})

describe('being told to stop', () => {
  test.each<[string, State]>([
    ['analysing', analysing],
    ['holding', holding],
    ['raising', { phase: 'raising', step: 0, since: 0 }],
    ['preparing the second step', { phase: 'preparing', step: 1, since: 0 }],
  ])('while %s is exactly one write, weight 0', (_, state) => {
    const moved = next(record(state), { kind: 'cancelled', at: 9 })
    expect(moved.commands).toEqual([{ do: 'weight', to: 0 }])
    expect(end(moved.record)).toBe('lowering rolled-back cancelled')
  })

  test('before the first weight leaves the route alone', () => {
    const moved = next(record({ phase: 'preparing', step: 0, since: 0 }), { kind: 'cancelled', at: 9 })
    expect(moved.commands).toEqual([])
    expect(end(moved.record)).toBe('lowering rolled-back cancelled')
  })

  test('while promoting is a mark only, and nobody acts until a takeover', () => {
    const marked = next(record(promoting), { kind: 'cancelled', at: 9 })
    expect(marked).toMatchObject({ commands: [], record: { state: { ...promoting, cancelled: true } } })
    expect(next(marked.record, observed())).toEqual({ record: marked.record, commands: [] })
    const taken = next(marked.record, { kind: 'taken-over', at: 20, mode: 'reap', owner: owner('2') })
    expect(next(taken.record, observed({ weight: { written: 25, accepted: true, marked: true } })).commands).toEqual([
      { do: 'write-stable' },
    ])
  })

  test.each<[string, State]>([
    ['on the way down', back],
    ['after a promotion', forward],
    ['when done', { phase: 'done', verdict: 'promoted', why: why('promoted'), at: 1 }],
  ])('%s adds nothing', (_, state) => {
    const before = record(state)
    expect(next(before, { kind: 'cancelled', at: 9 })).toEqual({ record: before, commands: [] })
    expect(next(before, { kind: 'aborted', at: 9 })).toEqual({ record: before, commands: [] })
  })

  test('by an operator goes back from a promotion too, with the old template', () => {
    const { record: aborted } = next(record(promoting), { kind: 'aborted', at: 9 })
    expect(aborted.state).toMatchObject({ phase: 'lowering', to: 'back', restore: true, why: { code: 'aborted' } })
  })
})

describe('a takeover', () => {
  const takeOver = (state: State, mode: 'resume' | 'reap') =>
    next(record(state), { kind: 'taken-over', at: 7_000, mode, owner: owner('2') })

  test('raises the epoch, changes the owner, starts the clocks anew and asks for nothing', () => {
    expect(takeOver(analysing, 'resume')).toEqual({
      record: { ...record({ ...analysing, since: 7_000 }), epoch: 2, owner: owner('2') },
      commands: [],
    })
  })

  test.each<[State, string]>([
    [{ phase: 'preparing', step: 0, since: 0 }, 'lowering rolled-back reaped'],
    [{ phase: 'raising', step: 1, since: 0 }, 'lowering rolled-back reaped'],
    [analysing, 'lowering rolled-back reaped'],
    [holding, 'lowering rolled-back reaped'],
    [promoting, 'promoting'],
    [forward, 'lowering promoted errors'],
    [back, 'lowering rolled-back errors'],
  ])('to reap %o ends in %s', (state, expected) => {
    expect(end(takeOver(state, 'reap').record)).toBe(expected)
  })

  test('of a finished release changes nothing', () => {
    const done: State = { phase: 'done', verdict: 'promoted', why: why('promoted'), at: 1 }
    expect(takeOver(done, 'reap').record).toEqual(record(done))
  })
})

describe('a promotion that somebody undoes', () => {
  const seen = (over: Partial<World>) => next(record(promoting), observed({ weight: held, ...over }))
  const held = { written: 25, accepted: true, marked: true }

  test('is not written over while it is not certain', () => {
    const before = record(promoting)
    const moved = next(before, observed({ weight: held, undone: { sure: false } }))
    expect(moved).toEqual({ record: before, commands: [] })
  })

  test('ends as superseded by whom it is known to be, and the template that stands is left', () => {
    const { state } = seen({ undone: { sure: true, by: 'kubectl-rollout' } }).record
    expect(state).toMatchObject({
      phase: 'lowering',
      to: 'back',
      verdict: 'superseded',
      restore: false,
      why: { code: 'superseded', text: expect.stringContaining('somebody else (kubectl-rollout) put') },
    })
  })

  test.each<[string, Written, string, ReturnType<typeof undone>]>([
    ['nothing known', {}, PREVIOUS, undefined],
    ['written, and the next look without it', { promoted: 'written' }, PREVIOUS, { sure: false }],
    ['seen, and the next look without it', { promoted: 'seen' }, PREVIOUS, { sure: false }],
    ['a second look without it', { promoted: 'doubted' }, PREVIOUS, { sure: true }],
    ['a look that was late', { promoted: 'doubted' }, CANARY, undefined],
  ])('is told by what the run knows: %s', (_, written, hash, expected) => {
    expect(undone(written, record(promoting), world({ stable: stable({ hash }) }))).toEqual(expected)
  })

  test('is not told of a controller that has not carried it through yet', () => {
    const { plan: ours, ...rest } = record(promoting)
    const told = { ...rest, plan: { ...ours, split: 'controller' as const } }
    expect(undone({ promoted: 'written' }, told, world())).toBeUndefined()
    expect(afterLook({ promoted: 'written' }, told, world())).toMatchObject({ promoted: 'written' })
    expect(undone({ promoted: 'doubted' }, told, world())).toEqual({ sure: true })
  })

  test('is not told after an answer that was lost', () => {
    const lost = afterCommand({}, { do: 'write-stable' }, 'refused')
    expect(undone(lost, record(promoting), world())).toBeUndefined()
    expect(afterLook(lost, record(promoting), world({ stable: stable({ hash: CANARY }) }))).toMatchObject({
      promoted: 'seen',
    })
  })
})

describe('refusals', () => {
  test.each<State>([analysing, promoting, back, forward])('a fenced write is the end: %o is not touched', (state) => {
    const before = record(state)
    const moved = next(before, refused('fenced'))
    expect(moved.record).toBe(before)
    expect(moved.commands).toEqual([])
  })

  test.each(['forbidden', 'environment'] as const)('%s turns back with an error on the way up only', (cause) => {
    expect(end(next(record(analysing), refused(cause)).record)).toBe('lowering error environment')
    expect(next(record(promoting), refused(cause)).record.state).toMatchObject({ restore: true, verdict: 'error' })
    // What the route refused is remembered: the canary's Service is the way round it.
    expect(next(record(back), refused(cause)).record.state).toEqual({ ...back, refused: 'no' })
    expect(next(record(forward), refused(cause)).record.state).toEqual({ ...forward, refused: 'no' })
  })

  test('an upstream failure is asked again at the next look', () => {
    const raising = record({ phase: 'raising', step: 0, since: 0 })
    expect(next(raising, refused('upstream')).record).toBe(raising)
  })
})

describe('on the way down', () => {
  const at = (written: number) => ({ written, accepted: true, marked: true })

  test.each<[string, State, Event, readonly Command[]]>([
    ['the weight goes to 0 when stable is whole', back, observed(), [{ do: 'weight', to: 0 }]],
    [
      'stable is given its size before the weight goes',
      back,
      observed({ stable: stable({ desired: 2, available: 2 }), weight: at(25) }),
      [{ do: 'scale', role: 'stable', to: 4 }],
    ],
    [
      'the weight goes as far down as stable carries',
      { ...back, weight: 50 },
      observed({ stable: stable({ available: 3 }), weight: at(50) }),
      [{ do: 'weight', to: 25 }],
    ],
    [
      'a canary that serves nobody loses its weight at once',
      back,
      observed({ stable: stable({ available: 0 }), canary: canary({ ready: 0 }) }),
      [{ do: 'weight', to: 0 }],
    ],
    [
      'a rejected canary is not kept for ever for a stable that stays short',
      back,
      observed({ at: 6_000, stable: stable({ available: 3 }) }),
      [{ do: 'weight', to: 0 }],
    ],
    [
      'a canary that is all that answers is kept for as long as stable has no pod',
      { ...back, weight: 50 },
      observed({ at: 60_000, stable: stable({ available: 0 }), weight: at(50) }),
      [],
    ],
    [
      'so is one whose stable somebody deleted',
      { ...back, weight: 50, verdict: 'superseded' },
      observed({ at: 60_000, stable: { desired: 0, available: 0, hash: '', rolledOut: false }, weight: at(50) }),
      [{ do: 'scale', role: 'stable', to: 4 }],
    ],
    [
      'after a promotion a route that refused a weight is asked for 0 once stable carries everything',
      { ...forward, refused: 'no' },
      observed({ stable: stable({ hash: CANARY }), weight: at(50) }),
      [{ do: 'weight', to: 0 }],
    ],
    [
      'and for the weight that was refused until then',
      { ...forward, refused: 'no' },
      observed({ stable: stable({ hash: CANARY, available: 3 }), weight: at(50) }),
      [{ do: 'weight', to: 25 }],
    ],
    [
      'the old template comes back before the weight goes',
      { ...back, restore: true },
      observed({ stable: stable({ hash: CANARY }) }),
      [{ do: 'restore-stable' }],
    ],
    [
      'a passed canary is kept while the old template rolls out, however long',
      { ...back, restore: true },
      observed({ at: 60_000, stable: stable({ rolledOut: false }) }),
      [],
    ],
    [
      'a stable that somebody else changed is not waited for',
      { ...back, restore: true },
      observed({ stable: stable({ hash: 'other', rolledOut: false }) }),
      [{ do: 'weight', to: 0 }],
    ],
    [
      'after a promotion 50 is followed by 25',
      forward,
      observed({ stable: stable({ hash: CANARY }), weight: at(50) }),
      [{ do: 'weight', to: 25 }],
    ],
    [
      'from 80 the first stop is 50',
      { ...forward, weight: 80 },
      observed({ stable: stable({ hash: CANARY }), weight: at(80) }),
      [{ do: 'weight', to: 50 }],
    ],
    [
      'after a promotion stable must carry the share first',
      forward,
      observed({ stable: stable({ hash: CANARY, available: 2 }), weight: at(50) }),
      [],
    ],
    [
      'each weight is accepted before the next',
      { ...forward, weight: 25 },
      observed({ stable: stable({ hash: CANARY }), weight: { ...at(25), accepted: false } }),
      [],
    ],
  ])('%s', (_, state, event, commands) => {
    expect(next(record(state), event).commands).toEqual(commands)
  })

  const cleaning: StateIn<'cleaning'> = {
    phase: 'cleaning',
    to: 'back',
    since: 0,
    verdict: 'rolled-back',
    why: why('errors'),
    restore: false,
  }
  const none = { written: 0, accepted: true, marked: false }
  const gone = (over: Partial<World> = {}): Event => {
    const { canary: _none, ...rest } = world({ weight: none, service: false, leftovers: 0, ...over })
    return { kind: 'observed', world: rest }
  }

  test.each<[string, Event, readonly Command[]]>([
    ['pods first', observed({ weight: at(0) }), [{ do: 'scale', role: 'canary', to: 0 }]],
    ['and wait for them', observed({ weight: at(0), canary: canary({ desired: 0, ready: 1 }) }), []],
    [
      'then the route',
      observed({ weight: at(0), canary: canary({ desired: 0, ready: 0 }) }),
      [{ do: 'restore-route' }],
    ],
    [
      'then the objects',
      observed({ weight: none, canary: canary({ desired: 0, ready: 0 }) }),
      [{ do: 'remove-created' }],
    ],
    [
      'the route first when its controller does not take it',
      observed({ weight: { ...at(0), accepted: false } }),
      [{ do: 'restore-route' }],
    ],
    ['an unrecorded leftover too', gone({ leftovers: 1 }), [{ do: 'remove-created' }]],
    ['nothing when nothing is left', gone(), []],
  ])('cleaning takes %s', (_, event, commands) => {
    expect(next(record(cleaning), event).commands).toEqual(commands)
  })

  test('the end is remembered in the history', () => {
    const { record: done } = next(record(cleaning), gone())
    expect(done.state).toEqual({ phase: 'done', verdict: 'rolled-back', why: why('errors'), at: 1_000 })
    expect(done.history).toEqual([{ image: done.canary.image, hash: CANARY, verdict: 'rolled-back', at: 1_000 }])
  })

  test('a stable that stays short is said to be so', () => {
    const short = { stable: stable({ available: 3 }) }
    expect(end(next(record(cleaning), gone(short)).record)).toBe('cleaning rolled-back errors')
    expect(end(next(record(cleaning), gone({ ...short, at: 6_000 })).record)).toBe('done error stable-unavailable')
  })

  test('success is not said while stable is not rolled out', () => {
    const promoted = record({ ...cleaning, to: 'forward', verdict: 'promoted', why: why('promoted') })
    const rolling = stable({ hash: CANARY, rolledOut: false })
    expect(end(next(promoted, gone({ stable: rolling })).record)).toBe('cleaning promoted promoted')
    expect(end(next(promoted, gone({ stable: stable({ hash: CANARY }) })).record)).toBe('done promoted promoted')
    expect(end(next(promoted, gone()).record)).toBe('cleaning superseded superseded')
  })

  test('a weight that comes back is lowered again', () => {
    expect(end(next(record(cleaning), observed()).record)).toBe('lowering rolled-back errors')
  })
})

test('what is asked of an unchanged cluster twice is the same', () => {
  const states: readonly State[] = [analysing, holding, promoting, back, forward]
  for (const state of states) {
    const first = next(record(state), observed())
    const again = next(first.record, observed())
    if (first.commands.length > 0) expect(again.commands).toEqual(first.commands)
  }
})
