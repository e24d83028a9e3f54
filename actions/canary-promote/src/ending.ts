import type { Finding } from '@sluice/kit/report'
import type { Image, Owner, Reason, ReleaseRecord, Verdict } from '@sluice/release/record'
import type { Driven, Moment } from './drive.ts'
import type { Saved } from './ports.ts'

/** The action's `mode` input. */
export type Mode = 'run' | 'abort' | 'resume' | 'reap' | 'guard' | 'status'

/** How it ended. `ok`: the end that the mode asks for. `record` is absent when there never was a release. */
export type Ended = {
  readonly verdict: Verdict
  readonly reason: Reason
  readonly ok: boolean
  readonly findings: readonly Finding[]
  readonly moments: readonly Moment[]
  readonly record?: ReleaseRecord
  readonly driven?: Driven
}

/** The end of a release that this run held: its verdict when it is over, else why the run let go of it. */
export const ended = (driven: Driven, mode: Mode): Ended => {
  const { record, moments } = driven
  const base = { findings: driven.planned?.findings ?? [], moments, record, driven }
  const { state } = record
  if (driven.kind === 'done' && state.phase === 'done') {
    return { ...base, verdict: state.verdict, reason: state.why, ok: WANTED[mode].includes(state.verdict) }
  }
  return { ...base, verdict: 'error', reason: driven.why ?? unfinished(driven), ok: false }
}

/** An abort that came too late is red: what the operator wanted gone is live. */
const WANTED: Readonly<Record<Mode, readonly Verdict[]>> = {
  run: ['promoted'],
  resume: ['promoted'],
  abort: ['rolled-back', 'superseded'],
  reap: ['promoted', 'rolled-back', 'superseded'],
  // Its log has who looks; what the release came to is for those who wait for it.
  guard: ['promoted', 'rolled-back', 'superseded', 'inconclusive', 'error'],
  status: [],
}

const unfinished = ({ kind, record, world }: Driven): Reason => {
  const weight = world === undefined ? 'unknown' : `${world.weight.written} %`
  if (kind === 'cancelled') {
    return {
      code: 'cancelled',
      text: `the run was cancelled; the canary's weight reads back as ${weight}`,
      next:
        record.state.phase === 'promoting'
          ? 'The canary had passed: the post step, mode reap or the next release carries the promotion on. Mode abort takes it back.'
          : 'The post step, mode reap or the next release ends what is left.',
    }
  }
  if (kind === 'fenced') {
    return {
      code: 'taken-over',
      text: 'another run owns the release now; this one stopped and touched nothing more',
      next: 'See that run for the end of the release.',
    }
  }
  return {
    code: 'out-of-time',
    text: `the time of this step was over before the release was; the canary's weight reads back as ${weight}`,
    next: 'Run mode reap: the state is saved in the cluster.',
  }
}

/** What a read of the record says; nothing was done. */
export const status = (saved: Saved | undefined): Ended => {
  if (saved === undefined) return nothingInFlight(undefined)
  const { state, owner } = saved.record
  if (state.phase === 'done') return { ...nothingInFlight(saved), reason: state.why }
  const reason: Reason = {
    code: state.phase,
    text: `run ${owner.runId}/${owner.attempt} is ${state.phase}`,
    next: 'Nothing, while that run lives; else mode resume or reap.',
  }
  return { verdict: 'inconclusive', reason, ok: true, findings: [], moments: [], record: saved.record }
}

/** There was nothing to end. */
export const nothingInFlight = (saved: Saved | undefined): Ended => {
  const state = saved?.record.state
  const last = state?.phase === 'done' ? state : undefined
  return {
    verdict: last?.verdict ?? 'inconclusive',
    reason: {
      code: 'nothing-in-flight',
      text:
        last === undefined
          ? 'there is no release of this Deployment'
          : `the last release ended as ${last.verdict}: ${last.why.text}`,
      next: 'nothing',
    },
    ok: true,
    findings: [],
    moments: [],
    ...(saved === undefined ? {} : { record: saved.record }),
  }
}

/** The image is what stable runs. */
export const alreadyRunning = (image: Image, previous: Saved | undefined, findings: readonly Finding[]): Ended => ({
  verdict: 'promoted',
  reason: {
    code: 'already-running',
    text: `stable runs ${image.repository}@${image.digest} already; there was nothing to release`,
    next: 'nothing',
  },
  ok: true,
  findings,
  moments: [],
  ...(previous === undefined ? {} : { record: previous.record }),
})

/** Somebody else owns the release and is alive. */
export const busy = (record: ReleaseRecord | undefined): Ended => {
  const whose =
    record === undefined
      ? 'another run'
      : `run ${record.owner.runId}/${record.owner.attempt} of ${record.owner.repository}`
  return {
    verdict: 'error',
    reason: {
      code: 'busy',
      text: `${whose} is releasing this Deployment and is alive; nothing was changed`,
      next: 'Wait for it, or end it with mode abort.',
    },
    ok: false,
    findings: [],
    moments: [],
  }
}

/** A guard found the release's run alive: nothing to take back. */
export const watched = ({ record }: Saved): Ended => ({
  verdict: 'inconclusive',
  reason: {
    code: 'alive',
    text: `run ${record.owner.runId}/${record.owner.attempt} holds the release and is alive (${record.state.phase}); nothing was changed`,
    next: 'nothing',
  },
  ok: true,
  findings: [],
  moments: [],
  record,
})

/** Told to stop before the first write. */
export const notBegun = (): Ended => ({
  verdict: 'error',
  reason: { code: 'cancelled', text: 'the run was cancelled before it changed anything', next: 'nothing' },
  ok: false,
  findings: [],
  moments: [],
})

/** A newer run of the same repository has released already: this one came too late. GitHub's run ids rise. */
export const newerThan = (owner: Owner, last: ReleaseRecord | undefined): Ended | undefined => {
  if (last === undefined || last.owner.repository !== owner.repository) return undefined
  const [theirs, ours] = [Number(last.owner.runId), Number(owner.runId)]
  if (!(theirs > ours) || last.state.phase !== 'done' || last.state.verdict !== 'promoted') return undefined
  return {
    verdict: 'superseded',
    reason: {
      code: 'superseded',
      text: `the newer run ${last.owner.runId} has promoted ${last.canary.image.digest} already; nothing was changed`,
      next: 'Run this release again as a new run if it is the one that is wanted.',
    },
    ok: false,
    findings: [],
    moments: [],
    record: last,
  }
}
