import type { Foreign, Reason, ReleaseRecord, World } from './record.ts'

/** The code of reasons that lie in the cluster, not in the image: they end in verdict `error`, never in a failed digest. */
export const ENVIRONMENT = 'environment'

/** The reasons that the state machine itself finds; those of a judge come with its judgement. Codes are stable. */
export const reasons = {
  promoted: ({ canary, overruled = [] }: ReleaseRecord): Reason =>
    overruled.length === 0
      ? {
          code: 'promoted',
          text: `every step passed and stable runs the analysed template ${canary.hash}`,
          next: 'nothing',
        }
      : {
          code: 'promoted-inconclusive',
          text: `not every step passed: the plan promotes what is inconclusive (on-inconclusive: promote). ${overruled
            .map(({ step, why }) => `Step ${step + 1}: ${why.text}`)
            .join('. ')}. Stable runs the analysed template ${canary.hash}`,
          next: 'watch the new version: what this release could have revealed is said with it, and anything smaller was not looked for',
        },
  heldTooLong: ({ plan }: ReleaseRecord, why: Reason): Reason => ({
    ...why,
    text: `${why.text}; that was still so when max-hold (${plan.maxHold / 1000} s) was over`,
  }),
  nothingToPromoteOn: (why: Reason): Reason => ({
    ...why,
    text: `${why.text}; on-inconclusive: promote needs at least one request on each side of the step to rest on`,
  }),
  cancelled: (): Reason => ({
    code: 'cancelled',
    text: 'the run was cancelled while the canary was being analysed',
    next: 'start the release again when it should go on',
  }),
  aborted: (): Reason => ({ code: 'aborted', text: 'an operator aborted the release', next: 'release a fixed image' }),
  reaped: (): Reason => ({
    code: 'reaped',
    text: 'the run that owned the release ended without finishing it',
    next: 'see why that run ended, then start the release again',
  }),
  deadline: (record: ReleaseRecord): Reason => ({
    code: 'deadline',
    text: `the release was not through at its deadline, ${new Date(record.deadline).toISOString()}${record.state.phase === 'holding' ? `; it was held: ${record.state.why.text}` : ''}`,
    next: 'see what held it; a longer plan needs a longer deadline',
  }),
  superseded: (record: ReleaseRecord, world: World): Reason => ({
    code: 'superseded',
    text:
      world.stable.hash === ''
        ? 'the stable Deployment is gone: somebody deleted it'
        : world.stable.hash === record.stable.hash
          ? `somebody else${world.undone?.by === undefined ? '' : ` (${world.undone.by})`} put stable's previous template ${record.stable.hash} back after the analysed one had been written; theirs stands`
          : `the live template of stable is ${world.stable.hash}; this release started from ${record.stable.hash}`,
    next: 'somebody else changed stable: release again from there',
  }),
  canaryChanged: (record: ReleaseRecord, live: string): Reason => ({
    code: 'canary-changed',
    text: `the canary's template is ${live} now; this release analyses ${record.canary.hash}, and nothing that it did not see is promoted`,
    next: 'somebody else changed the canary Deployment: leave it alone and start the release again',
  }),
  serviceGone: (): Reason => ({
    code: 'canary-changed',
    text: "the canary's Service is gone: somebody deleted it, and its share of the requests went nowhere",
    next: 'leave the objects of a release alone and start it again',
  }),
  baselineChanged: (record: ReleaseRecord, live: string): Reason => ({
    code: 'baseline-changed',
    text: `the fresh baseline's template is ${live} now; this release compares with ${record.stable.hash}`,
    next: 'somebody else changed the Deployment of the fresh baseline: leave it alone and start the release again',
  }),
  baselineServiceGone: (): Reason => ({
    code: 'baseline-changed',
    text: "the fresh baseline's Service is gone: somebody deleted it, and its share of the requests went nowhere",
    next: 'leave the objects of a release alone and start it again',
  }),
  lostBaseline: ({ baseline }: World): Reason => ({
    code: 'baseline-lost',
    text:
      baseline === undefined
        ? "the fresh baseline's Deployment is gone: somebody deleted it, and nobody answers its share"
        : `no pod of the fresh baseline is ready any more (${baseline.desired} wanted), and nobody answers its share`,
    next: "look at the fresh baseline's pods, which run the previous template; then start the release again",
  }),
  baselineNotReady: (record: ReleaseRecord, { baseline }: World): Reason => ({
    code: ENVIRONMENT,
    text: `${baseline?.ready ?? 0} of ${baseline?.desired ?? 0} pods of the fresh baseline were ready after ${record.plan.readyWithin / 1000} s${baseline?.failed === undefined ? '' : `: ${baseline.failed.text}`}`,
    next: 'its template is the one that stable runs: see why it does not start once more (image, quota, nodes); baseline: stable needs no further pods',
  }),
  foreignChange: (changes: readonly Foreign[]): Reason => ({
    code: 'foreign-change',
    text: `somebody else changes what this release wrote: ${changes
      .map(({ text, by }) => (by === undefined ? text : `${text} (by ${by})`))
      .join('; then ')}. The first was put right`,
    next: 'find out who writes there (a person, a GitOps tool, an autoscaler), leave the objects of a release alone and start it again',
  }),
  notReady: (record: ReleaseRecord, world: World): Reason => ({
    code: 'not-ready',
    text: `${world.canary?.ready ?? 0} of ${world.canary?.desired ?? 0} canary pods were ready after ${record.plan.readyWithin / 1000} s`,
    next: "look at the canary pods' events and logs; a slow start needs a longer ready-within",
  }),
  notCreated: (record: ReleaseRecord): Reason => ({
    code: ENVIRONMENT,
    text: `the canary could not be created or sized for ${record.plan.readyWithin / 1000} s`,
    next: 'look at the refusals in the log: the API server did not take the writes',
  }),
  notTaken: (record: ReleaseRecord, world: World): Reason => ({
    code: 'weight-not-taken',
    text: `the route asks for weight ${world.weight.written} and its controller had not accepted it after ${record.plan.readyWithin / 1000} s`,
    next: "look at the route's conditions and the gateway's log",
  }),
  lostReadiness: (world: World): Reason => ({
    code: 'lost-readiness',
    text:
      world.canary === undefined
        ? "the canary's Deployment is gone: somebody deleted it"
        : world.canary.desired === 0
          ? `the canary was scaled to 0${authorIn(world)}, and nobody answers its share`
          : `no canary pod is ready any more (${world.canary.desired} wanted)`,
    next: "look at the canary pods' logs and restarts, and at who changes the canary's Deployment",
  }),
  tooFewRequests: (record: ReleaseRecord): Reason => ({
    code: 'too-few-requests',
    text: `the hold is over and not both sides have counted ${record.plan.minRequests} requests`,
    next: 'hold longer, raise the weight, or send synthetic requests with the probe provider',
  }),
  stableUnavailable: (record: ReleaseRecord, world: World, why: Reason): Reason => ({
    code: 'stable-unavailable',
    text: `${world.stable.available} of ${Math.max(record.stableReplicas, world.stable.desired)} stable pods are available after the release was cleaned up (${why.code}: ${why.text})`,
    next: "look at the stable Deployment's pods: all traffic is theirs",
  }),
  refused: (command: string, text: string): Reason => ({
    code: ENVIRONMENT,
    text: `the cluster refused "${command}": ${text}`,
    next: 'give the right, quota or admission that the message names, then start the release again',
  }),
}

/** Who scaled the canary, where a look could tell. */
const authorIn = ({ foreign = [] }: World): string => {
  const by = foreign.find(({ what }) => what === 'canary-replicas')?.by
  return by === undefined ? '' : ` by somebody else (${by})`
}
