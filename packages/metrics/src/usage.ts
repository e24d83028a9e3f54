import { describe, Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { statusBehind } from '@sluice/kubernetes/refusal'
import { type Pod, podsOf } from './membership.ts'
import type { MetricSource } from './pods.ts'
import { quantityOf } from './quantity.ts'
import type { GaugeBucket, NoReading, Side, Single } from './reading.ts'

/** What a gauge of this source is read from. */
export type UsageMetric = { readonly kind: 'gauge'; readonly name: string; readonly resource: 'cpu' | 'memory' }

/** `baseline` and `canary` name Deployments. */
export type UsageGiven = {
  readonly namespace: string
  readonly baseline: string
  readonly canary: string
  readonly metrics: readonly UsageMetric[]
}

/** Source: metrics.k8s.io/v1beta1. Measured over (timestamp − window, timestamp]; memory is the working set. */
type PodMetrics = KubernetesObject & {
  readonly timestamp?: string
  readonly window?: string
  readonly containers?: readonly { readonly name: string; readonly usage?: Readonly<Record<string, string>> }[]
}

/** metrics-server measures every 15 s, others every minute; older than this it does no more. */
const STALE = 180_000
/** A pod shows its first measurement some time after it began. */
const YOUNG = 120_000
const QUERY = 'pods of metrics.k8s.io/v1beta1'

/**
 * Reads CPU and memory from the cluster's metrics API, in percent of the containers' limits: of a pod the container nearest to its limit, of a side the
 * mean over its pods. A measurement counts once, however often it is looked at. A container without a limit cannot be near it, and is named.
 */
export const usageSource = (
  cluster: Cluster,
  given: UsageGiven,
  clock: { readonly now: () => number },
): MetricSource => {
  const look = async (): Promise<{
    readonly pods: { readonly [S in Side]: readonly Pod[] }
    readonly measured: readonly PodMetrics[]
  }> => {
    const [baseline, canary, measured] = await Promise.all([
      podsOf(cluster, given.namespace, given.baseline),
      podsOf(cluster, given.namespace, given.canary),
      cluster.list<PodMetrics>({ apiVersion: 'metrics.k8s.io/v1beta1', resource: 'pods', namespace: given.namespace }),
    ])
    return { pods: { baseline: baseline ?? [], canary: canary ?? [] }, measured }
  }
  return {
    preflight: async () => {
      try {
        const { pods, measured } = await look()
        return inspect(given, pods, { measured, now: clock.now() })
      } catch (thrown) {
        const { text } = outage(thrown)
        return [
          {
            id: 'metrics-outage',
            level: 'error',
            text,
            hint: 'Install metrics-server, or use another provider for it',
          },
        ]
      }
    },
    read: async () => {
      try {
        const { pods, measured } = await look()
        const parts = given.metrics.map((metric) => ({
          source: 'kubernetes',
          metrics: [metric.name],
          scrape: valuesOf(metric, pods, { measured, now: clock.now() }),
        }))
        return { kind: 'sources', parts }
      } catch (thrown) {
        return outage(thrown)
      }
    },
    queries: () => Object.fromEntries(given.metrics.map(({ name, resource }) => [name, `${QUERY}: ${resource}`])),
  }
}

const outage = (thrown: unknown): NoReading => {
  if (!(thrown instanceof Fault) || thrown.kind === 'input') throw thrown
  const absent = statusBehind(thrown) === 404
  const text = absent
    ? 'the cluster has no metrics API (metrics.k8s.io): no metrics-server answers for it'
    : describe(thrown)
  return { kind: 'outage', query: QUERY, text }
}

type Seen = { readonly measured: readonly PodMetrics[]; readonly now: number }

const valuesOf = (metric: UsageMetric, pods: { readonly [S in Side]: readonly Pod[] }, seen: Seen): Single => {
  const sides = (['baseline', 'canary'] as const).map((side) => sideOf(metric, side, pods[side], seen))
  const failed = sides.find((value): value is NoReading => value !== undefined && value !== 'young' && 'text' in value)
  if (failed !== undefined) return failed
  // Nobody has measured the new pods yet, which is no failure to read them.
  if (sides.includes('young')) return { kind: 'buckets', buckets: [] }
  const gauges = sides.filter((value): value is GaugeBucket => typeof value === 'object' && 'value' in value)
  return gauges.length === 0
    ? { kind: 'empty', query: QUERY, text: `metric ${metric.name}: no running pods of either side` }
    : { kind: 'buckets', buckets: [], gauges, query: QUERY }
}

const sideOf = (
  { name, resource }: UsageMetric,
  side: Side,
  pods: readonly Pod[],
  { measured, now }: Seen,
): GaugeBucket | NoReading | 'young' | undefined => {
  if (pods.length === 0) return undefined
  const unlimited = pods.find((pod) => limitsOf(pod, resource).size === 0)
  if (unlimited !== undefined)
    return {
      kind: 'empty',
      query: QUERY,
      text: `metric ${name}: no container of pod ${unlimited.metadata.name} has a ${resource} limit (${containersOf(
        unlimited,
      )
        .map((container) => container.name)
        .join(', ')})`,
    }
  const found = pods.flatMap((pod) => {
    const own = measured.find(({ metadata }) => metadata.name === pod.metadata.name)
    const at = Date.parse(own?.timestamp ?? '')
    const share = own === undefined ? undefined : shareOf(own, limitsOf(pod, resource), resource)
    return share === undefined || !Number.isFinite(at) ? [] : [{ at, share, window: secondsOf(own?.window) }]
  })
  const fresh = found.filter(({ at }) => now - at <= STALE)
  if (fresh.length === 0) {
    if (pods.every((pod) => now - Date.parse(pod.metadata.creationTimestamp ?? '') < YOUNG)) return 'young'
    const newest = Math.max(...found.map(({ at }) => at))
    const text =
      found.length === 0
        ? `metric ${name}: the metrics API has nothing of the ${side}'s ${pods.length} pods`
        : `metric ${name}: the metrics API's newest measurement of the ${side} is ${Math.round((now - newest) / 1000)} s old`
    return { kind: found.length === 0 ? 'empty' : 'outage', query: QUERY, text }
  }
  const to = Math.max(...fresh.map(({ at }) => at))
  const value = fresh.reduce((sum, { share }) => sum + share / fresh.length, 0)
  return { side, metric: name, from: to - Math.max(...fresh.map(({ window }) => window)), to, value }
}

type Limited = { readonly name: string; readonly resources?: { readonly limits?: Readonly<Record<string, string>> } }
type Containers = { readonly containers?: readonly Limited[]; readonly initContainers?: readonly Limited[] }

/** Sidecars are init containers that go on; those that have ended use nothing and are not measured. */
const containersOf = ({ spec }: Pod): readonly Limited[] => {
  const { containers = [], initContainers = [] } = (spec ?? {}) as Containers
  return [...containers, ...initContainers]
}

const limitsOf = (pod: Pod, resource: 'cpu' | 'memory'): ReadonlyMap<string, number> =>
  new Map(
    containersOf(pod).flatMap(({ name, resources }) => {
      const limit = quantityOf(resources?.limits?.[resource])
      return limit === undefined || limit <= 0 ? [] : [[name, limit] as const]
    }),
  )

const shareOf = (
  { containers = [] }: PodMetrics,
  limits: ReadonlyMap<string, number>,
  resource: 'cpu' | 'memory',
): number | undefined => {
  const shares = containers.flatMap(({ name, usage }) => {
    const [used, limit] = [quantityOf(usage?.[resource]), limits.get(name)]
    return used === undefined || limit === undefined ? [] : [(100 * used) / limit]
  })
  return shares.length === 0 ? undefined : Math.max(...shares)
}

/** A Go duration as ms, as far as windows go: `30s`, `1m0s`, `15.04s`. */
const secondsOf = (window = '0s'): number => {
  const [, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:([\d.]+)s)?$/.exec(window) ?? []
  return Math.round((Number(minutes) * 60 + Number(seconds)) * 1000)
}

const inspect = (
  { metrics }: UsageGiven,
  { baseline }: { readonly baseline: readonly Pod[] },
  seen: Seen,
): readonly Finding[] =>
  metrics.flatMap((metric): readonly Finding[] => {
    const value = sideOf(metric, 'baseline', baseline, seen)
    if (typeof value === 'object' && 'text' in value)
      return [
        {
          id: `metrics-${value.kind}`,
          level: 'error',
          text: value.text,
          hint: 'Set the limit on a container, or leave the metric out; without one nothing says how much is too much',
        },
      ]
    const [first] = baseline
    const limits = first === undefined ? new Map() : limitsOf(first, metric.resource)
    const without = (first === undefined ? [] : containersOf(first)).filter(({ name }) => !limits.has(name))
    return without.map(({ name }) => ({
      id: 'no-limit',
      level: 'note',
      text: `metric ${metric.name}: container ${name} has no ${metric.resource} limit and is not watched`,
    }))
  })
