import { describeState } from '@sluice/release/describe'
import type { ReleaseRecord, World } from '@sluice/release/record'
import { type StepSeen, watchOf } from './judgement.ts'
import type { Planned } from './planned.ts'

/** One line that says where a release is, for a log that has been silent for a while. */
export const progressLine = (record: ReleaseRecord, world: World | undefined): string => {
  const step = watchOf(record).steps.at(-1)
  const watching = record.state.phase === 'analysing' || record.state.phase === 'holding'
  const counted =
    step === undefined || !watching
      ? ''
      : `; counted ${Math.round(step.canary)} canary and ${Math.round(step.baseline)} baseline requests in this step${ours(step)}`
  const pods =
    world === undefined
      ? ''
      : `; canary ${world.canary?.ready ?? 0}/${world.canary?.desired ?? 0} ready${beside(world)}, stable ${world.stable.available}/${world.stable.desired} available`
  return `${describeState(record)}${pods}${counted}`
}

const beside = ({ baseline }: World): string =>
  baseline === undefined ? '' : `, fresh baseline ${baseline.ready}/${baseline.desired} ready`

const ours = ({ synthetic }: StepSeen): string =>
  synthetic === undefined
    ? ''
    : `, ${Math.round(synthetic.canary)} and ${Math.round(synthetic.baseline)} of them our own`

/** What the plan can see, for the log. */
export const plannedLines = (planned: Planned | undefined): readonly string[] =>
  planned === undefined
    ? []
    : [...planned.statements.map(({ text }) => text), ...planned.findings.map(({ level, text }) => `${level}: ${text}`)]

/** What being told to stop means for the release, by its phase. */
export const cancelLine = ({ state }: ReleaseRecord): string => {
  switch (state.phase) {
    case 'promoting':
      return 'cancelled: the canary has passed and stable is being given its template, so whoever takes the release over carries the promotion on; mode abort takes it back'
    case 'lowering':
    case 'draining':
    case 'cleaning':
      return `cancelled: whoever takes the release over ends it on its way ${state.to}`
    default:
      return "cancelled: the canary's traffic goes back to stable"
  }
}

/** A line of the log without the reason that a line before it has told. */
export const shortened = (line: string, record: ReleaseRecord, before: ReleaseRecord): string => {
  const [why, told] = [reasonOf(record), reasonOf(before)]
  return why !== undefined && why === told ? line.replace(` (${why})`, '') : line
}

const reasonOf = ({ state }: ReleaseRecord): string | undefined =>
  'why' in state && 'to' in state ? state.why.text : undefined
