import * as core from '@actions/core'
import { connect } from '@sluice/github/connect'
import { leave, type Outcome, reportPath, runAction } from '@sluice/kit/action'
import { cancellation } from '@sluice/kit/clock'
import { logged } from '@sluice/kit/log'
import type { Finding, Report } from '@sluice/kit/report'
import { currentRun, tool, VERSION } from '@sluice/kit/run'
import { mask } from '@sluice/kit/state'
import { type Inputs, readAll } from './inputs.ts'
import type { Payload } from './payload.ts'
import { gitHubPorts } from './ports/github.ts'
import { type Recorded, run } from './run.ts'
import { sentenceFor, stateFor } from './state.ts'
import { summarize } from './summary.ts'
import { decide, type Verdict } from './verdict.ts'

type Details = {
  readonly environment: string
  readonly service: string
  readonly digest: string
  readonly deployment: number | null
  readonly found: boolean
  readonly state: string | null
  readonly corrections: readonly { readonly deployment: number; readonly state: string }[]
}

const main = async (): Promise<Outcome> => {
  const { env } = process
  const startedAt = new Date()
  const inputs = readAll((name) => core.getInput(name), env)
  mask(inputs.token)
  const repository = env.GITHUB_REPOSITORY ?? ''
  const { runId, attempt } = currentRun(env, process.pid)
  const home = `${(env.GITHUB_SERVER_URL || 'https://github.com').replace(/\/$/, '')}/${repository}`

  const github = connect({
    token: inputs.token,
    repository,
    env,
    timeoutMs: inputs.timeout,
    userAgent: `sluice/${VERSION} (record-deployment)`,
    cancelled: cancellation(),
  })
  const { environment, service, digest, commit } = inputs
  const payload: Payload = { sluice: 1, run: runId, attempt, service, environment, digest }
  const image = inputs.repository === undefined ? digest : `${inputs.repository}@${digest}`
  const wanted = {
    commit,
    environment,
    production: inputs.production === 'true',
    description: `${service}: ${image}`,
    payload,
  }
  const recorded = await run(
    {
      ...(inputs['deployment-id'] === undefined ? {} : { id: inputs['deployment-id'] }),
      state: stateFor(inputs.state, inputs.verdict),
      description: inputs.reason ?? sentenceFor(inputs.state, inputs.verdict),
      logUrl: /^\d+$/.test(runId) ? `${home}/actions/runs/${runId}/attempts/${attempt}` : '',
      environmentUrl: inputs.url ?? '',
    },
    gitHubPorts(github, wanted, payload),
  )
  return outcomeOf(inputs, recorded, { startedAt, env, image, home })
}

type Context = {
  readonly startedAt: Date
  readonly env: NodeJS.ProcessEnv
  readonly image: string
  readonly home: string
}

const outcomeOf = (inputs: Inputs, recorded: Recorded, { startedAt, env, image, home }: Context): Outcome => {
  const { service, environment, commit, digest, repository } = inputs
  const { verdict, reason } = decide(recorded, { service, environment })
  const fails = verdict === 'error' && inputs['on-error'] === 'fail'
  const findings: readonly Finding[] =
    verdict === 'pass' || fails ? [] : [{ id: reason.code, level: 'warning', text: reason.text, hint: reason.next }]
  const report: Report<Verdict, Details> = {
    schema: 'sluice.dev/record-deployment/v1',
    tool: tool(env),
    subject: { ...(repository === undefined ? {} : { image: { repository, digest } }), commit },
    run: currentRun(env, process.pid),
    startedAt: startedAt.toISOString(),
    endedAt: new Date().toISOString(),
    verdict,
    reason,
    findings,
    details: {
      environment,
      service,
      digest,
      deployment: recorded.id ?? null,
      found: recorded.found,
      state: recorded.state ?? null,
      corrections: recorded.corrections.map(({ id, state }) => ({ deployment: id, state })),
    },
  }
  process.stdout.write(`${logged(`verdict: ${verdict} (${reason.code}): ${reason.text}`)}\n`)
  return {
    outputs: {
      'deployment-id': recorded.id === undefined ? '' : String(recorded.id),
      state: recorded.state ?? '',
    },
    report,
    reportPath: reportPath('record-deployment'),
    summary: summarize({ verdict, reason, recorded, service, environment, commit, image, home }),
    ...(fails ? { failed: `${reason.text}. ${reason.next}` } : {}),
  }
}

// A request that was given up may still hang at the other side; nothing waits for it.
void runAction('record-deployment', main).then(leave)
