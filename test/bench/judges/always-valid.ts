import type { World } from '@sluice/release/record'
import { differentShare, type ShareSeen, watchShare } from '../../../actions/canary-promote/src/share.ts'
import {
  beginEvidence,
  type Evidence,
  type Judged,
  type JudgePlan,
  judge,
} from '../../../packages/evidence/src/judge.ts'
import type { Bucket, PodReading, Scrape, Side } from '../../../packages/evidence/src/reading.ts'
import type { Cell } from './cells.ts'
import type { Judge, Judging, Word } from './judge.ts'
import { BEFORE, type Counter, type Moment, STABLE_PODS } from './release.ts'

/**
 * This project's judge with the default plan of canary-promote for one metric: α 1 %, the default margin, an absolute limit (5 % of errors, 1 % of slow
 * answers), silence, settle 10 s, at least 50 requests a side and step. It reads the pods; where a side is late it is given sums as provider
 * prometheus gives them: periods no shorter than the lateness, which may be one period apart (`guard: 1`).
 * @param seconds between two looks
 * @param change of that plan, to see what a part of the judge is worth
 */
export const alwaysValid = (seconds: number, change: Partial<JudgePlan> = {}): Judge => {
  const every = ({ truth }: Cell): number => Math.max(seconds, truth.late?.seconds ?? 0)
  return {
    name: `always-valid, every ${seconds} s`,
    every,
    past: seconds < 60 ? PODS_PAST : BEFORE,
    begin: (cell) => begin(cell, every(cell), { ...planFor(cell, every(cell)), ...change }),
  }
}

/** The plan of canary-promote for a cell's metric. @param every seconds between two looks */
export const planFor = ({ metric, warmUp = 0 }: Cell, every: number): JudgePlan => ({
  metrics: [
    metric === 'errors' ? { name: metric, kind: 'ratio', max: 0.05 } : { name: metric, kind: 'latency', max: 0.01 },
  ],
  alpha: 0.01,
  warmUp: warmUp * 1000,
  settle: 10_000,
  missing: 'silence',
  interval: every * 1000,
})

export type { Precaution } from '../../../packages/evidence/src/evidence.ts'

/** Pods keep no past: what is known of it is what was read while the canary's were made, seconds. Sources that are read each minute keep half an hour. */
const PODS_PAST = 300

const MIN_REQUESTS = 50

const begin = (cell: Cell, every: number, plan: JudgePlan): Judging => {
  const scrapeOf = cell.truth.late === undefined ? podsOf(cell) : periodsOf(cell, every)
  let evidence: Evidence = beginEvidence(plan)
  let share: ShareSeen | undefined
  let held: string | undefined
  let last: { readonly scrape: Scrape; readonly weight: number; readonly at: number } | undefined
  return {
    held: () => held,
    look: (moment) => {
      const { weight, step } = moment
      if (last !== undefined && last.weight !== weight) {
        const tick = { at: last.at + SOON, scrape: unchanged(last.scrape), weight, step }
        evidence = judge(evidence, tick, plan).evidence
      }
      const [at, scrape] = [timeOf(moment.at), scrapeOf(moment)]
      last = { scrape, weight, at }
      const judged = judge(evidence, { at, scrape, weight, step }, plan)
      evidence = judged.evidence
      const { decision } = judged
      if (decision.kind === 'reject') return { kind: 'stopped', code: decision.why.code }
      if (weight === 0) return undefined
      // Between a step's first settled look and its end nothing of the share changes.
      if (share?.step !== step || share.from === undefined || moment.ends)
        share = watchShare(share, evidence, { at, step, settle: plan.settle, plan, scrape, world })
      const word = moment.ends ? unsure(judged, share, { plan, weight }) : undefined
      if (word !== undefined && PASSING.has(word.code)) held ??= word.code
      else return word
      return undefined
    },
  }
}

/** canary-promote looks again as soon as it has written a weight, ms: what was counted in between is of neither weight. */
const SOON = 500

/** A source of sums has closed no period by then. */
const unchanged = (scrape: Scrape): Scrape => (scrape.kind === 'buckets' ? { ...scrape, buckets: [] } : scrape)

/** What ends with time: the real release waits at this weight, at most for `max-hold`, and then goes on. */
const PASSING: ReadonlySet<string> = new Set(['baseline-breaks-limit', 'no-data', 'outlier-pods', 'too-few-requests'])

/** Why a step does not pass at its end, in the order in which canary-promote asks; `undefined`: it passes. */
const unsure = (
  { decision, evidence, requests }: Judged,
  share: ShareSeen,
  { plan, weight }: { readonly plan: JudgePlan; readonly weight: number },
): Word | undefined => {
  if (decision.kind !== 'continue') return { kind: 'inconclusive', code: decision.why.code }
  if (Math.min(requests.baseline, requests.canary) < MIN_REQUESTS)
    return { kind: 'inconclusive', code: 'too-few-requests' }
  if (plan.without?.includes('populations') === true) return undefined
  const different = differentShare(share, evidence, { plan, share: weight })
  return different === undefined ? undefined : { kind: 'inconclusive', code: different.code }
}

const timeOf = (second: number): number => (second + BEFORE) * 1000

const podsOf =
  ({ metric }: Cell) =>
  ({ at, pods }: Moment): Scrape => {
    const readings = (['baseline', 'canary'] as const).flatMap((side) =>
      pods[side].map((counter, index) => reading({ side, name: `${side}-${index}`, at, metric }, counter)),
    )
    return { kind: 'pods', readings, missing: [] }
  }

const reading = (
  pod: { readonly side: Side; readonly name: string; readonly at: number; readonly metric: string },
  { total, bad }: Counter,
): PodReading => ({
  side: pod.side,
  pod: { name: pod.name, uid: pod.name },
  containerId: pod.name,
  restarts: 0,
  readAt: timeOf(pod.at),
  counters: { [pod.metric]: { total, bad } },
  gauges: {},
})

const periodsOf = ({ metric }: Cell, every: number) => {
  const width = every * 1000
  let before: Moment['read'] = { baseline: { total: 0, bad: 0 }, canary: { total: 0, bad: 0 } }
  return ({ at, read }: Moment): Scrape => {
    const to = timeOf(at)
    const bucket = (side: Side): Bucket => ({
      ...{ side, metric, from: to - width, to },
      total: read[side].total - before[side].total,
      bad: read[side].bad - before[side].bad,
    })
    const buckets = [bucket('baseline'), bucket('canary')]
    before = read
    return { kind: 'buckets', buckets, guard: 1, lag: 2 * width }
  }
}

/** All of stable's pods are there and read, and the route does what it says. */
const world: World = {
  at: 0,
  weight: { written: 0, accepted: true, marked: true },
  stable: { desired: STABLE_PODS, available: STABLE_PODS, hash: 'stable', rolledOut: true },
  service: true,
  leftovers: 0,
}
