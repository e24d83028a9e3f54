import { describe, expect, test } from 'vitest'
import { reapedVerdict } from './simulation/expectation.ts'
import { plan } from './simulation/release.ts'
import type { Act } from './simulation/run.ts'
import { type Scenario, verdictOf } from './simulation/scenario.ts'
import { type Fault, play, type Schedule, verdictIn } from './simulation/schedule.ts'

const scenariosOf = (steps: number): readonly Scenario[] => [
  'good',
  ...(['bad-0', 'bad-1', 'bad-2', 'bad-3'] as const).slice(0, steps),
  'never-ready',
  'stuck-promotion',
  'outage',
  'unclear',
]

const cases = (['weights', 'replicas'] as const).flatMap((split) =>
  [1, 2, 3, 4].flatMap((steps) => scenariosOf(steps).map((scenario) => ({ split, steps, scenario }))),
)

/** Plays one fault at every act of the reference run; a line for every schedule that broke something. */
const everywhere = (
  { split, steps, scenario }: (typeof cases)[number],
  kinds: (act: Act) => readonly Fault['kind'][],
  judge: (schedule: Schedule, act: Act) => string | undefined,
): { readonly problems: readonly string[]; readonly played: number } => {
  const calm = { scenario, plan: plan(steps, { split }), recovery: 'reap', faults: [] } as const
  const schedules = play(calm).acts.flatMap((act, at) => kinds(act).map((kind) => ({ act, faults: [{ at, kind }] })))
  const problems = schedules.flatMap(({ act, faults }) => {
    const problem = judge({ ...calm, faults }, act)
    return problem === undefined ? [] : [`${JSON.stringify(faults)} at ${JSON.stringify(act)}: ${problem}`]
  })
  return { problems, played: schedules.length }
}

const ends = (schedule: Schedule, verdict: (left: ReturnType<typeof play>['atFault']) => string) => {
  const outcome = play(schedule)
  if (outcome.broken.length > 0) return outcome.broken[0]
  const expected = verdict(outcome.atFault)
  return verdictIn(outcome) === expected ? undefined : `4: ended ${verdictIn(outcome)} instead of ${expected}`
}

const stops = (): readonly Fault['kind'][] => ['kill-before', 'kill-after', 'zombie']

describe('a run that nothing befalls', () => {
  test.each(cases)('$scenario, $steps steps, split by $split, ends as it must', ({ split, steps, scenario }) => {
    const outcome = play({ scenario, plan: plan(steps, { split }), faults: [], recovery: 'reap' })
    expect(outcome.broken).toEqual([])
    expect(verdictIn(outcome)).toBe(verdictOf(scenario))
  })
})

describe('a run that dies or freezes before or after any save or command', () => {
  test.each(cases)('$scenario, $steps steps, split by $split: resumed, ends as if nothing had been', (each) => {
    const { problems, played } = everywhere(each, stops, (schedule) =>
      ends({ ...schedule, recovery: 'resume' }, () => verdictOf(each.scenario)),
    )
    expect(problems).toEqual([])
    expect(played).toBeGreaterThan(20)
  })

  test.each(cases)('$scenario, $steps steps, split by $split: reaped, goes back unless promotion had begun', (each) => {
    const { problems } = everywhere(each, stops, (schedule) =>
      ends(schedule, (left) => reapedVerdict(left, each.scenario)),
    )
    expect(problems).toEqual([])
  })
})

describe('a run that is cancelled at any save or command', () => {
  test.each(cases)('$scenario, $steps steps, split by $split: its post step goes on', (each) => {
    const { problems } = everywhere(
      each,
      () => ['cancel'],
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
  const refusals = (act: Act): readonly Fault['kind'][] => {
    if (act.do === 'save') return ['conflict-lost', 'conflict-landed']
    return act.do === 'perform' ? ['upstream'] : []
  }

  test.each(cases)('$scenario, $steps steps, split by $split: asked again, same end', (each) => {
    const { problems } = everywhere(each, refusals, (schedule) => ends(schedule, () => verdictOf(each.scenario)))
    expect(problems).toEqual([])
  })

  test.each(cases)('$scenario, $steps steps, split by $split: a forbidden command turns the release back', (each) => {
    const { problems } = everywhere(
      each,
      (act) => (act.do === 'perform' ? ['forbidden'] : []),
      (schedule, act) => {
        const climbing = act.do === 'perform' && ['preparing', 'raising', 'promoting'].includes(act.phase ?? '')
        return ends(schedule, () => (climbing ? 'error' : verdictOf(each.scenario)))
      },
    )
    expect(problems).toEqual([])
  })
})
