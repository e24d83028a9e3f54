import { afterCanary } from './canary.ts'
import { JOBS, type Needs, type Planned } from './needs.ts'
import { type Decided, type Delivery, deploysNothing, dropped, fail, isOk, notRun } from './reason.ts'

/**
 * Whether the delivery reached production. `pass` only when the canary said `promoted`, of this digest, after everything before it passed, in a run
 * that was to release. `nothing-to-check` only when this run was not to release to production, and all that ran passed. Everything else is `fail`;
 * so is what contradicts itself, which no run of deliver.yml can look like.
 */
export const decide = (delivery: Delivery): Decided => {
  const { needs, plan, digest } = delivery
  const impossible = JOBS.find((name) => needs[name].result === 'skipped' && needs[name].said('verdict') !== '')
  if (impossible !== undefined)
    return fail('contradiction', `the job ${impossible} was skipped and yet says ${needs[impossible].said('verdict')}`)
  return (
    beforeChecks(needs, plan) ??
    gate('checks', needs) ??
    gate('package', needs) ??
    (digest === undefined && !deploysNothing(delivery) ? dropped('digest', 'the job package') : undefined) ??
    gate('scan', needs) ??
    (digest === undefined ? undefined : gate('stage', needs)) ??
    afterCanary(delivery)
  )
}

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

type Gate = 'checks' | 'package' | 'scan' | 'stage'

/** What keeps a gate's job from letting the delivery through; `undefined` when it does. */
const gate = (name: Gate, needs: Needs): Decided | undefined => {
  const { result, said } = needs[name]
  const verdict = said('verdict')
  if (isOk(verdict)) return undefined
  if (result === 'cancelled' || result === 'skipped') return notRun(name, needs)
  if (result === 'success' && verdict === '') return dropped('verdict', `the job ${name}`)
  const code = said('reason-code')
  return STOPPED[name](verdict, code === '' ? '' : ` (${code})`, named(said('failed')))
}

/** Names with a comma between or after them, for a sentence. */
const named = (names: string): string =>
  names
    .split(',')
    .filter((name) => name.trim() !== '')
    .join(', ')

/** How each gate says no, or that it could not say. `why` begins with a blank, or is empty. */
const STOPPED: Readonly<Record<Gate, (verdict: string, why: string, failed: string) => Decided>> = {
  checks: (verdict, why, failed) =>
    verdict === 'fail'
      ? fail('checks-failed', failed === '' ? 'the checks failed' : `these checks failed: ${failed}`)
      : fail('checks-error', `the checks came to no verdict${why}`),
  package: (verdict, why) =>
    verdict === 'fail'
      ? fail('package-failed', `the image was not built, or not pushed under its tags${why}`)
      : fail('package-error', `packaging came to no verdict${why}`),
  scan: (verdict, why, failed) => {
    if (verdict === 'fail')
      return fail('scan-failed', `the scan found what must not be deployed${failed === '' ? '' : `, in: ${failed}`}`)
    if (verdict === 'inconclusive')
      return fail(
        'scan-inconclusive',
        `the scan did not understand all that it looked at${failed === '' ? '' : `, in: ${failed}`}`,
      )
    return fail('scan-error', `the scan came to no verdict${why}`)
  },
  stage: (verdict, why) =>
    verdict === 'fail' || verdict === 'inconclusive'
      ? fail('stage-failed', `the release did not pass in staging: ${verdict}${why}`)
      : fail('stage-error', `staging came to no verdict${why}`),
}
