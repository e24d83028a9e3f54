import { describe, Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster } from '@sluice/kubernetes/cluster'
import {
  type Chosen,
  choose,
  describeChosen,
  type Extracted,
  type Extractor,
  extract,
  extractorOf,
} from './extraction.ts'
import type { History } from './history.ts'
import { podsOf, probePaths, type Target, targetOf } from './membership.ts'
import { inspect } from './preflight.ts'
import type { NoReading, Part, PodReading, Scrape, Side } from './reading.ts'
import { type ReadClock, type Scraped, scrape } from './scrape.ts'
import { type MetricSpec, notOurs } from './selection.ts'

/**
 * A source of readings. `since`: ms UTC, for sources that only give sums; `own`: how many requests of its own it sends to each side, for a source that sends
 * any. `queries`: by metric, what it is read by, as people read it and as far as the
 * reads so far have shown it; absent: it counts nothing of its own. `history`: what it holds of the baseline before `until`, ms UTC, when the release
 * began; absent: nothing. One that fails says so in its answer.
 */
export type MetricSource = {
  preflight(): Promise<readonly Finding[]>
  read(since: number, own?: number): Promise<Scrape>
  queries?(): { readonly [metric: string]: string }
  history?(until: number): Promise<History>
}

/** `baseline` and `canary` name Deployments. `timeoutMs` bounds one pod's read (default 3 s). `interval` in ms, to say when reads are too slow for it. */
export type PodsGiven = {
  readonly namespace: string
  readonly baseline: string
  readonly canary: string
  readonly metrics: readonly MetricSpec[]
  readonly port?: number | string | undefined
  readonly path?: string | undefined
  readonly timeoutMs?: number | undefined
  readonly interval?: number | undefined
}

/** The clock of a source; `sleep` in ms. */
export type PodsClock = ReadClock & { readonly sleep: (ms: number) => Promise<void> }

const MOST_BASELINE_PODS = 20
const CONCURRENCY = 8

/**
 * Reads the pods' own Prometheus endpoints through the API server: needs nothing installed. All canary pods and at most 20 of the baseline (the
 * oldest, so that they stay the same), both sides mixed in one queue of eight so that a shared outage shows on both at once.
 * What a metric is read from is chosen at the first read that shows it, and kept. One that a pod shows wrongly is left out of that look by itself.
 * @throws Fault('input') for a metric's expression that is none
 */
export const podsSource = (cluster: Cluster, given: PodsGiven, clock: PodsClock): MetricSource => {
  const extractors = given.metrics.map(extractorOf)
  const chosen = new Map<string, Chosen>()
  let first: Target | undefined
  const timeoutMs = given.timeoutMs ?? 3000

  const sideOf = async (
    side: Side,
  ): Promise<readonly (Target | { readonly kind: 'no-port'; readonly text: string })[] | undefined> => {
    const pods = await podsOf(cluster, given.namespace, side === 'canary' ? given.canary : given.baseline)
    return pods?.slice(0, side === 'canary' ? undefined : MOST_BASELINE_PODS).map((pod) => targetOf(pod, side, given))
  }

  return {
    preflight: () => inspect({ cluster, given, extractors, timeoutMs, clock, sideOf }),
    read: async () => {
      try {
        const [baseline = [], canary = []] = await Promise.all([sideOf('baseline'), sideOf('canary')])
        const problems = [...canary, ...baseline].filter((target) => 'kind' in target && target.kind === 'no-port')
        const targets = mixed(canary.filter(isTarget), baseline.filter(isTarget))
        first ??= targets[0]
        if (targets.length === 0)
          return { kind: 'empty', query: 'pods', text: problems.map(textOf).join('; ') || nobody(given) }
        const scraped = await inTurn(targets, CONCURRENCY, (target) => scrape(cluster, target, timeoutMs, clock))
        return readings(
          targets.map((target, index) => ({ target, result: scraped[index] })),
          extractors,
          chosen,
        )
      } catch (thrown) {
        if (!(thrown instanceof Fault) || thrown.kind === 'input') throw thrown
        return { kind: 'outage', query: 'API server', text: describe(thrown) }
      }
    },
    queries: () =>
      Object.fromEntries(
        given.metrics.flatMap((spec) => {
          const found = chosen.get(spec.name)
          if (found === undefined || first === undefined) return []
          return [[spec.name, `GET :${first.port}${first.path} of each pod: ${describeChosen(spec, found)}`]]
        }),
      ),
  }
}

const nobody = ({ baseline, canary }: PodsGiven): string => `no running pods of ${baseline} or ${canary}`
const isTarget = (target: Target | { readonly kind: 'no-port' }): target is Target => 'pod' in target
const textOf = (problem: object): string => ('text' in problem ? String(problem.text) : '')

/** One of each side in turn, so that both are read over the same moments. */
const mixed = (canary: readonly Target[], baseline: readonly Target[]): readonly Target[] =>
  Array.from({ length: Math.max(canary.length, baseline.length) }, (_, index) => [canary[index], baseline[index]])
    .flat()
    .filter((target) => target !== undefined)

/** Results in the order of the items, at most `width` at a time. */
export const inTurn = async <T, R>(
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<R>,
): Promise<readonly R[]> => {
  const results: R[] = new Array(items.length)
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      results[index] = await act(items[index] as T)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker))
  return results
}

type Read = { readonly target: Target; readonly result: Scraped | undefined }

const readings = (reads: readonly Read[], extractors: readonly Extractor[], chosen: Map<string, Chosen>): Scrape => {
  for (const extractor of extractors) {
    for (const { result } of reads) {
      if (chosen.has(extractor.spec.name) || result?.kind !== 'read') continue
      const found = choose(extractor.spec, result.exposition)
      if (found !== undefined) chosen.set(extractor.spec.name, found)
    }
  }
  const failed = reads.filter(({ result }) => result?.kind !== 'read')
  if (failed.length === reads.length)
    return {
      kind: 'outage',
      query: 'pods',
      text: failed
        .map(({ result }) => (result?.kind === 'failed' ? result.text : ''))
        .slice(0, 3)
        .join('; '),
    }
  const metrics = extractors.flatMap((extractor) => {
    const found = chosen.get(extractor.spec.name)
    return found === undefined ? [] : [{ extractor, chosen: found }]
  })
  if (metrics.length === 0)
    return {
      kind: 'empty',
      query: extractors.map(({ spec }) => spec.name).join(', '),
      text: 'no pod exports any of the metrics',
    }

  const extracted = reads.flatMap(({ target, result }) => {
    if (result?.kind !== 'read') return []
    const keep = notOurs([target.path, ...probePaths(target.pod)])
    return [{ target, result, values: extract(result.exposition, metrics, keep) }]
  })
  const unread = unreadOf(extracted)
  const counted = extractors.flatMap(({ spec }) => (spec.kind !== 'gauge' && unread.has(spec.name) ? [spec.name] : []))
  const look: Scrape = {
    kind: 'pods',
    readings: extracted.map(({ target, result, values }): PodReading => {
      const processStart = values.processStart ?? target.startedAt
      return {
        side: target.side,
        pod: { name: target.pod.metadata.name, uid: target.pod.metadata.uid ?? '' },
        containerId: target.containerId,
        restarts: target.restarts,
        ...(processStart === undefined ? {} : { processStart }),
        readAt: result.readAt,
        tookMs: result.tookMs,
        counters: without(values.counters, unread),
        gauges: without(values.gauges, unread),
        ...(counted.length === 0 ? {} : { unread: counted }),
      }
    }),
    missing: failed.map(({ target }) => target.pod.metadata.name),
  }
  if (unread.size === 0) return look
  const read = extractors.map(({ spec }) => spec.name).filter((name) => !unread.has(name))
  // One name for all of them: by it the zero lines are kept, and a metric that is read again goes on where it was.
  const part = (names: readonly string[], scrape: Part['scrape']): Part => ({ source: '', metrics: names, scrape })
  return { kind: 'sources', parts: [part(read, look), ...[...unread].map(([name, why]) => part([name], why))] }
}

/** A metric that one pod shows wrongly says nothing of its side, nor the other side's of that one: it is left out of the look as a whole. */
const unreadOf = (
  extracted: readonly { readonly target: Target; readonly values: Extracted }[],
): ReadonlyMap<string, NoReading> =>
  new Map(
    extracted.toReversed().flatMap(({ target, values }) =>
      Object.entries(values.unread).map(([name, why]) => {
        const text = `${why.text} (pod ${target.pod.metadata.name})`
        return [name, { ...why, text }] as const
      }),
    ),
  )

const without = <T>(
  values: { readonly [metric: string]: T },
  left: ReadonlyMap<string, unknown>,
): { readonly [metric: string]: T } => Object.fromEntries(Object.entries(values).filter(([name]) => !left.has(name)))
