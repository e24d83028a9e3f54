import { lower } from './back.ts'
import { cleanUpAfter } from './cleanup.ts'
import { describeCommand } from './describe.ts'
import { climb } from './forward.ts'
import { judge } from './judging.ts'
import { promote } from './promotion.ts'
import { reasons } from './reasons.ts'
import type { Event, Next, ReleaseRecord, World } from './record.ts'
import { abort, cancel, takeOver } from './takeover.ts'
import { type Moved, stay, turnBack } from './way.ts'

/**
 * The release state machine: which state follows and what is to be done, in order. Pure and level-triggered: commands are derived from the state and
 * from what the cluster shows, never from what was asked before. The same record object is returned when there is nothing to save; a changed record is
 * saved before its commands are performed. States, events and commands: docs/decisions/0002-release-state.md.
 */
export const next: Next = (record: ReleaseRecord, event: Event): Moved => {
  switch (event.kind) {
    case 'observed':
      return look(record, event.world)
    case 'judged':
      return judge(record, event.at, event.judgement)
    case 'cancelled':
      return cancel(record, event.at)
    case 'aborted':
      return abort(record, event.at)
    case 'taken-over':
      return takeOver(record, event)
    case 'refused':
      return refuse(record, event)
  }
}

const look = (record: ReleaseRecord, world: World): Moved => {
  const { state } = record
  switch (state.phase) {
    case 'preparing':
    case 'raising':
    case 'analysing':
    case 'holding':
      return climb(record, state, world)
    case 'promoting':
      return promote(record, state, world)
    case 'lowering':
      return lower(record, state, world)
    case 'draining':
    case 'cleaning':
      return cleanUpAfter(record, state, world)
    case 'done':
      return stay(record)
  }
}

// On the way down there is no safer way to turn to: what was refused is asked again at the next look.
const refuse = (record: ReleaseRecord, event: Extract<Event, { kind: 'refused' }>): Moved => {
  if (event.cause === 'fenced' || event.cause === 'upstream') return stay(record)
  const why = reasons.refused(describeCommand(event.command), event.text)
  switch (record.state.phase) {
    case 'preparing':
    case 'raising':
    case 'analysing':
    case 'holding':
    case 'promoting':
      return turnBack(record, event.at, { verdict: 'error', why })
    default:
      return stay(record)
  }
}
