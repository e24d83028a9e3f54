import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from '@sluice/http/request'
import { Fault } from '@sluice/kit/faults'
import { afterEach, describe, expect, test } from 'vitest'
import { prometheusSource } from '../src/prometheus.ts'
import { credentialHeaders } from '../src/prometheus-credentials.ts'
import { PRESETS } from '../src/prometheus-presets.ts'
import { askedOf, type PrometheusMetric } from '../src/prometheus-queries.ts'
import { podPattern, selectorOf, withMatchers } from '../src/promql.ts'
import type { Scrape, Single } from '../src/reading.ts'

const SIDES = {
  namespace: 'shop',
  baseline: 'cart',
  canary: 'cart-canary',
  services: { baseline: 'cart', canary: 'cart-canary' },
  placeholders: { baseline: { cluster: 'one' }, canary: { cluster: 'two' } },
}
const faultOf = (act: () => unknown): Fault => {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}

describe('a query of counters', () => {
  test.each(['x', 'x{}', 'x{a="b"}', '{__name__=~"a|b"}', 'x{a=~"p-[a-z]{1,3}",b=\'}\'}', 'a:b:c{le="+Inf",}'])(
    'may be %s',
    (query) => {
      expect(selectorOf(` ${query} `, 'metric e: total')).toBe(query)
    },
  )

  test.each([
    ['rate(x[5m])', 'extrapolate'],
    ['sum(irate(x{a="b"}[1m]))', 'extrapolate'],
    ['increase(x[1m])', 'extrapolate'],
    ['sum by (pod) (x)', 'A sum falls when a pod goes away'],
    ['x[5m]', 'the window is chosen here'],
    ['x offset 5m', 'the window is chosen here'],
    ['x + y', 'raw counters'],
    ['{}', 'raw counters'],
    ['x{a="b"', 'raw counters'],
  ])('may not be %s, and is told why', (query, reason) => {
    const { message, hint } = faultOf(() => selectorOf(query, 'metric e: total'))
    expect(message).toContain('metric e: total')
    expect(hint).toContain(reason)
  })

  test('takes more matchers wherever its braces are', () => {
    const more = ['le="0.5"']
    expect(['x', 'x{}', 'x{a="b"}', 'x{a="b",}'].map((each) => withMatchers(each, more))).toEqual([
      'x{le="0.5"}',
      'x{le="0.5"}',
      'x{a="b",le="0.5"}',
      'x{a="b",le="0.5"}',
    ])
  })
})

test('the pods of a Deployment are told from those of its canary, also where names are cut', () => {
  const matches = (deployment: string, pod: string) => new RegExp(`^(?:${podPattern(deployment)})$`).test(pod)
  expect(matches('cart', 'cart-5d4f8c7b9-x2b4k')).toBe(true)
  expect(matches('cart', 'cart-canary-5d4f8c7b9-x2b4k')).toBe(false)
  expect(matches('cart-canary', 'cart-canary-5d4f8c7b9-x2b4k')).toBe(true)
  expect(matches('cart', 'cart-api-5d4f8c7b9-x2b4k')).toBe(false)
  const long = 'a'.repeat(52)
  expect(matches(long, `${`${long}-5d4f8c7b9-`.slice(0, 58)}x2b4k`)).toBe(true)
  const longer = 'b'.repeat(60)
  expect(matches(longer, `${longer.slice(0, 58)}x2b4k`)).toBe(true)
})

describe('presets', () => {
  test.each(PRESETS)('%s reads requests and durations of each side by itself', (preset) => {
    const metrics: readonly PrometheusMetric[] = [
      { kind: 'ratio', name: 'errors', only: { path: '/api.*' } },
      { kind: 'latency', name: 'slow', threshold: 500 },
    ]
    const [errors, slow] = askedOf(metrics, SIDES, preset, 60_000)
    if (errors?.kind !== 'ratio' || slow?.kind !== 'latency') throw new Error('kinds')
    for (const side of ['baseline', 'canary'] as const) {
      expect(errors.total[side]).not.toMatch(/\{\{|\}\}/)
      expect(errors.total[side]).toContain('path=~"/api.*"')
      expect(slow.buckets[side]).toMatch(/_bucket\{/)
    }
    expect(errors.total.baseline).not.toBe(errors.total.canary)
  })

  test('are written as their sources name things', () => {
    const of = (preset: (typeof PRESETS)[number]) => {
      const [asked] = askedOf([{ kind: 'ratio', name: 'e' }], SIDES, preset, 60_000)
      return asked?.kind === 'ratio' ? asked.total.canary : ''
    }
    expect(of('istio')).toBe(
      'istio_requests_total{reporter="destination",destination_workload_namespace="shop",destination_workload="cart-canary"}',
    )
    expect(of('nginx-exported')).toBe(
      'nginx_ingress_controller_requests{exported_namespace="shop",canary=~"shop-cart-canary-[0-9A-Za-z-]+"}',
    )
    expect(of('traefik')).toBe(
      'traefik_service_requests_total{service=~"shop-cart-canary-(http-)?[0-9]+@kubernetes.*"}',
    )
    expect(of('envoy-gateway')).toBe('envoy_cluster_upstream_rq_xx{envoy_cluster_name="two"}')
    expect(of('linkerd')).toBe('response_total{direction="inbound",namespace="shop",deployment="cart-canary"}')
    expect(of('http')).toBe('http_requests_total{namespace="shop",pod=~"cart-canary-[a-z0-9]{1,10}-[a-z0-9]{5}"}')
  })

  test('that need more than is known say what, with every other problem of the plan', () => {
    const { placeholders: _, ...sides } = SIDES
    const { message } = faultOf(() =>
      askedOf(
        [
          { kind: 'ratio', name: 'a', preset: 'envoy-gateway' },
          { kind: 'ratio', name: 'b', total: 'x{a="{{track}}"}' },
          { kind: 'gauge', name: 'c', query: 'up' },
          { kind: 'ratio', name: 'd' },
          { kind: 'latency', name: 'f', threshold: 1, total: 'rate(x{a="{{track}}"}[1m])', bad: 'y{a="{{track}}"}' },
        ],
        sides,
        undefined,
        60_000,
      ),
    )
    expect(message).toContain('{{cluster}} is no placeholder')
    expect(message).toContain('metric b: bad is missing')
    expect(message).toContain('metric c: query reads the same on both sides: up')
    expect(message).toContain('metric d: nothing says what Prometheus is asked for')
    expect(message).toContain('metric f: total must select counters')
  })

  test('of a gauge a rate is allowed, over the window that {{interval}} stands for', () => {
    const [asked] = askedOf(
      [{ kind: 'gauge', name: 'q', query: 'sum(rate(x{a="{{track}}"}[{{interval}}]))' }],
      SIDES,
      undefined,
      60_000,
    )
    expect(asked).toMatchObject({ query: { canary: 'sum(rate(x{a="canary"}[60s]))' } })
  })
})

describe('credentials', () => {
  test('become headers, whichever way they are given', () => {
    expect(credentialHeaders('https://p', { token: 'abc' })).toEqual({ authorization: 'Bearer abc' })
    expect(credentialHeaders('https://p', { username: 'u', password: 'p:w' })).toEqual({
      authorization: `Basic ${Buffer.from('u:p:w').toString('base64')}`,
    })
    expect(credentialHeaders('http://127.0.0.1:9090', { headers: 'X-Scope-OrgID: shop\n\n' })).toEqual({
      'x-scope-orgid': 'shop',
    })
    expect(credentialHeaders('http://prometheus.monitoring:9090', {})).toEqual({})
  })

  test.each([
    ['http://prometheus.monitoring:9090', { token: 'hidden' }, 'in the clear'],
    ['https://p', { token: 'hidden', username: 'u', password: 'p' }, 'exclude each other'],
    ['https://p', { username: 'u' }, 'go together'],
    ['https://p', { headers: 'hidden' }, 'line 1 of prometheus-headers'],
    ['https://u:hidden@p', {}, 'carries a credential'],
    ['https://p/?a=b', {}, 'leave out what comes after'],
    ['prometheus:9090', {}, 'no http or https address'],
  ])('to %s with %j are refused', (url, credentials, reason) => {
    const { message } = faultOf(() => credentialHeaders(url, credentials))
    expect(message).toContain(reason)
    expect(message).not.toContain('hidden')
  })
})

describe('what comes of a question', () => {
  let close = async (): Promise<void> => undefined
  afterEach(() => close())

  const serve = async (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> => {
    const server = createServer(answer)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    close = () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    }
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const TOKEN = 'a-long-secret'
  const look = async (
    url: string,
    metrics: readonly PrometheusMetric[] = [{ kind: 'ratio', name: 'errors' }],
  ): Promise<Single> => {
    const source = prometheusSource(
      {
        ...SIDES,
        url: `${url}/`,
        headers: { authorization: `Bearer ${TOKEN}` },
        preset: 'http',
        scrape: 1000,
        timeoutMs: 300,
        metrics,
      },
      (call) => request(call),
      { now: Date.now },
    )
    const scrape: Scrape = await source.read(Date.now() - 5000)
    const [part] = scrape.kind === 'sources' ? scrape.parts : []
    if (part === undefined) throw new Error('no part')
    return part.scrape
  }
  const json = (response: ServerResponse, status: number, body: unknown): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const vector = (...result: readonly unknown[]) => ({ status: 'success', data: { resultType: 'vector', result } })

  test.each([
    [401, { status: 'error' }, 'refused the credentials (401)'],
    [403, { status: 'error' }, 'refused the credentials (403)'],
    [503, { status: 'error', errorType: 'timeout', error: 'query timed out' }, 'failed (503): query timed out'],
    [500, { status: 'error', error: `boom ${TOKEN}` }, 'failed (500): boom ***'],
    [400, { status: 'error', errorType: 'bad_data', error: 'parse error' }, 'did not take the query: parse error'],
    [422, { status: 'error', error: 'too many samples' }, 'did not take the query: too many samples'],
  ])('status %i is an outage by its own name, with the query', async (status, body, text) => {
    const url = await serve((_, response) => json(response, status, body))
    const nothing = await look(url)
    expect(nothing).toMatchObject({ kind: 'outage', text: expect.stringContaining(text) })
    expect(nothing).toMatchObject({
      text: expect.stringContaining('http_requests_total{namespace="shop",pod=~"cart-[a-z0-9]{1,10}-[a-z0-9]{5}"}'),
    })
    expect(JSON.stringify(nothing)).not.toContain(TOKEN)
  })

  test('a page to log in, a redirect to one, silence and nobody are outages by their own names', async () => {
    const page = await serve(
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    )
    expect(await look(page)).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('answered 200 with a page'),
    })
    await close()
    const away = await serve(
      (_, response) => void response.writeHead(302, { location: 'https://sso.example/login?state=secret' }).end(),
    )
    expect(await look(away)).toMatchObject({
      text: expect.stringMatching(/redirects to https:\/\/sso\.example\/login \(302\)/),
    })
    await close()
    const silent = await serve(() => undefined)
    expect(await look(silent)).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('did not answer within 300 ms'),
    })
    await close()
    expect(await look(silent)).toMatchObject({ kind: 'outage', text: expect.stringContaining('connection refused') })
  })

  test('the credentials and the query arrive, short ones in the address and long ones in the body', async () => {
    const seen: { method: string; authorization: string; query: string }[] = []
    const url = await serve((incoming, response) => {
      let body = ''
      incoming.on('data', (chunk) => (body += chunk))
      incoming.on('end', () => {
        const form = incoming.method === 'POST' ? body : new URL(incoming.url ?? '', 'http://x').search
        seen.push({
          method: incoming.method ?? '',
          authorization: incoming.headers.authorization ?? '',
          query: new URLSearchParams(form).get('query') ?? '',
        })
        json(response, 200, vector({ metric: {}, value: [1, '3'] }))
      })
    })
    const long = `up{a="{{track}}",b="${'x'.repeat(5000)}"}`
    expect(await look(url, [{ kind: 'gauge', name: 'g', query: 'up{a="{{track}}"}' }])).toMatchObject({
      gauges: [{ value: 3 }, { value: 3 }],
    })
    expect(await look(url, [{ kind: 'gauge', name: 'g', query: long }])).toMatchObject({ gauges: [{}, {}] })
    expect(seen.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST', 'POST'])
    expect(seen.every(({ authorization }) => authorization === `Bearer ${TOKEN}`)).toBe(true)
    expect(seen.map(({ query }) => query.slice(0, 17))).toEqual([
      'up{a="stable"}',
      'up{a="canary"}',
      'up{a="stable",b="',
      'up{a="canary",b="',
    ])
  })

  test('queries that give one series to both sides do not keep them apart', async () => {
    const url = await serve((_, response) =>
      json(response, 200, {
        status: 'success',
        data: { resultType: 'matrix', result: [{ metric: { __name__: 'x', pod: 'a' }, values: [[1, '5']] }] },
      }),
    )
    expect(await look(url)).toMatchObject({
      kind: 'several-series',
      text: expect.stringContaining('x{pod="a"} is in both'),
    })
  })

  describe('an answer without the stores that could not be reached', () => {
    const answering = (more: object, given: { readonly without?: string } = {}) =>
      serve((incoming, response) => {
        const query = new URL(incoming.url ?? '', 'http://x').searchParams.get('query') ?? ''
        const [pod] = /cart(-canary)?-/.exec(query) ?? []
        const values = [[Date.now() / 1000, '5']]
        const result = pod === given.without ? [] : [{ metric: { __name__: 'x', pod, le: '+Inf' }, values }]
        json(response, 200, { status: 'success', ...more, data: { resultType: 'matrix', result } })
      })
    const gauge: readonly PrometheusMetric[] = [{ kind: 'gauge', name: 'g', query: 'x{pod=~"{{pods}}"}' }]

    test.each([
      [
        'Thanos, or remote reads',
        { warnings: [`shard-b: connection refused ${TOKEN}`] },
        'shard-b: connection refused ***',
      ],
      ['VictoriaMetrics', { isPartial: true }, 'isPartial is true'],
    ])('is an outage of what is counted, not a canary without requests: %s', async (_, more, text) => {
      const url = await answering(more, { without: 'cart-canary-' })
      expect(await look(url)).toMatchObject({
        kind: 'outage',
        text: expect.stringContaining(`Prometheus answered only in part: ${text}; asked:`),
      })
    })

    test('gives a gauge what it has, and nothing is made of what is only remarked on', async () => {
      expect(await look(await answering({ warnings: ['shard-b: gone'] }), gauge)).toMatchObject({ gauges: [{}, {}] })
      await close()
      const remarks = { warnings: ['PromQL info: metric might not be a counter'], infos: ['so it is'] }
      expect(await look(await answering({ ...remarks, isPartial: false }))).toMatchObject({ kind: 'buckets' })
    })

    test('is found before anything is touched', async () => {
      const url = await answering({ warnings: ['shard-b: gone'] })
      const metrics: readonly PrometheusMetric[] = [{ kind: 'ratio', name: 'errors' }]
      const source = prometheusSource(
        { ...SIDES, url, headers: {}, preset: 'http', scrape: 1000, metrics },
        (call) => request(call),
        { now: Date.now },
      )
      const [finding] = await source.preflight()
      expect(finding).toMatchObject({
        id: 'metrics-outage',
        level: 'error',
        text: expect.stringContaining('shard-b: gone'),
      })
    })
  })

  test('native histograms and text are named, not read as nothing', async () => {
    const url = await serve((_, response) =>
      json(response, 200, {
        status: 'success',
        data: { resultType: 'vector', result: [{ metric: {}, histogram: [1, {}] }] },
      }),
    )
    expect(await look(url)).toMatchObject({ kind: 'unreliable', text: expect.stringContaining('native histograms') })
    await close()
    const word = await serve((_, response) =>
      json(response, 200, { status: 'success', data: { resultType: 'string', result: [1, 'x'] } }),
    )
    expect(await look(word)).toMatchObject({ kind: 'unreliable', text: expect.stringContaining('a string') })
  })
})
