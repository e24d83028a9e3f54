import type { MetricSource } from '@sluice/metrics/pods'

/**
 * A source that a look waits for no longer than `within` ms: one that hangs must not keep the other sources, the cluster and the Lease waiting. Its read
 * goes on meanwhile, as what it closed is told only once, and is the answer of the look at which it is there; no other is begun before.
 * @param name of the provider, for people
 */
export const bounded = (source: MetricSource, name: string, within: number): MetricSource => {
  let underWay: Promise<Ended> | undefined
  return {
    preflight: () => source.preflight(),
    read: async (since) => {
      underWay ??= endOf(source.read(since))
      const ended = await inTime(underWay, within)
      if (ended === undefined)
        return {
          kind: 'outage',
          query: name,
          text: `provider ${name}: no answer within ${within / 1000} s; what it answers later counts at the look after`,
        }
      underWay = undefined
      if ('thrown' in ended) throw ended.thrown
      return ended.scrape
    },
  }
}

type Ended = { readonly scrape: Awaited<ReturnType<MetricSource['read']>> } | { readonly thrown: unknown }

/** As a value, since a read may fail while nobody waits for it. */
const endOf = (read: ReturnType<MetricSource['read']>): Promise<Ended> =>
  read.then(
    (scrape) => ({ scrape }),
    (thrown: unknown) => ({ thrown }),
  )

const inTime = async <T>(awaited: Promise<T>, ms: number): Promise<T | undefined> => {
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
