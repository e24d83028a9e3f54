import { reasons } from './reasons.ts'
import type { Event, ReleaseRecord, State, StateIn } from './record.ts'
import { type Moved, move, stay, turnBack } from './way.ts'

/**
 * A new owner: the epoch rises by one, so that every later write of the old owner is refused, and the phase's clocks start anew (nobody watched in between).
 * `resume` goes on as it was. `reap` takes what is still being analysed back and carries a begun promotion on. A finished release is not taken over.
 * No command: the new epoch is first saved, then stamped on every touched object, then the cluster is looked at.
 */
export const takeOver = (record: ReleaseRecord, event: Extract<Event, { kind: 'taken-over' }>): Moved => {
  if (record.state.phase === 'done') return stay(record)
  const owned = { ...record, epoch: record.epoch + 1, owner: event.owner }
  const { state } = record
  switch (state.phase) {
    case 'preparing':
    case 'raising':
    case 'analysing':
    case 'holding':
      return event.mode === 'reap'
        ? turnBack(owned, event.at, { verdict: 'rolled-back', why: reasons.reaped() })
        : move(owned, restarted(state, event.at))
    case 'promoting':
      return move(owned, { ...state, cancelled: false, since: event.at })
    case 'lowering':
    case 'draining':
    case 'cleaning':
      return move(owned, { ...state, since: event.at })
  }
}

/**
 * The run was told to stop and has seconds. While analysing: one write, weight 0 (a fresh baseline's too), without a look. While promoting: only the mark.
 * On the way down there is nothing to add.
 */
export const cancel = (record: ReleaseRecord, at: number): Moved => {
  const { state } = record
  switch (state.phase) {
    case 'preparing':
    case 'raising':
    case 'analysing':
    case 'holding': {
      const turned = turnBack(record, at, { verdict: 'rolled-back', why: reasons.cancelled() })
      // Before the first weight nothing was asked of the route: leave it untouched. A controller may be about to raise it on its own.
      if (state.phase === 'preparing' && state.step === 0 && record.plan.split !== 'controller') return turned
      const lowering = turned.record.state
      if (lowering.phase !== 'lowering') return turned
      const { baseline: _, ...rest } = lowering
      return move(record, { ...rest, weight: 0 }, [{ do: 'weight', to: 0 }])
    }
    case 'promoting':
      return state.cancelled ? stay(record) : move(record, { ...state, cancelled: true })
    default:
      return stay(record)
  }
}

/** An operator wants the old template back. Too late once stable was seen rolled out: then the release is through. */
export const abort = (record: ReleaseRecord, at: number): Moved => {
  switch (record.state.phase) {
    case 'preparing':
    case 'raising':
    case 'analysing':
    case 'holding':
    case 'promoting':
      return turnBack(record, at, { verdict: 'rolled-back', why: reasons.aborted() })
    default:
      return stay(record)
  }
}

const restarted = (state: StateIn<'preparing' | 'raising' | 'analysing' | 'holding'>, at: number): State => {
  if (state.phase !== 'holding') return { ...state, since: at }
  const { person: _, ...held } = state
  return { ...held, since: at, held: at }
}
