import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { actionAt, type Ran } from '../../../test/action.ts'
import { nextFor } from '../src/next.ts'
import { summarize } from '../src/summary.ts'
import { decide } from '../src/verdict.ts'
import { DIGEST, deliveryOf, IMAGE, needsOf, planOf, type Said } from './jobs.ts'

const runAction = actionAt(join(import.meta.dirname, '..'))
const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../report.schema.json'), 'utf8'))
const isReport = new Ajv2020({ allErrors: true }).compile(schema)

const outcome = async (inputs: Record<string, string>): Promise<Ran> => {
  const ran = await runAction(inputs)
  if (!isReport(ran.report)) throw new Error(JSON.stringify(isReport.errors))
  return ran
}

const GOOD: Readonly<Record<string, Said>> = {
  plan: ['success', 'pass', { plan: '{}', service: 'shop' }],
  checks: ['success', 'pass'],
  package: ['success', 'nothing-to-check', { 'reason-code': 'prebuilt' }],
  scan: ['success', 'nothing-to-check'],
  stage: ['success', 'pass'],
  canary: ['success', 'promoted', { image: IMAGE, 'reason-code': 'passed' }],
}
/** A plan as delivery-plan makes it. */
const PLAN = JSON.stringify(
  planFor(
    readSluiceFile(
      `version: 1
services:
  shop:
    image: registry.example/shop
    deploy: { production: { namespace: shop, manifests: k8s } }
environments:
  production: { role: production, approval: none }
`,
      'sluice.yml',
    ),
    { service: '', event: 'push' },
  ),
)

describe('the outcome of a delivery', { timeout: 120_000 }, () => {
  it('that reached production is green', async () => {
    const ran = await outcome({ needs: needsOf(GOOD), plan: PLAN, digest: DIGEST })
    expect(ran).toMatchObject({ code: 0, outputs: { verdict: 'pass', 'reason-code': 'delivered' } })
    expect(ran.summary).toMatch(
      /^### ✅ Delivered \(delivered\)\n\n\*\*Delivered: production serves registry\.example\/shop@sha256:a+\.\*\* Nothing to do\./,
    )
    expect(ran.report).toMatchObject({
      subject: { image: { repository: 'registry.example/shop', digest: DIGEST } },
      details: { wanted: true },
    })
  })

  it('that did not is red though every job was green, and one that was not meant to is green', async () => {
    const skipped = await outcome({ needs: needsOf({ ...GOOD, canary: ['skipped'] }), plan: PLAN, digest: DIGEST })
    expect(skipped).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'skipped' } })
    expect(skipped.log).toMatch(/^::error title=skipped::Not delivered: the job canary was skipped/m)
    const unmeant = await outcome({ needs: needsOf({ ...GOOD, canary: ['skipped'] }), plan: planOf(), digest: DIGEST })
    expect(unmeant).toMatchObject({ code: 0, outputs: { verdict: 'nothing-to-check', 'reason-code': 'no-production' } })
  })

  it('whose plan was dropped says which outputs, and why', async () => {
    const plan: Said = ['success', 'pass', { service: 'shop' }]
    const rest: Record<string, Said> = {
      checks: ['skipped'],
      package: ['skipped'],
      scan: ['skipped'],
      stage: ['skipped'],
      canary: ['skipped'],
    }
    const ran = await outcome({ needs: needsOf({ plan, ...rest }), plan: '', digest: DIGEST })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'output-dropped' } })
    expect(ran.summary).toContain(
      "did not hand on: plan. GitHub drops an output that contains a text it masks: the value of a secret, such as an account's number",
    )
    expect(ran.report.details.wanted).toBeNull()
  })

  it.each([
    ['needs that are empty', { needs: '' }, 'needs is empty'],
    ['needs that are no JSON', { needs: 'toJSON(needs)' }, 'needs is not JSON'],
    [
      'needs of other jobs',
      { needs: '{"build":{"result":"success","outputs":{}}}' },
      'missing or wrong: plan, checks, package, scan, stage, canary',
    ],
    [
      'a result that GitHub does not know',
      { needs: needsOf({ ...GOOD, stage: ['fine'] }) },
      'missing or wrong: stage.result',
    ],
    [
      'an output that is no text',
      { needs: '{"plan":{"result":"success","outputs":{"verdict":1}}}' },
      'plan.outputs.verdict',
    ],
    [
      'a plan that is no plan',
      { plan: '{"service":"shop"}' },
      "plan must be delivery-plan's output plan; missing or wrong: repository, staging, production",
    ],
    ['a digest that is none', { digest: 'latest' }, 'digest must be sha256: and 64'],
  ])('of %s is an error', async (_, inputs, message) => {
    const ran = await outcome({ needs: needsOf(GOOD), plan: PLAN, digest: DIGEST, ...inputs })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'input-fault' } })
    expect(ran.summary).toContain(message)
  })
})

it('the summary says the sentence, what to do, and what each job said, as text', () => {
  const jobs: Record<string, Said> = {
    ...GOOD,
    checks: ['failure', 'fail', { failed: 'a*b*,<b>' }],
    package: ['skipped'],
    scan: ['skipped'],
    stage: ['skipped'],
    canary: ['skipped'],
  }
  const delivery = deliveryOf(jobs, PLAN)
  const decided = decide(delivery)
  expect(summarize(decided, nextFor(decided.reason.code), delivery.needs)).toBe(`### ❌ Not delivered (checks-failed)

**Not delivered: these checks failed: a\\*b\\*, &lt;b>.** See the last lines of each in the summary of the job checks. Mend them and push again.

| Job | Ended | What it said |
| --- | --- | --- |
| plan | ✅ success | pass |
| checks | ❌ failure | fail; a\\*b\\*,&lt;b> |
| package | ⚪ skipped | – |
| scan | ⚪ skipped | – |
| stage | ⚪ skipped | – |
| canary | ⚪ skipped | – |
`)
})
