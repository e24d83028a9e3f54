import { dirname } from 'node:path'
import { leave, type Outcome, reportPath, runAction } from '@sluice/kit/action'
import { cancellation, realClock } from '@sluice/kit/clock'
import { readInputs } from '@sluice/kit/inputs'
import { logged } from '@sluice/kit/log'
import type { Report } from '@sluice/kit/report'
import { currentRun, tool } from '@sluice/kit/run'
import { type Chosen, choose } from './check.ts'
import type { CheckReport } from './ended.ts'
import { hidden, secretsIn } from './environment.ts'
import { findings } from './finding.ts'
import { type Inputs, inputs as schema } from './inputs.ts'
import { openShell } from './ports/command.ts'
import { readFile } from './ports/file.ts'
import { run } from './run.ts'
import { summarize, type Written } from './summary.ts'
import { decide, failing, type Verdict } from './verdict.ts'

type Details = { readonly file: string; readonly service: string; readonly checks: readonly CheckReport[] }

const main = async (): Promise<Outcome> => {
  const { env } = process
  const startedAt = new Date()
  const cancelled = cancellation((signal) => say(`received ${signal}: the running check is ended, no other is begun`))
  const inputs = readInputs(schema)
  const chosen = choose(readFile(inputs.file), inputs.service, inputs.only)
  const secrets = new Set(secretsIn(env))
  const shell = openShell(env, dirname(inputs.file), process.stdout)
  try {
    const reports = await run(chosen.checks, {
      execute: (check, heard) => shell.execute(check, heard, cancelled),
      say,
      clock: realClock(cancelled),
      cancelled,
      secrets,
    })
    const written = shell.written().map(({ name, markdown }) => ({ name, markdown: hidden(markdown, secrets) }))
    return outcomeOf({ inputs, chosen, reports, written, startedAt, endedAt: new Date(), env })
  } finally {
    shell.close()
  }
}

type Told = {
  readonly inputs: Inputs
  readonly chosen: Chosen
  readonly reports: readonly CheckReport[]
  readonly written: readonly Written[]
  readonly startedAt: Date
  readonly endedAt: Date
  readonly env: NodeJS.ProcessEnv
}

const outcomeOf = ({ inputs, chosen, reports, written, startedAt, endedAt, env }: Told): Outcome => {
  const decided = decide(reports)
  const { verdict, reason } = decided
  const report: Report<Verdict, Details> = {
    schema: 'sluice.dev/run-checks/v1',
    tool: tool(env),
    subject: env.GITHUB_SHA ? { commit: env.GITHUB_SHA } : {},
    run: currentRun(env, process.pid),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    verdict,
    reason,
    findings: findings(reports),
    details: { file: inputs.file, service: chosen.service, checks: reports },
  }
  const green = verdict === 'pass' || (verdict === 'nothing-to-check' && inputs['on-nothing-to-check'] === 'pass')
  say(logged(`verdict: ${verdict} (${reason.code}): ${reason.text}`))
  return {
    outputs: {
      failed: failing(reports)
        .map(({ name }) => name)
        .join(','),
    },
    report,
    reportPath: reportPath('run-checks'),
    summary: summarize(decided, reports, written),
    ...(green ? {} : { failed: `${reason.text}. ${reason.next}` }),
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

// A sleep that nobody waits for any more must not keep the job waiting.
void runAction('run-checks', main).then(leave)
