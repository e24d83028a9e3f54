import type { Series } from '@sluice/evidence/series'

/** A metric's values in periods of one length, as sources with a step give them. `at`: the period's end, ms UTC. `value`: null where there was none. */
export type Window = { readonly at: number; readonly baseline: number | null; readonly canary: number | null }

/**
 * What a judge of values sees of a series: of counts the share of bad ones over each period, of a gauge its mean. The periods begin with the first
 * interval under traffic; those at weight 0, and those that the record says were not judged, belong to none.
 * @param length of a period, ms; a period ends with the first interval at or after that
 */
export const windowsOf = (series: Series, length: number): readonly Window[] => {
  const windows: Window[] = []
  let [began, members] = [beginOf(series, length), [] as number[]]
  series.samples.forEach(({ at, weight, use }, index) => {
    if (weight > 0 && (use === undefined || use === 'judged')) members.push(index)
    if (began === undefined || Date.parse(at) < began + length) return
    if (members.length > 0) windows.push(windowOf(series, members, Date.parse(at)))
    began = Math.max(began + length, Date.parse(at))
    members = []
  })
  return windows
}

/** Where the first interval under traffic begins: one before it says when, else the one after it says how long intervals are; one alone is a period. */
const beginOf = ({ samples }: Series, length: number): number | undefined => {
  const times = samples.map(({ at }) => Date.parse(at))
  const first = samples.findIndex(({ weight }) => weight > 0)
  const [before, now, after] = [times[first - 1], times[first], times[first + 1]]
  if (now === undefined) return undefined
  return before ?? (after === undefined ? now - length : now - (after - now))
}

const windowOf = (series: Series, members: readonly number[], at: number): Window => {
  if (series.kind === 'gauge') {
    const mean = (values: readonly (number | null)[]) => {
      const there = members.flatMap((index) => values[index] ?? [])
      return there.length === 0 ? null : there.reduce((sum, value) => sum + value / there.length, 0)
    }
    return { at, baseline: mean(series.baseline), canary: mean(series.canary) }
  }
  const share = (side: 'baseline' | 'canary') => {
    const sum = (of: 'n' | 'k') => members.reduce((total, index) => total + (series[side][index]?.[of] ?? 0), 0)
    return sum('n') > 0 ? sum('k') / sum('n') : null
  }
  return { at, baseline: share('baseline'), canary: share('canary') }
}
