import type { CanaryReport, Details } from '@sluice/canary-report/report'
import { report as metricReport } from '@sluice/evidence/verdict'
import type { Finding, Run } from '@sluice/kit/report'
import type { Ended } from './ending.ts'
import { warning } from './finding.ts'
import { watchOf } from './judgement.ts'
import { judgePlan, settingsOf } from './plan.ts'
import { powerOf } from './power.ts'
import { providerOf } from './providers.ts'
import { seriesOf } from './series.ts'

export type { CanaryReport, Details } from '@sluice/canary-report/report'

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
    findings: [...end.findings, ...overruledFinding(end, metrics)].sort(
      (a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level),
    ),
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
      ...recorded(end),
      timeline: end.moments.map(({ at, text }) => ({ at: iso(at), text })),
      history: (record?.history ?? []).map(({ image, verdict, at }) => ({
        image: `${image.repository}@${image.digest}`,
        verdict,
        at: iso(at),
      })),
    },
  }
}

/** A promotion that the plan asked for although a step was not conclusive is said aloud, with what it could not have seen. */
const overruledFinding = ({ verdict, reason, record }: Ended, metrics: Details['metrics']): readonly Finding[] => {
  if (verdict !== 'promoted' || record?.overruled === undefined) return []
  const power = powerOf(record, metrics).map(({ text }) => text)
  return [warning('promoted-inconclusive', [reason.text, ...power].join('. '), { hint: reason.next })]
}

/** From the moment the way back was chosen to the last request that a canary pod counted; absent unless it went back and was measured. */
export const rollbackSeconds = ({ moments, driven }: Ended): number | undefined => {
  const turned = moments.find(({ text }) => text.includes('going back'))
  const last = driven?.drain.movedAt
  if (turned === undefined || driven?.kind !== 'done') return undefined
  return seconds(Math.max(0, (last ?? turned.at) - turned.at))
}

/** What this process saw itself, and the plan that it was judged by; nothing where it had no part in the release. */
const recorded = ({ record, driven }: Ended): Pick<Details, 'planned' | 'series' | 'judge' | 'looks'> => {
  if (record === undefined || driven === undefined) return {}
  const settings = settingsOf(record)
  const series = seriesOf(driven.recording, settings, driven.queries)
  const { looks } = driven.recording
  const { interval, minRequests } = record.plan
  return {
    ...(driven.planned === undefined ? {} : { planned: driven.planned.statements }),
    ...(series.length === 0 ? {} : { series, judge: { ...judgePlan(settings), interval, minRequests } }),
    ...(looks.length === 0 ? {} : { looks }),
  }
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
