import { beginEvidence, type Evidence } from '@sluice/evidence/evidence'
import { type Judged, judge, type Sampled } from '@sluice/evidence/judge'
import type { Scrape } from '@sluice/evidence/reading'
import type { Json, Judgement, Reason, ReleaseRecord, World } from '@sluice/release/record'
import { askedMirror, askedWeight } from '@sluice/release/way'
import { nowMet, patient } from './met.ts'
import { judgePlan, type Settings, settingsOf } from './plan.ts'
import { type Requests, requestsOf, type StepRequests, shortOf } from './requests.ts'
import { differentShare, type ShareSeen, shareBeside, shareOf, watchShare } from './share.ts'
import { noSignals, type SignalState, watchSignals, whilePreparing } from './signals.ts'

/** What one step counted, for the summary. `until` is the last look, ms UTC. */
export type StepSeen = {
  readonly step: number
  readonly weight: number
  /** The percent of requests that were copied; absent: none. */
  readonly mirror?: number
  readonly since: number
  readonly until: number
  readonly baseline: number
  readonly canary: number
  /** How many of them were our own; absent: none. */
  readonly synthetic?: Requests
}

/**
 * What a step brought of one metric: the judged requests of both sides, as much as they weighed, and in how many intervals; absent in what was saved before
 * they were counted.
 */
export type StepTraffic = { readonly baseline: number; readonly canary: number; readonly looks?: number }

/** All that a release has learned; the record's `evidence`. Plain JSON of bounded size. */
export type Watch = {
  readonly evidence: Evidence
  readonly signals: SignalState
  readonly steps: readonly StepSeen[]
  /** The judged requests of each metric, by step; absent in what was saved before they were kept. */
  readonly traffic?: { readonly [metric: string]: { readonly [step: string]: StepTraffic } }
  /** Looks in a row in which a canary pod could not be read; absent: none. */
  readonly unread?: number
  /** What the present step counted since its weight had settled; absent before the first. */
  readonly share?: ShareSeen
  /** The metrics that were read of a fresh baseline; absent: none yet, or none is planned. */
  readonly met?: readonly string[]
  /** When the judge rejected, ms UTC. */
  readonly rejectedAt?: number
}

/** Nothing seen yet: E = 1. */
export const beginWatch = (settings: Settings): Watch => ({
  evidence: beginEvidence(judgePlan(settings)),
  signals: noSignals,
  steps: [],
})

/** The record's evidence; one that another shape was saved in starts anew at E = 1. */
export const watchOf = (record: ReleaseRecord): Watch => {
  const saved = record.evidence as Partial<Watch> | null
  const known = saved?.evidence?.version === 1 && saved.signals !== undefined && saved.steps !== undefined
  return known ? (saved as Watch) : beginWatch(settingsOf(record))
}

/** The record with another evidence. */
export const withWatch = (record: ReleaseRecord, watch: Watch): ReleaseRecord => ({
  ...record,
  evidence: watch as unknown as Json,
})

/**
 * Takes one look into account: the counters by the always-valid test, the signals that need no counter, and the step's count of requests.
 * The step passes only when nothing is wrong, both sides counted enough and the canary got the share that was asked for; a source that gave nothing three times in a row is no judgement.
 */
export const judgeLook = (
  record: ReleaseRecord,
  look: { readonly at: number; readonly scrape: Scrape; readonly world: World },
): { readonly watch: Watch; readonly judgement: Judgement; readonly judged: Judged } => {
  const before = watchOf(record)
  const step = 'step' in record.state ? record.state.step : record.plan.steps.length - 1
  const weight = shareOf(record, look.world)
  const whole = { ...judgePlan(settingsOf(record)), interval: record.plan.interval }
  const isFresh = record.plan.baseline === 'fresh'
  const plan = isFresh ? patient(whole, before.met ?? []) : whole
  const watching = record.state.phase === 'analysing' || record.state.phase === 'holding'
  // Copies are nobody's requests: a gateway may drop them, and that they are missing says nothing of the release.
  const isCopied = (look.world.weight.mirrored ?? 0) > 0
  const starting = watching ? undefined : isMaking(record, look.world) ? 'pods' : 'weight'
  const tick = { at: look.at, scrape: look.scrape, weight, share: shareBeside(record, weight), step, starting } as const
  const judged = judge(before.evidence, tick, isCopied ? { ...plan, missing: 'off' } : plan)
  const missing = missingOf(record, look.scrape)
  // Pods that are still being made are not ready yet, and what keeps them from it is the state machine's to see.
  const signals = watching
    ? watchSignals(before.signals, look.scrape, look.world, missing.baseline)
    : {
        state: whilePreparing(before.signals, look.scrape, look.world, {
          making: record.state.phase !== 'preparing' ? 'none' : step === 0 ? 'first' : 'more',
          unread: missing.baseline,
        }),
      }
  const unreadNow = watching ? missing.canary : []
  // A look at which no source showed pods, as it did not answer in time, neither adds to the count nor ends it.
  const unreadBefore = watching && !showsPods(look.scrape) ? (before.unread ?? 0) : 0
  const unread = unreadNow.length > 0 ? (before.unread ?? 0) + 1 : unreadBefore
  const { settle } = plan
  const share = watching
    ? watchShare(before.share, judged.evidence, {
        at: look.at,
        step,
        settle,
        plan,
        scrape: look.scrape,
        world: look.world,
      })
    : before.share
  const requests = requestsOf(judged, plan)
  const judgement = judgementOf(judged, signals.why, {
    requests,
    different:
      watching && share !== undefined
        ? differentShare(share, judged.evidence, { plan, share: shareBeside(record, weight) ?? weight })
        : undefined,
    least: record.plan.minRequests,
    unread: unread >= BLIND_LOOKS ? unreadPods(unreadNow) : undefined,
  })
  return {
    judged,
    judgement,
    watch: {
      ...before,
      evidence: judged.evidence,
      signals: signals.state,
      ...(isFresh ? { met: nowMet(before.met ?? [], look.scrape, plan, judged.evidence) } : {}),
      unread,
      ...(share === undefined ? {} : { share }),
      steps: watching
        ? seen(before.steps, { step, ...asked(record), since: look.at, until: look.at, ...counts(requests) })
        : before.steps,
      traffic: counted(before, judged),
      ...(judgement.kind === 'reject' && before.rejectedAt === undefined ? { rejectedAt: look.at } : {}),
    },
  }
}

const BLIND_LOOKS = 3

const isMaking = ({ state }: ReleaseRecord, { canary }: World): boolean =>
  state.phase === 'preparing' && (canary === undefined || canary.ready < canary.desired)

const judgementOf = (
  { decision, evidence }: Judged,
  signal: Reason | undefined,
  {
    requests,
    least,
    unread,
    different,
  }: {
    readonly requests: StepRequests
    readonly least: number
    readonly unread: Reason | undefined
    readonly different: Reason | undefined
  },
): Judgement => {
  const { all } = requests
  const blind = all.baseline === 0 || all.canary === 0 ? ({ blind: true } as const) : {}
  if (decision.kind === 'reject') return { kind: 'reject', why: decision.why }
  if (signal !== undefined) return { kind: 'reject', why: signal }
  if (decision.kind === 'hold') return { kind: 'hold', why: decision.why, ...blind }
  // Counts that mean nothing are none.
  if (decision.kind === 'unreliable') return { kind: 'inconclusive', why: decision.why, blind: true }
  if (decision.kind === 'no-data') {
    return evidence.blind >= BLIND_LOOKS
      ? { kind: 'inconclusive', why: decision.why, ...blind }
      : { kind: 'continue', why: decision.why, ...blind }
  }
  // A pod that answers its users and not the scrape may fail all of them: no step is passed on the word of the others.
  if (unread !== undefined) return { kind: 'inconclusive', why: unread, ...blind }
  const short = shortOf(requests, least)
  if (short !== undefined) return { kind: 'continue', why: short, ...blind }
  return different === undefined ? { kind: 'pass' } : { kind: 'inconclusive', why: different }
}

const showsPods = (scrape: Scrape): boolean =>
  scrape.kind === 'sources' ? scrape.parts.some((part) => part.scrape.kind === 'pods') : scrape.kind === 'pods'

/** The pods that no source read. They are named after their Deployment; those of a Rollout after its ReplicaSets, of which stable's is known. */
const missingOf = (
  record: ReleaseRecord,
  scrape: Scrape,
): { readonly baseline: readonly string[]; readonly canary: readonly string[] } => {
  const { canary, deployment, rollout } = settingsOf(record).setup
  const isStable = (name: string): boolean =>
    rollout !== undefined && name.startsWith(`${deployment}-${rollout.stable}-`)
  const parts = scrape.kind === 'sources' ? scrape.parts.map((part) => part.scrape) : [scrape]
  const missing = new Set(parts.flatMap((part) => (part.kind === 'pods' ? part.missing : [])))
  const isCanary = (name: string): boolean => name.startsWith(`${canary}-`) && !isStable(name)
  const read = new Set(parts.flatMap((part) => (part.kind === 'pods' ? part.readings.map(({ pod }) => pod.name) : [])))
  return {
    baseline: [...missing].filter((name) => !isCanary(name) && !read.has(name)),
    canary: [...missing].filter(isCanary),
  }
}

/** Of steps that ended before each metric's own requests were kept, the least of them stands for each. */
const counted = ({ traffic, steps }: Watch, { metrics, samples }: Judged): NonNullable<Watch['traffic']> => {
  const ended = Object.fromEntries(steps.map(({ step, baseline, canary }) => [step, { baseline, canary }]))
  return Object.fromEntries(
    metrics.flatMap(({ name, kind }) => {
      if (kind === 'gauge') return []
      const own = samples.filter(({ metric }) => metric === name)
      const before = traffic === undefined ? ended : (traffic[name] ?? {})
      const now = [...new Set(own.map(({ step }) => step))].map((step) => [step, plus(before[step], own, step)])
      return [[name, { ...before, ...Object.fromEntries(now) }]]
    }),
  )
}

const plus = (known: StepTraffic | undefined, samples: readonly Sampled[], step: number): StepTraffic =>
  samples.reduce<StepTraffic>((sum, each) => {
    if (each.kind === 'gauge' || each.step !== step || each.use !== 'judged') return sum
    const weighs = each.dispersion ?? { baseline: 1, canary: 1 }
    return {
      baseline: sum.baseline + each.baseline.n / weighs.baseline,
      canary: sum.canary + each.canary.n / weighs.canary,
      looks: (sum.looks ?? 0) + 1,
    }
  }, known ?? { baseline: 0, canary: 0, looks: 0 })

const unreadPods = (names: readonly string[]): Reason => ({
  code: 'unread-pods',
  text: `${names.join(', ') || 'canary pods'} did not answer with metrics, ${BLIND_LOOKS} looks in a row`,
  next: 'What a canary pod does to its requests is seen only in its own counters: see why it does not answer the scrape.',
})

const asked = (record: ReleaseRecord): Pick<StepSeen, 'weight' | 'mirror'> => {
  const mirror = askedMirror(record)
  return { weight: askedWeight(record), ...(mirror === 0 ? {} : { mirror }) }
}

const counts = ({ all, own }: StepRequests): Requests & Pick<StepSeen, 'synthetic'> => ({
  ...all,
  ...(own === undefined ? {} : { synthetic: own }),
})

const seen = (steps: readonly StepSeen[], now: StepSeen): readonly StepSeen[] => {
  const last = steps.at(-1)
  return last?.step === now.step ? [...steps.slice(0, -1), { ...now, since: last.since }] : [...steps, now]
}
