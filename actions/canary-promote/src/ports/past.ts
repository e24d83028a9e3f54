import { describe, Fault } from '@sluice/kit/faults'
import type { History } from '@sluice/metrics/history'
import type { MetricSource } from '@sluice/metrics/pods'
import type { Bucket } from '@sluice/metrics/reading'
import { inTime } from './bounded.ts'

/** The baseline's buckets of these metrics before `until` (ms UTC), as far as they are there by now. */
export type Past = (metrics: readonly string[], until: number) => Promise<readonly Bucket[]>

/**
 * What a source holds of the time before a release, asked for once. The first look waits for it no longer than `within` ms, as it does for the source's own
 * read; what comes later is there for the looks after. Without it a release goes on as one whose source keeps nothing: why is said, and is no outage.
 * @param name of the provider, for people
 */
export const pastOf = (
  source: MetricSource,
  name: string,
  { within, say }: { readonly within: number; readonly say: (line: string) => void },
): Past => {
  let asked: Promise<Ended> | undefined
  return async (metrics, until) => {
    if (metrics.length === 0 || source.history === undefined) return []
    const wait = asked === undefined ? within : 0
    asked ??= endOf(source.history(until), (text) => say(`provider ${name} tells nothing of the time before: ${text}`))
    const ended = await inTime(asked, wait)
    if (ended === undefined) return []
    if ('thrown' in ended) throw ended.thrown
    return ended.buckets.filter(({ metric }) => metrics.includes(metric))
  }
}

type Ended = Pick<History, 'buckets'> | { readonly thrown: unknown }

/** As a value, since it may fail while nobody waits for it. */
const endOf = async (history: Promise<History>, tell: (text: string) => void): Promise<Ended> => {
  try {
    const { buckets, without } = await history
    for (const text of without) tell(text)
    return { buckets }
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.kind === 'input') return { thrown }
    tell(describe(thrown))
    return { buckets: [] }
  }
}
