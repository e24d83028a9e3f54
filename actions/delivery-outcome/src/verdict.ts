import { afterCanary } from './canary.ts'
import type { JobName, Needs, Planned } from './needs.ts'
import { type Decided, type Delivery, dropped, fail, isOk, notRun } from './reason.ts'

/**
 * Whether the delivery reached production. `pass` only when the canary said `promoted`, of this digest, after everything before it passed, in a run
 * that was to release. `nothing-to-check` only when this run was not to release to production, and all that ran passed. Everything else is `fail`;
 * so is what contradicts itself, which no run of deliver.yml can look like.
 */
export const decide = (delivery: Delivery): Decided => {
  const { needs, plan, digest } = delivery
  const impossible = JOB_NAMES.find((name) => needs[name].result === 'skipped' && needs[name].said('verdict') !== '')
  if (impossible !== undefined)
    return fail('contradiction', `the job ${impossible} was skipped and yet says ${needs[impossible].said('verdict')}`)
  return (
    beforeChecks(needs, plan) ??
    (digest === undefined ? dropped('digest', 'the job that built the image') : undefined) ??
    gate('checks', needs) ??
    gate('stage', needs) ??
    afterCanary(delivery)
  )
}

const JOB_NAMES = ['plan', 'checks', 'stage', 'canary'] as const satisfies readonly JobName[]

const beforeChecks = (needs: Needs, plan: Planned | undefined): Decided | undefined => {
  const { result, said } = needs.plan
  const verdict = said('verdict')
  const missing = PLAN_OUTPUTS.filter((name) => said(name) === '')
  if (verdict === 'pass' && plan === undefined)
    return dropped(missing.length === 0 ? 'plan' : missing.join(', '), 'the job plan')
  if (verdict === 'pass') return undefined
  if (result === 'cancelled' || result === 'skipped') return notRun('plan', needs)
  if (result === 'success' && verdict === '') return dropped(missing.join(', '), 'the job plan')
  const code = said('reason-code')
  if (verdict === '') return fail('plan-error', 'the job plan came to no verdict')
  return fail('plan-error', `sluice.yml or what was asked of it is wrong${code === '' ? '' : ` (${code})`}`)
}

const PLAN_OUTPUTS = ['verdict', 'plan', 'service']

/** What keeps a gate's job from letting the delivery through; `undefined` when it does. */
const gate = (name: 'checks' | 'stage', needs: Needs): Decided | undefined => {
  const { result, said } = needs[name]
  const verdict = said('verdict')
  if (isOk(verdict)) return undefined
  if (result === 'cancelled' || result === 'skipped') return notRun(name, needs)
  if (result === 'success' && verdict === '') return dropped('verdict', `the job ${name}`)
  const code = said('reason-code')
  const why = code === '' ? '' : ` (${code})`
  if (name === 'checks') {
    const failed = said('failed')
    return verdict === 'fail'
      ? fail(
          'checks-failed',
          failed === '' ? 'the checks failed' : `these checks failed: ${failed.replaceAll(',', ', ')}`,
        )
      : fail('checks-error', `the checks came to no verdict${why}`)
  }
  return verdict === 'fail' || verdict === 'inconclusive'
    ? fail('stage-failed', `the release did not pass in staging: ${verdict}${why}`)
    : fail('stage-error', `staging came to no verdict${why}`)
}
