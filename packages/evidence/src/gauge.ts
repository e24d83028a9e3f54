/**
 * `failures` in a row outside the bounds; a read without a value neither adds to them nor ends them. `at`: when the last of them was counted, ms; absent
 * without any, and in what was saved before it was kept.
 */
export type GaugeState = { readonly failures: number; readonly last: GaugeReading; readonly at?: number }

/** A value of a side (mean over its pods), or why there is none. */
export type GaugeReading =
  | { readonly kind: 'value'; readonly value: number; readonly pods: number }
  | { readonly kind: 'absent' | 'nan' }

/** The absolute bounds of a gauge, in its own unit; a value on a bound keeps it. */
export type Bounds = { readonly max?: number | undefined; readonly min?: number | undefined }

/** When a value was read, ms. `spacing`: failures nearer to each other than so many ms are one. `judged`: false for a value that is only shown. */
export type GaugeLook = { readonly at: number; readonly spacing: number; readonly judged: boolean }

/** Before any read. */
export const beginGauge = (): GaugeState => ({ failures: 0, last: { kind: 'absent' } })

/** One read of a gauge against its absolute bounds. Outside the statement about false rollbacks: gauges have no counts. */
export const readGauge = (
  state: GaugeState,
  reading: GaugeReading,
  bounds: Bounds,
  { at, spacing, judged }: GaugeLook,
): GaugeState => {
  if (reading.kind !== 'value' || !judged) return { ...state, last: reading }
  if (!breaks(reading, bounds)) return { failures: 0, last: reading }
  // Either way: a clock that was set back must not hide failures until it has caught up.
  const same = state.at !== undefined && Math.abs(at - state.at) < spacing
  return same ? { ...state, last: reading } : { failures: state.failures + 1, last: reading, at }
}

/** Whether a reading lies outside its bounds; one without a value does not. */
export const breaks = (reading: GaugeReading, bounds: Bounds): boolean =>
  reading.kind === 'value' &&
  ((bounds.max !== undefined && reading.value > bounds.max) || (bounds.min !== undefined && reading.value < bounds.min))

/** The mean over pods; any value that is no finite number makes the reading `nan`. */
export const gaugeReading = (values: readonly number[]): GaugeReading => {
  if (values.length === 0) return { kind: 'absent' }
  if (!values.every((value) => Number.isFinite(value))) return { kind: 'nan' }
  const mean = values.reduce((sum, value) => sum + value / values.length, 0)
  return { kind: 'value', value: mean, pods: values.length }
}
