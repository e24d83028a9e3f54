import { table } from '@sluice/kit/markdown'
import type { SeriesReport } from './series.ts'
import { type Reason, type Rounds, seconds, type Verdict } from './verdict.ts'

/** What the summary is rendered from. */
export type Told = {
  readonly verdict: Verdict
  readonly reason: Reason
  readonly rounds: Rounds
  /** The address as people know it: a URL, or `namespace/service:port`. */
  readonly target: string
}

/** The job summary: verdict, why and what to do, then each check with what was wrong, the failing ones first. */
export const summarize = ({ verdict, reason, rounds, target }: Told): string => {
  const head = `### ${SIGN[verdict]} Smoke test: ${verdict}\n\n**${oneLine(reason.text)}.** ${reason.next}`
  if (rounds.series.length === 0) return `${head}\n`
  const rows = [...rounds.series].sort((a, b) => Number(a.result === 'passed') - Number(b.result === 'passed')).map(row)
  const checks = table(['Check', 'Result', 'Tries', 'p50', 'p95', 'What was wrong at the last try'], rows)
  const timing = `${rounds.rounds} ${rounds.rounds === 1 ? 'round' : 'rounds'} in ${seconds(rounds.tookMs)} against ${code(target)}`
  return `${head}\n\n${checks}\n\n${timing}\n`
}

const SIGN: Readonly<Record<Verdict, string>> = {
  pass: '✅',
  fail: '❌',
  inconclusive: '⚠️',
  'nothing-to-check': '⚠️',
  error: '❌',
}

const row = ({ name, result, tries, passed, p50Ms, p95Ms, problems }: SeriesReport): readonly string[] => [
  name,
  result === 'passed' ? '✅ passed' : `❌ ${result}`,
  tries === passed ? `${tries}` : `${tries} (${passed} passed)`,
  p50Ms === undefined ? '–' : seconds(p50Ms),
  p95Ms === undefined ? '–' : seconds(p95Ms),
  problems.join('; '),
]

/** Text of a service must not start Markdown or HTML of its own. */
const oneLine = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/([*_`[\]])/g, '\\$1')

const code = (text: string): string => `\`${text.replaceAll('`', "'")}\``
