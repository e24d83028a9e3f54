import type { Evidence, GaugeEvidence, GaugeMetric, Tick } from './evidence.ts'
import { type Bounds, type GaugeLook, type GaugeReading, type GaugeState, gaugeReading, readGauge } from './gauge.ts'
import { own } from './own.ts'
import type { Side, Single } from './reading.ts'
import type { Sampled } from './sampled.ts'

type Buckets = Extract<Single, { kind: 'buckets' }>
type Read = Extract<Single, { kind: 'pods' | 'buckets' }>
type GaugeTick = Omit<Tick, 'scrape'> & { readonly scrape: Read }

/** How the canary's gauges are read at a look. `idle`: no request of it is known yet. */
export type Gauging = GaugeLook & { readonly idle: boolean }

/**
 * A gauge of the canary is judged where it may have traffic: not at weight 0, not of pods that are being made, and not while it warms up. Where its
 * requests cannot be heard, its warm-up is taken to begin with its first weight. A period may close long after the weight that it was of has changed:
 * the canary had traffic under that one, too.
 */
export const gaugingOf = (
  evidence: Evidence,
  { at, weight, starting, scrape }: GaugeTick,
  { warmUp, spacing, counts }: { readonly warmUp: number; readonly spacing: number; readonly counts: boolean },
): Gauging => {
  const { weightSince, trafficSince: since = weightSince, firstMoved } = evidence
  const warm = warmUp === 0 || at > (firstMoved ?? since) + warmUp
  const started = scrape.kind === 'pods' ? starting === undefined : !showsMaking(evidence, scrape, at)
  return {
    at,
    spacing,
    // A read of pods shows the present, whatever its clock says.
    judged: weight > 0 && started && (scrape.kind === 'pods' || at >= since) && warm,
    idle: firstMoved === undefined && counts,
  }
}

/** What a look showed of a gauge; `undefined` where no period of it has closed. */
export const sampledGauge = (
  { name }: GaugeMetric,
  { baseline, canary }: GaugeEvidence,
  { at, weight, share, step, scrape }: GaugeTick,
): Sampled | undefined =>
  scrape.kind === 'buckets' && !(scrape.gauges ?? []).some(({ metric }) => metric === name)
    ? undefined
    : {
        ...{ metric: name, kind: 'gauge', at, weight, step },
        ...(share === undefined ? {} : { share }),
        baseline: shownBy(baseline.last),
        canary: shownBy(canary.last),
      }

const shownBy = (reading: GaugeReading): number | null => (reading.kind === 'value' ? reading.value : null)

/** Whether the periods that ended then are also of pods that were being made. */
const showsMaking = ({ making = [] }: Evidence, { gauges = [] }: Buckets, at: number): boolean => {
  const began = Math.min(at, ...gauges.map(({ from }) => from))
  return making.some(({ from, until }) => at >= from && began < until)
}

/** One look's values of both sides against the gauge's bounds. */
export const weighGauge = (
  metric: GaugeMetric,
  known: GaugeEvidence,
  scrape: Read,
  { idle, ...look }: Gauging,
): GaugeEvidence => {
  const read = (side: Side, bounds: Bounds, looked: GaugeLook): GaugeState => {
    const values = gaugeValues(metric, scrape, side)
    // A period that has not closed leaves what the last one showed.
    return values.length === 0 && scrape.kind === 'buckets'
      ? known[side]
      : readGauge(known[side], gaugeReading(values), bounds, looked)
  }
  return {
    kind: 'gauge',
    baseline: read('baseline', metric, { ...look, judged: true }),
    // What has done nothing yet may be below any minimum.
    canary: read('canary', idle ? { max: metric.max } : metric, look),
  }
}

const gaugeValues = ({ name }: GaugeMetric, scrape: Read, side: Side): readonly number[] =>
  scrape.kind === 'pods'
    ? scrape.readings.flatMap((pod) => (pod.side === side ? (own(pod.gauges, name) ?? []) : []))
    : (scrape.gauges ?? []).flatMap((gauge) => (gauge.side === side && gauge.metric === name ? [gauge.value] : []))
