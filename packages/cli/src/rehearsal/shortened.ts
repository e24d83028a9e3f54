import { parseDuration } from '@sluice/kit/fields'
import { parseDocument } from 'yaml'
import { type BuiltHere, imageParts } from './image-parts.ts'
import { LOAD } from './plan.ts'

/** A canary plan as YAML holds it: what is read of it here. */
export type PlanKeys = {
  readonly steps?: readonly { readonly weight: number; readonly hold: string }[]
  readonly metrics?: readonly Metric[]
  readonly 'min-requests'?: number
  readonly [key: string]: unknown
}

type Metric = { readonly name: string; readonly kind: string; readonly [key: string]: unknown }

/** sluice.yml for a rehearsal, the canary's plan in it, and what is other than in life, a sentence each. */
export type Shortened = { readonly text: string; readonly plan: PlanKeys; readonly said: readonly string[] }

/** What of a service's sluice.yml is rehearsed. */
export type Subject = {
  readonly service: string
  /** The environments that the service is deployed to, by name. */
  readonly environments: readonly string[]
  /** The plan that holds in life: the defaults of canary-promote, then the file's, then the service's. */
  readonly plan: PlanKeys
  /** The port of the process in front of the service, whose counts of requests and their times are the metrics; absent: they are the service's own. */
  readonly front: number | undefined
  /** How long a pod may take to be ready, and how long a run may be silent before its release is anybody's; whole seconds. */
  readonly readyWithin: number
  readonly lease: number
  /** The image's repository where it is another one here. */
  readonly repository?: string
  /** A report of Trivy's, relative to the service's folder, that stands for the image's scan where sluice.yml names none. */
  readonly report?: string
  /** How the image is built here; absent: it is given. */
  readonly build?: BuiltHere
}

/**
 * sluice.yml with minutes made seconds, and with what a laptop does not have taken out: clouds to log in to, contexts of a kubeconfig, an approval by a
 * second workflow, scanners. Everything else stays, comments too. The text has to be a valid sluice.yml.
 */
export const shortened = (text: string, subject: Subject): Shortened => {
  const document = parseDocument(text)
  const { plan, said } = shortPlan(subject)
  document.setIn(['services', subject.service, 'plan'], document.createNode(plan))
  const taken: string[] = []
  if (subject.repository !== undefined) document.setIn(['services', subject.service, 'image'], subject.repository)
  for (const name of subject.environments) {
    for (const key of ['login', 'context'])
      if (document.hasIn(['environments', name, key])) {
        document.deleteIn(['environments', name, key])
        taken.push(`${name}.${key}`)
      }
    if (document.getIn(['environments', name, 'approval']) === 'dispatch') {
      document.setIn(['environments', name, 'approval'], 'environment')
      taken.push(`${name}.approval: dispatch (a reviewer answers instead)`)
    }
  }
  const image = imageParts(document, ['services', subject.service], subject)
  return {
    text: document.toString(),
    plan,
    said: [
      said,
      ...image,
      ...(taken.length === 0 ? [] : [`Left out of sluice.yml here: ${taken.join(', ')}.`]),
      ...(subject.repository === undefined ? [] : [`Its image is pushed to ${subject.repository} instead.`]),
    ],
  }
}

/** Enough for what a hold has to count, at least 3 s: at so many requests/s a weight gives the canary its share of them. */
const holdFor = (weight: number, requests: number): number =>
  Math.max(3, Math.ceil((requests * 1.02) / ((LOAD.rate * weight) / 100)))

const MOST_REQUESTS = 50

const shortPlan = ({
  plan: life,
  front,
  readyWithin,
  lease,
}: Subject): { readonly plan: PlanKeys; readonly said: string } => {
  const requests = Math.min(Number(life['min-requests'] ?? MOST_REQUESTS), MOST_REQUESTS)
  const steps = (life.steps ?? []).map(({ weight }) => ({ weight, hold: `${holdFor(weight, requests)}s` }))
  const { kept, left } = metricsOf(life.metrics ?? [], front === undefined)
  const times = {
    interval: '1s',
    lease: `${lease}s`,
    drain: '2s',
    'ready-within': `${readyWithin}s`,
    'max-hold': '60s',
    'warm-up': atMost(life['warm-up'], 2),
    settle: atMost(life.settle, 10),
  }
  const before = (key: string): string => String(life[key] ?? '0s')
  const parts = [
    `holds of ${listed(steps.map(({ hold }) => hold))} (${listed((life.steps ?? []).map(({ hold }) => hold))})`,
    ...Object.entries(times)
      .filter(([key, value]) => value !== before(key))
      .map(([key, value]) => `${key} ${value} (${before(key)})`),
    ...(requests === life['min-requests'] ? [] : [`min-requests ${requests} (${life['min-requests']})`]),
  ]
  const plan: PlanKeys = {
    ...Object.fromEntries(Object.entries(life).filter(([key]) => !['provider', 'probe', 'scrape'].includes(key))),
    ...(front === undefined
      ? pick(life, ['provider', 'probe', 'scrape'])
      : { provider: 'pods', scrape: { path: METRICS_PATH, port: front } }),
    ...times,
    steps,
    metrics: kept,
    'min-requests': requests,
  }
  return {
    plan,
    said: [
      `Shortened for the rehearsal: ${parts.join(', ')}.`,
      `Kept: the weights ${listed(steps.map(({ weight }) => `${weight} %`))}, at least ${requests} requests on each side in each step, false-rollback-rate ${life['false-rollback-rate'] ?? 0.01}.`,
      'Slow answers are compared with stable only: a busy laptop would break an absolute limit on both sides.',
      ...(left.length === 0
        ? []
        : [`Not measured here, for the counts are those of a process in front of the service: ${left.join(', ')}.`]),
    ].join(' '),
  }
}

/** The path under which the process in front of a service tells what it counted. */
export const METRICS_PATH = '/.sluice/metrics'

/** The metrics that can be had here, and the names of those that cannot. */
const metricsOf = (
  metrics: readonly Metric[],
  ownMetrics: boolean,
): { readonly kept: readonly Metric[]; readonly left: readonly string[] } => {
  const there = metrics.filter(({ kind }) => ownMetrics || kind !== 'gauge')
  const kept = there.map((metric): Metric => {
    const known = ownMetrics ? metric : (pick(metric, ['name', 'kind', 'margin', 'max', 'threshold']) as Metric)
    const { max: _, ...relative } = known
    return known.kind === 'latency' ? (relative as Metric) : known
  })
  const left = metrics.filter((metric) => !there.includes(metric)).map(({ name }) => name)
  return { kept: kept.length > 0 ? kept : [{ name: 'errors', kind: 'ratio', max: '5%' }], left }
}

const pick = (from: Readonly<Record<string, unknown>>, keys: readonly string[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]])))

const atMost = (written: unknown, seconds: number): string => {
  const ms = parseDuration(String(written ?? '0s')) ?? 0
  return ms > seconds * 1000 ? `${seconds}s` : String(written ?? '0s')
}

const listed = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
