import { type Outcome, reportPath, runAction } from '@sluice/kit/action'
import { readInputs } from '@sluice/kit/inputs'
import { logged } from '@sluice/kit/log'
import type { Report } from '@sluice/kit/report'
import { currentRun, tool } from '@sluice/kit/run'
import { inputs as schema } from './inputs.ts'
import { JOBS, type JobName } from './needs.ts'
import { nextFor } from './next.ts'
import type { Decided } from './reason.ts'
import { sentence, summarize } from './summary.ts'
import { decide } from './verdict.ts'

type Details = {
  /** `null`: the plan is not known. */
  readonly wanted: boolean | null
  readonly jobs: readonly {
    readonly name: JobName
    readonly result: string
    readonly verdict: string
    readonly reasonCode: string
  }[]
}

const main = async (): Promise<Outcome> => {
  const { env } = process
  const startedAt = new Date().toISOString()
  const { needs, plan, digest } = readInputs(schema)
  const decided = decide({ needs, plan, digest })
  const { verdict, reason } = decided
  const next = nextFor(reason.code)
  const report: Report<Decided['verdict'], Details> = {
    schema: 'sluice.dev/delivery-outcome/v1',
    tool: tool(env),
    subject: {
      ...(plan === undefined || digest === undefined ? {} : { image: { repository: plan.repository, digest } }),
      ...(env.GITHUB_SHA ? { commit: env.GITHUB_SHA } : {}),
    },
    run: currentRun(env, process.pid),
    startedAt,
    endedAt: new Date().toISOString(),
    verdict,
    reason: { ...reason, next },
    findings: [],
    details: {
      wanted: plan === undefined ? null : plan.production?.wanted === true,
      jobs: JOBS.map((name) => ({
        name,
        result: needs[name].result,
        verdict: needs[name].said('verdict'),
        reasonCode: needs[name].said('reason-code'),
      })),
    },
  }
  process.stdout.write(`${logged(sentence(decided))}\n`)
  return {
    outputs: {},
    report,
    reportPath: reportPath('delivery-outcome'),
    summary: summarize(decided, next, needs),
    ...(verdict === 'fail' ? { failed: `${sentence(decided)}. ${next}` } : {}),
  }
}

void runAction('delivery-outcome', main)
