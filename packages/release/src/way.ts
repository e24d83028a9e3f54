import { remember } from './history.ts'
import type { Command, Next, Reason, ReleaseRecord, State, Verdict, Way, World } from './record.ts'

/** What `next` answers. */
export type Moved = ReturnType<Next>

/** Nothing to save; the commands, if any, are asked again. The same record object says so. */
export const stay = (record: ReleaseRecord, commands: readonly Command[] = []): Moved => ({ record, commands })

/** A new state, to be saved before the commands are performed. */
export const move = (record: ReleaseRecord, state: State, commands: readonly Command[] = []): Moved => ({
  record: { ...record, state },
  commands,
})

/** Turns the release back from wherever it is: the weight goes down first, from what is asked now. */
export const turnBack = (
  record: ReleaseRecord,
  at: number,
  end: { readonly verdict: Verdict; readonly why: Reason; readonly restore?: boolean },
): Moved =>
  move(record, {
    phase: 'lowering',
    to: 'back',
    weight: askedWeight(record),
    since: at,
    verdict: end.verdict,
    why: end.why,
    restore: end.restore ?? record.state.phase === 'promoting',
  })

/** Ends the release and remembers it in the history. */
export const end = (record: ReleaseRecord, at: number, way: Pick<Way, 'verdict' | 'why'>): Moved =>
  move(remember(record, { verdict: way.verdict, at }), { phase: 'done', verdict: way.verdict, why: way.why, at })

/** The percent of requests that the state asks to be copied to the canary; 0 outside mirror steps. */
export const askedMirror = ({ state, plan }: Pick<ReleaseRecord, 'state' | 'plan'>): number => {
  switch (state.phase) {
    case 'preparing':
      return plan.steps[state.step - 1]?.mirror ?? 0
    case 'raising':
    case 'analysing':
    case 'holding':
      return plan.steps[state.step]?.mirror ?? 0
    default:
      return 0
  }
}

/** The command that asks the route for a split; without a copy the key is absent. */
export const splitTo = (weight: number, mirror = 0): Extract<Command, { do: 'weight' }> => ({
  do: 'weight',
  to: weight,
  ...(mirror > 0 ? { mirror } : {}),
})

/** Whether the route sends the canary nothing: no share and no copies. */
export const isOut = ({ weight }: World): boolean => weight.written === 0 && (weight.mirrored ?? 0) === 0

/** The weight that the state asks of the route; 0 before the first and after the last. */
export const askedWeight = ({ state, plan }: Pick<ReleaseRecord, 'state' | 'plan'>): number => {
  switch (state.phase) {
    case 'preparing':
      return plan.steps[state.step - 1]?.weight ?? 0
    case 'raising':
    case 'analysing':
    case 'holding':
      return plan.steps[state.step]?.weight ?? 0
    case 'promoting':
      return plan.steps.at(-1)?.weight ?? 0
    case 'lowering':
      return state.weight
    case 'draining':
    case 'cleaning':
    case 'done':
      return 0
  }
}
