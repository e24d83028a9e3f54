import { parseYaml } from '@sluice/kit/documents'
import { Fault } from '@sluice/kit/faults'
import { choice, duration, field, optionalImage, optionalText, problem, text } from '@sluice/kit/fields'
import * as z from 'zod/mini'

/** The inputs by their names in action.yml; defaults live there only. */
export const inputs = z.object({
  mode: choice(['run', 'abort', 'resume', 'reap', 'guard', 'status']),
  image: optionalImage,
  namespace: optionalText,
  deployment: text,
  container: optionalText,
  service: optionalText,
  router: choice(['gateway-api', 'istio', 'nginx', 'traefik', 'alb', 'argo-rollouts', 'replicas']),
  route: optionalText,
  rule: field<number | undefined>((value) => {
    if (value.trim() === '') return undefined
    return /^\d+$/.test(value.trim())
      ? Number(value)
      : problem(`must be the index of a rule, 0 or more, not "${value}"`)
  }),
  plan: optionalText,
  'plan-defaults': text,
  kubeconfig: optionalText,
  context: optionalText,
})
/** The inputs as they are read; `undefined` for what was left out. */
export type Inputs = z.output<typeof inputs>
/** The inputs that make the plan, to be read by themselves, so that its problems are told together with those of the others. */
export const planInputs = z.pick(inputs, { plan: true, 'plan-defaults': true })

/** A share of requests: `5%`, or a number from 0 to 1. Gives 0 … 1. */
const share = z.pipe(
  z.union([z.string(), z.number()]),
  z.transform((value: string | number, context): number => {
    const percent = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim())?.[1] : undefined
    const number = percent === undefined ? (typeof value === 'number' ? value : Number.NaN) : Number(percent) / 100
    if (number >= 0 && number <= 1) return number
    context.issues.push({
      code: 'custom',
      message: `must be a share such as 5%, from 0% to 100%, not ${JSON.stringify(value)}`,
      input: value,
    })
    return z.NEVER
  }),
)
const whole = (least: number, most: number) =>
  z.number({ error: `must be a whole number from ${least} to ${most}` }).check(
    z.refine((value) => Number.isInteger(value) && value >= least && value <= most, {
      error: `must be a whole number from ${least} to ${most}`,
    }),
  )
/** A duration of the plan, ms. A timer of Node.js ends at once when it is given 597 hours or more. */
const time = z
  .pipe(
    z.pipe(
      z.union([z.string(), z.number()], { error: 'must be a duration such as 500ms, 10s, 5m or 1h' }),
      z.transform((value: string | number) => String(value)),
    ),
    duration,
  )
  .check(z.refine((ms) => ms <= 500 * 3_600_000, { error: 'must be at most 500h' }))
const positive = (given: typeof time) => given.check(z.refine((ms) => ms > 0, { error: 'must be longer than 0' }))
const headerName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, { error: 'must be the name of an HTTP header or cookie' }))
const name = z.string().check(z.regex(/^[a-z][a-z0-9-]{0,39}$/, { error: 'must be a word of a-z, 0-9 and -' }))

const metric = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      name,
      kind: z.literal('ratio'),
      margin: z.optional(share),
      max: z.optional(share),
      counter: z.optional(z.string()),
      bad: z.optional(z.record(z.string(), z.string())),
      only: z.optional(z.record(z.string(), z.string())),
    }),
    z.strictObject({
      name,
      kind: z.literal('latency'),
      threshold: positive(time),
      margin: z.optional(share),
      max: z.optional(share),
      histogram: z.optional(z.string()),
      only: z.optional(z.record(z.string(), z.string())),
    }),
    z.strictObject({
      name,
      kind: z.literal('gauge'),
      series: z.string(),
      only: z.optional(z.record(z.string(), z.string())),
      max: z.optional(z.number()),
      min: z.optional(z.number()),
      failures: z.optional(whole(3, 1000)),
    }),
  ],
  { error: 'must be ratio, latency or gauge' },
)

/** A share of the users' requests, or a copy of some of them whose answers nobody sees. */
const step = z.union(
  [z.strictObject({ weight: whole(1, 99), hold: time }), z.strictObject({ mirror: whole(1, 100), hold: time })],
  { error: 'must be { weight: 1 … 99, hold: 10m } or { mirror: 1 … 100, hold: 10m }' },
)

/** Whose requests always reach the canary while one is in the route. */
const tester = z.union(
  [
    z.strictObject({ header: headerName, value: z.string().check(z.minLength(1)) }),
    z.strictObject({ cookie: headerName, value: z.string().check(z.minLength(1)) }),
  ],
  { error: 'must be { header: NAME, value: TEXT } or { cookie: NAME, value: TEXT }' },
)

/** What a refusal says would accept it: an object by kind and name, or a level of Pod Security. */
const allowed = z
  .string()
  .check(
    z.regex(
      /^((networkpolicy|authorizationpolicy|ciliumnetworkpolicy|ciliumclusterwidenetworkpolicy)\/[^/]+(\/[^/]+)?|(poddisruptionbudget|application|kustomization|helmrelease)\/[^/]+|podsecurity\/(baseline|restricted))$/,
      { error: 'must be like networkpolicy/NAME, in the words of the refusal that it accepts' },
    ),
  )

/** The plan document. Every key may be left out of `plan`; `plan-defaults` has them all. */
export const planDocument = z.strictObject({
  steps: z.optional(z.array(step)),
  tester: z.optional(tester),
  interval: z.optional(positive(time)),
  metrics: z.optional(z.array(metric)),
  'false-rollback-rate': z.optional(
    z.number().check(z.refine((rate) => rate > 0 && rate < 1, { error: 'must be a number between 0 and 1' })),
  ),
  'on-inconclusive': z.optional(z.enum(['hold', 'promote', 'rollback'])),
  'max-hold': z.optional(time),
  drain: z.optional(time),
  lease: z.optional(positive(time)),
  'ready-within': z.optional(positive(time)),
  'min-canary': z.optional(whole(1, 1000)),
  headroom: z.optional(whole(0, 90)),
  'min-requests': z.optional(whole(1, 1_000_000_000)),
  'warm-up': z.optional(time),
  settle: z.optional(time),
  provider: z.optional(z.enum(['pods', 'probe'])),
  scrape: z.optional(
    z.strictObject({
      port: z.optional(z.union([z.string(), whole(1, 65535)])),
      path: z.optional(z.string().check(z.startsWith('/', { error: 'must start with /' }))),
    }),
  ),
  probe: z.optional(
    z.strictObject({
      method: z.optional(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])),
      path: z.string().check(z.startsWith('/', { error: 'must start with /' })),
      port: z.optional(z.union([z.string(), whole(1, 65535)])),
      headers: z.optional(z.record(z.string(), z.string())),
      body: z.optional(z.string()),
      requests: z.optional(whole(1, 100)),
    }),
  ),
  guard: z.optional(
    z.strictObject({
      image: z
        .string()
        .check(
          z.regex(/^[^@\s]+@sha256:[0-9a-f]{64}$/, { error: 'must name the image by digest, as in name@sha256:…' }),
        ),
      every: z.optional(time),
      after: z.optional(time),
      'service-account': z.optional(z.string().check(z.regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/))),
    }),
  ),
  allow: z.optional(z.array(allowed)),
})
/** The plan's own keys as they were given, durations in ms; what was left out is absent. */
export type PlanDocument = z.output<typeof planDocument>
/** A plan with a value for every key that has a default. */
export type WholePlan = {
  readonly [Key in Exclude<keyof PlanDocument, Optional>]-?: NonNullable<PlanDocument[Key]>
} & { readonly [Key in Optional]?: PlanDocument[Key] }
/** Keys without a default: what they are for is not done unless it is asked. */
type Optional = (typeof OPTIONAL)[number]
const OPTIONAL = ['probe', 'tester', 'guard'] as const

/**
 * The plan with the defaults filled in.
 * @param plan the user's, with the name to show in messages; absent: only the defaults
 * @throws Fault('input') with every problem of both documents, each with its line and column
 */
export const readPlan = (
  plan: { readonly source: string; readonly file: string } | undefined,
  defaults: string,
): WholePlan => {
  const base = parseYaml(defaults, { file: 'plan-defaults', schema: planDocument })
  const own = plan === undefined ? {} : parseYaml(plan.source, { file: plan.file, schema: planDocument })
  const both = { ...base, ...own }
  const missing = Object.keys(planDocument.shape).filter(
    (key) => !(key in both) && !OPTIONAL.some((each) => each === key),
  )
  if (missing.length > 0) {
    throw new Fault(
      'input',
      `plan-defaults lacks ${missing.join(', ')}`,
      "Leave the input away to get the action's own defaults, or give every key.",
    )
  }
  return both as WholePlan
}

/** Whether the input `plan` is the document itself, not a path to one: a path is one line without a colon and a blank. */
export const isInline = (plan: string): boolean => plan.includes('\n') || /^\s*[{[]/.test(plan) || /:\s/.test(plan)
