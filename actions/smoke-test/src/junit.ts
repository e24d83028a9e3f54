import { xml } from '@sluice/kit/xml'
import type { SeriesReport } from './series.ts'
import type { Rounds } from './verdict.ts'

/**
 * The result as a JUnit file (the `testsuites` form that CI systems read): a wrong or missing answer is a `failure`, a connection that
 * could not be made an `error`, a check that was not tried `skipped`. Times are the median of the check's tries, in seconds.
 */
export const junit = (rounds: Rounds, target: string): string => {
  const { series } = rounds
  const count = (kinds: readonly string[]): number => series.filter(({ result }) => kinds.includes(result)).length
  const totals = `tests="${series.length}" failures="${count(FAILURES)}" errors="${count(['unreachable'])}" skipped="${count(['not-tried'])}" time="${inSeconds(rounds.tookMs)}"`
  const cases = series.map((each) => testcase(each, target)).join('')
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${totals}>\n<testsuite name="smoke-test ${xml(target)}" ${totals}>\n${cases}</testsuite>\n</testsuites>\n`
}

const FAILURES = ['wrong-image', 'wrong-answer', 'no-answer']

const testcase = ({ name, result, p50Ms, problems, tries, where }: SeriesReport, target: string): string => {
  const place = where === undefined ? '' : ` file="${xml(where.replace(/:\d+$/, ''))}"`
  const open = `<testcase classname="smoke-test" name="${xml(name)}"${place} time="${inSeconds(p50Ms ?? 0)}"`
  if (result === 'passed') return `${open}/>\n`
  if (result === 'not-tried') return `${open}><skipped message="${xml(problems.join('; '))}"/></testcase>\n`
  const tag = result === 'unreachable' ? 'error' : 'failure'
  const text = xml(`${target}, after ${tries} ${tries === 1 ? 'try' : 'tries'}:\n${problems.join('\n')}`)
  return `${open}><${tag} type="${result}" message="${xml(problems[0] ?? result)}">${text}</${tag}></testcase>\n`
}

const inSeconds = (ms: number): string => (ms / 1000).toFixed(3)
