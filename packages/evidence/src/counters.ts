import { type Count, type Pair, zero } from './count.ts'
import type { PodCounts } from './dispersion.ts'
import { own } from './own.ts'
import type { Bucket, PodReading, Side, Single } from './reading.ts'

/**
 * What was counted between two reads. `untrusted[metric]` says why a metric's counts of this interval must not be used. `pods[metric]`: absent of sources
 * without pods.
 */
export type Interval = {
  readonly counts: { readonly [metric: string]: Pair }
  readonly untrusted: { readonly [metric: string]: string }
  readonly pods: { readonly [metric: string]: ByPod }
}

/** A metric's interval pod by pod: the baseline's by UID, the canary's by name, as people are told of them. */
export type ByPod = { readonly baseline: PodCounts; readonly canary: PodCounts }

/**
 * The zero lines: per source and pod (by UID) what is already counted. `reads`: the last read of each source that has a name, ms; `readAt` of one that
 * has none. Absent before the first read. Plain JSON, as large as a step has pods.
 */
export type CounterState = {
  readonly readAt?: number
  readonly reads?: { readonly [source: string]: number }
  readonly pods: { readonly [uid: string]: Line }
  /** Buckets, of counts and of gauges: the end of the last one taken in, by `side/metric`. */
  readonly closed: { readonly [series: string]: number }
}

/** What is remembered of one pod: its counters at the last read, and what tells a restart from a fall. */
export type Line = {
  readonly containerId: string
  readonly restarts: number
  readonly processStart?: number
  readonly counters: { readonly [metric: string]: { readonly total: number; readonly bad: number } }
  /** Metrics that could not be read when the pod's zero lines were set: the first value that is read becomes theirs. Absent: none. */
  readonly unread?: readonly string[]
}

/** Before any read. */
export const beginCounters = (): CounterState => ({ pods: {}, closed: {} })

/**
 * Forgets a source's pods that its last read did not show. For a step's beginning, when the set of pods that are read is chosen anew. A read that
 * missed some forgets none: one that comes back must not be counted again from 0.
 */
export const forgetAbsent = (state: CounterState, scrape: Single, source = ''): CounterState => {
  if (scrape.kind !== 'pods' || scrape.missing.length > 0) return state
  const present = new Set(scrape.readings.map((reading) => keyOf(source, reading)))
  const own = (key: string): boolean => (source === '' ? !key.includes('/') : key.startsWith(`${source}/`))
  const kept = Object.entries(state.pods).filter(([key]) => !own(key) || present.has(key))
  return { ...state, pods: Object.fromEntries(kept) }
}

/** When a source was read last, ms; `undefined` before its first read. */
export const readBefore = (state: CounterState, source: string): number | undefined =>
  source === '' ? state.readAt : state.reads?.[source]

const withRead = (state: CounterState, source: string, at: number): CounterState =>
  source === '' ? { ...state, readAt: at } : { ...state, reads: { ...state.reads, [source]: at } }

/** Two sources may read one pod, each by a counter of its own. */
const keyOf = (source: string, { pod }: PodReading): string => (source === '' ? pod.uid : `${source}/${pod.uid}`)

/**
 * Differences cumulative counters, so that each request counts once.
 * - The first read is the zero line. A pod that first appears in a later one counts from 0; a baseline pod whose process is clearly older than the
 *   read before was there all the time and begins with its zero line.
 * - A series that appears later on a known pod counts from 0: a failing pod's first errors are not lost.
 * - A restart (container, a later process start, or the restart count where no process says when it started: it is that of all containers of the pod)
 *   counts from 0. A decrease without one is several processes behind one endpoint: the metric is `untrusted`, its zero line stays.
 * - A pod that was not read keeps its line, and so does a metric; the requests count when it is read again. A metric that was not read when the pod's
 *   zero lines were set begins with its own.
 */
export const difference = (
  state: CounterState,
  scrape: Extract<Single, { kind: 'pods' | 'buckets' }>,
  at: number,
  source = '',
): { readonly state: CounterState; readonly interval: Interval } => {
  const { state: counted, interval } =
    scrape.kind === 'pods' ? differencePods(state, scrape.readings, source) : sumBuckets(state, scrape)
  return { state: withRead(counted, source, at), interval }
}

const differencePods = (state: CounterState, readings: readonly PodReading[], source: string) => {
  const pods: Record<string, Line> = { ...state.pods }
  const counts: Record<string, Pair> = {}
  const untrusted: Record<string, string> = {}
  const byPod: Record<string, Pods> = {}
  for (const reading of readings) {
    if (Object.keys(reading.counters).length + (reading.unread ?? []).length === 0) continue
    const base = zeroLine(state, reading, source)
    const lineless = base === undefined ? (reading.unread ?? []) : (base.unread ?? [])
    const line: Record<string, { total: number; bad: number }> = { ...base?.counters }
    for (const [metric, counter] of Object.entries(reading.counters)) {
      const begins = base === undefined || lineless.includes(metric)
      const step = advance(counter, begins ? counter : own(base.counters, metric))
      if (typeof step === 'string') untrusted[metric] = own(untrusted, metric) ?? `pod ${reading.pod.name}: ${step}`
      else {
        line[metric] = step.line
        counts[metric] = plus(own(counts, metric), reading.side, step.count)
        byPod[metric] = countPod(own(byPod, metric) ?? { baseline: {}, canary: {} }, reading, step.count)
      }
    }
    const unread = lineless.filter((metric) => own(line, metric) === undefined)
    pods[keyOf(source, reading)] = {
      containerId: reading.containerId,
      restarts: reading.restarts,
      ...(reading.processStart === undefined ? {} : { processStart: reading.processStart }),
      counters: line,
      ...(unread.length === 0 ? {} : { unread }),
    }
  }
  return { state: { ...state, pods }, interval: { counts, untrusted, pods: byPod } }
}

type Pods = { readonly baseline: Record<string, Count>; readonly canary: Record<string, Count> }

const countPod = (pods: Pods, { side, pod }: PodReading, count: Count): Pods => {
  if (side === 'canary') pods.canary[pod.name] = count
  else pods.baseline[pod.uid] = count
  return pods
}

/** The line that a reading is differenced against; `undefined`: the reading itself becomes it. */
const zeroLine = (
  state: CounterState,
  reading: PodReading,
  source: string,
): Pick<Line, 'counters' | 'unread'> | undefined => {
  const known = state.pods[keyOf(source, reading)]
  const readAt = readBefore(state, source)
  if (known === undefined) {
    const older =
      reading.side === 'baseline' &&
      reading.processStart !== undefined &&
      reading.processStart < (readAt ?? 0) - CLOCKS_APART
    return readAt === undefined || older ? undefined : { counters: {} }
  }
  const timed = known.processStart !== undefined && reading.processStart !== undefined
  const restarted =
    known.containerId !== reading.containerId ||
    (timed ? (reading.processStart ?? 0) - (known.processStart ?? 0) > SAME_START : known.restarts < reading.restarts)
  return restarted ? { counters: {} } : known
}

type Counter = { readonly total: number; readonly bad: number }

const advance = (
  now: Counter,
  line: Counter = { total: 0, bad: 0 },
): { readonly line: Counter; readonly count: Count } | string => {
  if (![now.total, now.bad].every((value) => Number.isFinite(value) && value >= 0))
    return `its counter is no number (total ${now.total}, bad ${now.bad})`
  if (now.total < line.total)
    return `its counter fell from ${line.total} to ${now.total} without a restart: several processes behind one endpoint`
  const n = now.total - line.total
  // One exposition may show a bad answer before its request, or a bucket before its sum: what is over waits for the next read.
  const k = Math.min(n, Math.max(0, now.bad - line.bad))
  return { line: { total: now.total, bad: line.bad + k }, count: { n, k } }
}

type Closed = Extract<Single, { kind: 'buckets' }>

const sumBuckets = (state: CounterState, { buckets, gauges = [] }: Closed) => {
  const counts: Record<string, Pair> = {}
  const untrusted: Record<string, string> = {}
  const closed: Record<string, number> = { ...state.closed }
  for (const bucket of [...buckets].sort((a, b) => a.to - b.to)) {
    if (!isNew({ ...state, closed }, bucket)) continue
    const step = advance(bucket)
    closed[seriesOf(bucket)] = bucket.to
    if (typeof step === 'string') untrusted[bucket.metric] = own(untrusted, bucket.metric) ?? step
    else counts[bucket.metric] = plus(own(counts, bucket.metric), bucket.side, step.count)
  }
  for (const gauge of gauges) closed[seriesOf(gauge)] = Math.max(gauge.to, closed[seriesOf(gauge)] ?? gauge.to)
  return { state: { ...state, closed }, interval: { counts, untrusted, pods: {} } }
}

/** Whether a bucket has not been taken in before: one that resumes reads again what the run before it had read. */
export const isNew = ({ closed }: CounterState, bucket: Pick<Bucket, 'side' | 'metric' | 'to'>): boolean =>
  bucket.to > (closed[seriesOf(bucket)] ?? Number.NEGATIVE_INFINITY)

const seriesOf = ({ side, metric }: Pick<Bucket, 'side' | 'metric'>): string => `${side}/${metric}`

const plus = (pair: Pair = { baseline: zero, canary: zero }, side: Side, count: Count): Pair => ({
  ...pair,
  [side]: { n: pair[side].n + count.n, k: pair[side].k + count.k },
})

/** Clocks of nodes and of the reader may differ by this much, ms. */
const CLOCKS_APART = 60_000
/** Exporters that compute their start time from an uptime move it a little, ms. */
const SAME_START = 2_000
