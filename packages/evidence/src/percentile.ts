/**
 * A percentile by linear interpolation between the order statistics (type 7 of Hyndman and Fan, R's default). NaN of nothing.
 * @param sorted ascending
 * @param percent 0 … 100
 * Source: Hyndman and Fan, "Sample quantiles in statistical packages" (1996).
 */
export const percentile = (sorted: readonly number[], percent: number): number => {
  const place = ((sorted.length - 1) * percent) / 100
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  if (below === undefined || above === undefined) return Number.NaN
  return below === above ? below : below + (place - Math.floor(place)) * (above - below)
}
