import type { Count } from './count.ts'
import type { Use } from './series.ts'

/** One interval of a counted metric as this look took it in. `at`: its end, ms; the rest as in a report's `Sample`. */
export type SampledCount = {
  readonly metric: string
  readonly kind: 'counted'
  readonly at: number
  readonly weight: number
  readonly share?: number
  readonly step: number
  readonly use: Use
  readonly baseline: Count
  readonly canary: Count
  readonly margin: number
  readonly dispersion?: { readonly baseline: number; readonly canary: number }
  /** The pods of the canary by which alone the evidence has its limit: the verdict waits. `dropped`: they were well again, and the evidence begins anew. */
  readonly outliers?: { readonly pods: readonly string[]; readonly dropped?: true }
  /** The baseline's requests wait for the canary's next one. */
  readonly idle?: true
  readonly logE: number
  readonly limitLogE?: number
}

/** What this look showed of a metric: an interval's counts, or a gauge's values (null: none). */
export type Sampled =
  | SampledCount
  | {
      readonly metric: string
      readonly kind: 'gauge'
      readonly at: number
      readonly weight: number
      readonly share?: number
      readonly step: number
      readonly baseline: number | null
      readonly canary: number | null
    }
