import { parseDuration } from '@sluice/kit/fields'
import * as z from 'zod/mini'
import { line, positiveSpan, span, whole } from './text.ts'

const port = z.union([line, whole(1, 65535)])
const unread = z.optional(z.unknown())
const provider = z.enum(['pods', 'probe', 'prometheus', 'kubernetes', 'datadog', 'cloudwatch'])

/** A share of the users' requests, or a copy of some of them whose answers nobody sees. */
const step = z.strictObject({ weight: z.optional(whole(1, 99)), mirror: z.optional(whole(1, 100)), hold: span }).check(
  z.refine(({ weight, mirror }) => (weight === undefined) !== (mirror === undefined), {
    error: 'must have either weight, such as { weight: 5, hold: 10m }, or mirror',
  }),
)

const headerName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, { error: 'must be the name of an HTTP header or cookie' }))
/** Whose requests always reach the canary. */
const tester = z
  .strictObject({
    header: z.optional(headerName),
    cookie: z.optional(headerName),
    value: z.string().check(z.minLength(1, { error: 'is empty' })),
  })
  .check(
    z.refine(({ header, cookie }) => (header === undefined) !== (cookie === undefined), {
      error: 'must have either header or cookie',
    }),
  )

/** What stands guard in the cluster. */
const guard = z.strictObject({
  image: z
    .string()
    .check(z.regex(/^[^@\s]+@sha256:[0-9a-f]{64}$/, { error: 'must name the image by digest, as in name@sha256:…' })),
  every: z.optional(span),
  after: z.optional(span),
  'service-account': z.optional(
    z
      .string()
      .check(z.regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, { error: 'must be the name of a ServiceAccount' })),
  ),
})

/**
 * canary-promote's plan as sluice.yml holds it. Here only what a typing error breaks is found: names of keys, steps, times and words. What a metric
 * must be is canary-promote's to say. Values stay as they are written, since they are handed on.
 */
export const canaryPlan = z.strictObject({
  steps: z.optional(
    z
      .array(step)
      .check(z.minLength(1, { error: 'is empty; a canary needs at least one step, such as { weight: 5, hold: 10m }' })),
  ),
  interval: z.optional(positiveSpan),
  metrics: z.optional(
    z
      .array(z.looseObject({ name: line, kind: z.enum(['ratio', 'latency', 'gauge']), provider: z.optional(provider) }))
      .check(z.minLength(1, { error: 'is empty; a release that nothing is measured of can never be promoted' })),
  ),
  baseline: z.optional(z.enum(['stable', 'fresh'])),
  'false-rollback-rate': z.optional(
    z.number().check(z.refine((rate) => rate > 0 && rate < 1, { error: 'must be a number between 0 and 1' })),
  ),
  'on-inconclusive': z.optional(z.enum(['hold', 'promote', 'rollback'])),
  'max-hold': z.optional(span),
  drain: z.optional(span),
  lease: z.optional(positiveSpan),
  'ready-within': z.optional(positiveSpan),
  'min-canary': z.optional(whole(1, 1000)),
  headroom: z.optional(whole(0, 90)),
  'min-requests': z.optional(whole(1, 1_000_000_000)),
  'warm-up': z.optional(span),
  settle: z.optional(span),
  provider: z.optional(provider),
  scrape: z.optional(z.strictObject({ port: z.optional(port), path: unread })),
  probe: z.optional(
    z.strictObject({
      method: unread,
      path: line,
      port: z.optional(port),
      headers: unread,
      body: unread,
      requests: unread,
    }),
  ),
  prometheus: z.optional(
    z.strictObject({
      url: z.optional(line),
      service: z.optional(line),
      path: unread,
      preset: unread,
      scrape: z.optional(positiveSpan),
      timeout: z.optional(positiveSpan),
      placeholders: unread,
    }),
  ),
  datadog: z.optional(
    z.strictObject({
      site: line,
      url: z.optional(line),
      bucket: z.optional(positiveSpan),
      delay: z.optional(span),
      timeout: z.optional(positiveSpan),
    }),
  ),
  cloudwatch: z.optional(
    z.strictObject({
      region: line,
      endpoint: z.optional(line),
      bucket: z.optional(positiveSpan),
      delay: z.optional(span),
      timeout: z.optional(positiveSpan),
    }),
  ),
  tester: z.optional(tester),
  guard: z.optional(guard),
  allow: z.optional(z.array(line)),
})
/** canary-promote's plan, as it is written; what was left out is absent. */
export type CanaryPlan = z.output<typeof canaryPlan>

/** The times of canary-promote's own default plan, in ms: what decides how long a canary takes. A test holds them equal to its action.yml. */
export const DEFAULT_TIMES: CanaryTimes = {
  holds: [600_000, 600_000, 300_000],
  readyWithin: 600_000,
  maxHold: 1_800_000,
  drain: 30_000,
}

/** What decides how long a canary takes, ms. `holds`: one for each step. */
export type CanaryTimes = {
  readonly holds: readonly number[]
  readonly readyWithin: number
  readonly maxHold: number
  readonly drain: number
}

/** The times of a plan, with the defaults of what it leaves out. A step that only copies requests is held like any other. */
export const timesOf = (plan: CanaryPlan): CanaryTimes => ({
  holds: plan.steps?.map(({ hold }) => parseDuration(hold) ?? 0) ?? DEFAULT_TIMES.holds,
  readyWithin: read(plan['ready-within']) ?? DEFAULT_TIMES.readyWithin,
  maxHold: read(plan['max-hold']) ?? DEFAULT_TIMES.maxHold,
  drain: read(plan.drain) ?? DEFAULT_TIMES.drain,
})

/** The steps of a plan for people, `a copy of 20 %` or `5 %`; with the default's where it has none. */
export const stepsInWords = (plan: CanaryPlan): readonly string[] =>
  (plan.steps ?? DEFAULT_WEIGHTS.map((weight) => ({ weight, mirror: undefined }))).map(({ weight, mirror }) =>
    mirror === undefined ? `${weight} %` : `a copy of ${mirror} %`,
  )

/** The weights of canary-promote's own default plan; held equal as `DEFAULT_TIMES` is. */
const DEFAULT_WEIGHTS: readonly number[] = [5, 25, 50]

/** How long a canary takes that nothing holds, ms: its holds and its drain. */
export const plannedRun = ({ holds, drain }: CanaryTimes): number => sum(holds) + drain

/** The parts of the longest a canary may take, ms, each with what it is for. They add up to the deadline that the release sets itself. */
export const longestParts = ({ holds, readyWithin, maxHold, drain }: CanaryTimes): readonly Part[] => [
  { what: `holds of ${holds.length} step${holds.length === 1 ? '' : 's'}`, ms: sum(holds) },
  { what: `max-hold for each step (${holds.length} × ${shown(maxHold)})`, ms: holds.length * maxHold },
  {
    what: `ready-within for pods and route of each step (${2 * holds.length} × ${shown(readyWithin)})`,
    ms: 2 * holds.length * readyWithin,
  },
  { what: `promotion or way back (4 × ready-within)`, ms: 4 * readyWithin },
  { what: 'drain', ms: drain },
]

/** One part of a time, ms. */
export type Part = { readonly what: string; readonly ms: number }

/** The whole of some parts, ms. */
export const total = (parts: readonly Part[]): number => sum(parts.map(({ ms }) => ms))

/** A time for people: `90 s`, `10 min`, `3 h 35 min`; never less than it is. */
export const shown = (ms: number): string => {
  if (ms < 120_000 && ms % 60_000 !== 0) return `${Math.ceil(ms / 1000)} s`
  const minutes = Math.ceil(ms / 60_000)
  if (minutes < 120) return `${minutes} min`
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const read = (text: string | undefined): number | undefined => (text === undefined ? undefined : parseDuration(text))
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
