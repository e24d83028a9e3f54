import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { checkSluiceFile, placeOf } from '@sluice/delivery/file'
import { type Outcome, reportPath, runAction } from '@sluice/kit/action'
import type { DocumentProblem } from '@sluice/kit/documents'
import { readInputs } from '@sluice/kit/inputs'
import { loggedLine } from '@sluice/kit/log'
import { fenced } from '@sluice/kit/markdown'
import type { Report } from '@sluice/kit/report'
import { currentRun, tool } from '@sluice/kit/run'
import { inputs as schema } from './inputs.ts'
import { lookAt } from './ports/environments.ts'
import { folderBeside, keepRelease, readText } from './ports/files.ts'
import { type Planned, run } from './run.ts'
import { summarize } from './summary.ts'

const NAME = 'delivery-plan'
/** How many problems one annotation names; GitHub cuts it at 4,096 characters. */
const SHOWN = 20
type Base = Pick<Report<string, unknown>, 'schema' | 'tool' | 'subject' | 'run' | 'startedAt' | 'endedAt'>

const main = async (): Promise<Outcome> => {
  const { env } = process
  const startedAt = new Date().toISOString()
  const inputs = readInputs(schema)
  const file = posix.normalize(inputs.file)
  const text = readText(file)
  const base = (): Base => ({
    schema: `sluice.dev/${NAME}/v1`,
    tool: tool(env),
    subject: {
      ...(env.GITHUB_SHA ? { commit: env.GITHUB_SHA } : {}),
      files: { [file]: `sha256:${createHash('sha256').update(text).digest('hex')}` },
    },
    run: currentRun(env, process.pid),
    startedAt,
    endedAt: new Date().toISOString(),
  })
  const read = checkSluiceFile(text)
  if (read.kind === 'wrong') return wrong(file, read.problems, base())
  const event = inputs.event ?? (env.GITHUB_EVENT_NAME || 'local')
  const planned = await run(
    read.value,
    {
      service: inputs.service ?? '',
      digest: inputs.digest ?? '',
      delivers: inputs.delivers === 'true',
      event,
      base: posix.dirname(file),
      commit: env.GITHUB_SHA ?? '',
      unenforced: inputs['unenforced-approval'],
      settings: `${env.GITHUB_SERVER_URL || 'https://github.com'}/${env.GITHUB_REPOSITORY ?? ''}/settings/environments`,
    },
    {
      look: (names) => lookAt(names, inputs.token, env),
      keep: (release) => keepRelease(release, folderBeside(reportPath(NAME))),
      exists: existsSync,
      placeOf: (keys) => {
        const { line, column } = placeOf(text, keys)
        return `${file}:${line}:${column}`
      },
      say,
    },
  )
  return outcomeOf(planned, { event, digest: inputs.digest ?? '', base: base() })
}

/** Every problem of the file, each at its line. */
const wrong = (file: string, problems: readonly DocumentProblem[], base: Base): Outcome => {
  const lines = problems.map(({ line, column, text }) => `${file}:${line}:${column}: ${text}`)
  const count = `${file} has ${problems.length} problem${problems.length === 1 ? '' : 's'}`
  return {
    outputs: {},
    report: {
      ...base,
      verdict: 'error',
      reason: { code: 'input-fault', text: count, next: 'Correct them; nothing was started.' },
      findings: problems.map(({ line, column, text }) => ({
        id: 'sluice-yml',
        level: 'error',
        text,
        where: `${file}:${line}:${column}`,
      })),
      details: null,
    },
    reportPath: reportPath(NAME),
    summary: `### Delivery plan: error\n\n${count}:\n\n${fenced(lines.join('\n'))}\n`,
    failed: `${count}:\n${lines.slice(0, SHOWN).join('\n')}${lines.length > SHOWN ? `\n${lines.length - SHOWN} more: see the summary` : ''}`,
  }
}

const outcomeOf = (
  planned: Planned,
  { event, digest, base }: { readonly event: string; readonly digest: string; readonly base: Base },
): Outcome => {
  const { verdict, reason, plan, seen, findings, release } = planned
  say(`verdict: ${verdict} (${reason.code}): ${reason.text}`)
  const image = digest === '' ? {} : { image: { repository: plan.repository, digest } }
  return {
    outputs: {
      plan: JSON.stringify(plan),
      service: plan.service,
      repository: plan.repository,
      digest,
      release: release?.path ?? '',
      'release-sha256': release?.sha256 ?? '',
    },
    report: {
      ...base,
      subject: { ...base.subject, ...image },
      verdict,
      reason,
      findings,
      details: { event, plan, environments: seen },
    },
    reportPath: reportPath(NAME),
    summary: summarize({ verdict, reason, plan, comes: planned.comes, digest, event, seen, findings }),
    ...(verdict === 'pass' ? {} : { failed: `${reason.text}. ${reason.next}` }),
  }
}

const say = (line: string): void => void process.stdout.write(`${loggedLine(line)}\n`)

void runAction(NAME, main)
