import type { WholePlan } from './inputs.ts'

/** One metric of a plan, and what reads it. */
export type Metric = WholePlan['metrics'][number]
/** What metrics can be read from. */
export type Provider = WholePlan['provider']

/** What the sources need of a plan; saved with the release. Records of before hold fewer of them. */
export type MetricSettings = {
  readonly metrics: WholePlan['metrics']
  readonly provider: Provider
  readonly scrape: WholePlan['scrape']
  readonly probe: NonNullable<WholePlan['probe']> | null
  readonly prometheus?: NonNullable<WholePlan['prometheus']> | null
  readonly datadog?: NonNullable<WholePlan['datadog']> | null
  readonly cloudwatch?: NonNullable<WholePlan['cloudwatch']> | null
}

/** What reads a metric: its own provider, else the plan's. */
export const providerOf = ({ provider }: Metric, settings: Pick<MetricSettings, 'provider'>): Provider =>
  provider ?? settings.provider

/** A metric's policy for want of data as the judge takes it: one word stands for all that may come of it. */
export const noDataOf = ({ 'no-data': policy }: Metric) => {
  if (policy === undefined) return {}
  const { 'several-series': several, ...rest } =
    typeof policy === 'string' ? { outage: policy, empty: policy, nan: policy, 'several-series': policy } : policy
  const kinds = Object.entries({ ...rest, 'several-series': several }).filter(([, word]) => word !== undefined)
  return {
    noData: Object.fromEntries(kinds) as {
      readonly [Kind in 'outage' | 'empty' | 'nan' | 'several-series']?: 'wait' | 'fail' | 'ignore'
    },
  }
}

/** What of a metric is every provider's own business. */
type Reading = { readonly keys: readonly string[]; readonly needs?: readonly string[] }

const COUNTED: Reading = { keys: ['total', 'bad'], needs: ['total', 'bad'] }
const QUERIED: Reading = { keys: ['query'], needs: ['query'] }

/** Which kinds of metric each provider reads, by which keys. A kind that is not there cannot be read by it. */
const READINGS: { readonly [P in Provider]: { readonly [Kind in Metric['kind']]?: Reading } } = {
  pods: {
    ratio: { keys: ['counter', 'bad', 'only'] },
    latency: { keys: ['histogram', 'only'] },
    gauge: { keys: ['series', 'only'], needs: ['series'] },
  },
  probe: { ratio: { keys: [] }, latency: { keys: [] } },
  prometheus: {
    ratio: { keys: ['preset', 'total', 'bad', 'only'] },
    latency: { keys: ['preset', 'histogram', 'total', 'bad', 'only'] },
    gauge: QUERIED,
  },
  kubernetes: { gauge: { keys: ['series'] } },
  datadog: { ratio: COUNTED, latency: COUNTED, gauge: QUERIED },
  cloudwatch: { ratio: COUNTED, latency: COUNTED, gauge: QUERIED },
}

const OWN_KEYS = ['counter', 'bad', 'only', 'histogram', 'series', 'preset', 'total', 'query']

/** What is wrong with a plan's metrics for those who read them; each a sentence with the metric and the key. */
export const providerProblems = (plan: WholePlan): readonly string[] => [
  ...plan.metrics.flatMap((metric) => metricProblems(metric, plan)),
  ...sectionProblems(plan),
]

const metricProblems = (metric: Metric, plan: WholePlan): readonly string[] => {
  const provider = providerOf(metric, plan)
  const reading = READINGS[provider][metric.kind]
  const where = `plan: metric ${metric.name}`
  if (reading === undefined) {
    const able = (Object.keys(READINGS) as Provider[]).filter((each) => READINGS[each][metric.kind] !== undefined)
    return [`${where}: a ${metric.kind} cannot be read by provider ${provider}; ${able.join(', ')} can`]
  }
  const given = Object.entries(metric).flatMap(([key, value]) => (value === undefined ? [] : [key]))
  const foreign = OWN_KEYS.filter((key) => given.includes(key) && !reading.keys.includes(key))
  const lacking = (reading.needs ?? []).filter((key) => !given.includes(key))
  return [
    ...foreign.map(
      (key) =>
        `${where}: provider ${provider} does not read ${key}; of a ${metric.kind} it takes ${reading.keys.join(', ') || 'no key of its own'}`,
    ),
    ...(lacking.length === 0
      ? []
      : [`${where}: provider ${provider} needs ${lacking.join(' and ')} of a ${metric.kind}`]),
    ...shapeProblems(metric, provider, where),
  ]
}

/** `bad` is labels for pods and a query for the others; only CloudWatch has queries that are no text, only sums may be lists. */
const shapeProblems = (metric: Metric, provider: Provider, where: string): readonly string[] => {
  if (provider === 'kubernetes')
    return metric.kind === 'gauge' && usageOf(metric) === undefined
      ? [
          `${where}: provider kubernetes reads cpu and memory: name the metric so, or give series: cpu or series: memory`,
        ]
      : []
  const queries = (['total', 'bad', 'query'] as const).flatMap((key) => {
    const value: unknown = (metric as Readonly<Record<string, unknown>>)[key]
    return value === undefined ? [] : [{ key, value }]
  })
  return queries.flatMap(({ key, value }): readonly string[] => {
    if (provider === 'pods')
      return key !== 'bad' || isLabels(value)
        ? []
        : [`${where}: bad must be labels with regular expressions, such as { code: 5.. }`]
    if (provider === 'prometheus' && typeof value !== 'string') return [`${where}: ${key} must be PromQL, as a text`]
    if (provider === 'datadog' && !(Array.isArray(value) ? value : [value]).every((each) => typeof each === 'string'))
      return [`${where}: ${key} must be a query of Datadog, as a text, or a list of them`]
    return []
  })
}

const isLabels = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a gauge of provider kubernetes is read from: `series`, or its name where that says it. */
export const usageOf = (metric: Extract<Metric, { kind: 'gauge' }>): 'cpu' | 'memory' | undefined =>
  (['cpu', 'memory'] as const).find((resource) => resource === (metric.series ?? metric.name))

const sectionProblems = (plan: WholePlan): readonly string[] => {
  const used = new Set(plan.metrics.map((metric) => providerOf(metric, plan)))
  const { prometheus } = plan
  const ways = [prometheus?.url, prometheus?.service].filter((way) => way !== undefined).length
  return [
    ...(used.has('probe') && plan.probe === undefined
      ? ['plan: provider probe needs the key probe with at least a path']
      : []),
    ...(used.has('prometheus') && ways !== 1
      ? [
          'plan: provider prometheus needs the key prometheus with either url, such as https://prometheus.example, or service, such as monitoring/prometheus:9090',
        ]
      : []),
    ...(used.has('datadog') && plan.datadog === undefined
      ? ['plan: provider datadog needs the key datadog with at least its site, such as { site: datadoghq.eu }']
      : []),
    ...(used.has('cloudwatch') && plan.cloudwatch === undefined
      ? [
          'plan: provider cloudwatch needs the key cloudwatch with at least its region, such as { region: eu-central-1 }',
        ]
      : []),
  ]
}
