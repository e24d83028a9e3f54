import { describe, Fault } from '@sluice/kit/faults'
import { REPLICA_SET } from './membership.ts'
import { PROMETHEUS_PRESETS, type PresetName } from './prometheus-presets.ts'
import { matching, podPattern, promDuration, selectorOf, withMatchers } from './promql.ts'
import type { Side } from './reading.ts'
import { type Match, type Selects, selector } from './selection.ts'
import { resolve, trackOf } from './template.ts'

/**
 * A metric as Prometheus is asked for it. Counted: a preset, own selectors of raw counters (`total`, `bad`), or a histogram's buckets; `only` narrows a
 * preset. `threshold` in ms. `query`: any expression that gives one series a side.
 */
export type PrometheusMetric =
  | {
      readonly kind: 'ratio'
      readonly name: string
      readonly preset?: PresetName | undefined
      readonly total?: string | undefined
      readonly bad?: string | undefined
      readonly only?: Match | undefined
    }
  | {
      readonly kind: 'latency'
      readonly name: string
      readonly threshold: number
      readonly preset?: PresetName | undefined
      readonly histogram?: string | undefined
      readonly total?: string | undefined
      readonly bad?: string | undefined
      readonly only?: Match | undefined
    }
  | { readonly kind: 'gauge'; readonly name: string; readonly query: string }

/** Who is compared: Deployments by name, or ReplicaSets as `replicaset/NAME`. `services`: what the route names, by side; `placeholders`: more of them, by side. */
export type PrometheusSides = {
  readonly namespace: string
  readonly baseline: string
  readonly canary: string
  readonly services?: { readonly baseline: string; readonly canary: string } | undefined
  readonly placeholders?: { readonly [S in Side]?: Readonly<Record<string, string>> | undefined } | undefined
}

/** How one metric is read, each query by side. `unit` of a histogram's bounds: how many are in one ms. */
export type Asked =
  | {
      readonly kind: 'ratio'
      readonly name: string
      readonly total: BySide
      /** A second selector, or what marks the bad series of the first. */
      readonly bad: BySide | Selects
    }
  | {
      readonly kind: 'latency'
      readonly name: string
      readonly buckets: BySide
      readonly threshold: number
      readonly unit: number
    }
  | { readonly kind: 'gauge'; readonly name: string; readonly query: BySide }

/** One query for each side. */
export type BySide = { readonly [S in Side]: string }

/**
 * Every query of a plan, resolved.
 * @param interval what `{{interval}}` stands for, ms
 * @throws Fault('input') with all that is wrong, each with the metric's name and key
 */
export const askedOf = (
  metrics: readonly PrometheusMetric[],
  sides: PrometheusSides,
  preset: PresetName | undefined,
  interval: number,
): readonly Asked[] => {
  const wrong: string[] = []
  const asked = metrics.flatMap((metric) => {
    try {
      return [askedFor(metric, sides, preset, interval)]
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      wrong.push(describe(thrown))
      return []
    }
  })
  if (wrong.length > 0) throw new Fault('input', wrong.join('\n'))
  return asked
}

const askedFor = (
  metric: PrometheusMetric,
  sides: PrometheusSides,
  common: PresetName | undefined,
  interval: number,
): Asked => {
  const { name } = metric
  const write = (template: string | BySide, key: string, isSelector = true): BySide => {
    const where = `metric ${name}: ${key}`
    const of = (side: Side): string => {
      const text = resolve(
        typeof template === 'string' ? template : template[side],
        valuesOf(side, sides, interval),
        where,
      )
      return isSelector ? selectorOf(text, where) : text.trim()
    }
    const both = { baseline: of('baseline'), canary: of('canary') }
    if (both.baseline === both.canary)
      throw new Fault(
        'input',
        `${where} reads the same on both sides: ${both.baseline}`,
        'Tell them apart by {{deployment}}, {{pods}}, {{service}} or {{track}}',
      )
    return both
  }
  if (metric.kind === 'gauge') return { kind: 'gauge', name, query: write(metric.query, 'query', false) }
  const { total, bad, only } = metric
  if (total !== undefined || bad !== undefined) {
    if (total === undefined || bad === undefined)
      throw new Fault(
        'input',
        `metric ${name}: ${total === undefined ? 'total' : 'bad'} is missing`,
        'They go together',
      )
    return { kind: 'ratio', name, total: write(total, 'total'), bad: write(bad, 'bad') }
  }
  selector(only, name)
  const narrowed = Object.entries(only ?? {}).map(([label, pattern]) => matching(label, pattern))
  if (metric.kind === 'latency' && metric.histogram !== undefined) {
    const given = write(withMatchers(bucketsOf(metric.histogram), narrowed), 'histogram')
    return { kind: 'latency', name, buckets: given, threshold: metric.threshold, unit: unitOf(metric.histogram) }
  }
  const chosen = metric.preset ?? common
  if (chosen === undefined)
    throw new Fault(
      'input',
      `metric ${name}: nothing says what Prometheus is asked for`,
      'Give prometheus.preset, or total and bad of the metric',
    )
  const known = PROMETHEUS_PRESETS[chosen]
  const series = metric.kind === 'ratio' ? known.counter : `${known.histogram}_bucket`
  const templates = {
    baseline: withMatchers(series, [...known.selects.baseline, ...narrowed]),
    canary: withMatchers(series, [...known.selects.canary, ...narrowed]),
  }
  const queries = write(templates, `preset ${chosen}`)
  return metric.kind === 'ratio'
    ? { kind: 'ratio', name, total: queries, bad: known.isBad }
    : { kind: 'latency', name, buckets: queries, threshold: metric.threshold, unit: known.unit }
}

/**
 * What the placeholders stand for on a side: its namespace; its Deployment's name; its track, `stable` or `canary`; the window of a rate; a regular
 * expression of its pods' names; and, where a router stands before them, the Service that the route names.
 */
const valuesOf = (side: Side, sides: PrometheusSides, interval: number): Readonly<Record<string, string>> => ({
  namespace: sides.namespace,
  deployment: bareName(sides[side]),
  track: trackOf(side),
  interval: promDuration(interval),
  pods: sides[side].startsWith(REPLICA_SET) ? `${bareName(sides[side])}-[a-z0-9]{5}` : podPattern(sides[side]),
  ...(sides.services === undefined ? {} : { service: sides.services[side] }),
  ...sides.placeholders?.[side],
})

const bareName = (side: string): string => (side.startsWith(REPLICA_SET) ? side.slice(REPLICA_SET.length) : side)

/** A histogram's buckets, by its name as it is documented or as it is exported. */
const bucketsOf = (histogram: string): string =>
  histogram.trim().replace(/^([a-zA-Z_:][\w:]*?)(_bucket)?(?=\s*(\{|$))/, '$1_bucket')

const unitOf = (histogram: string): number =>
  /_(milliseconds|ms|millis)(_bucket)?\s*(\{|$)/.test(histogram) ? 1 : 1 / 1000
