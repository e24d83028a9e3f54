import { expect, test } from 'vitest'
import { next } from '../src/next.ts'
import type { Command, Event, Next, Plan, World } from '../src/record.ts'
import { freshPlan, plan } from './simulation/release.ts'
import type { Scenario } from './simulation/scenario.ts'
import { type Fault, play, type Schedule, verdictIn } from './simulation/schedule.ts'

/** The real decision, shown a cluster that is not the true one. */
const deceived =
  (change: (world: World) => World): Next =>
  (record, event) =>
    next(record, event.kind === 'observed' ? { ...event, world: change(event.world) } : event)

/** The real decision with other commands. */
const misled =
  (change: (commands: readonly Command[], event: Event) => readonly Command[]): Next =>
  (record, event) => {
    const moved = next(record, event)
    return { ...moved, commands: change(moved.commands, event) }
  }

const without = (what: Command['do']): Next => misled((commands) => commands.filter((command) => command.do !== what))

const forgetful = (): Next => {
  const asked = new Set<string>()
  return misled((commands) =>
    commands.filter((command) => {
      const key = JSON.stringify(command)
      const known = asked.has(key)
      asked.add(key)
      return !known
    }),
  )
}

const mirrored = (percent: number) => [{ weight: 0, mirror: percent, hold: 2_000 }, ...plan(2).steps]

type Mutant = {
  readonly name: string
  readonly next?: Next
  readonly fenced?: boolean
  readonly scenario: Scenario
  readonly faults?: readonly Fault[]
  readonly recovery?: Schedule['recovery']
  /** A first step that copies so many percent of the requests. */
  readonly mirror?: number
  /** Beside a fresh baseline. */
  readonly fresh?: true
  readonly breaks: RegExp
}

const mutants: readonly Mutant[] = [
  {
    name: 'sends traffic before the canary is ready',
    next: deceived((world) =>
      world.canary ? { ...world, canary: { ...world.canary, ready: world.canary.desired } } : world,
    ),
    scenario: 'good',
    breaks: / 1: weight/,
  },
  {
    name: 'scales the canary away before its weight is down',
    next: (record, event) => {
      const moved = next(record, event)
      return moved.record.state.phase === 'lowering' && event.kind === 'observed'
        ? { ...moved, commands: [{ do: 'scale', role: 'canary', to: 0 }, ...moved.commands] }
        : moved
    },
    scenario: 'bad-0',
    breaks: / 1: canary scaled down/,
  },
  {
    name: 'does not wait until the router has taken the weight',
    next: deceived((world) => ({ ...world, weight: { ...world.weight, accepted: true }, drained: true })),
    scenario: 'bad-0',
    breaks: / 1: canary scaled down/,
  },
  {
    name: "lowers the weight without looking at stable's capacity",
    next: deceived((world) => ({ ...world, stable: { ...world.stable, available: 99, rolledOut: true } })),
    scenario: 'bad-0',
    faults: [{ at: 7, kind: 'human-scales-stable-to-1' }],
    breaks: / 2: weight lowered/,
  },
  {
    name: 'goes back from a promotion before stable has its template again',
    next: (record, event) => {
      const { state } = record
      const kept = state.phase === 'lowering' && state.to === 'back' && state.restore
      return next(kept ? { ...record, state: { ...state, restore: false } } : record, event)
    },
    scenario: 'stuck-promotion',
    breaks: / 2: at rest stable runs/,
  },
  {
    name: 'says success before stable is rolled out',
    next: deceived((world) => ({ ...world, stable: { ...world.stable, available: 99, rolledOut: true } })),
    scenario: 'stuck-promotion',
    breaks: / 6: success/,
  },
  {
    name: 'leaves the autoscaler free to shrink stable',
    next: deceived((world) => ({ ...world, autoscalers: { frozen: true, marked: false } })),
    scenario: 'good',
    breaks: / 2: an autoscaler shrank stable/,
  },
  {
    name: 'ends before the autoscaler is given back',
    next: deceived((world) =>
      world.leftovers === 0 ? { ...world, autoscalers: { frozen: true, marked: false } } : world,
    ),
    scenario: 'bad-0',
    breaks: / 3: at rest the autoscaler/,
  },
  {
    name: 'leads the copies of requests to stable',
    next: misled((commands, event) =>
      event.kind === 'observed' && event.world.service ? [...commands, { do: 'divert-service' }] : commands,
    ),
    mirror: 20,
    scenario: 'bad-0',
    breaks: / 1: copies of requests/,
  },
  {
    name: 'leaves the copies of requests in the route',
    next: deceived(({ weight: { mirrored: _, ...weight }, ...world }) => ({ ...world, weight })),
    mirror: 20,
    scenario: 'bad-0',
    breaks: /4: error/,
  },
  {
    name: 'leads the canary to a stable that cannot carry it',
    next: (record, event) => {
      const moved = next(record, event)
      const { state } = moved.record
      return state.phase === 'lowering' && event.kind === 'observed'
        ? { ...moved, commands: [{ do: 'divert-service' }] }
        : moved
    },
    scenario: 'bad-0',
    faults: [{ at: 7, kind: 'human-scales-stable-to-1' }],
    breaks: / 2: weight lowered/,
  },
  {
    name: 'forgets what it has put right already',
    next: ({ foreign: _, ...record }, event) => next(record, event),
    scenario: 'good',
    faults: [
      { at: 6, kind: 'human-sets-weight-90' },
      { at: 10, kind: 'human-sets-weight-90' },
    ],
    breaks: /4: promoted/,
  },
  {
    name: 'forgets to give the route back',
    next: deceived((world) => ({ ...world, weight: { ...world.weight, marked: false } })),
    scenario: 'bad-0',
    breaks: / 3: at rest the route/,
  },
  {
    name: 'forgets to remove what it created',
    next: deceived(({ canary, ...world }) =>
      canary?.desired === 0 ? { ...world, leftovers: 0 } : { ...world, ...(canary ? { canary } : {}) },
    ),
    scenario: 'bad-0',
    breaks: / 3: at rest an object/,
  },
  {
    name: 'goes on analysing what it should reap',
    next: (record, event) => next(record, event.kind === 'taken-over' ? { ...event, mode: 'resume' } : event),
    scenario: 'good',
    faults: [{ at: 4, kind: 'kill-after' }],
    breaks: /4: promoted/,
  },
  {
    name: 'takes over without a new epoch',
    next: (record, event) => {
      const moved = next(record, event)
      return { ...moved, record: { ...moved.record, epoch: record.epoch } }
    },
    scenario: 'good',
    faults: [{ at: 5, kind: 'kill-after' }],
    breaks: / 5: epoch/,
  },
  {
    name: 'is not fenced by the cluster',
    fenced: false,
    scenario: 'good',
    faults: [{ at: 5, kind: 'zombie' }],
    breaks: / 5: /,
  },
  {
    name: 'remembers commands as done instead of looking',
    next: forgetful(),
    scenario: 'good',
    faults: [{ at: 5, kind: 'upstream' }],
    breaks: /4: rolled-back|4: error/,
  },
  { name: 'never asks for the promotion', next: without('write-stable'), scenario: 'good', breaks: /4: rolled-back/ },
  { name: 'never lowers the weight', next: without('weight'), scenario: 'good', breaks: /4: error/ },
  {
    name: 'sends traffic before the fresh baseline is ready',
    next: deceived((world) =>
      world.baseline ? { ...world, baseline: { ...world.baseline, ready: world.baseline.desired } } : world,
    ),
    fresh: true,
    scenario: 'good',
    breaks: / 1: share 35 for a fresh baseline/,
  },
  {
    name: 'raises the canary and the fresh baseline one after the other',
    next: misled((commands) =>
      commands.flatMap((command): readonly Command[] =>
        command.do === 'weight' ? [{ do: 'weight', to: command.to }, command] : [command],
      ),
    ),
    fresh: true,
    scenario: 'good',
    breaks: / 7: the canary's share was raised to 35 and the fresh baseline's is 0/,
  },
  {
    name: 'promotes beside the fresh baseline',
    next: (record, event) => {
      const { phase } = record.state
      if (event.kind !== 'observed' || phase !== 'promoting') return next(record, event)
      const { baseline: _, ...weight } = event.world.weight
      return next(record, { ...event, world: { ...event.world, weight } })
    },
    fresh: true,
    scenario: 'good',
    breaks: / 7: stable is promoted while the fresh baseline has 50 %/,
  },
  {
    name: 'scales the fresh baseline away with its share',
    next: (record, event) => {
      const moved = next(record, event)
      return moved.record.state.phase === 'promoting' && event.kind === 'observed'
        ? { ...moved, commands: [...moved.commands, { do: 'scale', role: 'baseline', to: 0 }] }
        : moved
    },
    fresh: true,
    scenario: 'good',
    breaks: / 1: baseline scaled down while the fresh baseline still has requests/,
  },
  {
    name: "goes back without looking at stable's capacity for both",
    next: deceived((world) => ({ ...world, stable: { ...world.stable, available: 99, rolledOut: true } })),
    fresh: true,
    scenario: 'bad-0',
    faults: [{ at: 9, kind: 'human-scales-stable-to-1' }],
    breaks: / 2: weight lowered to 0 and 0 with/,
  },
  {
    name: 'forgets the objects of the fresh baseline',
    next: deceived(({ canary, baseline, ...world }) =>
      baseline?.desired === 0
        ? { ...world, leftovers: 0 }
        : { ...world, ...(canary ? { canary } : {}), ...(baseline ? { baseline } : {}) },
    ),
    fresh: true,
    scenario: 'bad-0',
    breaks: / 3: at rest an object of the fresh baseline/,
  },
  {
    name: 'never scales the canary down',
    next: without('scale'),
    scenario: 'good',
    breaks: /liveness/,
  },
]

const planOf = ({ mirror, fresh }: { readonly mirror: number | undefined; readonly fresh: true | undefined }): Plan =>
  fresh === true ? freshPlan(2) : plan(2, mirror === undefined ? {} : { steps: mirrored(mirror) })

test.each(mutants)(
  'a state machine that $name is caught',
  ({ next: broken, fenced, scenario, faults, recovery, mirror, fresh, breaks }) => {
    const outcome = play({
      scenario,
      plan: planOf({ mirror, fresh }),
      faults: faults ?? [],
      recovery: recovery ?? 'reap',
      ...(broken ? { next: broken } : {}),
      ...(fenced === undefined ? {} : { fenced }),
    })
    expect([...outcome.broken, `4: ${verdictIn(outcome)}`].join('\n')).toMatch(breaks)
  },
)

test('without a mutation none of these schedules breaks anything', () => {
  for (const { scenario, faults, mirror, fresh } of mutants) {
    const outcome = play({ scenario, plan: planOf({ mirror, fresh }), faults: faults ?? [], recovery: 'reap' })
    expect(outcome.broken).toEqual([])
  }
})
