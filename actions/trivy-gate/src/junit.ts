import { xml } from '@sluice/kit/xml'
import type { Gate, Judged, Scan } from './found.ts'
import { clip, remarks, subject, why } from './words.ts'

/**
 * The result as a JUnit file: a suite for each target, a case for each finding that is listed. What fails is a `failure`, what an exception, grace, a missing fix or
 * the base excuses is `skipped` with why, and what is below `fail-on` passes. The gate itself is a case where no finding tells its verdict; an `error` if it had none.
 */
export const junit = (gate: Gate, scan: Scan): string => {
  const own = gateCase(gate, scan)
  const targets = Map.groupBy(gate.shown, ({ found }) => found.target)
  const suites = [
    ...(own === undefined ? [] : [{ name: 'trivy-gate', cases: [own] }]),
    ...[...targets].map(([name, of]) => ({ name, cases: of.map((one) => findingCase(one, gate)) })),
  ]
  const body = suites.map(({ name, cases }) => suite(name, cases)).join('')
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${totals(suites.flatMap(({ cases }) => cases))}>\n${body}</testsuites>\n`
}

type Case = { readonly result: 'passed' | 'failure' | 'error' | 'skipped'; readonly text: string }

const suite = (name: string, cases: readonly Case[]): string =>
  `<testsuite name="${xml(clip(name, 300) || 'unknown')}" ${totals(cases)}>\n${cases.map(({ text }) => text).join('')}</testsuite>\n`

const totals = (cases: readonly Case[]): string => {
  const count = (wanted: Case['result']): number => cases.filter(({ result }) => result === wanted).length
  return `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`
}

const findingCase = (judged: Judged, gate: Gate): Case => {
  const { found, state } = judged
  const open = `<testcase classname="${found.kind}" name="${xml(clip(`${found.id} ${subject(found)}`, 300))}"`
  const about = [why(judged, gate), ...remarks(judged)].map((text) => clip(text, 500)).join('; ')
  if (state === 'below') return { result: 'passed', text: `${open}/>\n` }
  if (state !== 'fails') return { result: 'skipped', text: `${open}><skipped message="${xml(about)}"/></testcase>\n` }
  const message = `${found.severity}: ${clip(found.title, 300) || found.id}`
  const lines = [clip(found.target, 300), about, fixOf(judged), clip(found.url ?? '', 300)].filter(
    (text) => text !== '',
  )
  const failure = `<failure type="${found.severity}" message="${xml(message)}">${xml(lines.join('\n'))}</failure>`
  return { result: 'failure', text: `${open}>${failure}</testcase>\n` }
}

const fixOf = ({ found }: Judged): string => {
  if (found.kind !== 'vulnerability') return ''
  return found.package?.fixed === undefined ? 'no fixed version is known' : `fixed in ${clip(found.package.fixed, 200)}`
}

/** A reader of the file must not take a gate that found nothing to check, or failed for another reason, for one that passed. */
const gateCase = (gate: Gate, scan: Scan): Case | undefined => {
  const told = gate.shown.some(({ state }) => gate.verdict === 'pass' || (gate.verdict === 'fail' && state === 'fails'))
  if (told) return undefined
  const result = RESULTS[gate.verdict]
  const open = `<testcase classname="trivy-gate" name="${xml(clip(`gate of ${scan.artifact.name}`, 300))}"`
  if (result === 'passed') return { result, text: `${open}/>\n` }
  const [text, next] = [xml(clip(gate.reason.text, 1000)), xml(clip(gate.reason.next, 1000))]
  if (result === 'skipped') return { result, text: `${open}><skipped message="${text}"/></testcase>\n` }
  const tag = `<${result} type="${gate.verdict}" message="${text}">${next}</${result}>`
  return { result, text: `${open}>${tag}</testcase>\n` }
}

const RESULTS: Readonly<Record<Gate['verdict'], Case['result']>> = {
  pass: 'passed',
  fail: 'failure',
  inconclusive: 'failure',
  'nothing-to-check': 'skipped',
  error: 'error',
}
