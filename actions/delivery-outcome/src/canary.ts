import type { Job } from './needs.ts'
import { type Decided, type Delivery, dropped, fail, notRun } from './reason.ts'

/** What a delivery came to whose plan, checks and stage let it through. */
export const afterCanary = (delivery: Delivery): Decided => {
  const production = delivery.plan?.production ?? null
  return production?.wanted === true ? wanted(delivery, production.environment) : unwanted(delivery)
}

const wanted = ({ needs, plan, digest }: Delivery, environment: string): Decided => {
  const { canary } = needs
  const verdict = canary.said('verdict')
  const image = canary.said('image')
  const released = `${plan?.repository}@${digest}`
  if (verdict === 'promoted' && image !== '' && !image.endsWith(`@${digest}`))
    return fail('contradiction', `the canary says promoted, and that ${environment} serves ${image}, not ${released}`)
  if (verdict === 'promoted') {
    const first = canary.said('reason-code') === 'first-release'
    const how =
      canary.result === 'success'
        ? ''
        : ', though the job that released it did not end well: what came after it finished the release'
    return {
      verdict: 'pass',
      reason: { code: first ? 'first-release' : 'delivered', text: `${environment} serves ${released}${how}` },
    }
  }
  if (verdict === 'nothing-to-check')
    return fail(
      'contradiction',
      `the plan releases to ${environment}, and the canary says that there is nothing to release`,
    )
  if (verdict !== '') return told(canary, verdict)
  if (canary.result === 'skipped') return notRun('canary', needs)
  if (canary.result === 'success') return dropped('verdict', 'the job canary')
  return fail(
    'canary-lost',
    `the job that released to ${environment} ended without a word (${canary.result})${recovered(canary)}`,
  )
}

/** What the canary itself says of a release that is not promoted. */
const told = (canary: Job, verdict: string): Decided => {
  const code = canary.said('reason-code')
  const reason = canary.said('reason')
  const why = `${code === '' || code === verdict ? '' : ` (${code})`}${reason === '' ? '' : `: ${reason}`}`
  if (code === 'canary-lost') {
    const end = verdict === 'rolled-back' ? '; what was left of it was rolled back' : ''
    return fail(
      'canary-lost',
      `the job that released failed without a word: its machine died, or GitHub did not start it${end}${reason === '' ? '' : `: ${reason}`}`,
    )
  }
  if (code === 'output-dropped') return dropped('verdict', 'the job canary')
  const own = OWN_CODES.find((each) => each === code)
  if (own !== undefined)
    return fail(
      own,
      `${OWN_WORDS[own]}${verdict === 'rolled-back' ? ', and the release was rolled back' : ''}${reason === '' ? '' : `: ${reason}`}`,
    )
  if (verdict === 'rolled-back') return fail('rolled-back', `the release was rolled back${why}`)
  if (verdict === 'superseded') return fail('superseded', `something newer is there${why}`)
  if (verdict === 'inconclusive')
    return fail('inconclusive', `too little was seen to say whether the release is good${why}`)
  return fail(canary.result === 'cancelled' ? 'cancelled' : 'canary-error', `the release came to no verdict${why}`)
}

const OWN_CODES = ['not-approved', 'cancelled', 'plan-error'] as const
const OWN_WORDS: Readonly<Record<(typeof OWN_CODES)[number], string>> = {
  'not-approved': 'nobody approved it, or somebody refused',
  cancelled: 'the run was cancelled',
  'plan-error': 'there was no plan to release by',
}

const recovered = (canary: Job): string => {
  const image = canary.said('image')
  const reason = canary.said('reason')
  if (image !== '') return `; ${image} serves now${reason === '' ? '' : ` (${reason})`}`
  return reason === '' ? ', and nobody could say what serves now' : `; ${reason}`
}

/** Without a digest nothing is staged, and the job is skipped. */
const isOff = ({ result }: Job): boolean => result === 'skipped'

/** A run that was not to release to production: green only when all of it passed. */
const unwanted = ({ needs, plan, digest }: Delivery): Decided => {
  const { canary } = needs
  const verdict = canary.said('verdict')
  const production = plan?.production ?? null
  if (verdict === 'promoted' || verdict === 'rolled-back' || verdict === 'superseded' || verdict === 'inconclusive')
    return fail('contradiction', `this run was not to release to production, and the canary says ${verdict}`)
  if (canary.result === 'cancelled') return notRun('canary', needs)
  if (verdict === 'error' || canary.result === 'failure') {
    const reason = canary.said('reason')
    return fail(
      'canary-error',
      `nothing was to be released to production, and yet the job canary failed${reason === '' ? '' : `: ${reason}`}`,
    )
  }
  if (canary.result === 'success' && verdict === '') return dropped('verdict', 'the job canary')
  const failed = (['plan', 'checks', 'package', 'scan', 'stage'] as const).find(
    (name) => needs[name].result !== 'success' && !(name === 'stage' && digest === undefined && isOff(needs.stage)),
  )
  if (failed !== undefined)
    return fail('job-failed', `the job ${failed} passed its gate and then ended as ${needs[failed].result}`)
  const text =
    production === null
      ? 'sluice.yml deploys this service to no environment with the role production'
      : production['wanted-why']
  const code =
    production === null ? 'no-production' : production.approval === 'dispatch' ? 'awaiting-dispatch' : 'not-wanted'
  return { verdict: 'nothing-to-check', reason: { code, text } }
}
