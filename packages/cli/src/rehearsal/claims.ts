import type { Act, FaultName } from '../arguments.ts'
import type { JobFacts, ReleaseFacts, RunFacts } from './facts.ts'

/** One sentence of the result, with what was to be and what was read back. */
export type Claim = {
  readonly release: string
  readonly text: string
  readonly expected: string
  readonly actual: string
  readonly ok: boolean
}

/** The end that a fault and what was done to the run demand: a release that was being analysed when its run ended is taken back. */
export const expectedVerdict = (fault: FaultName, act: Act): 'promoted' | 'rolled-back' | 'untouched' => {
  if (act === 'refuse') return 'untouched'
  return act !== 'none' || !(fault === 'none' || fault === 'outage') ? 'rolled-back' : 'promoted'
}

/**
 * Everything that must be true of a release that has ended, each with what the runs, the cluster and the clients say.
 * A release passes when all of them hold.
 */
export const claimsOf = (facts: ReleaseFacts): readonly Claim[] => {
  const verdict = expectedVerdict(facts.fault, facts.act)
  const promoted = verdict === 'promoted'
  const image = promoted ? facts.image : facts.previousImage
  const label = promoted ? facts.label : facts.previousLabel
  const claim = claimFor(facts.name)
  const { after, clients } = facts
  // A canary that hangs answers nothing: what it got is what was lost.
  const reached = clients.fromCanary + (facts.fault === 'hang' ? clients.beyondService : 0)
  const without = facts.fault === 'never-ready' || verdict === 'untouched'
  return [
    ...runClaims(facts, verdict),
    ...(facts.fault === 'outage' && facts.act === 'none'
      ? [claim('held while stable failed as well', 'held', facts.held ? 'held' : 'not held')]
      : []),
    ...restingClaims(facts, { image, label }),
    claim('saved state', verdict === 'untouched' ? facts.recordedBefore : `done, ${verdict}`, after.recorded),
    ...(facts.fault === 'none' && facts.act === 'none'
      ? [
          claim('failed requests that the service did not answer', '0', String(clients.beyondService)),
          claim('failed requests of the service itself', '0', String(clients.byService)),
        ]
      : []),
    without
      ? claim('answers of the canary', '0', String(clients.fromCanary))
      : claim('the canary had traffic', 'at least 1 request', `${reached} requests`, reached > 0),
  ]
}

/** Everything that must be true of the first release, which nothing ran before. */
export const firstClaims = (
  facts: Pick<ReleaseFacts, 'name' | 'run' | 'image' | 'label' | 'built' | 'scan' | 'deployment' | 'after' | 'clients'>,
): readonly Claim[] => {
  const claim = claimFor(facts.name)
  return [
    claim('its run', 'success', facts.run.conclusion),
    claim('outcome', 'pass, first-release', outcomeOf(facts.run)),
    ...builtClaims(facts),
    ...scanClaims(facts),
    claim('GitHub Deployment to production', 'success', facts.deployment),
    ...restingClaims(facts, facts),
  ]
}

type End = ReturnType<typeof expectedVerdict>

/** What the runs said of themselves. */
const runClaims = (facts: ReleaseFacts, verdict: End): readonly Claim[] => {
  const { act, run, reap } = facts
  const claim = claimFor(facts.name)
  const oneOf = (text: string, expected: readonly string[], actual: string): Claim =>
    claim(text, expected.join(' or '), actual, expected.includes(actual))
  const conclusion = act === 'cancel' ? 'cancelled' : verdict === 'promoted' ? 'success' : 'failure'
  return [
    claim('its run', conclusion, run.refused === '' ? run.conclusion : `refused: ${run.refused}`),
    oneOf('outcome', OUTCOMES[act === 'none' ? verdict : act], outcomeOf(run)),
    ...builtClaims(facts),
    ...scanClaims(facts),
    ...(act === 'none' || act === 'refuse' ? [] : [atThatMoment(facts)]),
    ...(act === 'none'
      ? [claim('canary-promote in production', verdict, jobOf(run, 'canary / canary')?.verdict || 'no verdict')]
      : []),
    ...(act === 'kill-once' || act === 'kill-twice'
      ? [claim("the canary's job", 'failure', jobOf(run, 'canary / canary')?.conclusion ?? 'no such job')]
      : []),
    ...(act === 'kill-once'
      ? [claim('the job beside it took it back', verdict, jobOf(run, 'canary / recover')?.verdict || 'no verdict')]
      : []),
    ...(act === 'kill-twice'
      ? [
          claim('the job beside it', 'failure', jobOf(run, 'canary / recover')?.conclusion ?? 'no such job'),
          claim('the run that reaps', 'success', reap?.conclusion ?? 'none'),
          claim('it took the release back', verdict, (reap && jobOf(reap, 'reap / reap')?.verdict) || 'no verdict'),
        ]
      : []),
    oneOf('GitHub Deployment to production', DEPLOYMENTS[act === 'none' ? verdict : act], facts.deployment),
  ]
}

/** A job's word for what it built, and what is really there. */
const builtClaims = ({ name, built }: Pick<ReleaseFacts, 'name' | 'built'>): readonly Claim[] => {
  if (built === undefined) return []
  const claim = claimFor(name)
  return [
    claim('the image was built and pushed', 'pass', built.verdict || 'no verdict'),
    claim(
      'what the registry has under its digest',
      short(built.digest),
      short(built.stored),
      built.digest !== '' && built.stored === built.digest,
    ),
  ]
}

/** A gate that let a release through after it was deployed would be none. */
const scanClaims = ({ name, scan }: Pick<ReleaseFacts, 'name' | 'scan'>): readonly Claim[] =>
  scan === undefined
    ? []
    : [
        claimFor(name)(
          'the scan passed before anything was deployed',
          'pass',
          `${scan.verdict || 'no verdict'}${scan.before ? '' : ', when a deployment had begun'}`,
        ),
      ]

const OUTCOMES: Readonly<Record<End | Exclude<Act, 'none'>, readonly string[]>> = {
  promoted: ['pass, delivered'],
  'rolled-back': ['fail, rolled-back'],
  untouched: ['fail, not-approved'],
  refuse: ['fail, not-approved'],
  cancel: ['fail, cancelled', 'fail, rolled-back'],
  'kill-once': ['fail, canary-lost', 'fail, rolled-back'],
  'kill-twice': ['fail, canary-lost'],
}

const DEPLOYMENTS: Readonly<Record<End | Exclude<Act, 'none'>, readonly string[]>> = {
  promoted: ['success'],
  'rolled-back': ['failure'],
  untouched: ['no Deployment'],
  refuse: ['no Deployment'],
  cancel: ['failure', 'error'],
  'kill-once': ['failure', 'error'],
  'kill-twice': ['failure', 'error'],
}

const atThatMoment = ({ name, act, weightThen }: ReleaseFacts): Claim =>
  claimFor(name)(
    act === 'cancel' ? 'traffic went to the canary when it was cancelled' : 'traffic went to the canary when it died',
    'weight above 0',
    weightThen === undefined ? 'it never had any' : `weight ${weightThen}`,
    (weightThen ?? 0) > 0,
  )

/** What the cluster and the clients say once it is over. */
const restingClaims = (
  { name, after, clients }: Pick<ReleaseFacts, 'name' | 'after' | 'clients'>,
  { image, label }: { readonly image: string; readonly label: string },
): readonly Claim[] => {
  const claim = claimFor(name)
  const settled = Object.entries(clients.settled)
  const total = settled.reduce((sum, [, count]) => sum + count, 0)
  return [
    claim('image of the live Deployment', short(image), short(after.image)),
    claim(
      'its pods, all new and available',
      `${after.desired} of ${after.desired}`,
      `${Math.min(after.available, after.updated)} of ${after.desired}`,
      after.desired > 0 && after.available === after.desired && after.updated === after.desired,
    ),
    claim(
      'the split of the traffic',
      'as before the release',
      after.routeAsBefore && after.canaryWeight === 0 ? 'as before the release' : `canary weight ${after.canaryWeight}`,
    ),
    claim('objects left behind', 'none', after.leftovers.length === 0 ? 'none' : after.leftovers.join(', ')),
    claim(
      'who answers after the end, by the clients',
      `only ${label}`,
      total === 0 ? 'nobody' : settled.map(([one, count]) => `${count} ${one === '' ? 'nameless' : one}`).join(', '),
      total > 0 && clients.settled[label] === total,
    ),
    claim('failed requests after the end', '0', String(clients.settledFailed)),
  ]
}

const claimFor =
  (release: string) =>
  (text: string, expected: string, actual: string, ok = expected === actual): Claim => ({
    release,
    text,
    expected,
    actual,
    ok,
  })

const jobOf = ({ jobs }: RunFacts, end: string): JobFacts | undefined =>
  jobs.find(({ path }) => path === end || path.endsWith(` / ${end}`))

const outcomeOf = ({ outcome, outcomeReason }: RunFacts): string =>
  outcome === '' ? 'no verdict' : `${outcome}, ${outcomeReason}`

const short = (digest: string): string => (digest.startsWith('sha256:') ? digest.slice(0, 19) : digest || 'none')
