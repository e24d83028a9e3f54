import { lower } from './back.ts'
import { cleanUpAfter } from './cleanup.ts'
import { describeCommand } from './describe.ts'
import { faceForeign } from './foreign.ts'
import { climb } from './forward.ts'
import { judge } from './judging.ts'
import { promote } from './promotion.ts'
import { reasons } from './reasons.ts'
import type { Event, Next, ReleaseRecord, World } from './record.ts'
import { abort, cancel, takeOver } from './takeover.ts'
import { type Moved, move, stay, turnBack } from './way.ts'

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

/** A phase that turns back has a better reason than a foreign change; else the change is faced on top of what the phase asks for. */
const look = (record: ReleaseRecord, world: World): Moved => {
  const moved = inPhase(record, world)
  if (isBack(moved.record) || !mayBeForeign(record, world)) return moved
  const faced = faceForeign(record, world)
  if (faced.record.state !== record.state) return faced
  const noted = faced.record === record ? moved.record : { ...moved.record, foreign: faced.record.foreign ?? [] }
  return { record: noted, commands: [...faced.commands, ...moved.commands] }
}

const isBack = ({ state }: ReleaseRecord): boolean => state.phase === 'lowering' && state.to === 'back'

// A stable of another template is somebody else's release, which is said as that.
const mayBeForeign = (record: ReleaseRecord, { stable }: World): boolean =>
  stable.hash === record.stable.hash || stable.hash === record.canary.hash

const inPhase = (record: ReleaseRecord, world: World): Moved => {
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

// On the way down there is no safer way to turn to: what was refused is asked again at the next look. Only a route that may not be written has a
// way round it: back by the canary's Service, forward by weight 0, which a route may take that refuses all others.
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
    case 'lowering':
      return event.command.do === 'weight' && record.state.refused === undefined
        ? move(record, { ...record.state, refused: event.text })
        : stay(record)
    default:
      return stay(record)
  }
}
