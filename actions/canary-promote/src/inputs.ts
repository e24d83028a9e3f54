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
  'prometheus-token': optionalText,
  'prometheus-username': optionalText,
  'prometheus-password': optionalText,
  'prometheus-headers': optionalText,
  'prometheus-ca': optionalText,
  'datadog-api-key': optionalText,
  'datadog-application-key': optionalText,
  'aws-access-key-id': optionalText,
  'aws-secret-access-key': optionalText,
  'aws-session-token': optionalText,
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
/** Of one request to a provider. */
const timeout = positive(time).check(
  z.refine((ms) => ms <= 30_000, { error: 'must be at most 30s, as looks that hear nothing are looks without data' }),
)
const headerName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, { error: 'must be the name of an HTTP header or cookie' }))
const name = z.string().check(
  z.regex(/^[a-z][a-z0-9-]{0,39}$/, { error: 'must be a word of a-z, 0-9 and -' }),
  // What is known of metrics is found by their names, and every object of JavaScript has a constructor.
  z.refine((word) => word !== 'constructor', { error: 'must not be constructor: take another word' }),
)

const provider = z.enum(['pods', 'probe', 'prometheus', 'kubernetes', 'datadog', 'cloudwatch'], {
  error: 'must be pods, probe, prometheus, kubernetes, datadog or cloudwatch',
})
const policy = z.enum(['wait', 'fail', 'ignore'], { error: 'must be wait, fail or ignore' })
/** What to do where a metric gives nothing: one word for all that may come of it, or one for each. */
const noData = z.union(
  [
    policy,
    z.strictObject({
      outage: z.optional(policy),
      empty: z.optional(policy),
      nan: z.optional(policy),
      'several-series': z.optional(policy),
    }),
  ],
  { error: 'must be wait, fail or ignore, or one of them for each of outage, empty, nan and several-series' },
)
const texts = z.record(z.string(), z.string())
const statistic = z.strictObject({
  namespace: z.string(),
  metric: z.string(),
  dimensions: z.optional(texts),
  stat: z.optional(z.string()),
  unit: z.optional(z.string()),
})
/** A query in the provider's own words; which of these a provider takes is told with the whole plan. */
const query = z.union(
  [
    z.string().check(z.minLength(1)),
    statistic,
    z.strictObject({ expression: z.string(), of: z.optional(z.record(z.string(), statistic)) }),
  ],
  { error: 'must be a query: a text, or for cloudwatch { namespace, metric, dimensions } or { expression, of }' },
)
const counts = z.union([query, z.array(query).check(z.minLength(1))], {
  error: 'must be a query, or for datadog and cloudwatch a list of them',
})
const preset = z.enum(['istio', 'nginx', 'nginx-exported', 'traefik', 'envoy-gateway', 'linkerd', 'http'], {
  error: 'must be istio, nginx, nginx-exported, traefik, envoy-gateway, linkerd or http',
})
const every = { name, provider: z.optional(provider), 'no-data': z.optional(noData), only: z.optional(texts) }

const metric = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      ...every,
      kind: z.literal('ratio'),
      margin: z.optional(share),
      max: z.optional(share),
      counter: z.optional(z.string()),
      bad: z.optional(z.union([texts, counts])),
      total: z.optional(counts),
      preset: z.optional(preset),
    }),
    z.strictObject({
      ...every,
      kind: z.literal('latency'),
      threshold: positive(time),
      margin: z.optional(share),
      max: z.optional(share),
      histogram: z.optional(z.string()),
      bad: z.optional(counts),
      total: z.optional(counts),
      preset: z.optional(preset),
    }),
    z.strictObject({
      ...every,
      kind: z.literal('gauge'),
      series: z.optional(z.string()),
      query: z.optional(query),
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

/** What a refusal says would accept it: an object by kind and name, a level of Pod Security, or the rehearsed pod. */
const allowed = z
  .string()
  .check(
    z.regex(
      /^((networkpolicy|authorizationpolicy|requestauthentication|server|ciliumnetworkpolicy|ciliumclusterwidenetworkpolicy)\/[^/]+(\/[^/]+)?|(service|poddisruptionbudget|application|kustomization|helmrelease)\/[^/]+|podsecurity\/(baseline|restricted)|dry-run\/pod)$/,
      { error: 'must be like networkpolicy/NAME, in the words of the refusal that it accepts' },
    ),
  )

/** The plan document. Every key may be left out of `plan`; `plan-defaults` has them all. */
export const planDocument = z.strictObject({
  steps: z.optional(z.array(step)),
  tester: z.optional(tester),
  interval: z.optional(positive(time)),
  metrics: z.optional(z.array(metric)),
  baseline: z.optional(z.enum(['stable', 'fresh'], { error: 'must be stable or fresh' })),
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
  provider: z.optional(provider),
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
  prometheus: z.optional(
    z.strictObject({
      url: z.optional(z.string()),
      service: z.optional(
        z.string().check(
          z.regex(/^[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9-]*:[a-z0-9-]+$/, {
            error: 'must be NAMESPACE/SERVICE:PORT, such as monitoring/prometheus:9090',
          }),
        ),
      ),
      path: z.optional(z.string().check(z.startsWith('/', { error: 'must start with /' }))),
      preset: z.optional(preset),
      scrape: z.optional(positive(time)),
      timeout: z.optional(timeout),
      placeholders: z.optional(z.strictObject({ baseline: z.optional(texts), canary: z.optional(texts) })),
    }),
  ),
  datadog: z.optional(
    z.strictObject({
      site: z.string(),
      url: z.optional(z.string()),
      bucket: z.optional(positive(time)),
      delay: z.optional(time),
      timeout: z.optional(timeout),
    }),
  ),
  cloudwatch: z.optional(
    z.strictObject({
      region: z.string(),
      endpoint: z.optional(z.string()),
      bucket: z.optional(positive(time)),
      delay: z.optional(time),
      timeout: z.optional(timeout),
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
const OPTIONAL = ['probe', 'tester', 'guard', 'prometheus', 'datadog', 'cloudwatch'] as const

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
