import { orCancelled } from '@sluice/kit/cancelled'
import { describe, Fault } from '@sluice/kit/faults'
import type { Answer, Request } from './answer.ts'
import { show } from './assertion.ts'
import type { Check, Json } from './check.ts'
import { judgeImage, type Pod } from './image.ts'
import { type Judged, judge } from './judge.ts'
import type { Match } from './pattern.ts'
import { fill, fillValue, namesIn } from './placeholder.ts'
import { reportSeries, type Series, type Try } from './series.ts'
import type { End, Rounds } from './verdict.ts'

/** What is to be proven, and how patiently. Times are ms. */
export type Plan = {
  readonly checks: readonly Check[]
  /** Sent with every request; a check's own headers win. */
  readonly headers: Readonly<Record<string, string>>
  /** The digest that must run behind the service. */
  readonly digest?: string
  /** Failing rounds after the first one. */
  readonly retries: number
  readonly intervalMs: number
  /** Over all rounds together. */
  readonly deadlineMs: number
  /** Of one request. */
  readonly timeoutMs: number
  /** Passing rounds in a row that make a pass. */
  readonly consecutive: number
}

/** The few things that a smoke test needs of the world. */
export type Ports = {
  ask(request: Request): Promise<Answer>
  /** Told of each value that a check captured, before it is used. */
  captured(name: string, value: Json): void
  readonly matches: Match
  /** The pods behind the service; only called when the plan has a digest. */
  pods(): Promise<readonly Pod[]>
  readonly clock: {
    monotonic(): number
    /** Ends early, without throwing, when the run is cancelled. */
    sleep(ms: number): Promise<void>
  }
  readonly cancelled: AbortSignal
  /** A line for the log. */
  say(line: string): void
}

const SILENCE_MS = 20_000

/**
 * Does all checks in order, again and again, until enough rounds in a row passed, the retries are used up, or the deadline ends.
 * One failing check does not stop its round, so that one look shows everything that is wrong.
 */
export const run = async (plan: Plan, ports: Ports): Promise<Rounds> => {
  const { clock } = ports
  const begun = clock.monotonic()
  const left = (): number => plan.deadlineMs - (clock.monotonic() - begun)
  const tries: readonly Try[][] = [...plan.checks, ...(plan.digest === undefined ? [] : [plan.digest])].map(() => [])
  let rounds = 0
  let failures = 0
  let streak = 0
  const told = teller(ports)

  const ended = (end: End): Rounds => ({
    end,
    series: seriesOf(plan, tries).map(reportSeries),
    rounds,
    streak,
    consecutive: plan.consecutive,
    tookMs: clock.monotonic() - begun,
  })
  if (tries.length === 0) return ended('passed')

  while (true) {
    rounds++
    const round = await once(plan, ports, { number: rounds, left, tries })
    for (const [index, result] of round.tries.entries()) if (result !== undefined) tries[index]?.push(result)
    if (ports.cancelled.aborted) return ended('cancelled')
    const whole = round.tries.every((each) => each?.result.kind === 'passed')
    streak = whole ? streak + 1 : 0
    told(line(rounds, seriesOf(plan, tries), streak, plan.consecutive), clock.monotonic())
    if (streak >= plan.consecutive) return ended('passed')
    if (left() <= 0) return ended('deadline')
    if (!whole && ++failures > plan.retries) return ended('retries')
    const wait = Math.max(plan.intervalMs, round.retryAfterMs)
    if (round.retryAfterMs >= left()) return ended('told-to-wait')
    await pause(Math.min(wait, left()), ports, told)
    if (ports.cancelled.aborted) return ended('cancelled')
    if (left() <= 0) return ended('deadline')
  }
}

type Round = { readonly tries: readonly (Try | undefined)[]; readonly retryAfterMs: number }

type Now = { readonly number: number; left(): number; readonly tries: readonly (readonly Try[])[] }

const once = async (plan: Plan, ports: Ports, { number, left, tries: earlier }: Now): Promise<Round> => {
  const captured = new Map<string, Json>()
  const tries: (Try | undefined)[] = []
  let patience = 0
  for (const [index, check] of plan.checks.entries()) {
    if (left() <= 0 || ports.cancelled.aborted) {
      tries.push(undefined)
      continue
    }
    const missing = [...needs(check)].filter((name) => !captured.has(name))
    if (missing.length > 0) {
      const problems = [`not tried: ${missing.join(', ')} was not captured`]
      tries.push({ round: number, result: { kind: 'not-tried', problems } })
      continue
    }
    const request = requestOf(plan, check, captured, left())
    if (request.path !== '' && !request.path.startsWith('/')) {
      const problems = [`its path is ${show(request.path)}, which does not start with /: it was not sent`]
      tries.push({ round: number, result: { kind: 'failed', cause: 'wrong-answer', problems } })
      continue
    }
    const answer = await orCancelled(ports.ask(request), ports.cancelled, GIVEN_UP)
    // A request that the deadline cut short shows nothing new of a service that has answered this check before.
    if (answer.kind !== 'answered' && request.timeoutMs < plan.timeoutMs && hasAnswered(earlier[index])) {
      tries.push(undefined)
      continue
    }
    const result = judge(check, answer, captured, ports.matches)
    if (result.kind === 'passed') {
      for (const [name, value] of result.captured) {
        ports.captured(name, value)
        captured.set(name, value)
      }
    } else if (answer.kind === 'answered') patience = Math.max(patience, answer.retryAfterMs ?? 0)
    tries.push({ round: number, result, ...(answer.kind === 'answered' ? { tookMs: answer.tookMs } : {}) })
  }
  if (plan.digest !== undefined) {
    const asked = left() > 0 && !ports.cancelled.aborted
    tries.push(asked ? { round: number, result: await imageNow(plan.digest, ports) } : undefined)
  }
  return { tries, retryAfterMs: patience }
}

/** The API server was there at the start; a short absence is one failed try, as with a request. */
const imageNow = async (digest: string, ports: Ports): Promise<Judged> => {
  try {
    return judgeImage(await orCancelled(ports.pods(), ports.cancelled, []), digest)
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.kind !== 'upstream' || /\(40[13]\)/.test(thrown.message)) throw thrown
    return { kind: 'failed', cause: 'unreachable', problems: [describe(thrown)] }
  }
}

const GIVEN_UP: Answer = { kind: 'no-answer', text: 'cancelled', tookMs: 0 }

const hasAnswered = (tries: readonly Try[] = []): boolean => tries.some(({ tookMs }) => tookMs !== undefined)

const needs = ({ path, headers, body, expect }: Check): ReadonlySet<string> =>
  namesIn([path, headers, body ?? null, expect.headers, expect.json, expect.contains])

const requestOf = (plan: Plan, check: Check, captured: ReadonlyMap<string, Json>, left: number): Request => {
  const body = check.body === undefined ? undefined : fillValue(check.body, captured)
  const isText = typeof body === 'string'
  const given = lowerCased({ ...lowerCased(plan.headers), ...lowerCased(fill(check.headers, captured)) })
  const json = body === undefined || isText ? {} : { 'content-type': 'application/json' }
  return {
    method: check.method,
    path: fill(check.path, captured),
    headers: { ...json, ...given },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    followRedirects: !check.expect.status.some(({ from, to }) => to >= 300 && from <= 399),
    timeoutMs: Math.max(1, Math.min(plan.timeoutMs, left)),
  }
}

const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const seriesOf = (plan: Plan, tries: readonly (readonly Try[])[]): readonly Series[] => {
  const names = plan.checks.map(({ name, where }) => (where === undefined ? { name } : { name, where }))
  const image = plan.digest === undefined ? [] : [{ name: `runs ${plan.digest.slice(0, 19)}…` }]
  return [...names, ...image].map((named, index) => ({ ...named, tries: tries[index] ?? [] }))
}

/** Says a line when it differs from the last one, or when it has been silent for long. */
const teller = (ports: Ports) => {
  let last = ''
  let saidAt = Number.NEGATIVE_INFINITY
  return (text: string, at: number): void => {
    const what = text.replace(/^round \d+: /, '')
    if (what === last && at - saidAt < SILENCE_MS) return
    last = what
    saidAt = at
    ports.say(text)
  }
}

const line = (round: number, series: readonly Series[], streak: number, consecutive: number): string => {
  const latest = series.map(({ name, tries }) => ({ name, result: tries.at(-1)?.result }))
  const bad = latest.filter(({ result }) => result?.kind !== 'passed')
  const run = streak > 0 && consecutive > 1 ? ` (${streak} of ${consecutive} in a row)` : ''
  const first = bad[0]
  const problem = first?.result === undefined || first.result.kind === 'passed' ? '' : first.result.problems[0]
  const why = first === undefined ? '' : `; ${first.name}: ${problem || 'not tried'}`
  return `round ${round}: ${latest.length - bad.length} of ${latest.length} checks pass${run}${why}`
}

/** Waits, and says so when it takes long. */
const pause = async (ms: number, ports: Ports, told: (text: string, at: number) => void): Promise<void> => {
  const until = ports.clock.monotonic() + ms
  while (!ports.cancelled.aborted) {
    const left = until - ports.clock.monotonic()
    if (left <= 0) return
    if (left > SILENCE_MS) told(`waiting ${Math.round(left / 1000)} s more`, ports.clock.monotonic())
    await ports.clock.sleep(Math.min(left, SILENCE_MS))
  }
}
