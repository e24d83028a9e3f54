/** One series as a range selector gives it: raw samples, oldest first, `at` in ms UTC. `key`: its labels as one text, where they were written before. */
export type Series = {
  readonly key?: string
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly { readonly at: number; readonly value: number }[]
}

/** What is known of a series: its newest sample. */
export type Line = { readonly at: number; readonly value: number }

/** A series by its whole set of labels. */
export const seriesKey = (labels: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))

/** How much each series grew since the lines, by key, and the lines after; or why that cannot be said. */
export type Growth =
  | {
      readonly kind: 'grown'
      readonly grown: readonly { readonly labels: Series['labels']; readonly by: number }[]
      readonly lines: ReadonlyMap<string, Line>
      /** Whether any series had a sample that is newer than its line. */
      readonly fresh: boolean
    }
  | { readonly kind: 'nan' | 'unreliable'; readonly text: string }

/**
 * Counts what the counters counted, sample by sample, each once: a series without a line counts from 0 (it was not there at an earlier successful
 * read), a decrease is a restart and counts from 0, and a series without new samples keeps what it had counted.
 * A large counter that falls by a little did not restart: two servers answer in turn, or it is no counter.
 */
export const growth = (known: ReadonlyMap<string, Line>, series: readonly Series[]): Growth => {
  const lines = new Map(known)
  const grown: { readonly labels: Series['labels']; readonly by: number }[] = []
  let fresh = false
  for (const { labels, samples, key = seriesKey(labels) } of series) {
    let line = lines.get(key)
    let by = 0
    for (const { at, value } of samples) {
      if (line !== undefined && at <= line.at) continue
      if (!Number.isFinite(value) || value < 0) return { kind: 'nan', text: `${shown(labels)} is ${value}` }
      if (line !== undefined && isNoRestart(line.value, value)) {
        const text = `${shown(labels)} fell from ${line.value} to ${value}, which is no restart: several Prometheus servers behind one address that are not in step, or no counter`
        return { kind: 'unreliable', text }
      }
      by += line === undefined || value < line.value ? value : value - line.value
      line = { at, value }
      fresh = true
    }
    if (line !== undefined) lines.set(key, line)
    grown.push({ labels, by })
  }
  return { kind: 'grown', grown, lines, fresh }
}

/** A process that restarts begins at 0; to be back near a large value within one scrape it would need the time of a scrape for all of it. */
const isNoRestart = (before: number, now: number): boolean => before > 1000 && now < before && now > before * 0.9

/** A series as PromQL writes it. */
export const shown = (labels: Series['labels']): string => {
  const { __name__: name = '', ...rest } = labels
  const pairs = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`)
  return `${name}{${pairs.join(',')}}`
}

/** The usual time between two samples, ms: the median over all series; `undefined` where no series has two. */
export const spacing = (series: readonly Series[]): number | undefined => {
  const gaps = series
    .flatMap(({ samples }) => samples.slice(1).map(({ at }, index) => at - (samples[index]?.at ?? at)))
    .filter((gap) => gap > 0)
    .sort((a, b) => a - b)
  return gaps[Math.floor(gaps.length / 2)]
}
