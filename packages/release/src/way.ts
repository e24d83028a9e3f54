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
    ...(askedBaseline(record) > 0 ? { baseline: askedBaseline(record) } : {}),
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

/** The command that asks the route for a split; without a copy, or a share for a fresh baseline, their keys are absent. */
export const splitTo = (
  weight: number,
  { mirror = 0, baseline = 0 }: { readonly mirror?: number; readonly baseline?: number } = {},
): Extract<Command, { do: 'weight' }> => ({
  do: 'weight',
  to: weight,
  ...(mirror > 0 ? { mirror } : {}),
  ...(baseline > 0 ? { baseline } : {}),
})

/** Whether the route sends what stands beside stable nothing: no share and no copies. */
export const isOut = ({ weight }: World): boolean =>
  weight.written === 0 && (weight.mirrored ?? 0) === 0 && (weight.baseline ?? 0) === 0

/** Whether the route asks for what the state asks of it. */
export const isAsked = (record: Pick<ReleaseRecord, 'state' | 'plan'>, { weight }: World): boolean =>
  weight.written === askedWeight(record) &&
  (weight.mirrored ?? 0) === askedMirror(record) &&
  (weight.baseline ?? 0) === askedBaseline(record)

/**
 * The percent that the state asks for a fresh baseline: the canary's, while steps are watched. A promotion asks for none, so that the old template's second
 * set of pods is gone from the route before stable changes. 0 where the plan has none.
 */
export const askedBaseline = (record: Pick<ReleaseRecord, 'state' | 'plan'>): number => {
  const { state, plan } = record
  if (state.phase === 'lowering') return state.baseline ?? 0
  return plan.baseline === 'fresh' && state.phase !== 'promoting' ? askedWeight(record) : 0
}

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
