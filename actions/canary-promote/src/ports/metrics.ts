import { Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { type MetricSource, podsSource } from '@sluice/metrics/pods'
import { probeSource } from '@sluice/metrics/probe'
import { type Settings, settingsOf } from '../plan.ts'
import type { Clock, Ports } from '../ports.ts'

/**
 * The source that the settings name, made once: it remembers which series it reads, and a probe counts in it.
 * @throws Fault('input') for a plan that its provider cannot read
 */
export const metricsPort = (given: {
  readonly cluster: Cluster
  readonly namespace: string
  readonly clock: Clock
}): Ports['metrics'] => {
  const sources = new Map<string, MetricSource>()
  const sourceOf = (settings: Settings, interval?: number): MetricSource => {
    const key = JSON.stringify([settings.provider, settings.metrics, settings.scrape, settings.probe, settings.setup])
    const known = sources.get(key) ?? makeSource(given, settings, interval)
    sources.set(key, known)
    return known
  }
  return {
    preflight: (settings, interval) => sourceOf(settings, interval).preflight(),
    read: (record) => sourceOf(settingsOf(record)).read(record.startedAt),
  }
}

const makeSource = (
  { cluster, namespace, clock }: Parameters<typeof metricsPort>[0],
  { provider, metrics, scrape, probe, setup }: Settings,
  interval: number | undefined,
): MetricSource => {
  const sides = { namespace, baseline: setup.deployment, canary: setup.canary }
  if (provider === 'pods') return podsSource(cluster, { ...sides, metrics, ...scrape, interval }, clock)
  if (probe === null) throw new Fault('input', 'plan: provider probe needs the key probe with at least a path')
  return probeSource(cluster, { ...sides, metrics, ...probe }, clock)
}
