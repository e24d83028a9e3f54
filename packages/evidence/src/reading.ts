/**
 * What the judge is fed: the shapes that metric sources return, restated because this package imports nothing.
 * A test holds them assignable to the sources' own.
 */
export type Side = 'baseline' | 'canary'

/** One pod at one moment. `counters` are cumulative since its process started, `readAt` and `processStart` are ms UTC. */
export type PodReading = {
  readonly side: Side
  readonly pod: { readonly name: string; readonly uid: string }
  readonly containerId: string
  readonly restarts: number
  readonly processStart?: number
  readonly readAt: number
  readonly counters: { readonly [metric: string]: { readonly total: number; readonly bad: number } }
  readonly gauges: { readonly [metric: string]: number }
}

/** A sum over (from, to], closed once, for sources without per-pod counters. */
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

/** One read of all pods, or why there is none. `missing` names pods that were expected and could not be read. */
export type Scrape =
  | { readonly kind: 'pods'; readonly readings: readonly PodReading[]; readonly missing: readonly string[] }
  /** None of either: nothing has closed since the look before. */
  | { readonly kind: 'buckets'; readonly buckets: readonly Bucket[]; readonly gauges?: readonly GaugeBucket[] }
  | {
      readonly kind: 'outage' | 'empty' | 'nan' | 'several-series' | 'unreliable'
      readonly query: string
      readonly text: string
    }
