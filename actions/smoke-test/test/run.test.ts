import { Fault } from '@sluice/kit/faults'
import { describe, expect, it } from 'vitest'
import type { Answer, Request } from '../src/answer.ts'
import { plainCheck } from '../src/check.ts'
import { parseChecks } from '../src/ports/checks-file.ts'
import { type Plan, type Ports, run } from '../src/run.ts'

const PLAN: Plan = {
  checks: [plainCheck('/health')],
  headers: {},
  retries: 30,
  intervalMs: 10_000,
  deadlineMs: 300_000,
  timeoutMs: 10_000,
  consecutive: 1,
}

const answered = (
  status: number,
  rest: { headers?: Record<string, string>; body?: string; retryAfterMs?: number } = {},
): Answer => ({
  kind: 'answered',
  status,
  headers: rest.headers ?? {},
  body: rest.body ?? '',
  tookMs: 5,
  ...(rest.retryAfterMs === undefined ? {} : { retryAfterMs: rest.retryAfterMs }),
})

/** Ports with a clock that only sleeping and asking move; `answers` are given one after the other, the last for ever. */
const world = (answers: readonly (Answer | ((request: Request) => Answer))[], tookMs = 5) => {
  let time = 0
  const asked: Request[] = []
  const slept: number[] = []
  const said: string[] = []
  const controller = new AbortController()
  const ports: Ports = {
    ask: async (request) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)]
      asked.push(request)
      time += Math.min(tookMs, request.timeoutMs)
      if (answer === undefined) throw new Error('no answer prepared')
      return typeof answer === 'function' ? answer(request) : answer
    },
    captured: () => {},
    matches: (source, text) => new RegExp(source, 'u').test(text),
    pods: async () => [],
    clock: {
      monotonic: () => time,
      sleep: async (ms) => {
        slept.push(ms)
        time += ms
      },
    },
    cancelled: controller.signal,
    say: (line) => said.push(line),
  }
  return { ports, asked, slept, said, controller, time: () => time }
}

describe('a run of checks', () => {
  it('ends at the first passing round', async () => {
    const { ports, asked } = world([answered(200)])
    expect(await run(PLAN, ports)).toMatchObject({ end: 'passed', rounds: 1 })
    expect(asked).toHaveLength(1)
  })

  it('tries again after the interval until the service answers', async () => {
    const { ports, slept } = world([answered(503), answered(503), answered(200)])
    expect(await run(PLAN, ports)).toMatchObject({ end: 'passed', rounds: 3, series: [{ tries: 3, passed: 1 }] })
    expect(slept).toEqual([10_000, 10_000])
  })

  it('gives up after the retries', async () => {
    const { ports, asked } = world([answered(500)])
    expect(await run({ ...PLAN, retries: 2 }, ports)).toMatchObject({ end: 'retries', rounds: 3 })
    expect(asked).toHaveLength(3)
  })

  it('has one deadline over all rounds, and cuts a hanging request to what is left of it', async () => {
    const { ports, asked, time } = world([{ kind: 'no-answer', text: 'hangs', tookMs: 1 }], 60_000)
    expect(await run({ ...PLAN, deadlineMs: 25_000 }, ports)).toMatchObject({ end: 'deadline' })
    expect(asked.map(({ timeoutMs }) => timeoutMs)).toEqual([10_000, 5_000])
    expect(time()).toBe(25_000)
  })

  it('wants the passes in a row', async () => {
    const { ports } = world([answered(200), answered(500), answered(200), answered(200), answered(200)])
    expect(await run({ ...PLAN, consecutive: 3 }, ports)).toMatchObject({ end: 'passed', rounds: 5, streak: 3 })
  })

  it('waits as long as Retry-After asks', async () => {
    const { ports, slept } = world([answered(503, { retryAfterMs: 20_000 }), answered(200)])
    await run(PLAN, ports)
    expect(slept).toEqual([20_000])
  })

  it('does not wait for a Retry-After beyond the deadline', async () => {
    const { ports, slept } = world([answered(429, { retryAfterMs: 3_600_000 })])
    expect(await run(PLAN, ports)).toMatchObject({ end: 'told-to-wait', rounds: 1 })
    expect(slept).toEqual([])
  })

  it('does not let Retry-After of a good answer slow it down', async () => {
    const { ports, slept } = world([answered(200, { retryAfterMs: 3_600_000 })])
    expect(await run({ ...PLAN, consecutive: 2 }, ports)).toMatchObject({ end: 'passed' })
    expect(slept).toEqual([10_000])
  })

  it('uses what one check captured in the next, and tries no check whose value is missing', async () => {
    const read = parseChecks(
      '- path: /login\n  capture: { id: $.id, csrf: "header:X-Csrf" }\n- path: "/users/{{id}}"\n  headers: { X-Csrf: "{{csrf}}" }\n  body: { id: "{{id}}" }\n',
      'f',
    )
    if ('problems' in read) throw new Error(read.problems.join())
    const good = world([answered(200, { body: '{"id": 7}', headers: { 'x-csrf': 'abc' } }), answered(200)])
    expect(await run({ ...PLAN, checks: read.checks }, good.ports)).toMatchObject({ end: 'passed' })
    expect(good.asked[1]).toMatchObject({
      method: 'POST',
      path: '/users/7',
      headers: { 'x-csrf': 'abc' },
      body: '{"id":7}',
    })

    const bad = world([answered(500)])
    const rounds = await run({ ...PLAN, checks: read.checks, retries: 0 }, bad.ports)
    expect(rounds.series[1]).toMatchObject({ result: 'not-tried', problems: ['not tried: id, csrf was not captured'] })
    expect(bad.asked).toHaveLength(1)
  })

  it('compares a captured number as a number', async () => {
    const text = (op: string) =>
      `- { path: /a, capture: { n: $.n } }\n- { path: /b, expect: { json: [{ path: $.n, op: ${op}, value: "{{n}}" }] } }\n`
    const ends = async (op: string) => {
      const read = parseChecks(text(op), 'f')
      if ('problems' in read) throw new Error(read.problems.join())
      return (
        await run({ ...PLAN, checks: read.checks, retries: 0 }, world([answered(200, { body: '{"n": 3}' })]).ports)
      ).end
    }
    expect([await ends('eq'), await ends('ne')]).toEqual(['passed', 'retries'])
  })

  it.each(['@evil.example.com/', 'https://evil.example.com/', '.evil.example.com/'])(
    'sends nothing to another host because a captured path says so (%s)',
    async (next) => {
      const read = parseChecks('- { path: /a, capture: { next: $.next } }\n- { path: "{{next}}" }\n', 'f')
      if ('problems' in read) throw new Error(read.problems.join())
      const { ports, asked } = world([answered(200, { body: JSON.stringify({ next }) })])
      const rounds = await run({ ...PLAN, checks: read.checks, retries: 0 }, ports)
      expect(asked.map(({ path }) => path)).toEqual(['/a'])
      expect(rounds.series[1]).toMatchObject({
        result: 'wrong-answer',
        problems: [expect.stringContaining('start with /')],
      })
    },
  )

  it('does not blame a service whose last request the deadline cut short', async () => {
    const slow = (request: Request): Answer =>
      request.timeoutMs < 4000 ? { kind: 'no-answer', text: 'cut', tookMs: 1 } : answered(200)
    const { ports } = world([slow], 4000)
    const rounds = await run({ ...PLAN, consecutive: 100, intervalMs: 1, deadlineMs: 10_000 }, ports)
    expect(rounds).toMatchObject({ end: 'deadline', series: [{ result: 'passed', tries: 2 }] })
  })

  it('gives up what hangs when it is cancelled', async () => {
    const { ports, controller } = world([])
    const hangs = () => new Promise<never>(() => setTimeout(() => controller.abort(), 10))
    expect(await run(PLAN, { ...ports, ask: hangs })).toMatchObject({ end: 'cancelled' })
    const again = world([])
    const pods = () => new Promise<never>(() => setTimeout(() => again.controller.abort(), 10))
    const digest = `sha256:${'a'.repeat(64)}`
    expect(await run({ ...PLAN, checks: [], digest }, { ...again.ports, pods })).toMatchObject({ end: 'cancelled' })
  })

  it('takes a short absence of the API server for one failed try', async () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const { ports } = world([])
    let look = 0
    const pods = async () => {
      if (look++ === 0) throw new Fault('upstream', 'The API server cannot be reached (reset)')
      return [{ name: 'a', ready: true, terminating: false, digests: [digest] }]
    }
    expect(await run({ ...PLAN, checks: [], digest }, { ...ports, pods })).toMatchObject({ end: 'passed', rounds: 2 })
    const refused = async () => {
      throw new Fault('upstream', 'Not allowed to list pods (403)')
    }
    await expect(run({ ...PLAN, checks: [], digest }, { ...ports, pods: refused })).rejects.toThrow('(403)')
  })

  it('lets a check say its own headers over those of all', async () => {
    const { ports, asked } = world([answered(200)])
    const check = { ...plainCheck('/'), headers: { Accept: 'text/html' } }
    await run({ ...PLAN, checks: [check], headers: { accept: 'application/json', 'X-Tenant': 't' } }, ports)
    expect(asked[0]?.headers).toEqual({ accept: 'text/html', 'x-tenant': 't' })
  })

  it('stops at once when cancelled', async () => {
    const { ports, controller } = world([answered(503)])
    const ask = async () => {
      controller.abort()
      return answered(503)
    }
    const rounds = await run(PLAN, { ...ports, ask })
    expect(rounds).toMatchObject({ end: 'cancelled', rounds: 1 })
  })

  it('says a line when something changes, and is never silent for more than 30 s', async () => {
    const { ports, said } = world([answered(503), answered(503), answered(503), answered(503), answered(200)])
    await run(PLAN, ports)
    expect(said[0]).toContain('round 1: 0 of 1 checks pass; GET /health: status is 503')
    expect(said.at(-1)).toBe('round 5: 1 of 1 checks pass')
    expect(said).toHaveLength(3)
  })

  it('passes the image only when every ready pod runs the digest', async () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const pod = (name: string, ready: boolean, ...digests: string[]) => ({ name, ready, terminating: false, digests })
    const { ports } = world([answered(200)])
    const looks = [
      [pod('a', true, digest), pod('b', true, `sha256:${'b'.repeat(64)}`)],
      [],
      [pod('a', true, digest), pod('b', false)],
    ]
    let look = 0
    const rounds = await run({ ...PLAN, checks: [], digest }, { ...ports, pods: async () => looks[look++] ?? [] })
    expect(rounds).toMatchObject({ end: 'passed', rounds: 3 })
  })
})
