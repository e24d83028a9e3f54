import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plan } from './simulation/release.ts'
import { verdictOf } from './simulation/scenario.ts'
import { type Fault, type Outcome, play, type Schedule, verdictIn } from './simulation/schedule.ts'

/** Autoscalers and people beside a release, and a route that may no longer be written. */
const good = { scenario: 'good', plan: plan(2), recovery: 'resume', faults: [] } as const satisfies Schedule
const codeOf = ({ record }: Outcome): string =>
  record?.state.phase === 'done' ? `${record.state.verdict} ${record.state.why.code}` : 'not done'
const endOf = (schedule: Schedule): string => {
  const outcome = play(schedule)
  return outcome.broken[0] ?? codeOf(outcome)
}
/** The acts of the undisturbed run in these phases. */
const actsIn = (schedule: Schedule, ...phases: readonly string[]): readonly number[] =>
  play(schedule).acts.flatMap((act, at) => ('phase' in act && phases.includes(act.phase ?? '') ? [at] : []))
const watched = actsIn(good, 'raising', 'analysing', 'promoting')
const TWICE = 'error foreign-change'

describe('somebody who changes what the release wrote', () => {
  const changes = [
    'human-sets-weight-0',
    'human-sets-weight-90',
    'human-scales-canary-to-1',
    'human-scales-stable-to-1',
  ] as const

  test.each(changes)('%s once, at any moment, does not change the end', (kind) => {
    const ends = watched.map((at) => endOf({ ...good, faults: [{ at, kind }] }))
    expect(new Set(ends)).toEqual(new Set(['promoted promoted']))
  })

  test.each(changes.filter((kind) => kind !== 'human-scales-canary-to-1'))('%s is noted in the record', (kind) => {
    // In the look after the step's first save the release knows what it wrote.
    const [at = 0] = actsIn(good, 'analysing')
    const { record } = play({ ...good, faults: [{ at, kind }] })
    expect(record?.foreign).toMatchObject([{ open: false }])
  })

  test('twice, in whatever of it, is taken back as an error, and the weight it goes back from is the one it finds', () => {
    const [first = 0] = actsIn(good, 'analysing')
    for (const a of ['human-sets-weight-90', 'human-sets-weight-0', 'human-scales-stable-to-1'] as const) {
      for (const b of ['human-sets-weight-90', 'human-scales-stable-to-1'] as const) {
        const later = play({ ...good, faults: [{ at: first, kind: a }] }).acts.findIndex(
          (act, at) => at > first + 2 && 'phase' in act && act.phase === 'analysing',
        )
        expect([
          a,
          b,
          endOf({
            ...good,
            faults: [
              { at: first, kind: a },
              { at: later, kind: b },
            ],
          }),
        ]).toEqual([a, b, TWICE])
      }
    }
  })

  test.each(['resume', 'reap'] as const)(
    'is counted in the record: the run that takes over by %s knows of the first',
    (recovery) => {
      const [first = 0] = actsIn(good, 'analysing')
      const once: readonly Fault[] = [{ at: first, kind: 'human-sets-weight-90' }]
      const noted = play({ ...good, faults: once }).acts.findIndex(
        (act, at) => at > first + 2 && 'phase' in act && act.phase === 'analysing',
      )
      const killed: readonly Fault[] = [...once, { at: noted, kind: 'kill-after' }]
      const acts = play({ ...good, faults: killed }).acts
      const seen = acts.findIndex((act, at) => at > noted && act.do === 'save' && act.phase !== 'analysing')
      const outcome = play({ ...good, recovery, faults: [...killed, { at: seen, kind: 'human-scales-stable-to-1' }] })
      expect(outcome.broken).toEqual([])
      expect(codeOf(outcome)).toBe(recovery === 'resume' ? TWICE : 'rolled-back reaped')
      expect(outcome.record?.foreign?.length).toBe(recovery === 'resume' ? 2 : 1)
    },
  )

  test('upwards is let be: more stable pods, or more of the canary beside a router', () => {
    for (const kind of ['human-scales-stable-up', 'human-scales-canary-up'] as const) {
      const outcomes = watched.map((at) => play({ ...good, faults: [{ at, kind }] }))
      expect(outcomes.flatMap(({ broken }) => broken)).toEqual([])
      expect(new Set(outcomes.map(codeOf))).toEqual(new Set(['promoted promoted']))
      expect(outcomes.flatMap(({ record }) => record?.foreign ?? [])).toEqual([])
    }
  })
})

describe('somebody who puts the previous template back while stable is being promoted', () => {
  const undoneAt = (at: number, more: Partial<Schedule> = {}) =>
    play({ ...good, ...more, faults: [{ at, kind: 'human-undoes-promotion' }, ...(more.faults ?? [])] })
  const written = play(good).acts.findIndex((act) => act.do === 'perform' && act.command.do === 'write-stable')

  test('has the last word: the release ends as superseded, and nothing is written over it', () => {
    const [after = 0] = actsIn(good, 'lowering').filter((at) => at > written)
    for (let at = written + 1; at <= after; at += 1) {
      const outcome = undoneAt(at)
      expect([at, outcome.broken, codeOf(outcome)]).toEqual([at, [], 'superseded superseded'])
      const writes = outcome.acts.filter((act) => act.do === 'perform' && act.command.do === 'write-stable')
      expect(writes).toHaveLength(1)
    }
  })

  test('is not known to a run that takes over, which carries the promotion on', () => {
    const [save = 0] = actsIn(good, 'promoting')
    const outcome = undoneAt(written + 1, { recovery: 'reap', faults: [{ at: written, kind: 'kill-after' }] })
    expect(save).toBeLessThanOrEqual(written)
    expect([outcome.broken, codeOf(outcome)]).toEqual([[], 'promoted promoted'])
  })
})

describe('an autoscaler that makes stable smaller as it gets less traffic', () => {
  test('is given back on every end, whatever befalls the release', () => {
    const kinds: readonly Fault['kind'][] = ['kill-before', 'kill-after', 'zombie', 'cancel', 'upstream', 'forbidden']
    for (const scenario of ['good', 'bad-1', 'never-ready', 'unclear'] as const) {
      for (const kind of kinds) {
        for (const recovery of ['resume', 'reap'] as const) {
          const { acts } = play({ ...good, scenario })
          for (let at = 0; at < acts.length; at += 1) {
            const outcome = play({ ...good, scenario, recovery, faults: [{ at, kind }] })
            expect([scenario, kind, recovery, at, outcome.broken, outcome.autoscaler]).toEqual([
              scenario,
              kind,
              recovery,
              at,
              [],
              'own',
            ])
          }
        }
      }
    }
  })

  test('keeps what a person made of it meanwhile', () => {
    for (const at of play(good).acts.keys()) {
      const outcome = play({ ...good, faults: [{ at, kind: 'human-frees-autoscaler' }] })
      expect([at, outcome.broken, outcome.autoscaler]).toEqual([at, [], 'human'])
    }
  })

  test('and somebody beside it who makes stable smaller again and again never have it carry more than it can', () => {
    const shrinking = fc.record({
      at: fc.nat(60),
      kind: fc.constantFrom<Fault['kind']>(
        'human-scales-stable-to-1',
        'autoscaler-shrinks-stable',
        'stable-pod-dies',
        'human-frees-autoscaler',
      ),
    })
    fc.assert(
      fc.property(
        fc.constantFrom('good', 'bad-0', 'bad-1', 'stuck-promotion', 'unclear'),
        fc.constantFrom('weights', 'replicas'),
        fc.array(shrinking, { minLength: 1, maxLength: 12 }),
        (scenario, split, faults) => {
          expect(play({ scenario, plan: plan(3, { split }), recovery: 'reap', faults }).broken).toEqual([])
        },
      ),
      { seed: 20_261_121, numRuns: 800 },
    )
  }, 60_000)
})

describe('a plan that copies requests before it shares them', () => {
  const copying = { ...good, plan: plan(2, { steps: [{ weight: 0, mirror: 20, hold: 2_000 }, ...plan(1).steps] }) }

  test.each(['good', 'bad-0', 'bad-1', 'never-ready', 'stuck-promotion', 'unclear'] as const)(
    '%s ends as it must',
    (scenario) => {
      const outcome = play({ ...copying, scenario })
      expect(outcome.broken).toEqual([])
      expect(verdictIn(outcome)).toBe(verdictOf(scenario))
    },
  )

  test('gives no user to a canary that fails by its copies', () => {
    const weights = play({ ...copying, scenario: 'bad-0' }).acts.flatMap((act) =>
      act.do === 'perform' && act.command.do === 'weight' ? [act.command] : [],
    )
    expect(weights).toEqual([
      { do: 'weight', to: 0, mirror: 20 },
      { do: 'weight', to: 0 },
    ])
  })

  test.each(['resume', 'reap'] as const)(
    'takes the copies out wherever its run dies or is cancelled, by %s',
    (recovery) => {
      for (const scenario of ['good', 'bad-0'] as const) {
        const { acts } = play({ ...copying, scenario })
        for (const kind of ['kill-before', 'kill-after', 'zombie', 'cancel', 'upstream'] as const) {
          for (const at of acts.keys()) {
            const outcome = play({ ...copying, scenario, recovery, faults: [{ at, kind }] })
            expect([scenario, kind, at, outcome.broken]).toEqual([scenario, kind, at, []])
          }
        }
      }
    },
  )
})

describe('a route that may no longer be written once it names the canary', () => {
  test.each(['bad-0', 'good', 'unclear'] as const)(
    '%s: users are answered by the previous template all the same, and what is left goes when it may',
    (scenario) => {
      const outcome = play({ ...good, scenario, recovery: 'reap', routeForbidden: true })
      expect(outcome.broken).toEqual([])
      expect(outcome.stuck).toMatchObject({ share: 0, written: 5 })
      expect(outcome.stuck?.record?.state).toMatchObject({ phase: 'lowering', refused: 'simulated' })
      expect(verdictIn(outcome)).toBe(scenario === 'good' ? 'error' : verdictOf(scenario))
    },
  )

  test.each(['resume', 'reap'] as const)('and a run that dies anywhere in it: %s does the same', (recovery) => {
    const schedule = { ...good, scenario: 'bad-0', recovery, routeForbidden: true } as const
    for (const at of play(schedule).acts.keys()) {
      const outcome = play({ ...schedule, faults: [{ at, kind: 'kill-after' }] })
      expect([at, outcome.broken, outcome.stuck?.share ?? 0]).toEqual([at, [], 0])
    }
  })

  test('waits for a stable that is short: its pods are not led more than they carry', () => {
    const faults: readonly Fault[] = [{ at: 7, kind: 'human-scales-stable-to-1' }]
    const outcome = play({ ...good, scenario: 'bad-0', routeForbidden: true, faults })
    expect(outcome.broken).toEqual([])
    expect(outcome.stuck?.share).toBe(0)
  })
})
