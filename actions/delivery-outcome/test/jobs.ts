import { type Planned, readNeeds, readPlan } from '../src/needs.ts'
import type { Delivery } from '../src/reason.ts'

/** How a job ended, its verdict, and its other outputs. */
export type Said = readonly [result: string, verdict?: string, others?: Readonly<Record<string, string>>]

export const DIGEST = `sha256:${'a'.repeat(64)}` as const
export const IMAGE = `registry.example/shop@${DIGEST}`

/** The plan of a service with staging; `production` absent: no such environment. */
export const planOf = (production?: { readonly wanted: boolean; readonly approval?: string }): string =>
  JSON.stringify({
    version: 1,
    service: 'shop',
    repository: 'registry.example/shop',
    staging: { environment: 'staging' },
    production:
      production === undefined
        ? null
        : {
            environment: 'production',
            approval: 'environment',
            'approval-environment': 'production-approval',
            'wanted-why': production.wanted
              ? 'production waits for its reviewers'
              : 'production is released to by hand',
            ...production,
          },
  })

/** GitHub's `needs`, as `toJSON` gives it; an output that is empty is left out, as one that was dropped is. */
export const needsOf = (jobs: Readonly<Record<string, Said>>): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(jobs).map(([name, [result, verdict = '', others = {}]]) => [
        name,
        { result, outputs: { ...(verdict === '' ? {} : { verdict }), ...others } },
      ]),
    ),
  )

/** A delivery as the action reads it from texts. */
export const deliveryOf = (
  jobs: Readonly<Record<string, Said>>,
  plan: string,
  digest: Delivery['digest'] = DIGEST,
): Delivery => {
  const needs = readNeeds(needsOf(jobs))
  if ('problem' in needs) throw new Error(needs.problem)
  return { needs: needs.value, plan: plannedOf(plan), digest }
}

/** A plan as the action reads it; the empty text is none. */
export const plannedOf = (text: string): Planned | undefined => {
  if (text === '') return undefined
  const read = readPlan(text)
  if ('problem' in read) throw new Error(read.problem)
  return read.value
}
