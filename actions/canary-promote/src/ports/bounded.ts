import type { MetricSource } from '@sluice/metrics/pods'
import type { Scrape } from '@sluice/metrics/reading'

/**
 * A source that a look waits for no longer than `within` ms: one that hangs must not keep the other sources, the cluster and the Lease waiting. Its read
 * goes on meanwhile, as what it closed is told only once, and is the answer of the look at which it is there, as `late`; no other is begun before.
 * One read is one outage at most, however many looks it takes: a slow answer is not three in a row without data.
 * @param name of the provider, for people
 */
export const bounded = (source: MetricSource, name: string, within: number): MetricSource => {
  let underWay: Promise<Ended> | undefined
  return {
    preflight: () => source.preflight(),
    queries: () => source.queries?.() ?? {},
    read: async (since, own) => {
      const late = underWay !== undefined
      underWay ??= endOf(source.read(since, own))
      const ended = await inTime(underWay, within)
      if (ended === undefined) return late ? NOTHING_YET : missedBy(name, within)
      underWay = undefined
      if ('thrown' in ended) throw ended.thrown
      return late ? asLate(ended.scrape) : ended.scrape
    },
  }
}

const NOTHING_YET: Scrape = { kind: 'buckets', buckets: [] }

const missedBy = (name: string, within: number): Scrape => ({
  kind: 'outage',
  query: name,
  text: `provider ${name}: no answer within ${within / 1000} s; what it answers later counts at the look after`,
})

/** Readings of pods from before this look: what is compared with the pods' present state must not use them. */
const asLate = (scrape: Scrape): Scrape => {
  if (scrape.kind === 'pods') return { ...scrape, late: true }
  if (scrape.kind !== 'sources') return scrape
  return {
    ...scrape,
    parts: scrape.parts.map((part) =>
      part.scrape.kind === 'pods' ? { ...part, scrape: { ...part.scrape, late: true } } : part,
    ),
  }
}

type Ended = { readonly scrape: Scrape } | { readonly thrown: unknown }

/** As a value, since a read may fail while nobody waits for it. */
const endOf = (read: ReturnType<MetricSource['read']>): Promise<Ended> =>
  read.then(
    (scrape) => ({ scrape }),
    (thrown: unknown) => ({ thrown }),
  )

/** What comes within `ms`; `undefined` for what is not there by then. */
export const inTime = async <T>(awaited: Promise<T>, ms: number): Promise<T | undefined> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([awaited, late])
  } finally {
    clearTimeout(timer)
  }
}
