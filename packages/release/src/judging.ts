import { advance, heldLongEnough, holdOver, isHeldAlike } from './forward.ts'
import { ENVIRONMENT, reasons } from './reasons.ts'
import type { Judgement, ReleaseRecord, StateIn } from './record.ts'
import { type Moved, move, stay, turnBack } from './way.ts'

type Watching = StateIn<'analysing' | 'holding'>

/**
 * What a judgement does. A rejection counts while the canary may have traffic and promotion has not begun; a pass ends the step once its hold is over.
 * When promotion has begun the two sides are no longer old against new, so nothing is judged any more.
 */
export const judge = (record: ReleaseRecord, at: number, judgement: Judgement): Moved => {
  const { state } = record
  switch (state.phase) {
    case 'preparing':
    case 'raising':
      return judgement.kind === 'reject' ? reject(record, at, judgement) : stay(record)
    case 'analysing':
    case 'holding':
      return judgement.kind === 'reject' ? reject(record, at, judgement) : weigh(record, state, at, judgement)
    default:
      return stay(record)
  }
}

const reject = (record: ReleaseRecord, at: number, { why }: Extract<Judgement, { kind: 'reject' }>): Moved =>
  turnBack(record, at, { verdict: why.code === ENVIRONMENT ? 'error' : 'rolled-back', why })

const weigh = (
  record: ReleaseRecord,
  state: Watching,
  at: number,
  judgement: Exclude<Judgement, { kind: 'reject' }>,
): Moved => {
  const over = holdOver(record.plan, state, at)
  switch (judgement.kind) {
    case 'pass':
      return over ? advance(record, state.step, at) : clear(record, state)
    case 'continue':
      return over
        ? hold(record, state, at, { ...judgement, why: judgement.why ?? reasons.tooFewRequests(record) })
        : clear(record, state)
    case 'hold':
    case 'inconclusive':
      return hold(record, state, at, judgement)
  }
}

// The step's watch goes on from where it began: what was counted in between is part of it.
const clear = (record: ReleaseRecord, { phase, step, since }: Watching): Moved =>
  phase === 'holding' ? move(record, { phase: 'analysing', step, since }) : stay(record)

const hold = (
  record: ReleaseRecord,
  state: Watching,
  at: number,
  { why, blind }: Pick<StateIn<'holding'>, 'why' | 'blind'>,
): Moved => {
  const { step, since } = state
  const found = { phase: 'holding', step, since, why, ...(blind === true ? { blind } : {}) } as const
  if (state.phase === 'analysing') return move(record, { ...found, held: at })
  const { held, person } = state
  const now = { ...found, held, ...(person === true ? { person } : {}) }
  if (at - held >= record.plan.maxHold) return heldLongEnough(record, now, at)
  return isHeldAlike(state, now) ? stay(record) : move(record, now)
}
