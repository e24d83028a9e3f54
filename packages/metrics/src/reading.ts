/**
 * What a metric source returns: raw cumulative counters with the time they were read.
 * Differencing, counter resets and every judgement are pure code in packages/evidence.
 */
export type Side = 'baseline' | 'canary'

/** One read of one pod. */
export type PodReading = {
  readonly side: Side
  readonly pod: { readonly name: string; readonly uid: string }
  readonly containerId: string
  readonly restarts: number
  /** `process_start_time_seconds`, in ms UTC, where the process exports it. */
  readonly processStart?: number
  readonly readAt: number
  readonly tookMs: number
  /** Cumulative since the process started. `bad` ≤ `total`. */
  readonly counters: { readonly [metric: string]: { readonly total: number; readonly bad: number } }
  readonly gauges: { readonly [metric: string]: number }
}

/** Closed once; for sources that only give sums. */
export type Bucket = {
  readonly side: Side
  readonly metric: string
  readonly from: number
  readonly to: number
  readonly total: number
  readonly bad: number
}

/** A gauge's value over (from, to], given once, for sources without pods. */
export type GaugeBucket = {
  readonly side: Side
  readonly metric: string
  readonly from: number
  readonly to: number
  readonly value: number
}

/** One look at a source. Everything but `pods` and `buckets` says why there is nothing to count. */
export type Scrape =
  | { readonly kind: 'pods'; readonly readings: readonly PodReading[]; readonly missing: readonly string[] }
  /** None of either: nothing has closed since the look before. */
  | { readonly kind: 'buckets'; readonly buckets: readonly Bucket[]; readonly gauges?: readonly GaugeBucket[] }
  | {
      readonly kind: 'outage' | 'empty' | 'nan' | 'several-series' | 'unreliable'
      readonly query: string
      readonly text: string
    }
