import { gzipSync } from 'node:zlib'
import * as core from '@actions/core'
import { leave, type Outcome, reportPath, runAction } from '@sluice/kit/action'
import { cancellation, realClock } from '@sluice/kit/clock'
import { loggedLine } from '@sluice/kit/log'
import type { Finding, Report } from '@sluice/kit/report'
import { currentRun, tool } from '@sluice/kit/run'
import { mask } from '@sluice/kit/state'
import { commentOf } from './comment.ts'
import { type Inputs, readAll, targetOf } from './inputs.ts'
import { junit } from './junit.ts'
import {
  bySeverity,
  type Details,
  detailsOf,
  EXIT_CODES,
  failing,
  findingsOf,
  fresh,
  isGreen,
  line,
  markerOf,
  tellsOfScan,
  type Verdict,
} from './outcome.ts'
import { comment } from './ports/comment.ts'
import { isThere, readNamed, write } from './ports/files.ts'
import { pullRequest } from './ports/pull-request.ts'
import { openTrivy } from './ports/trivy.ts'
import { type Gated, type Plan, run } from './run.ts'
import { sarif } from './sarif.ts'
import { summarize } from './summary.ts'

const NAME = 'trivy-gate'

const main = async (): Promise<Outcome> => {
  const { env } = process
  const startedAt = new Date()
  const cancelled = cancellation()
  const inputs = readAll((name) => core.getInput(name))
  if (inputs.token !== undefined) mask(inputs.token)
  const target = targetOf(inputs)
  const output = scanPath(env)
  const gated = await run(planOf(inputs), {
    read: readNamed,
    isThere,
    open: () =>
      openTrivy(
        {
          target: target ?? { kind: 'path', name: '.' },
          scanners: inputs.scanners,
          version: inputs['trivy-version'],
          config: inputs['trivy-config'],
          dockerConfig: inputs['docker-config'],
          cacheDir: inputs['cache-dir'],
          output,
        },
        { env, cancelled, today: startedAt.toISOString().slice(0, 10), timeoutMs: inputs.timeout, say },
      ),
    clock: realClock(cancelled),
    say,
  })
  const products = await productsOf(inputs, gated, { env, cancelled, output })
  return outcomeOf(inputs, gated, { products, startedAt, endedAt: new Date(), env })
}

const planOf = (inputs: Inputs): Plan => {
  const given = inputs['ignore-file']
  const { report, kev, epss, baseline } = inputs
  const java = inputs['java-db-repositories']
  return {
    target: targetOf(inputs)?.name ?? report ?? '',
    ...(report === undefined ? {} : { report }),
    ...(inputs.digest === undefined ? {} : { digest: inputs.digest }),
    vulnerabilities: report !== undefined || inputs.scanners.includes('vuln'),
    policy: {
      failOn: new Set(inputs['fail-on']),
      reportSeverity: new Set(inputs['report-severity']),
      ignoreUnfixed: inputs['ignore-unfixed'],
      grace: { days: inputs.grace, from: inputs['grace-from'] === 'fix' ? 'fix' : 'published' },
      strict: inputs['strict-exceptions'],
      expiringWithinDays: inputs['expiring-within'],
      ...(inputs['min-epss'] === undefined ? {} : { minEpss: inputs['min-epss'] }),
    },
    ...(given.length === 0 ? {} : { ignoreFiles: given.length === 1 && given[0] === 'none' ? [] : given }),
    vex: inputs.vex,
    ...(kev === undefined ? {} : { kev }),
    ...(epss === undefined ? {} : { epss }),
    ...(baseline === undefined ? {} : { baseline }),
    feedMaxAge: inputs['feed-max-age'],
    mirrors: inputs['db-repositories'].map((database, index) => ({
      database,
      java: java[index] ?? java.at(-1) ?? '',
    })),
    timeoutMs: inputs.timeout,
  }
}

/** Beside the report file, by a name of its own: it is the baseline of a later run. */
const scanPath = (env: NodeJS.ProcessEnv): string => reportPath(NAME, env).replace(/\.json$/, '.scan.json')

type World = { readonly env: NodeJS.ProcessEnv; readonly cancelled: AbortSignal; readonly output: string }
type Products = { readonly outputs: Readonly<Record<string, string>>; readonly lost: readonly Finding[] }

/** Writes the files and the comment. What cannot be written is told beside the verdict and does not change it. */
const productsOf = async (inputs: Inputs, gated: Gated, { env, cancelled, output }: World): Promise<Products> => {
  const { gate, scan } = gated
  const lost: Finding[] = []
  const outputs: Record<string, string> = {}
  const keep = (name: 'sarif' | 'junit', path: string | undefined, text: () => string): void => {
    if (path === undefined) return
    const problem = write(path, text())
    if (problem === undefined) outputs[name] = path
    else
      lost.push({ id: `${name}-lost`, level: 'warning', text: `${name} could not be written to ${path}: ${problem}` })
  }
  if (gated.scanned) outputs.scan = inputs.report ?? output
  if (tellsOfScan(gated, greenOf(inputs, gate.verdict)))
    keep('sarif', inputs.sarif, () => {
      const { text, left } = sarif(gate, scan, {
        category: inputs.category,
        excepted: 'left-out',
        tool: tool(env),
        sizeOf: (json) => gzipSync(json).length,
      })
      if (left > 0)
        lost.push({
          id: 'sarif-cut',
          level: 'warning',
          text: `The SARIF file leaves ${left} findings out, the mildest`,
        })
      return text
    })
  keep('junit', inputs.junit, () => junit(gate, scan))
  const refused = await commented(inputs, gated, { env, cancelled })
  if (refused !== undefined)
    lost.push({ id: 'comment-lost', level: 'note', text: `The comment could not be written: ${refused}` })
  return { outputs, lost }
}

const commented = async (
  inputs: Inputs,
  { gate, scan }: Gated,
  { env, cancelled }: Pick<World, 'env' | 'cancelled'>,
): Promise<string | undefined> => {
  const issue = inputs.comment === 'off' ? undefined : pullRequest(env)
  const { token } = inputs
  const repository = env.GITHUB_REPOSITORY
  if (issue === undefined || token === undefined || !repository || cancelled.aborted) return undefined
  const marker = markerOf(inputs.category)
  const kept = { issue, marker, body: commentOf(gate, scan, marker) }
  return comment({ token, repository, env, cancelled }, kept, !greenOf(inputs, gate.verdict))
}

const greenOf = (inputs: Inputs, verdict: Verdict): boolean =>
  isGreen(verdict, { nothing: inputs['on-nothing-to-check'], inconclusive: inputs['on-inconclusive'] })

type Told = {
  readonly products: Products
  readonly startedAt: Date
  readonly endedAt: Date
  readonly env: NodeJS.ProcessEnv
}

const outcomeOf = (inputs: Inputs, gated: Gated, { products, startedAt, endedAt, env }: Told): Outcome => {
  const { gate, scan } = gated
  const { verdict, reason } = gate
  const target = targetOf(inputs)?.name ?? inputs.report ?? ''
  const report: Report<Verdict, Details> = {
    schema: `sluice.dev/${NAME}/v1`,
    tool: tool(env),
    subject: env.GITHUB_SHA ? { commit: env.GITHUB_SHA } : {},
    run: currentRun(env, process.pid),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    verdict,
    reason,
    findings: [...findingsOf(gate), ...products.lost],
    details: detailsOf(gated, target),
  }
  say(`${line(gate)}; ${failing(gate)} fail`)
  say(`verdict: ${verdict} (${reason.code}): ${reason.text}`)
  const counts = Object.fromEntries(Object.entries(bySeverity(gate.judged)).map(([name, n]) => [name, String(n)]))
  return {
    outputs: {
      ...counts,
      failing: String(failing(gate)),
      new: String(fresh(gate, inputs.baseline !== undefined)),
      ...products.outputs,
    },
    report,
    reportPath: reportPath(NAME),
    summary: summarize(gate, scan),
    ...(greenOf(inputs, verdict)
      ? {}
      : { failed: `${reason.text}. ${reason.next}`.replace(/\.\.\s/, '. '), exitCode: EXIT_CODES[verdict] }),
  }
}

const say = (text: string): void => void process.stdout.write(`${loggedLine(text)}\n`)

// A request that was given up may still hang at the other side; nothing waits for it.
void runAction(NAME, main, EXIT_CODES.error).then(leave)
