import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as core from '@actions/core'
import { type Annotation, annotations } from './annotations.ts'
import { describe, Fault } from './faults.ts'
import { fenced } from './markdown.ts'
import type { Finding, Report } from './report.ts'
import { currentRun, tool } from './run.ts'

/** What an action's main hands back; the only thing that is written to the runner. */
export type Outcome = {
  /** Everything but `verdict`, `reason-code`, `report` and `page`, which are written from the report. */
  readonly outputs: Readonly<Record<string, string>>
  readonly report: Report<string, unknown>
  /** Where the report file goes; empty: no file is written. */
  readonly reportPath: string
  /** The report as a page for people, HTML: it goes beside the report file, as `.html`. Called once all else is decided. */
  readonly page?: () => string
  /** Markdown, verdict first. */
  readonly summary: string
  /** Set: the job fails with this sentence. */
  readonly failed?: string
  /** What the process leaves with where `failed` is set, 1 to 255; 1 unless told otherwise. */
  readonly exitCode?: number
}

/** GitHub refuses a step summary of more than 1 MiB; what is cut is said. */
const SUMMARY_LIMIT = 900 * 1024

/**
 * Where an action's report goes: a folder of the job, so that nothing is added to the checkout, and a file of the step's own, so that two steps of
 * one job do not write over each other's.
 * @param name the action's, or another that tells its reports apart
 */
export const reportPath = (name: string, env: NodeJS.ProcessEnv = process.env): string => {
  const step = (env.GITHUB_ACTION || String(process.pid)).replace(/[^\w-]+/g, '-')
  return join(env.RUNNER_TEMP || tmpdir(), 'sluice', `${name}-${step}.json`)
}

/**
 * Runs an action's body and writes its outcome: report file, outputs, summary, annotations, exit code.
 * A `Fault` becomes verdict `error` with its hint; anything else thrown is a bug and shows its stack. Both leave a report, without details.
 * @param name the action's, as in its report's schema
 * @param errorCode what the process leaves with after something was thrown, 1 to 255
 */
export const runAction = async (name: string, body: () => Promise<Outcome>, errorCode = 1): Promise<void> => {
  const startedAt = new Date().toISOString()
  try {
    finish(await body())
  } catch (thrown) {
    finish({ ...failure(name, thrown, startedAt), exitCode: errorCode })
  }
}

/** Ends the process once its last line is written, whatever still hangs: a log that is read slowly would lose its end by `process.exit` alone. */
export const leave = (): void => {
  process.stdout.write('', () => process.exit())
}

const failure = (name: string, thrown: unknown, startedAt: string): Outcome => {
  const fault = thrown instanceof Fault ? thrown : undefined
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  const text = fault?.message ?? `A bug in this action: ${stack}`
  const next = fault === undefined ? 'Please report it with this text.' : (fault.hint ?? '')
  const sentence = next === '' ? text : `${text}. ${next}`
  return {
    outputs: {},
    report: {
      schema: `sluice.dev/${name}/v1`,
      tool: tool(process.env),
      subject: {},
      run: currentRun(process.env, process.pid),
      startedAt,
      endedAt: new Date().toISOString(),
      verdict: 'error',
      reason: { code: fault === undefined ? 'bug' : `${fault.kind}-fault`, text, next },
      findings: [],
      details: null,
    },
    reportPath: reportPath(name),
    summary: `### ❌ ${name}: error\n\n${fenced(sentence)}\n`,
    failed: sentence,
  }
}

/** Writes an outcome. A report, page or summary that cannot be written is a warning: it never changes the verdict. */
const finish = (outcome: Outcome): void => {
  const lost: Finding[] = []
  const keep = (name: 'report' | 'page', path: string, text: () => string): void => {
    const problem = attempt(() => writeText(path, text()))
    if (problem === undefined) output(name, path)
    else
      lost.push({
        id: `${name}-lost`,
        level: 'warning',
        text: `The ${name} could not be written to ${path}: ${problem}`,
      })
  }
  const { reportPath: path, page } = outcome
  if (path !== '') keep('report', path, () => `${JSON.stringify(outcome.report, null, 2)}\n`)
  if (path !== '' && page !== undefined) keep('page', pagePath(path), page)
  output('verdict', outcome.report.verdict)
  output('reason-code', outcome.report.reason.code)
  for (const [name, value] of Object.entries(outcome.outputs)) output(name, value)
  const problem = attempt(() => addSummary(outcome.summary))
  if (problem !== undefined)
    lost.push({ id: 'summary-lost', level: 'warning', text: `The summary could not be written: ${problem}` })
  const errors = outcome.failed === undefined ? 0 : 1
  for (const annotation of annotations([...outcome.report.findings, ...lost], errors)) show(annotation)
  if (outcome.failed === undefined) return
  core.error(outcome.failed, { title: outcome.report.reason.code })
  process.exitCode = outcome.exitCode ?? 1
}

/** One output; where there is no runner to take it, a line `name=value` in the log. */
const output = (name: string, value: string): void => {
  if (process.env.GITHUB_OUTPUT) core.setOutput(name, value)
  else process.stdout.write(`${name}=${value}\n`)
}

/** Adds to the job summary, cut to `SUMMARY_LIMIT` bytes; nothing where there is no runner to take it. */
const addSummary = (markdown: string): void => {
  const file = process.env.GITHUB_STEP_SUMMARY
  if (!file) return
  appendFileSync(file, `${cut(markdown, SUMMARY_LIMIT)}\n`)
}

/** The text's first `bytes` bytes of UTF-8 at a line's end, with a last line that says it was cut. */
export const cut = (text: string, bytes: number): string => {
  const encoded = Buffer.from(text)
  if (encoded.length <= bytes) return text
  const kept = encoded.subarray(0, bytes).toString()
  return `${kept.slice(0, Math.max(0, kept.lastIndexOf('\n')))}\n\n*Cut: the whole is in the report file.*`
}

/** Beside the report file, by the same name. */
const pagePath = (path: string): string => `${path.replace(/\.json$/, '')}.html`

/** Writes a file, making its folder. */
const writeText = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

const show = ({ level, title, text, file, line }: Annotation): void => {
  const place = file === undefined || line === undefined ? {} : { file, startLine: line }
  const write = level === 'error' ? core.error : level === 'warning' ? core.warning : core.notice
  write(text, { title, ...place })
}

const attempt = (act: () => void): string | undefined => {
  try {
    act()
    return undefined
  } catch (thrown) {
    return describe(thrown)
  }
}
