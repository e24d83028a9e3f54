import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LIMITS } from '../src/service.ts'
import { type Started, start } from '../src/start.ts'

const modelFile = new URL('../model/intents.model', import.meta.url)
const begin = (around: Parameters<typeof start>[0]['around'] = {}): Promise<Started> =>
  start({ port: 0, host: '127.0.0.1', release: 'r1', modelFile, grace: 2_000, around, log: () => {} })

const post = (url: string, body: string): Promise<Response> =>
  fetch(`${url}/classify`, { method: 'POST', body, signal: AbortSignal.timeout(5_000) })
const ticket = JSON.stringify({ text: 'I want my money back' })

describe('the service', () => {
  let service: Started
  beforeAll(async () => {
    service = await begin()
  })
  afterAll(() => service.stop())

  test('classifies a ticket and says which release and model answered', async () => {
    const response = await post(service.url, ticket)
    expect(response.status).toBe(200)
    expect(response.headers.get('x-release')).toBe('r1')
    expect(await response.json()).toMatchObject({
      intent: 'refund',
      model: expect.stringMatching(/^[0-9a-f]{12}$/),
      scores: Array.from({ length: 6 }, () => expect.anything()),
    })
  })

  test.each([
    { name: 'no JSON', body: 'text=hello', code: 400 },
    { name: 'an empty body', body: '', code: 400 },
    { name: 'null', body: 'null', code: 400 },
    { name: 'no text', body: '{}', code: 400 },
    { name: 'an empty text', body: '{"text":"  "}', code: 400 },
    { name: 'a text that is a number', body: '{"text":7}', code: 400 },
    { name: 'a text that is too long', body: JSON.stringify({ text: 'a'.repeat(LIMITS.text + 1) }), code: 400 },
    { name: 'a body that is too large', body: JSON.stringify({ text: 'a'.repeat(LIMITS.body) }), code: 413 },
  ])('$name is answered with $code and a reason', async ({ body, code }) => {
    const response = await post(service.url, body)
    expect(response.status).toBe(code)
    expect(await response.json()).toEqual({ error: expect.stringMatching(/\S/) })
  })

  test.each([
    { method: 'GET', path: '/health', code: 200 },
    { method: 'GET', path: '/ready', code: 200 },
    { method: 'HEAD', path: '/health', code: 200 },
    { method: 'GET', path: '/nothing', code: 404 },
    { method: 'GET', path: '/classify', code: 405 },
    { method: 'POST', path: '/metrics', code: 405 },
  ])('$method $path is answered with $code', async ({ method, path, code }) => {
    expect((await fetch(`${service.url}${path}`, { method })).status).toBe(code)
  })

  test('counts requests by method, route and code, and their times up to a bound of half a second', async () => {
    const before = await metrics(service.url)
    await post(service.url, ticket)
    await post(service.url, 'wrong')
    const after = await metrics(service.url)
    const grown = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0)
    expect(grown('http_requests_total{method="POST",route="/classify",code="200"}')).toBe(1)
    expect(grown('http_requests_total{method="POST",route="/classify",code="400"}')).toBe(1)
    expect(grown('http_request_duration_seconds_bucket{method="POST",route="/classify",le="0.5"}')).toBe(2)
    expect(grown('support_router_classifications_total{intent="refund"}')).toBe(1)
    expect(after.get('http_requests_in_flight')).toBe(1)
    expect(Math.abs((after.get('process_start_time_seconds') ?? 0) - performance.timeOrigin / 1000)).toBeLessThan(1)
    expect([...after.keys()]).toContainEqual(
      expect.stringMatching(/^support_router_info\{release="r1",model="[0-9a-f]{12}"\}$/),
    )
  })
})

describe('a service with a part that misbehaves', () => {
  test('a classification that fails is answered with 500 and counted', async () => {
    const service = await begin({ classify: () => () => Promise.reject(new Error('no luck')) })
    expect((await post(service.url, ticket)).status).toBe(500)
    expect((await metrics(service.url)).get('http_requests_total{method="POST",route="/classify",code="500"}')).toBe(1)
    await service.stop()
  })

  test('a service that is not ready says so to the probe and to callers, and lives', async () => {
    const service = await begin({ ready: () => () => false })
    expect((await fetch(`${service.url}/ready`)).status).toBe(503)
    expect((await post(service.url, ticket)).status).toBe(503)
    expect((await fetch(`${service.url}/health`)).status).toBe(200)
    await service.stop()
  })

  test('stopping lets a request in flight end and takes no new one', async () => {
    let release: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const service = await begin({ classify: (inner) => async (text) => held.then(() => inner(text)) })
    const pending = post(service.url, ticket)
    while ((await metrics(service.url)).get('http_requests_in_flight') !== 2);
    const stopped = service.stop()
    await expect(fetch(`${service.url}/health`)).rejects.toThrow()
    release()
    const response = await pending
    expect(response.status).toBe(200)
    expect(await stopped).toEqual({ cut: 0 })
  })

  test('a request that a client gave up is counted as 499, with the time it took', async () => {
    const service = await begin({ classify: () => () => new Promise(() => {}) })
    await expect(
      fetch(`${service.url}/classify`, { method: 'POST', body: ticket, signal: AbortSignal.timeout(200) }),
    ).rejects.toThrow()
    const name = 'http_requests_total{method="POST",route="/classify",code="499"}'
    await expect.poll(async () => (await metrics(service.url)).get(name)).toBe(1)
    await service.stop()
  })
})

const metrics = async (url: string): Promise<ReadonlyMap<string, number>> => {
  const text = await (await fetch(`${url}/metrics`)).text()
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}
