import type { Count } from '@sluice/evidence/count'
import { beginEvidence, type Evidence, type Judged, type JudgePlan, judge } from '@sluice/evidence/judge'
import type { PodReading, Side } from '@sluice/evidence/reading'
import type { Sample, Series } from '@sluice/evidence/series'
import { binomial, poisson, type Random, seeded } from '../../evidence/test/random.ts'
import type { CanaryReport, Look, Step } from '../src/report.ts'

/** How a simulated release goes: chances of a failed answer by the second since the canary's first weight. */
export type Course = {
  readonly seed: number
  readonly errors: (side: Side, second: number) => number
  /** When a container of the canary restarts, seconds. */
  readonly restart?: number
}

const BEGIN = Date.parse('2026-03-04T09:30:00Z')
const INTERVAL = 5
const BEFORE = 60
const RATE = 90
const SLOW = 0.003
const MAX_HOLD = 600
const WEIGHTS = [5, 25, 50] as const
const HOLDS = [600, 600, 300] as const

const PLAN: JudgePlan = {
  metrics: [
    { name: 'errors', kind: 'ratio', max: 0.05 },
    { name: 'slow', kind: 'latency', max: 0.05 },
    { name: 'cpu', kind: 'gauge', max: 90 },
  ],
  alpha: 0.01,
  warmUp: 0,
  settle: 10_000,
  missing: 'silence',
  interval: INTERVAL * 1000,
}

type Counts = { readonly errors: Count; readonly slow: Count; readonly cpu: number }
type Interval = {
  readonly at: number
  readonly weight: number
  readonly step: number
  readonly judged: Judged
} & Readonly<Record<Side, Counts>>
type End = { readonly verdict: CanaryReport['verdict']; readonly reason: CanaryReport['reason'] }

/** A good release: both sides fail as often as before, through all three steps. */
export const promoted = (): CanaryReport => release({ seed: 7, errors: () => 0.006 })

/** The canary fails a little more from the time when it gets a quarter of the traffic, and one of its containers restarts. */
export const rolledBack = (): CanaryReport =>
  release({ seed: 11, errors: (side, second) => (side === 'canary' && second >= 640 ? 0.016 : 0.005), restart: 700 })

/** Both sides fail alike from the eighth minute on: a shared outage, which no rollback mends. */
export const held = (): CanaryReport => release({ seed: 5, errors: (_, second) => (second >= 480 ? 0.3 : 0.005) })

/** A report as it was before series and looks were kept: totals alone. */
export const without = (report: CanaryReport): CanaryReport => {
  const { series: _, looks: __, judge: ___, planned: ____, ...details } = report.details
  return { ...report, details }
}

/** Poisson traffic through the real judge, and the report that such a release leaves. The same at every run. */
export const release = (course: Course): CanaryReport => {
  const random = seeded(course.seed)
  const intervals: Interval[] = []
  const looks: Look[] = [lookAt(-BEFORE, 'preparing', 0)]
  const timeline: { readonly at: string; readonly text: string }[] = []
  const tell = (second: number, text: string) => timeline.push({ at: iso(second), text })
  let evidence: Evidence = beginEvidence(PLAN, { errors: { n: 20_000, k: 100 }, slow: { n: 20_000, k: 60 } })
  let [step, since, held] = [-1, 0, 0]
  let end: End | undefined
  for (let now = -BEFORE; end === undefined; ) {
    if (now === 0 || (now > 0 && now - since - held >= (HOLDS[step] ?? 0))) {
      step += 1
      ;[since, held] = [now, 0]
      looks.push(lookAt(now, 'analysing', step))
      tell(now, `step ${step + 1} of 3: analysing at weight ${WEIGHTS[step]}`)
    }
    const weight = WEIGHTS[step] ?? 0
    const served = {
      baseline: serve(random, { course, now, side: 'baseline', share: 1 - weight / 100 }),
      canary: serve(random, { course, now, side: 'canary', share: weight / 100 }),
    }
    now += INTERVAL
    if (course.restart === now)
      looks.push({ ...lookAt(now, 'analysing', step), canary: { ready: 1, desired: 2, restarts: 1 } })
    if (course.restart === now - 20)
      looks.push({ ...lookAt(now, 'analysing', step), canary: { ready: 2, desired: 2, restarts: 1 } })
    const scrape = { kind: 'pods', readings: readings([...intervals, served]), missing: [] } as const
    const judged = judge(evidence, { at: BEGIN + now * 1000, scrape, weight, step: Math.max(0, step) }, PLAN)
    evidence = judged.evidence
    intervals.push({ at: now, weight, step: Math.max(0, step), judged, ...served })
    const { decision } = judged
    if (decision.kind === 'hold' && held === 0) looks.push(lookAt(now, 'holding', step))
    held += decision.kind === 'hold' ? INTERVAL : 0
    end = endOf(decision, { held, over: step === 2 && now - since - held >= HOLDS[2] })
    if (end !== undefined) {
      looks.push(lookAt(now, end.verdict === 'promoted' ? 'promoting' : 'lowering', step), {
        ...lookAt(now + 12, 'done', 9),
        step,
      })
      tell(
        now,
        end.verdict === 'promoted'
          ? 'promoting: stable gets the analysed template'
          : `going back: weight 0 (${end.reason.text})`,
      )
      tell(now + 12, `done: ${end.verdict} (${end.reason.code}): ${end.reason.text}`)
    }
  }
  return reportOf(end ?? PASSED, { intervals, looks, timeline })
}

const endOf = (
  decision: Judged['decision'],
  seen: { readonly held: number; readonly over: boolean },
): End | undefined => {
  if (decision.kind === 'reject') return { verdict: 'rolled-back', reason: decision.why }
  if (decision.kind === 'hold' && seen.held >= MAX_HOLD) {
    const text = `${decision.why.text}; held for as long as max-hold allows`
    return { verdict: 'inconclusive', reason: { ...decision.why, code: 'environment', text } }
  }
  return seen.over ? PASSED : undefined
}

const PASSED: End = {
  verdict: 'promoted',
  reason: {
    code: 'passed',
    text: 'nothing that was measured sets the canary apart from the running version',
    next: 'nothing',
  },
}

const serve = (
  random: Random,
  {
    course,
    now,
    side,
    share,
  }: { readonly course: Course; readonly now: number; readonly side: Side; readonly share: number },
): Counts => {
  const n = poisson(random, RATE * INTERVAL * share)
  const failed = { n, k: binomial(random, n, course.errors(side, now)) }
  return { errors: failed, slow: { n, k: binomial(random, n, SLOW) }, cpu: 54 + 4 * Math.sin(now / 150) + random() * 4 }
}

/** The pods' counters, which only rise. */
const readings = (all: readonly Readonly<Record<Side, Counts>>[]): readonly PodReading[] =>
  (['baseline', 'canary'] as const).map((side) => {
    const total = (name: 'errors' | 'slow') =>
      all.reduce((sum, each) => ({ total: sum.total + each[side][name].n, bad: sum.bad + each[side][name].k }), {
        total: 0,
        bad: 0,
      })
    return {
      side,
      pod: { name: side, uid: side },
      containerId: side,
      restarts: 0,
      readAt: 0,
      counters: { errors: total('errors'), slow: total('slow') },
      gauges: { cpu: all.at(-1)?.[side].cpu ?? 0 },
    }
  })

const lookAt = (second: number, phase: string, step: number): Look => ({
  at: iso(second),
  phase,
  step: Math.max(0, step),
  asked: second < 0 ? 0 : (WEIGHTS[step] ?? 0),
  written: second < 0 ? 0 : (WEIGHTS[step] ?? 0),
  stable: { available: 8, desired: 8 },
  canary: { ready: second < 0 ? 0 : 2, desired: 2, restarts: 0 },
})

const reportOf = (
  end: End,
  seen: {
    readonly intervals: readonly Interval[]
    readonly looks: readonly Look[]
    readonly timeline: CanaryReport['details']['timeline']
  },
): CanaryReport => ({
  schema: 'sluice.dev/canary-promote/v1',
  tool: { version: '0.1.0', commit: '8f3c1d2e9b7a64500112233445566778899aabbc' },
  subject: { image: image('4be3c1a9') },
  run: { repository: 'acme/shop', runId: '7031558213', attempt: 1, job: 'canary' },
  startedAt: iso(-BEFORE - 8),
  endedAt: seen.looks.at(-1)?.at ?? '',
  ...end,
  findings: [
    {
      id: 'no-budget',
      level: 'warning',
      text: 'Deployment shop has no PodDisruptionBudget',
      hint: 'Add one, so that a drained node does not take all of its pods',
    },
  ],
  details: {
    mode: 'run',
    namespace: 'shop',
    deployment: 'shop',
    phase: 'done',
    epoch: 1,
    previousImage: image('90d27f15'),
    weight: 0,
    ...(end.verdict === 'promoted' ? {} : { zeroWeightSeconds: 0.4, rollbackSeconds: 1.2 }),
    steps: stepsOf(seen.intervals),
    metrics: (seen.intervals.at(-1)?.judged.metrics ?? []).map((metric) => ({
      ...metric,
      provider: PROVIDERS[metric.name] ?? 'pods',
    })),
    planned: [power('errors', 0.0091, 'will be'), power('slow', 0.0084, 'will be')],
    power: [power('errors', 0.0086, 'would have been'), power('slow', undefined, 'would have been')],
    judge: PLAN,
    looks: seen.looks,
    series: seriesOf(seen.intervals),
    timeline: seen.timeline,
    history: [
      {
        image: `ghcr.io/acme/shop@sha256:${'90d27f15'.repeat(8)}`,
        verdict: 'promoted',
        at: '2026-03-02T14:12:09.000Z',
      },
    ],
  },
})

const PROVIDERS: Readonly<Record<string, string>> = { cpu: 'kubernetes' }

const power = (metric: string, increase: number | undefined, when: string) =>
  increase === undefined
    ? { metric, text: `${metric}: too few requests; not even a canary that always fails ${when} revealed` }
    : {
        metric,
        increase,
        text: `${metric}: an increase of ${increase * 100} percentage points or more ${when} revealed`,
      }

const stepsOf = (intervals: readonly Interval[]): readonly Step[] =>
  WEIGHTS.flatMap((weight, step) => {
    const own = intervals.filter((each) => each.step === step && each.weight > 0)
    const [first, last] = [own[0], own.at(-1)]
    if (first === undefined || last === undefined) return []
    return [{ step, weight, since: iso(first.at - INTERVAL), until: iso(last.at), ...last.judged.requests }]
  })

const seriesOf = (intervals: readonly Interval[]): readonly Series[] => {
  const counted = (name: 'errors' | 'slow') => ({
    name,
    provider: 'pods',
    max: 0.05,
    samples: samplesOf(intervals, name),
    baseline: intervals.map(({ baseline }) => baseline[name]),
    canary: intervals.map(({ canary }) => canary[name]),
  })
  return [
    { ...counted('errors'), kind: 'ratio', query: 'http_requests_total{job="shop"}; bad: code =~ "5.."' },
    { ...counted('slow'), kind: 'latency', threshold: 500, query: 'http_request_duration_seconds_bucket{job="shop"}' },
    {
      name: 'cpu',
      kind: 'gauge',
      provider: 'kubernetes',
      max: 90,
      failures: 3,
      samples: samplesOf(intervals, 'cpu'),
      baseline: intervals.map(({ baseline }) => baseline.cpu),
      canary: intervals.map(({ canary, weight }) => (weight === 0 ? null : canary.cpu)),
    },
  ]
}

const samplesOf = (intervals: readonly Interval[], name: string): readonly Sample[] =>
  intervals.map(({ at, weight, step, judged }) => {
    const metric = judged.metrics.find((each) => each.name === name)
    const when = { at: iso(at), weight, step }
    if (metric === undefined || metric.kind === 'gauge') return when
    const { margin, logE, limit, dispersion } = metric
    return {
      ...when,
      use: weight === 0 ? 'learned' : 'judged',
      margin,
      logE,
      ...(dispersion === undefined ? {} : { dispersion }),
      ...(limit === undefined ? {} : { limitLogE: limit.logE }),
    }
  })

const iso = (second: number): string => new Date(BEGIN + second * 1000).toISOString()
const image = (digits: string) => ({ repository: 'ghcr.io/acme/shop', digest: `sha256:${digits.repeat(8)}` })
