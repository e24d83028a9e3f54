import type { Command, ReleaseRecord, StateIn } from './record.ts'
import { askedBaseline, askedMirror, askedWeight } from './way.ts'

/** One line for the log when the state changed between the two records; nothing when it did not. No times: the log has its own. */
export const describeChange = (before: ReleaseRecord | undefined, after: ReleaseRecord): string | undefined => {
  const line = describeState(after)
  const taken = before !== undefined && before.epoch !== after.epoch
  if (taken) return `taken over by run ${after.owner.runId}/${after.owner.attempt} (epoch ${after.epoch}): ${line}`
  return before !== undefined && describeState(before) === line ? undefined : line
}

/** The state in one line: phase, step, weight and, when it is not the plain way forward, why. */
export const describeState = (record: ReleaseRecord): string => {
  const { state, plan } = record
  const of = (step: number) => `step ${step + 1} of ${plan.steps.length}`
  switch (state.phase) {
    case 'preparing':
      return `${of(state.step)}: preparing the canary${plan.baseline === 'fresh' ? ' and a fresh baseline' : ''} for ${share(plan.steps[state.step]?.weight ?? 0, plan.steps[state.step]?.mirror)}`
    case 'raising':
      return askedMirror(record) > 0
        ? `${of(state.step)}: beginning to copy ${askedMirror(record)} % of the requests`
        : `${of(state.step)}: raising the weight to ${askedWeight(record)}${beside(record)}`
    case 'analysing':
      return `${of(state.step)}: analysing at ${share(askedWeight(record), askedMirror(record))}${beside(record)}`
    case 'holding':
      return `${of(state.step)}: holding at ${share(askedWeight(record), askedMirror(record))}${forWhom(record, state)}: ${state.why.text}`
    case 'promoting':
      return state.cancelled
        ? 'promoting: cancelled, to be carried on by a takeover'
        : `promoting: stable gets the analysed template, canary holds weight ${askedWeight(record)}`
    case 'lowering':
      return `${direction(state)}: weight ${state.weight}${kept(state)}${state.weight > 0 ? ', on its way to 0' : ''}${because(state)}${unwritten(state)}`
    case 'draining':
      return `${direction(state)}: draining the canary${because(state)}`
    case 'cleaning':
      return `${direction(state)}: cleaning up${because(state)}`
    case 'done':
      return `done: ${state.verdict} (${state.why.code}): ${state.why.text}`
  }
}

/** A command in the words of the log and of messages: `weight to 25`, `scale canary to 0`. */
export const describeCommand = (command: Command): string => {
  switch (command.do) {
    case 'apply':
      return command.replicas === undefined
        ? `apply ${command.role}`
        : `apply ${command.role} with ${command.replicas} replicas`
    case 'weight':
      return `weight to ${command.to}${command.mirror === undefined ? '' : ` and a copy of ${command.mirror} %`}${command.baseline === undefined ? '' : `, the fresh baseline's to ${command.baseline}`}`
    case 'scale':
      return `scale ${command.role} to ${command.to}`
    default:
      return command.do.replaceAll('-', ' ')
  }
}

const beside = (record: ReleaseRecord): string =>
  askedBaseline(record) > 0 ? ' beside a fresh baseline of the same weight' : ''

const share = (weight: number, mirror = 0): string => (mirror > 0 ? `a copy of ${mirror} %` : `weight ${weight}`)

const forWhom = ({ deadline }: ReleaseRecord, { person }: StateIn<'holding'>): string =>
  person === true ? ` for a person (mode abort takes it back), until ${new Date(deadline).toISOString()} at most` : ''

const kept = ({ baseline = 0 }: StateIn<'lowering'>): string =>
  baseline > 0 ? `, the fresh baseline's ${baseline}` : ''

const unwritten = ({ refused, to }: StateIn<'lowering'>): string => {
  if (refused === undefined) return ''
  return to === 'forward'
    ? `; the route was not written (${refused}), so 0 is asked for as soon as stable carries everything`
    : `; the route may not be written (${refused}), so the canary's Service is led to stable's pods, and the route still names it`
}

type Down = StateIn<'lowering' | 'draining' | 'cleaning'>

const direction = ({ to }: Down): string => (to === 'forward' ? 'promoted' : 'going back')

const because = ({ to, why }: Down): string => (to === 'forward' ? '' : ` (${why.text})`)
