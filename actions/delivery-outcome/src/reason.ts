import type { JobName, Needs, Planned } from './needs.ts'

/** A delivery as this action is told of it. */
export type Delivery = {
  readonly needs: Needs
  /** `undefined`: the text was empty. */
  readonly plan: Planned | undefined
  /** `undefined`: the text was empty. */
  readonly digest: `sha256:${string}` | undefined
}

/** Whether a run of this event deploys nothing: for a pull request no image is made, so there is no digest. */
export const deploysNothing = ({ plan }: Delivery): boolean => typeof plan?.['deploys-why'] === 'string'

/** Why a delivery did not happen. Stable API. */
export type FailCode =
  | 'plan-error'
  | 'checks-failed'
  | 'checks-error'
  | 'package-failed'
  | 'package-error'
  | 'scan-failed'
  | 'scan-inconclusive'
  | 'scan-error'
  | 'stage-failed'
  | 'stage-error'
  | 'not-approved'
  | 'rolled-back'
  | 'superseded'
  | 'inconclusive'
  | 'canary-error'
  | 'canary-lost'
  | 'cancelled'
  | 'skipped'
  | 'output-dropped'
  | 'job-failed'
  | 'contradiction'
/** Every reason of an outcome. Stable API. */
export type Code = FailCode | 'delivered' | 'first-release' | 'no-production' | 'awaiting-dispatch' | 'not-wanted'

/** What a delivery came to. `text` is a clause without a full stop. */
export type Decided = {
  readonly verdict: 'pass' | 'fail' | 'nothing-to-check'
  readonly reason: { readonly code: Code; readonly text: string }
}

/** A delivery that did not happen. */
export const fail = (code: FailCode, text: string): Decided => ({ verdict: 'fail', reason: { code, text } })

/** Whether a gate's verdict lets the delivery go on. */
export const isOk = (verdict: string): boolean => verdict === 'pass' || verdict === 'nothing-to-check'

/**
 * An output that a job set and GitHub did not hand on: it drops one that contains any text it masks.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idoutputs
 */
export const dropped = (outputs: string, from: string): Decided =>
  fail(
    'output-dropped',
    `${from} ended well, but did not hand on: ${outputs}. GitHub drops an output that contains a text it masks: the value of a secret, such as an account's number, is part of it`,
  )

/**
 * A job that did not run, or not to its end: cancelled, or skipped, because one before it failed whatever it says, or though all before it let it through.
 * A job that runs again and puts nothing out hands on what its earlier attempt said: actions/runner#2598.
 */
export const notRun = (name: JobName, needs: Needs): Decided => {
  const { result } = needs[name]
  const cancelled = Object.values(needs).some((job) => job.result === 'cancelled')
  if (result === 'cancelled') return fail('cancelled', `the run was cancelled in the job ${name}`)
  if (cancelled) return fail('cancelled', `the run was cancelled before the job ${name}`)
  const failed = Object.entries(needs).find(([, job]) => job.result === 'failure')
  if (failed !== undefined)
    return fail(
      'job-failed',
      `the job ${failed[0]} says ${failed[1].said('verdict') || 'nothing'}, and yet it failed: the job ${name} was skipped`,
    )
  return fail(
    'skipped',
    `the job ${name} was skipped, though nothing before it stopped the delivery: the run was cancelled in between, or the job's condition is wrong`,
  )
}
