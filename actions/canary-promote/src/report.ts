import type { Unseen } from '@sluice/evidence/unseen'
import type { MetricJudgement } from '@sluice/evidence/verdict'
import { report as metricReport } from '@sluice/evidence/verdict'
import type { Finding, Report, Run } from '@sluice/kit/report'
import type { Verdict } from '@sluice/release/record'
import type { Ended } from './ending.ts'
import { type StepSeen, watchOf } from './judgement.ts'
import { judgePlan, settingsOf } from './plan.ts'
import { type PowerStatement, powerOf } from './power.ts'
import { type Provider, providerOf } from './providers.ts'

/** What the report says beyond the envelope. Times are ISO 8601, seconds have one decimal. Schema: report.schema.json. */
export type Details = {
  readonly mode: string
  readonly namespace: string
  readonly deployment: string
  readonly phase: string
  readonly epoch: number
  readonly previousImage?: { readonly repository: string; readonly digest: string }
  /** The canary's weight as read back last, whole percent; absent when nothing was read. */
  readonly weight?: number
  /** From the verdict to the last canary request seen, and from the verdict to the weight read back as 0. */
  readonly rollbackSeconds?: number
  readonly zeroWeightSeconds?: number
  readonly steps: readonly (Omit<StepSeen, 'since' | 'until'> & { readonly since: string; readonly until: string })[]
  /** Each with what it was read from, and what came instead of a reading where the last looks gave none. */
  readonly metrics: readonly (MetricJudgement & {
    readonly provider?: Provider
    readonly unseen?: Omit<Unseen, 'at'>
  })[]
  readonly power: readonly PowerStatement[]
  readonly timeline: readonly { readonly at: string; readonly text: string }[]
  readonly history: readonly { readonly image: string; readonly verdict: Verdict; readonly at: string }[]
}

/** The report file of this action; report.schema.json is its JSON Schema. */
export type CanaryReport = Report<Verdict, Details>

/** Everything of an end that does not come from the release itself. Times in ms UTC. */
export type Circumstances = {
  readonly mode: string
  readonly namespace: string
  readonly deployment: string
  readonly tool: { readonly version: string; readonly commit: string }
  readonly run: Run
  readonly startedAt: number
  readonly endedAt: number
}

/** The report of an end: what was decided, on what, and every number that the summary shows. */
export const reportOf = (end: Ended, given: Circumstances): CanaryReport => {
  const { record, driven } = end
  const state = record?.state
  const rollback = rollbackSeconds(end)
  const metrics = metricsOf(end)
  return {
    schema: 'sluice.dev/canary-promote/v1',
    tool: given.tool,
    subject: record === undefined ? {} : { image: record.canary.image },
    run: given.run,
    startedAt: iso(given.startedAt),
    endedAt: iso(given.endedAt),
    verdict: end.verdict,
    reason: end.reason,
    findings: [...end.findings].sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level)),
    details: {
      mode: given.mode,
      namespace: given.namespace,
      deployment: given.deployment,
      phase: state?.phase ?? 'none',
      epoch: record?.epoch ?? 0,
      ...(record === undefined ? {} : { previousImage: record.stable.image }),
      ...(driven?.world === undefined ? {} : { weight: driven.world.weight.written }),
      ...(rollback === undefined ? {} : { rollbackSeconds: rollback }),
      ...(driven?.zeroAfter === undefined ? {} : { zeroWeightSeconds: seconds(driven.zeroAfter) }),
      steps: (record === undefined ? [] : watchOf(record).steps).map((step) => ({
        ...step,
        since: iso(step.since),
        until: iso(step.until),
      })),
      metrics,
      power: record === undefined ? [] : powerOf(record, metrics),
      timeline: end.moments.map(({ at, text }) => ({ at: iso(at), text })),
      history: (record?.history ?? []).map(({ image, verdict, at }) => ({
        image: `${image.repository}@${image.digest}`,
        verdict,
        at: iso(at),
      })),
    },
  }
}

/** From the moment the way back was chosen to the last request that a canary pod counted; absent unless it went back and was measured. */
export const rollbackSeconds = ({ moments, driven }: Ended): number | undefined => {
  const turned = moments.find(({ text }) => text.includes('going back'))
  const last = driven?.drain.movedAt
  if (turned === undefined || driven?.kind !== 'done') return undefined
  return seconds(Math.max(0, (last ?? turned.at) - turned.at))
}

const metricsOf = ({ record }: Ended): Details['metrics'] => {
  if (record === undefined) return []
  const { evidence } = watchOf(record)
  const settings = settingsOf(record)
  return judgePlan(settings).metrics.map((metric) => {
    const planned = settings.metrics.find(({ name }) => name === metric.name)
    const unseen = evidence.unseen?.[metric.name]
    return {
      ...metricReport(metric, evidence),
      ...(planned === undefined ? {} : { provider: providerOf(planned, settings) }),
      ...(unseen === undefined ? {} : { unseen: { looks: unseen.looks, kind: unseen.kind, text: unseen.text } }),
    }
  })
}

const LEVELS: readonly Finding['level'][] = ['error', 'warning', 'note']
const iso = (at: number): string => new Date(at).toISOString()
const seconds = (ms: number): number => Math.round(ms / 100) / 10
