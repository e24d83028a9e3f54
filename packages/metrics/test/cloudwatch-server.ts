import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { MetricDataQuery } from '../src/cloudwatch-query.ts'

/** What stands in for the next answer; `body` as text is sent as it is. */
export type Instead = {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export type CloudwatchServer = {
  readonly url: string
  /** `Metric{Dimension=Value}` → the sums by second. */
  readonly held: Map<string, Map<number, number>>
  readonly seen: Request[]
  readonly instead: Instead[]
  /** How many points a page has at most, and the server's clock, ms UTC. */
  readonly settings: { page: number; now: number }
  readonly stop: () => Promise<void>
}

type Request = {
  readonly MetricDataQueries: readonly MetricDataQuery[]
  readonly StartTime: number
  readonly EndTime: number
  readonly ScanBy?: string
  readonly NextToken?: string
}

export const KEYS = {
  accessKeyId: 'AKIDOFTHETESTS',
  secretAccessKey: 'secret-key-of-the-tests',
  sessionToken: 'session+token/of=the-tests',
}

/**
 * Speaks GetMetricData in AWS JSON 1.0 as it is documented, over what it holds: signature and its age are checked, answers come in pages.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html and API_MetricDataResult.html;
 * protocol: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
 */
export const startCloudwatch = async (): Promise<CloudwatchServer> => {
  const held: CloudwatchServer['held'] = new Map()
  const seen: Request[] = []
  const instead: Instead[] = []
  const settings = { page: 100_800, now: 0 }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const refused = refusal(request, text, settings.now)
    if (refused === undefined) seen.push(JSON.parse(text) as Request)
    const answer = refused ??
      instead.shift() ?? { status: 200, body: page(JSON.parse(text) as Request, held, settings) }
    response
      .writeHead(answer.status, {
        'content-type': 'application/x-amz-json-1.0',
        date: new Date(settings.now).toUTCString(),
        ...answer.headers,
      })
      .end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, held, seen, instead, settings, stop: () => new Promise((resolve) => server.close(() => resolve())) }
}

export const error = (code: string, message: string, status = 400): Instead => ({
  status,
  body: { __type: `com.amazon.coral.service#${code}`, message },
})

/** A signature made anew from what came, by nothing that the source uses. */
const refusal = ({ headers, method }: IncomingMessage, body: string, now: number): Instead | undefined => {
  if (headers['x-amz-target'] !== 'GraniteServiceVersion20100801.GetMetricData')
    return error('UnknownOperationException', '')
  const [, id, day, region, list = '', given] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([\w-]+)\/monitoring\/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w+)$/.exec(
      headers.authorization ?? '',
    ) ?? []
  if (id !== KEYS.accessKeyId)
    return error('UnrecognizedClientException', 'The security token included in the request is invalid.', 403)
  const date = String(headers['x-amz-date'])
  const signed = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Math.abs(signed - now) > 300_000)
    return error(
      'InvalidSignatureException',
      `Signature expired: ${date} is now earlier than the server's time (5 min.)`,
      403,
    )
  const names = list.split(';')
  const canonical = [
    method,
    '/',
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    list,
    createHash('sha256').update(body).digest('hex'),
  ].join('\n')
  const scope = `${day}/${region}/monitoring/aws4_request`
  const digest = createHash('sha256').update(canonical).digest('hex')
  const key = [String(day), String(region), 'monitoring', 'aws4_request'].reduce<string | Buffer>(
    (from, part) => createHmac('sha256', from).update(part).digest(),
    `AWS4${KEYS.secretAccessKey}`,
  )
  const signature = createHmac('sha256', key).update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${digest}`).digest('hex')
  const whole = names.includes('x-amz-security-token') && headers['x-amz-security-token'] === KEYS.sessionToken
  return signature === given && whole
    ? undefined
    : error('InvalidSignatureException', `The canonical request should have been ${canonical}`, 403)
}

const page = (
  { MetricDataQueries, StartTime, EndTime, NextToken }: Request,
  held: CloudwatchServer['held'],
  { page: size }: CloudwatchServer['settings'],
): unknown => {
  const sums = new Map<string, Map<number, number>>()
  for (const { Id, MetricStat, Expression, Period } of MetricDataQueries) {
    if (MetricStat !== undefined) {
      const { Metric } = MetricStat
      const key = `${Metric.MetricName}{${Metric.Dimensions.map(({ Name, Value }) => `${Name}=${Value}`).join(',')}}`
      const own = new Map<number, number>()
      for (const [second, value] of held.get(key) ?? []) {
        const start = Math.floor(second / MetricStat.Period) * MetricStat.Period
        if (start >= StartTime && start < EndTime) own.set(start, (own.get(start) ?? 0) + value)
      }
      sums.set(Id, own)
    } else {
      // Sums of named metrics are all that is understood here; a time that one of them has none for has no value, as in metric math.
      const parts = (Expression ?? '').split('+').map((part) => {
        const [, filled, plain = ''] = /^\s*(?:FILL\((\w+), 0\)|(\w+))\s*$/.exec(part) ?? []
        const own = sums.get(filled ?? plain) ?? new Map<number, number>()
        const zeros = filled === undefined ? [] : periods(StartTime, EndTime, Period ?? 60)
        return new Map([...zeros.map((time): [number, number] => [time, 0]), ...own])
      })
      const times = [...(parts[0]?.keys() ?? [])].filter((time) => parts.every((part) => part.has(time)))
      sums.set(Id, new Map(times.map((time) => [time, parts.reduce((all, part) => all + (part.get(time) ?? 0), 0)])))
    }
  }
  const start = Number(NextToken ?? 0)
  const results = MetricDataQueries.filter(({ ReturnData }) => ReturnData).map(({ Id }) => {
    const points = [...(sums.get(Id) ?? [])].sort(([a], [b]) => a - b)
    const own = points.slice(start, start + size)
    return {
      Id,
      Label: Id,
      Timestamps: own.map(([time]) => time),
      Values: own.map(([, value]) => value),
      StatusCode: points.length > start + size ? 'PartialData' : 'Complete',
    }
  })
  const more = results.some(({ StatusCode }) => StatusCode === 'PartialData')
  return { MetricDataResults: results, Messages: [], ...(more ? { NextToken: String(start + size) } : {}) }
}

const periods = (from: number, to: number, width: number): readonly number[] =>
  Array.from({ length: Math.ceil((to - from) / width) }, (_, index) => from + index * width)
