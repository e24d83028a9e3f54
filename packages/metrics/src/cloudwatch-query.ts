import { Fault } from '@sluice/kit/faults'
import type { SumQuery } from './periods.ts'
import { type Placeholders, resolve } from './template.ts'

/** A metric as CloudWatch keeps it. `stat`: `Sum` by default for counts, `Average` for gauges. Placeholders may stand in every text. */
export type CloudwatchStat = {
  readonly namespace: string
  readonly metric: string
  readonly dimensions?: Readonly<Record<string, string>> | undefined
  readonly stat?: string | undefined
  readonly unit?: string | undefined
}

/** A metric, an expression by itself (`SUM(SEARCH(…))`, a Metrics Insights `SELECT`), or an expression over metrics that `of` gives names to. */
export type CloudwatchQuery =
  | CloudwatchStat
  | string
  | { readonly expression: string; readonly of?: Readonly<Record<string, CloudwatchStat>> | undefined }

/** Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html */
export type MetricDataQuery = {
  readonly Id: string
  readonly ReturnData: boolean
  readonly Expression?: string
  readonly Period?: number
  readonly MetricStat?: {
    readonly Metric: {
      readonly Namespace: string
      readonly MetricName: string
      readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[]
    }
    readonly Period: number
    readonly Stat: string
    readonly Unit?: string
  }
}

/** A query as it is sent: what it returns is under the given id, what an expression is made of has ids of its own below it. */
export type WrittenQuery = {
  readonly text: string
  readonly data: readonly MetricDataQuery[]
  readonly insights: boolean
}

type Asked = Pick<SumQuery, 'id' | 'role'> & { readonly where: string; readonly placeholders: Placeholders }

/**
 * Resolves a query and writes it for GetMetricData.
 * @throws Fault('input') for a statistic that is no count where one is asked for, for arithmetic of counts that may be missing, for a name that is no
 *   id, and for placeholders that are none
 */
export const metricData = (query: CloudwatchQuery, asked: Asked): WrittenQuery => {
  if (typeof query !== 'string' && 'metric' in query) {
    const [data, text] = written(query, asked.id, true, asked)
    return { text, data: [data], insights: false }
  }
  const { expression: template, of = {} } = typeof query === 'string' ? { expression: query } : query
  const names = Object.keys(of)
  const wrong = names.find((name) => !/^[a-z]\w*$/.test(name))
  if (wrong !== undefined)
    throw new Fault(
      'input',
      `${asked.where}: "${wrong}" names no metric`,
      'Names begin with a small letter and have letters, digits and _',
    )
  const expression = resolve(template, asked.placeholders, asked.where)
  const bare = names.find((name) => !new RegExp(`\\bFILL\\(\\s*${name}\\s*,`, 'i').test(expression))
  if (asked.role !== 'value' && names.length > 1 && bare !== undefined)
    throw new Fault(
      'input',
      `${asked.where}: "${expression}" has no value in a period for which ${bare} has none`,
      `Metrics without data are no zeros in metric math: give the metrics as a list, which is added up here, or write FILL(${bare}, 0)`,
    )
  const parts = names.map((name) => written(of[name] as CloudwatchStat, `${asked.id}_${name}`, false, asked))
  return {
    text: [expression, ...parts.map(([, text], index) => `${names[index]} = ${text}`)].join(', '),
    data: [
      ...parts.map(([data]) => data),
      {
        Id: asked.id,
        Expression: renamed(expression, names, asked.id),
        Period: Number(asked.placeholders.interval),
        ReturnData: true,
      },
    ],
    insights: /^\s*SELECT\b/i.test(expression),
  }
}

/** Ids are of the whole request, so the names of one query get its id before them; texts in quotes are left alone. */
const renamed = (expression: string, names: readonly string[], id: string): string =>
  expression.replace(/'[^']*'|"[^"]*"|\b[a-z]\w*\b/g, (word) => (names.includes(word) ? `${id}_${word}` : word))

const written = (
  { namespace, metric, dimensions = {}, stat, unit }: CloudwatchStat,
  id: string,
  returned: boolean,
  { role, where, placeholders }: Asked,
): readonly [MetricDataQuery, string] => {
  const filled = (text: string): string => resolve(text, placeholders, where)
  const Stat = stat ?? (role === 'value' ? 'Average' : 'Sum')
  if (role !== 'value' && !/^(Sum|SampleCount|TC\(.*\))$/.test(Stat))
    throw new Fault(
      'input',
      `${where}: the statistic ${Stat} of ${metric} is no count`,
      'Use Sum, SampleCount or TC(…)',
    )
  const Period = Number(placeholders.interval)
  const Dimensions = Object.entries(dimensions).map(([Name, value]) => ({ Name, Value: filled(value) }))
  const Metric = { Namespace: filled(namespace), MetricName: filled(metric), Dimensions }
  const MetricStat = { Metric, Period, Stat, ...(unit === undefined ? {} : { Unit: unit }) }
  const scope = Dimensions.map(({ Name, Value }) => `${Name}=${Value}`).join(', ')
  return [
    { Id: id, MetricStat, ReturnData: returned },
    `${Stat} of ${Metric.Namespace} ${Metric.MetricName} {${scope}} in ${Period} s`,
  ]
}
