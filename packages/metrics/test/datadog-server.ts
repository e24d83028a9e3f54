import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the server holds: metric with its scope, as it stands in a query before any function → the counts, by second. */
export type Held = Map<string, Map<number, number>>

/** One answer in place of the next real one. */
export type Instead = {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export type DatadogServer = {
  readonly url: string
  readonly held: Held
  readonly seen: { readonly headers: IncomingMessage['headers']; readonly body: Request }[]
  readonly instead: Instead[]
  readonly stop: () => Promise<void>
}

type Request = {
  readonly data: {
    readonly type: string
    readonly attributes: {
      readonly from: number
      readonly to: number
      readonly interval?: number
      readonly queries: readonly { readonly data_source: string; readonly name: string; readonly query: string }[]
      readonly formulas: readonly { readonly formula: string }[]
    }
  }
}

/** Its keys; anything else is refused as Datadog does. */
export const API_KEY = 'dd-api-key-of-the-tests'
export const APPLICATION_KEY = 'dd-application-key-of-the-tests'

/**
 * Speaks `POST /api/v2/query/timeseries` as it is documented, over what it holds.
 * Source: https://docs.datadoghq.com/api/latest/metrics/query-timeseries-data-across-multiple-products/ (request and response models, statuses);
 * rollups are aligned to multiples of their width, https://docs.datadoghq.com/dashboards/functions/rollup/.
 */
export const startDatadog = async (): Promise<DatadogServer> => {
  const held: Held = new Map()
  const seen: DatadogServer['seen'] = []
  const instead: Instead[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Request
    seen.push({ headers: request.headers, body })
    const answer = instead.shift() ?? answerTo(request, body, held)
    response
      .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      .end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held,
    seen,
    instead,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

const answerTo = ({ url, method, headers }: IncomingMessage, { data }: Request, held: Held): Instead => {
  if (url !== '/api/v2/query/timeseries' || method !== 'POST') return { status: 404, body: { errors: ['Not found'] } }
  if (headers['dd-api-key'] !== API_KEY || headers['dd-application-key'] !== APPLICATION_KEY)
    return { status: 403, body: { errors: ['Forbidden'] } }
  if (data.type !== 'timeseries_request') return { status: 400, body: { errors: ['Bad Request'] } }
  const { from, to, queries, formulas } = data.attributes
  const rolled = formulas.map(({ formula }) => {
    const query = queries.find(({ name, data_source }) => name === formula && data_source === 'metrics')?.query ?? ''
    const match = /^(.*?\{.*?\})(\.as_count\(\))?\.rollup\((sum|avg), (\d+)\)$/.exec(query)
    if (match === null) return undefined
    const [, metric = '', , by, seconds] = match
    const width = Number(seconds) * 1000
    const sums = new Map<number, number[]>()
    for (const [second, value] of held.get(metric) ?? []) {
      const start = Math.floor((second * 1000) / width) * width
      // What is asked for begins and ends with whole rollup intervals.
      if (start >= Math.floor(from / width) * width && start <= to) sums.set(start, [...(sums.get(start) ?? []), value])
    }
    return new Map(
      [...sums].map(([start, values]) => {
        const sum = values.reduce((all, value) => all + value, 0)
        return [start, by === 'sum' ? sum : sum / values.length]
      }),
    )
  })
  if (rolled.some((points) => points === undefined)) return { status: 400, body: { errors: ['Error parsing query'] } }
  const times = [...new Set(rolled.flatMap((points) => [...(points?.keys() ?? [])]))].sort((a, b) => a - b)
  const known = rolled.map((points, index) => ({ points, index })).filter(({ points }) => (points?.size ?? 0) > 0)
  return {
    status: 200,
    body: {
      data: {
        type: 'timeseries_response',
        attributes: {
          series: known.map(({ index }) => ({ group_tags: [], query_index: index, unit: null })),
          times,
          values: known.map(({ points }) => times.map((time) => points?.get(time) ?? null)),
        },
      },
    },
  }
}
