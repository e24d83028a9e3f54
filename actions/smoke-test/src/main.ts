import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as core from '@actions/core'
import { leave, type Outcome, reportPath, runAction } from '@sluice/kit/action'
import { cancellation, realClock } from '@sluice/kit/clock'
import { describe } from '@sluice/kit/faults'
import { loggedLine } from '@sluice/kit/log'
import type { Finding, Report } from '@sluice/kit/report'
import { currentRun, tool, VERSION } from '@sluice/kit/run'
import { connect } from '@sluice/kubernetes/connect'
import { type Check, plainCheck } from './check.ts'
import { findings } from './finding.ts'
import { type Inputs, readAll } from './inputs.ts'
import { junit } from './junit.ts'
import { readChecks } from './ports/checks-file.ts'
import { masking, runnerMask } from './ports/masking.ts'
import { boundedMatch } from './ports/pattern.ts'
import { asker } from './ports/request.ts'
import { findService, podsBehind, serviceAsker } from './ports/service.ts'
import { type Plan, type Ports, run } from './run.ts'
import { isSecretInput, isSensitive, secretsInBody, secretsInPath } from './secret.ts'
import type { SeriesReport } from './series.ts'
import { summarize } from './summary.ts'
import { decide, type Reason, type Rounds, type Verdict } from './verdict.ts'

type Details = {
  readonly target: string
  readonly rounds: number
  readonly tookMs: number
  readonly checks: readonly SeriesReport[]
}

const main = async (): Promise<Outcome> => {
  const { env } = process
  const startedAt = new Date()
  const hidden = masking(runnerMask(env))
  const cancelled = cancellation()

  const read = core.getInput('checks') === '' ? undefined : readChecks(core.getInput('checks'))
  const others = read === undefined ? [] : 'problems' in read ? read.problems : credentials(read.checks)
  const inputs = readAll((name) => core.getInput(name), others)
  for (const [name, value] of Object.entries(inputs.headers)) if (isSecretInput(name)) hidden.add(value)
  const plan = planOf(inputs, read !== undefined && 'checks' in read ? read.checks : undefined)

  for (const secret of secretsInPath(inputs.url?.search ?? '')) hidden.add(secret)

  const ports = await portsOf(inputs, cancelled)
  const rounds: Rounds = await run(plan, {
    ...ports,
    ask: (request) => {
      for (const [name, value] of Object.entries(request.headers)) if (isSensitive(name)) hidden.add(value)
      for (const secret of secretsInPath(request.path)) hidden.add(secret)
      for (const secret of secretsInBody(request.body ?? '')) hidden.add(secret)
      return ports.ask(request)
    },
    matches: boundedMatch(),
    captured: (name, value) => {
      if (isSensitive(name) && typeof value === 'string') hidden.add(value)
    },
    say: (line) => process.stdout.write(`${loggedLine(hidden.mask(line))}\n`),
  })
  const told = hidden.mask({ ...decide(rounds), rounds, target: targetOf(inputs) })
  const lost = inputs.junit === undefined ? undefined : writeFile(inputs.junit, junit(told.rounds, told.target))
  return outcomeOf(inputs, told, { startedAt, endedAt: new Date(), env, lost })
}

/** Checks whose Authorization the API server's proxy would take for its own. */
const credentials = (checks: readonly Check[]): readonly string[] => {
  if (core.getInput('service').trim() === '' || core.getInput('url').trim() !== '') return []
  return checks
    .filter(({ headers }) => Object.keys(headers).some((name) => /^authorization$/i.test(name)))
    .map(({ name, where }) => {
      const text =
        "has a header Authorization, which the API server's proxy keeps for itself: use url to reach this service"
      return `${where === undefined ? 'checks' : where}: ${name} ${text}`
    })
}

type Told = { readonly verdict: Verdict; readonly reason: Reason; readonly rounds: Rounds; readonly target: string }
type Context = {
  readonly startedAt: Date
  readonly endedAt: Date
  readonly env: NodeJS.ProcessEnv
  /** Why there is no JUnit file, though one was asked for. */
  readonly lost: Finding | undefined
}

const planOf = (inputs: Inputs, checks: readonly Check[] | undefined): Plan => {
  // An address alone is one check; expect-image alone is one as well.
  const fallback = inputs.paths.length > 0 ? inputs.paths : inputs['expect-image'] === undefined ? [''] : []
  return {
    checks: checks ?? fallback.map(plainCheck),
    headers: inputs.headers,
    ...(inputs['expect-image'] === undefined ? {} : { digest: inputs['expect-image'].digest }),
    retries: inputs.retries,
    intervalMs: inputs.interval,
    deadlineMs: inputs.deadline,
    timeoutMs: inputs.timeout,
    consecutive: inputs.consecutive,
  }
}

const portsOf = async (
  inputs: Inputs,
  cancelled: AbortSignal,
): Promise<Omit<Ports, 'say' | 'captured' | 'matches'>> => {
  const userAgent = `sluice/${VERSION} (smoke-test)`
  const rest = { clock: realClock(cancelled), cancelled }
  const { url, service, kubeconfig, context } = inputs
  const outside = url === undefined ? undefined : asker(url, userAgent, cancelled)
  if (service === undefined) return { ...rest, ask: outside ?? nowhere, pods: () => Promise.resolve([]) }
  const cluster = await connect({ kubeconfig, context, env: process.env })
  const selector = await findService(cluster, service)
  return {
    ...rest,
    ask: outside ?? serviceAsker(cluster, service, userAgent),
    pods: podsBehind(cluster, service, selector),
  }
}

/** The inputs were checked: there is an address or a service. */
const nowhere = (): Promise<never> => Promise.reject(new Error('neither url nor service'))

const targetOf = ({ url, service }: Inputs): string =>
  url !== undefined ? `${url.origin}${url.pathname}` : `${service?.namespace}/${service?.name}:${service?.port}`

const outcomeOf = (inputs: Inputs, told: Told, { startedAt, endedAt, env, lost }: Context): Outcome => {
  const { verdict, reason, rounds, target } = told
  const image = inputs['expect-image']
  const report: Report<Verdict, Details> = {
    schema: 'sluice.dev/smoke-test/v1',
    tool: tool(env),
    subject: {
      ...(image === undefined ? {} : { image }),
      ...(env.GITHUB_SHA ? { commit: env.GITHUB_SHA } : {}),
    },
    run: currentRun(env, process.pid),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    verdict,
    reason,
    findings: [...findings(rounds.series), ...(lost === undefined ? [] : [lost])],
    details: { target, rounds: rounds.rounds, tookMs: Math.round(rounds.tookMs), checks: rounds.series },
  }
  const green =
    verdict === 'pass' ||
    (verdict === 'nothing-to-check' && inputs['on-nothing-to-check'] === 'pass') ||
    (verdict === 'inconclusive' && inputs['on-inconclusive'] === 'pass')
  process.stdout.write(`${loggedLine(`verdict: ${verdict} (${reason.code}): ${reason.text}`)}\n`)
  return {
    outputs: inputs.junit === undefined || lost !== undefined ? {} : { junit: inputs.junit },
    report,
    reportPath: reportPath('smoke-test'),
    summary: summarize(told),
    ...(green ? {} : { failed: `${reason.text}. ${reason.next}` }),
  }
}

/** A file that cannot be written is told beside the verdict; it does not change it. */
const writeFile = (path: string, text: string): Finding | undefined => {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return undefined
  } catch (thrown) {
    return { id: 'junit-lost', level: 'warning', text: `junit could not be written to ${path}: ${describe(thrown)}` }
  }
}

// A request that was given up may still hang at the other side; nothing waits for it.
void runAction('smoke-test', main).then(leave)
