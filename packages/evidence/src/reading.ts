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
  /** Counted metrics that this look could not read, though the pod has been counting; absent: none. */
  readonly unread?: readonly string[]
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

/** Why a look gave nothing to count, by name, with the query as it was sent. */
export type NoReading = {
  readonly kind: 'outage' | 'empty' | 'nan' | 'several-series' | 'unreliable'
  readonly query: string
  readonly text: string
}

/**
 * What one source showed. `missing` names pods that were expected and could not be read. `buckets` without any: nothing
 * has closed since the look before. `guard`: by how many buckets the two sides may be read apart; `lag`: how late a request may show, ms; `query`: what
 * the canary was read by.
 */
export type Single =
  | {
      readonly kind: 'pods'
      readonly readings: readonly PodReading[]
      readonly missing: readonly string[]
      /** Began before this look; what is compared with the present state of pods must not use it. */
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

/** One source's look, with the metrics of the plan that it is to give: an outage of one source is none of another. */
export type Part = { readonly source: string; readonly metrics: readonly string[]; readonly scrape: Single }

/** One look at all sources: at a single one for all metrics, or each with its own. */
export type Scrape = Single | { readonly kind: 'sources'; readonly parts: readonly Part[] }
