import * as z from 'zod/mini'

/** The jobs of a delivery, in their order. */
export const JOBS = ['plan', 'checks', 'package', 'scan', 'stage', 'canary'] as const
/** The name of one of them. */
export type JobName = (typeof JOBS)[number]

const job = z.object({
  result: z.enum(['success', 'failure', 'cancelled', 'skipped']),
  // GitHub leaves out what a job did not set, and what it dropped.
  outputs: z.optional(z.record(z.string(), z.string())),
})
const needs = z.object({ plan: job, checks: job, package: job, scan: job, stage: job, canary: job })

const place = z.nullable(z.looseObject({ environment: z.string() }))
const planned = z.looseObject({
  service: z.string(),
  repository: z.string(),
  /** Why a run of this event deploys nothing, and so brings no digest; left out by an older plan. */
  'deploys-why': z.optional(z.nullable(z.string())),
  staging: place,
  production: z.nullable(
    z.looseObject({
      environment: z.string(),
      wanted: z.boolean(),
      'wanted-why': z.string(),
      approval: z.string(),
      'approval-environment': z.string(),
    }),
  ),
})

/** How one job ended, and what it said; an output that is not there is the empty text. */
export type Job = { readonly result: z.output<typeof job>['result']; said(output: string): string }
/** GitHub's `needs`, of the jobs of a delivery. */
export type Needs = Readonly<Record<JobName, Job>>
/** What this action reads of a plan. */
export type Planned = z.output<typeof planned>

/** A value, or a sentence on what is wrong with the text. */
type Read<T> = { readonly value: T } | { readonly problem: string }

/** Reads `toJSON(needs)`. Source: https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#needs-context */
export const readNeeds = (text: string): Read<Needs> => {
  const read = parse(
    text,
    needs,
    "the JSON of GitHub's needs, as its function toJSON gives it, of the jobs plan, checks, package, scan, stage and canary",
  )
  if ('problem' in read) return read
  const entries = JOBS.map((name): [JobName, Job] => {
    const { result, outputs = {} } = read.value[name]
    const known = new Map(Object.entries(outputs))
    return [name, { result, said: (output) => known.get(output) ?? '' }]
  })
  return { value: Object.fromEntries(entries) as unknown as Needs }
}

/** Reads the plan of delivery-plan. */
export const readPlan = (text: string): Read<Planned> => parse(text, planned, "delivery-plan's output plan")

const parse = <T>(text: string, schema: z.ZodMiniType<T>, what: string): Read<T> => {
  if (text.trim() === '') return { problem: `is empty: it must be ${what}` }
  const value = json(text)
  if (value === undefined) return { problem: `is not JSON: it must be ${what}` }
  const result = z.safeParse(schema, value)
  if (result.success) return { value: result.data }
  const where = result.error.issues.map(({ path }) => path.map(String).join('.') || 'the whole')
  return { problem: `must be ${what}; missing or wrong: ${[...new Set(where)].join(', ')}` }
}

const json = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
