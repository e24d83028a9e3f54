import { type AwsError, errorOf, parsed } from '@sluice/http/aws/error'
import type { HttpResult } from '@sluice/http/request'
import type { SumQuery } from './periods.ts'
import type { NoReading } from './reading.ts'
import type { Answer } from './sums.ts'

type Message = { readonly Code?: string; readonly Value?: string }

/** One page of GetMetricData. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html */
export type Page = {
  readonly MetricDataResults?: readonly {
    readonly Id: string
    readonly Label?: string
    readonly StatusCode?: string
    readonly Timestamps?: readonly (number | string)[]
    readonly Values?: readonly (number | string)[]
    readonly Messages?: readonly Message[]
  }[]
  readonly NextToken?: string
  readonly Messages?: readonly Message[]
}

/** A page, or `undefined` for what is none. */
export const pageOf = (body: string): Page | undefined => {
  const value = parsed(body)
  return value !== undefined && Array.isArray(value.MetricDataResults) ? (value as Page) : undefined
}

/** The pages of one request put together: the points of each query, or why they cannot be counted. */
export const answerOf = (pages: readonly Page[], queries: readonly SumQuery[]): Answer => {
  const said = pages.flatMap(({ Messages = [] }) => Messages.map(textOf))
  const all = queries.map(({ text }) => text).join('; ')
  if (said.length > 0)
    return { kind: 'unreliable', query: all, text: `CloudWatch left something out: ${said.join('; ')}` }
  const points = new Map<string, Map<number, number>>()
  for (const query of queries) {
    const found = pages.map(({ MetricDataResults = [] }) => MetricDataResults.filter(({ Id }) => Id === query.id))
    const labels = [...new Set(found.flat().map(({ Label = '' }) => Label))]
    const count = Math.max(labels.length, ...found.map((results) => results.length))
    const shown = `metric ${query.metric}`
    if (count > 1)
      return {
        kind: 'several-series',
        query: query.text,
        text: `${shown}: ${count} series answer (${labels.slice(0, 3).join(', ')}): ${query.text}`,
        hint: 'Put SUM(…) around the expression, or name all dimensions, so that it is one series',
      }
    const problem = problemOf(found.flat())
    if (problem !== undefined)
      return {
        kind: problem.kind,
        query: query.text,
        text: `${shown}: ${problem.text}: ${query.text}`,
        ...hintOf(problem),
      }
    points.set(
      query.id,
      new Map(
        found
          .flat()
          .flatMap(({ Timestamps = [], Values = [] }) =>
            Timestamps.map((time, index): [number, number] => [timeOf(time), Number(Values[index])]),
          ),
      ),
    )
  }
  return { kind: 'points', points }
}

type Problem = { readonly kind: NoReading['kind']; readonly text: string; readonly hint?: string }

/** `PartialData` without a next page, and failures of single queries, inside an answer that is good as a whole. */
const problemOf = (results: NonNullable<Page['MetricDataResults']>): Problem | undefined => {
  const messages = results.flatMap(({ Messages = [] }) => Messages)
  const arithmetic = messages.find(({ Code }) => Code === 'ArithmeticError')
  if (arithmetic !== undefined) return { kind: 'nan', text: textOf(arithmetic) }
  const status = results.at(-1)?.StatusCode ?? 'Complete'
  if (status === 'Forbidden')
    return {
      kind: 'outage',
      text: 'CloudWatch forbids it (Forbidden)',
      hint: 'The metric is of an account that these credentials may not read',
    }
  if (status !== 'Complete')
    return { kind: 'outage', text: `CloudWatch gave no whole answer (${[status, ...messages.map(textOf)].join('; ')})` }
  const [first] = messages
  return first === undefined
    ? undefined
    : { kind: 'unreliable', text: `CloudWatch left something out: ${textOf(first)}` }
}

const hintOf = ({ hint }: Problem): { readonly hint?: string } => (hint === undefined ? {} : { hint })
const textOf = ({ Code = '', Value = '' }: Message): string => [Code, Value].filter((part) => part !== '').join(': ')

/** JSON gives seconds since 1970, some servers a text. */
const timeOf = (time: number | string): number =>
  typeof time === 'number' ? Math.round(time * 1000) : Date.parse(time)

/** Whether the signature was refused in a way that a wrong clock brings about. */
export const isOutOfTime = ({ code }: AwsError): boolean =>
  /^(InvalidSignature(Exception)?|SignatureDoesNotMatch|RequestExpired|RequestTimeTooSkewed)$/.test(code)

/** Why there is no answer, and what to do. */
export const failureOf = (result: HttpResult): Omit<NoReading, 'query'> & { readonly hint?: string } => {
  if (result.kind !== 'answered') return { kind: 'outage', text: `CloudWatch: ${result.text}` }
  const error = errorOf(result)
  const text = `CloudWatch answered ${result.status} ${error.code}${error.message === '' ? '' : `: ${error.message}`}`
  const hint = HINTS.find(([codes]) => codes.test(error.code))?.[1]
  return { kind: 'outage', text, ...(hint === undefined ? {} : { hint }) }
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^AccessDenied|^UnauthorizedOperation/, 'Allow the action cloudwatch:GetMetricData; it knows no resource but *'],
  [/^Expired/, 'The session of the role has ended: renew its credentials, or let it last as long as the release'],
  [
    /^(UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId)/,
    'The access key is not known there: check it, its session token and the partition of the region',
  ],
  [
    /^(InvalidSignature|SignatureDoesNotMatch|RequestExpired|RequestTimeTooSkewed)/,
    'Check the secret key and the clock of this machine',
  ],
  [
    /^(Thrott|RequestLimitExceeded|TooManyRequests|LimitExceeded)/,
    'Make the interval longer, or have the quota of GetMetricData raised',
  ],
]
