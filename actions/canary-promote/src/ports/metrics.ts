import { Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { withHistory } from '@sluice/metrics/history'
import type { MetricSource } from '@sluice/metrics/pods'
import type { Part, Scrape } from '@sluice/metrics/reading'
import type { ReleaseRecord } from '@sluice/release/record'
import { comparedWith } from '../beside.ts'
import { watchOf } from '../judgement.ts'
import { ownRequests } from '../own-requests.ts'
import { type Settings, settingsOf } from '../plan.ts'
import type { Clock, Ports } from '../ports.ts'
import { type Provider, providerOf } from '../providers.ts'
import { bounded } from './bounded.ts'
import { membershipSource } from './membership.ts'
import { type Past, pastOf } from './past.ts'
import { type Credentials, sourceFor } from './sources.ts'

/** What the sources are made with. The credentials come from the inputs, never from the plan, which is saved. `say`: a line for the log. */
export type MetricsGiven = {
  readonly cluster: Cluster
  readonly namespace: string
  readonly clock: Clock
  readonly credentials: Credentials
  readonly say?: ((line: string) => void) | undefined
}

/**
 * The sources that the settings name, each made once: it remembers which series it reads, and a probe counts in it. Where several are named, each
 * gives its own metrics, and one that fails or hangs takes none of the others' with it.
 * @throws Fault('input') for a plan that its provider cannot read
 */
export const metricsPort = (given: MetricsGiven): Ports['metrics'] => {
  const made = new Map<string, readonly Named[]>()
  const sourcesOf = (settings: Settings, interval: number): readonly Named[] => {
    const key = JSON.stringify([interval, settings])
    const known = made.get(key) ?? makeSources(given, settings, interval)
    made.set(key, known)
    return known
  }
  return {
    preflight: async (settings, interval) =>
      // A fresh baseline is not there yet: stable's pods are of the same template.
      (await Promise.all(sourcesOf(besideStable(settings), interval).map(({ source }) => source.preflight()))).flat(),
    read: async (record) => {
      const settings = settingsOf(record)
      const sources = sourcesOf(settings, record.plan.interval)
      const closed = watchOf(record).evidence.counters.closed
      const [only, ...more] = sources
      if (only === undefined) throw new Fault('input', 'plan: metrics is empty')
      // A run that takes over goes on where the evidence stops, not where the release began.
      const since = ({ metrics }: Named): number =>
        Math.max(record.startedAt, ...metrics.map((name) => closed[`baseline/${name}`] ?? 0))
      const own = ({ name }: Named): number => (name === 'probe' ? ownRequests(record, given.clock.now()) : 0)
      const look = async (named: Named): Promise<Scrape> => {
        const [scrape, before] = await Promise.all([
          named.source.read(since(named), own(named)),
          named.past(unreadOf(named, record), record.startedAt),
        ])
        return withHistory(scrape, before)
      }
      if (more.length === 0) return look(only)
      const parts = await Promise.all(sources.map(async (named) => partsOf(named, await look(named))))
      return { kind: 'sources', parts: parts.flat() }
    },
    queries: (record) =>
      Object.assign(
        {},
        ...sourcesOf(settingsOf(record), record.plan.interval).map(({ source }) => source.queries?.() ?? {}),
      ),
  }
}

const besideStable = (settings: Settings): Settings => {
  const { fresh: _, ...setup } = settings.setup
  return { ...settings, setup }
}

/**
 * The metrics whose past may still be told: of a release before its first weight, those of which no bucket was judged yet. A fresh baseline has none: what an
 * earlier release's did under the same name was of another template.
 */
const unreadOf = ({ metrics }: Named, record: ReleaseRecord): readonly string[] => {
  const settings = settingsOf(record)
  const { closed } = watchOf(record).evidence.counters
  const unread = settings.metrics
    .filter(({ name, kind }) => kind !== 'gauge' && metrics.includes(name) && closed[`baseline/${name}`] === undefined)
    .map(({ name }) => name)
  return unread.length > 0 && isBeforeTraffic(record) && settings.setup.fresh === undefined ? unread : []
}

const isBeforeTraffic = ({ state }: ReleaseRecord): boolean => state.phase === 'preparing' && state.step === 0

type Named = {
  readonly name: string
  readonly metrics: readonly string[]
  readonly source: MetricSource
  readonly past: Past
}

/** By the name of a source its zero lines are kept, whether it gave one look or several parts of it. */
const partsOf = ({ name, metrics }: Named, scrape: Scrape): readonly Part[] =>
  scrape.kind === 'sources'
    ? scrape.parts.map((part) => ({ ...part, source: part.source || name }))
    : [{ source: name, metrics, scrape }]

const makeSources = (given: MetricsGiven, settings: Settings, interval: number): readonly Named[] => {
  const providers = [...new Set(settings.metrics.map((metric) => providerOf(metric, settings)))]
  const own = (provider: Provider) => settings.metrics.filter((metric) => providerOf(metric, settings) === provider)
  const sources = providers.map((provider): Named => {
    const metrics = own(provider)
    const source = sourceFor(provider, { ...given, settings, metrics, interval })
    const names = metrics.map(({ name }) => name)
    const within = patience(provider, interval)
    const past = pastOf(source, provider, { within, say: given.say ?? (() => undefined) })
    return { name: provider, metrics: names, source: bounded(source, provider, within), past }
  })
  if (providers.some((provider) => provider === 'pods' || provider === 'probe')) return sources
  // Restarts are compared pod for pod, and only readings of pods show those of the baseline.
  const sides = { deployment: comparedWith(settings.setup).deployment, canary: settings.setup.canary }
  const source = bounded(membershipSource(given, sides), 'cluster', patience('cluster', interval))
  return [...sources, { name: 'cluster', metrics: [], source, past: async () => [] }]
}

/**
 * For how long a look waits for a source, ms: an interval, or the default one where looks are nearer, and a moment more, as most sources end a request by
 * themselves after that time, and know why. Inside the cluster longer: many pods that hang are read in turns, each with a limit of its own, and without
 * the states of the baseline's pods nothing is to be said of the canary's.
 */
const patience = (provider: Provider | 'cluster', interval: number): number =>
  OUTSIDE.some((each) => each === provider) ? Math.max(interval, 5000) + 1000 : Math.max(interval, 15_000)
const OUTSIDE: readonly Provider[] = ['prometheus', 'datadog', 'cloudwatch']
