import { errorOf, isThrottled } from '@sluice/http/aws/error'
import { type AwsCredentials, signedHeaders } from '@sluice/http/aws/signature'
import type { HttpRequest, HttpResult } from '@sluice/http/request'
import { type Clock, withRetries } from '@sluice/http/retry'
import { Fault } from '@sluice/kit/faults'
import { answerOf, failureOf, isOutOfTime, type Page, pageOf } from './cloudwatch-answer.ts'
import { endpointOf } from './cloudwatch-endpoint.ts'
import { type CloudwatchQuery, type MetricDataQuery, metricData, type WrittenQuery } from './cloudwatch-query.ts'
import type { Points, SumQuery, Window } from './periods.ts'
import type { MetricSource } from './pods.ts'
import { providerUrl } from './provider-url.ts'
import { type Answer, placeholdersOf, type Sides, type SumMetric, sumQueries, sumSource } from './sums.ts'

/**
 * `endpoint` takes the place of the region's own (a VPC endpoint, a proxy). `credentials` are asked for before every request, so that they may renew
 * themselves. `bucket`: the width of a period (default 60 s), `delay`: how long after its end its sums may still grow (default 180 s: metrics of
 * one minute show about two minutes later, https://docs.datadoghq.com/integrations/guide/cloud-metric-delay/); both ms.
 */
export type CloudwatchGiven = Sides & {
  readonly region: string
  readonly endpoint?: string | undefined
  readonly credentials: () => Promise<AwsCredentials>
  readonly metrics: readonly SumMetric<CloudwatchQuery>[]
  readonly bucket?: number | undefined
  readonly delay?: number | undefined
  readonly timeoutMs?: number | undefined
}

type Query = SumQuery & WrittenQuery

/**
 * Reads counts and gauges from CloudWatch by GetMetricData in its JSON protocol (AWS JSON 1.0, target GraniteServiceVersion20100801): one request
 * carries every query of both sides; a Metrics Insights query goes alone, as one request may hold only one. A clock that is wrong is set by
 * the server's once a signature is refused for it.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 * @param send sends a request, whatever comes of it
 * @throws Fault('input') for a region that is none and for queries that do not count
 */
export const cloudwatchSource = (
  given: CloudwatchGiven,
  send: (call: HttpRequest) => Promise<HttpResult>,
  clock: Clock,
): MetricSource => {
  const width = given.bucket ?? 60_000
  const delay = given.delay ?? 180_000
  if (width % 60_000 !== 0 && ![10_000, 20_000, 30_000].includes(width))
    throw new Fault(
      'input',
      `cloudwatch: a bucket of ${width} ms`,
      'Periods are multiples of 60 s; 10, 20 and 30 s only of metrics published at high resolution',
    )
  const url = `${given.endpoint === undefined ? endpointOf(given.region) : providerUrl(given.endpoint, 'cloudwatch: endpoint')}/`
  const queries = sumQueries(given.metrics, (query: CloudwatchQuery, { id, side, role, where }) =>
    metricData(query, { id, role, where, placeholders: placeholdersOf(side, given, width) }),
  )
  let ahead = 0

  const ask = async (asked: readonly Query[], window: Window): Promise<Answer> => {
    const points = new Map<string, Points>()
    let serverTime: number | undefined
    for (const batch of batches(asked)) {
      const pages: Page[] = []
      do {
        const body = bodyOf(batch, window, pages.at(-1)?.NextToken)
        const credentials = await given.credentials()
        const result = await call(body, credentials)
        const page = result.kind === 'answered' && result.status === 200 ? pageOf(result.body) : undefined
        if (page === undefined || pages.length === MOST_PAGES)
          return withoutSecrets({ ...failed(result), query: batch.map(({ text }) => text).join('; ') }, credentials)
        pages.push(page)
        serverTime = result.kind === 'answered' ? dateOf(result) : undefined
      } while ((pages.at(-1)?.NextToken ?? '') !== '')
      const answer = answerOf(pages, batch)
      if (answer.kind !== 'points') return answer
      for (const [id, own] of answer.points) points.set(id, own)
    }
    return { kind: 'points', points, serverTime }
  }

  const call = async (body: string, credentials: AwsCredentials): Promise<HttpResult> => {
    const attempt = async (): Promise<HttpResult> => {
      const headers = await signedHeaders({ url, method: 'POST', headers: HEADERS, body }, credentials, {
        service: 'monitoring',
        region: given.region,
        at: clock.now() + ahead,
      })
      const result = await send({ url, method: 'POST', headers, body, timeoutMs: given.timeoutMs ?? 10_000 })
      // Throttling comes with status 400, which would not be asked again.
      return result.kind === 'answered' && result.status === 400 && isThrottled(errorOf(result))
        ? { ...result, status: 429 }
        : result
    }
    const result = await withRetries(attempt, true, POLICY, clock)
    const theirs = result.kind === 'answered' && result.status >= 400 ? dateOf(result) : undefined
    if (result.kind !== 'answered' || theirs === undefined || !isOutOfTime(errorOf(result))) return result
    const off = theirs - clock.now()
    if (Math.abs(off - ahead) < CLOCKS_APART) return result
    ahead = off
    return withRetries(attempt, true, POLICY, clock)
  }
  return sumSource({ ...given, provider: 'CloudWatch', queries, width, delay }, ask, () => clock.now() + ahead)
}

const HEADERS = {
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-target': 'GraniteServiceVersion20100801.GetMetricData',
}
const POLICY = { tries: 4, firstWait: 500, longestWait: 5000 }
const MOST_PAGES = 50
/** A signature that is younger than this is not refused for its time, ms. */
const CLOCKS_APART = 60_000

/** At most 500 queries go together, and those of Metrics Insights one by one. */
const batches = (queries: readonly Query[]): readonly (readonly Query[])[] => {
  const plain = queries.filter(({ insights }) => !insights)
  return [...(plain.length > 0 ? [plain] : []), ...queries.filter(({ insights }) => insights).map((query) => [query])]
}

const bodyOf = (queries: readonly Query[], { from, to }: Window, token: string | undefined): string => {
  const MetricDataQueries: readonly MetricDataQuery[] = queries.flatMap(({ data }) => data)
  return JSON.stringify({
    MetricDataQueries,
    StartTime: from / 1000,
    EndTime: to / 1000,
    ScanBy: 'TimestampAscending',
    ...(token === undefined ? {} : { NextToken: token }),
  })
}

const dateOf = ({ headers }: { readonly headers: Readonly<Record<string, string>> }): number | undefined => {
  const date = Date.parse(headers.date ?? '')
  return Number.isNaN(date) ? undefined : date
}

const failed = (result: HttpResult): ReturnType<typeof failureOf> =>
  result.kind === 'answered' && result.status === 200
    ? { kind: 'outage', text: 'CloudWatch answered with what is no page of GetMetricData, or with no end of them' }
    : failureOf(result)

/** An error about a signature repeats the request, its session token included. */
const withoutSecrets = (answer: Answer, { secretAccessKey, sessionToken, accessKeyId }: AwsCredentials): Answer =>
  answer.kind === 'points'
    ? answer
    : {
        ...answer,
        text: [secretAccessKey, sessionToken, accessKeyId]
          .filter((secret) => secret !== undefined && secret !== '')
          .reduce<string>((text, secret) => text.replaceAll(secret ?? '', '***'), answer.text),
      }
