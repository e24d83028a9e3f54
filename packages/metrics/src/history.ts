import type { Bucket, Scrape, Single } from './reading.ts'

/**
 * What a source holds of the time before a release: closed buckets of the baseline's side only, oldest first, and a sentence for each metric of which it gives
 * none although it was asked.
 */
export type History = { readonly buckets: readonly Bucket[]; readonly without: readonly string[] }

/** How far back it is asked for, ms: as long as the judge remembers how uneven the baseline is (packages/evidence/src/dispersion.ts). */
export const HISTORY = 30 * 60_000

/** So many buckets of a metric at most; where a source's own would be more, they are made wider. */
export const MOST_BUCKETS = 360

/** A look with the baseline's buckets of before, each beside its metric's own. A metric that this look gave nothing of is left without them. */
export const withHistory = (scrape: Scrape, past: readonly Bucket[]): Scrape => {
  if (past.length === 0) return scrape
  if (scrape.kind !== 'sources') return joined(scrape, past)
  const parts = scrape.parts.map((part) => ({
    ...part,
    scrape: joined(
      part.scrape,
      past.filter(({ metric }) => part.metrics.includes(metric)),
    ),
  }))
  return { ...scrape, parts }
}

const joined = (scrape: Single, past: readonly Bucket[]): Single =>
  scrape.kind === 'buckets' ? { ...scrape, buckets: [...past, ...scrape.buckets] } : scrape
