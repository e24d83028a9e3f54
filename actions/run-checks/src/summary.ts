import { fenced, inline, table, unmarked } from '@sluice/kit/markdown'
import { type CheckReport, type CheckResult, duration } from './ended.ts'
import { type Decided, failing, type Verdict } from './verdict.ts'

/** What a check wrote to its step summary. */
export type Written = { readonly name: string; readonly markdown: string }

/**
 * The job summary: verdict, why and what to do; every check, the failing ones first; the last lines of each that failed; then what the checks
 * wrote themselves, which stays Markdown and comes last, where it can hide nothing.
 */
export const summarize = (
  { verdict, reason }: Decided,
  reports: readonly CheckReport[],
  written: readonly Written[],
): string => {
  const parts = [`### ${SIGN[verdict]} Checks: ${verdict}`, `**${inline(reason.text)}.** ${inline(reason.next)}`]
  if (reports.length > 0) parts.push(table(['Check', 'Result', 'Time', 'How it ended'], rows(reports)))
  for (const { name, tail } of failing(reports))
    parts.push(`#### ❌ ${inline(name)}\n\n${tail.length === 0 ? 'It printed nothing.' : fenced(tail.join('\n'))}`)
  for (const { name, markdown } of written)
    if (markdown.trim() !== '') parts.push(`#### Written by ${inline(name)}\n\n${markdown.trim()}`)
  return `${parts.join('\n\n')}\n`
}

const rows = (reports: readonly CheckReport[]): readonly (readonly string[])[] => {
  const bad = failing(reports)
  return [...bad, ...reports.filter((each) => !bad.includes(each))].map(({ name, result, tookMs, text, folder }) => [
    unmarked(name),
    `${RESULT[result]} ${result}`,
    result === 'not-run' ? '–' : duration(tookMs),
    unmarked(`${result === 'passed' ? '' : text}${folder === '.' ? '' : ` (in ${folder})`}`.trim()),
  ])
}

const SIGN: Readonly<Record<Verdict, string>> = { pass: '✅', fail: '❌', 'nothing-to-check': '⚪', error: '❌' }
const RESULT: Readonly<Record<CheckResult, string>> = {
  passed: '✅',
  failed: '❌',
  'timed-out': '❌',
  'not-started': '❌',
  cancelled: '⚪',
  'not-run': '⚪',
}
