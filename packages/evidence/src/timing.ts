import { type CountedEvidence, type Evidence, noRequests, type Tick } from './evidence.ts'
import { restartSilence } from './missing.ts'

/** Notes a new weight and a new step before anything is counted. */
export const onTime = (
  { share: _, ...evidence }: Evidence,
  { at, weight, share, step, starting }: Omit<Tick, 'scrape'>,
): Evidence => ({
  ...evidence,
  weight,
  ...(share === undefined ? {} : { share }),
  step,
  ...(weight > 0 ? { trafficSince: trafficSince(evidence, at) } : {}),
  ...(starting === 'pods' ? { making: nowMaking(evidence.making, step, at) } : {}),
  ...(weight === evidence.weight ? {} : { weightSince: at, missing: restartSilence(evidence.missing, at) }),
  ...(step === evidence.step
    ? {}
    : { metrics: mapCounted(evidence.metrics, (m) => ({ ...m, step: noRequests, asked: 0 })) }),
})

const trafficSince = ({ weight, weightSince, trafficSince: known }: Evidence, at: number): number =>
  weight === 0 ? at : (known ?? weightSince)

type Making = NonNullable<Evidence['making']>

const nowMaking = (before: Making = [], step: number, at: number): Making => {
  const known = before.find((each) => each.step === step)
  const others = before.filter((each) => each !== known)
  return [...others, { step, from: known?.from ?? at, until: at }].slice(-MAKING_KEPT)
}

/** Of so many steps: of what closes late, the last hour is more than enough. */
const MAKING_KEPT = 20

const mapCounted = (
  metrics: Evidence['metrics'],
  change: (metric: CountedEvidence) => CountedEvidence,
): Evidence['metrics'] =>
  Object.fromEntries(
    Object.entries(metrics).map(([name, metric]) => [name, metric.kind === 'counted' ? change(metric) : metric]),
  )
