/** What a query gave: a number (NaN: it said so), null: an empty result, `error`: the source did not answer. */
export type Reading = number | null | 'error'

/** Inclusive bounds in the metric's own unit; a bound that is not named is none. */
export type Range = { readonly min?: number | undefined; readonly max?: number | undefined }

/** Whether a number lies in the range. NaN lies in none, as every comparison with it is false. */
export const inRange = (value: number, { min, max }: Range): boolean =>
  !Number.isNaN(value) && (min === undefined || value >= min) && (max === undefined || value <= max)
