import { describe, expect, test } from 'vitest'
import type { Plan } from '../src/record.ts'
import { reapedVerdict } from './simulation/expectation.ts'
import { freshPlan, plan } from './simulation/release.ts'
import type { Act } from './simulation/run.ts'
import { type Scenario, verdictOf } from './simulation/scenario.ts'
import { type Fault, type Outcome, play, type Schedule, verdictIn } from './simulation/schedule.ts'

const scenariosOf = (steps: number): readonly Scenario[] => [
  'good',
  ...(['bad-0', 'bad-1', 'bad-2', 'bad-3'] as const).slice(0, steps),
  'never-ready',
  'stuck-promotion',
  'outage',
  'unclear',
]

const cases = [1, 2, 3, 4].flatMap((steps) => [
  ...(['weights', 'replicas'] as const).flatMap((split) =>
    scenariosOf(steps).map((scenario) => ({ split, steps, scenario })),
  ),
  { split: 'weights', steps, scenario: 'route-not-taken' } as const,
  ...([...scenariosOf(steps), 'baseline-never-ready', 'route-not-taken'] as const).map(
    (scenario) => ({ split: 'weights beside a fresh baseline', steps, scenario }) as const,
  ),
])

const planOf = ({ split, steps }: Omit<(typeof cases)[number], 'scenario'>): Plan =>
  split === 'weights beside a fresh baseline' ? freshPlan(steps) : plan(steps, { split })

/** Plays one fault at every act of the reference run; a line for every schedule that broke something. */
const everywhere = (
  { split, steps, scenario }: (typeof cases)[number],
  kinds: (act: Act) => readonly Omit<Fault, 'at'>[],
  judge: (schedule: Schedule, act: Act) => string | undefined,
): readonly string[] => {
  const calm = { scenario, plan: planOf({ split, steps }), recovery: 'reap', faults: [] } as const
  const schedules = play(calm).acts.flatMap((act, at) =>
    kinds(act).map((fault) => ({ act, faults: [{ at, ...fault }] })),
  )
  return schedules.flatMap(({ act, faults }) => {
    const problem = judge({ ...calm, faults }, act)
    return problem === undefined ? [] : [`${JSON.stringify(faults)} at ${JSON.stringify(act)}: ${problem}`]
  })
}

const ends = (schedule: Schedule, verdict: (left: Outcome['atFault'], outcome: Outcome) => string) => {
  const outcome = play(schedule)
  if (outcome.broken.length > 0) return outcome.broken[0]
  const expected = verdict(outcome.atFault, outcome)
  return verdictIn(outcome) === expected ? undefined : `4: ended ${verdictIn(outcome)} instead of ${expected}`
}

// A zombie wakes up between the taker's save and its stamp, right after the stamp, a little later, and when all is over.
const stops = (): readonly Omit<Fault, 'at'>[] => [
  { kind: 'kill-before' },
  { kind: 'kill-after' },
  ...[1, 2, 3, 6, undefined].map((wake) => ({ kind: 'zombie', ...(wake === undefined ? {} : { wake }) }) as const),
]

describe('a run that nothing befalls', () => {
  test.each(cases)('$scenario, $steps steps, split by $split, ends as it must', ({ split, steps, scenario }) => {
    const outcome = play({ scenario, plan: planOf({ split, steps }), faults: [], recovery: 'reap' })
    expect(outcome.broken).toEqual([])
    expect(verdictIn(outcome)).toBe(verdictOf(scenario))
  })
})

describe('a run that dies or freezes before or after any save or command', () => {
  test.each(cases)('$scenario, $steps steps, split by $split: resumed, ends as if nothing had been', (each) => {
    const problems = everywhere(each, stops, (schedule) =>
      ends({ ...schedule, recovery: 'resume' }, () => verdictOf(each.scenario)),
    )
    expect(problems).toEqual([])
  })

  test.each(cases)('$scenario, $steps steps, split by $split: reaped, goes back unless promotion had begun', (each) => {
    const problems = everywhere(each, stops, (schedule) =>
      ends(schedule, (left, { record }) => {
        // A run that froze in its very first save and wakes up after the reaper leaves a release to be reaped.
        return left || !record ? reapedVerdict(left, each.scenario) : 'rolled-back'
      }),
    )
    expect(problems).toEqual([])
  })
})

describe('a run that dies at any save or command, and the run that takes over dies at any later one', () => {
  const twice = cases.filter(({ steps, scenario }) => steps === 2 && scenario !== 'outage' && scenario !== 'unclear')

  test.each(twice)('$scenario, $steps steps, split by $split: whoever comes third ends it', (each) => {
    const problems = everywhere(
      each,
      () => [{ kind: 'kill-before' }],
      (schedule) => {
        const [first] = schedule.faults
        const at = first?.at ?? 0
        for (let later = at + 1; later <= at + 14; later += 1) {
          const faults: readonly Fault[] = [...schedule.faults, { at: later, kind: 'kill-after' }]
          const reaped = ends({ ...schedule, faults }, (left) => reapedVerdict(left, each.scenario))
          const resumed = ends({ ...schedule, faults, recovery: 'resume' }, () => verdictOf(each.scenario))
          const problem = reaped ?? resumed
          if (problem !== undefined) return `and again at ${later}: ${problem}`
        }
        return undefined
      },
    )
    expect(problems).toEqual([])
  })
})

describe('a run that is cancelled at any save or command', () => {
  test.each(cases)('$scenario, $steps steps, split by $split: its post step goes on', (each) => {
    const problems = everywhere(
      each,
      () => [{ kind: 'cancel' }],
      (schedule) =>
        ends(schedule, (left) => {
          const phase = left?.state.phase ?? 'nothing'
          if (['preparing', 'raising', 'analysing', 'holding'].includes(phase)) return `not ${phase}`
          return reapedVerdict(left, each.scenario)
        }),
    )
    expect(problems).toEqual([])
  })
})

describe('writes that are refused or whose answer is lost', () => {
  const refusals = (act: Act): readonly Omit<Fault, 'at'>[] => {
    if (act.do === 'save') return [{ kind: 'conflict-lost' }, { kind: 'conflict-landed' }]
    return act.do === 'perform' ? [{ kind: 'upstream' }] : []
  }

  test.each(cases)('$scenario, $steps steps, split by $split: asked again, same end', (each) => {
    const problems = everywhere(each, refusals, (schedule) => ends(schedule, () => verdictOf(each.scenario)))
    expect(problems).toEqual([])
  })

  test.each(cases)('$scenario, $steps steps, split by $split: a forbidden command turns the release back', (each) => {
    const problems = everywhere(
      each,
      (act) => (act.do === 'perform' ? [{ kind: 'forbidden' }] : []),
      (schedule, act) => {
        const climbing = act.do === 'perform' && ['preparing', 'raising', 'promoting'].includes(act.phase ?? '')
        return ends(schedule, () => (climbing ? 'error' : verdictOf(each.scenario)))
      },
    )
    expect(problems).toEqual([])
  })
})
