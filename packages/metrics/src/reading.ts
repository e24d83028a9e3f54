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
  /** `process_start_time_seconds`, in ms UTC, where the process exports it; else when its container was started, where the cluster says so. */
  readonly processStart?: number
  readonly readAt: number
  readonly tookMs: number
  /** Cumulative since the process started. `bad` ≤ `total`. */
  readonly counters: { readonly [metric: string]: { readonly total: number; readonly bad: number } }
  readonly gauges: { readonly [metric: string]: number }
  /** Counted metrics that this look could not read, though the pod has been counting; absent: none. */
  readonly unread?: readonly string[]
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

/** Why there is nothing to count: `text` is the sentence for people, `query` what was asked, as it was sent. */
export type NoReading = {
  readonly kind: 'outage' | 'empty' | 'nan' | 'several-series' | 'unreliable'
  readonly query: string
  readonly text: string
}

/**
 * One look at one source. `buckets` without any: nothing has closed since the look before. `guard`: by how many buckets the two sides may be read
 * apart, 0 when absent (1 for sources that scrape the sides in turns); `lag`: how late a request may show, ms; `query`: what the canary was read by.
 */
export type Single =
  | {
      readonly kind: 'pods'
      readonly readings: readonly PodReading[]
      readonly missing: readonly string[]
      readonly late?: true
    }
  | {
      readonly kind: 'buckets'
      readonly buckets: readonly Bucket[]
      readonly gauges?: readonly GaugeBucket[]
      readonly guard?: number
      readonly lag?: number
      readonly query?: string
    }
  | NoReading

/** What one source showed of the metrics that it is to give. `source`: empty where it does not know by which name it was asked. */
export type Part = { readonly source: string; readonly metrics: readonly string[]; readonly scrape: Single }

/** What a source returns: one look for all its metrics, or a part for each, where one may fail and another not. */
export type Scrape = Single | { readonly kind: 'sources'; readonly parts: readonly Part[] }
