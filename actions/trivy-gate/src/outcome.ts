import type { Finding } from '@sluice/kit/report'
import { type ExceptionUse, type Gate, type Judged, type Scan, SEVERITIES, type Severity } from './found.ts'
import { clip } from './words.ts'

/** A gate's five verdicts. */
export type Verdict = Gate['verdict']

/**
 * What the process leaves with, by verdict. Those that say nothing about what was scanned keep clear of 1, which is also what a shell's `false` says, and of 2 to 14 and 128 on, by
 * which Node and signals end a process. Source: https://nodejs.org/api/process.html#exit-codes
 */
export const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  pass: 0,
  fail: 1,
  error: 20,
  inconclusive: 21,
  'nothing-to-check': 22,
}

/** Whether the step is green. */
export const isGreen = (
  verdict: Verdict,
  on: { readonly nothing: 'fail' | 'pass'; readonly inconclusive: 'fail' | 'pass' },
): boolean =>
  verdict === 'pass' ||
  (verdict === 'nothing-to-check' && on.nothing === 'pass') ||
  (verdict === 'inconclusive' && on.inconclusive === 'pass')

/** A report keeps so many findings, worst first. The scanner's own has all of them. */
export const KEPT = 2000

/** How many findings there are of each severity, whatever became of them. */
export type BySeverity = Readonly<Record<Lowercase<Severity>, number>>

/** What the report says of a gate; the whole of it in report.schema.json. */
export type Details = {
  readonly target: string
  readonly artifact: Scan['artifact'] | null
  readonly os: { readonly family: string; readonly name: string; readonly endOfLife: boolean } | null
  readonly scanner: string | null
  readonly scannedAt: string | null
  readonly results: number
  readonly counts: { readonly found: BySeverity; readonly states: Readonly<Record<Judged['state'], number>> }
  readonly shown: readonly Judged[]
  /** How many more would be shown. */
  readonly more: number
  readonly exceptions: readonly ExceptionReport[]
  readonly notes: readonly string[]
}

/** One exception and what became of it; the scopes of a VEX statement are in its document. */
export type ExceptionReport = Pick<
  ExceptionUse['exception'],
  'id' | 'source' | 'where' | 'paths' | 'purls' | 'reason' | 'expires'
> &
  Pick<ExceptionUse, 'used' | 'state' | 'problem'>

/** The report's part that is this action's own. @param target what was looked at, as it was given */
export const detailsOf = ({ gate, scan }: { readonly gate: Gate; readonly scan: Scan }, target: string): Details => ({
  target,
  artifact: scan.targets === 0 && scan.artifact.type === 'unknown' ? null : scan.artifact,
  os: scan.os ?? null,
  scanner: scan.scanner ?? null,
  scannedAt: scan.createdAt ?? null,
  results: scan.targets,
  counts: { found: bySeverity(gate.judged), states: byState(gate.judged) },
  shown: gate.shown.slice(0, KEPT),
  more: Math.max(0, gate.shown.length - KEPT),
  exceptions: gate.exceptions.map(exceptionReport),
  notes: gate.notes,
})

const exceptionReport = ({ exception, used, state, problem }: ExceptionUse): ExceptionReport => {
  const { id, source, where, paths, purls, reason, expires } = exception
  return {
    id,
    source,
    where,
    ...(paths === undefined ? {} : { paths }),
    ...(purls === undefined ? {} : { purls }),
    ...(reason === undefined ? {} : { reason }),
    ...(expires === undefined ? {} : { expires }),
    used,
    state,
    ...(problem === undefined ? {} : { problem }),
  }
}

/** Counts by severity. */
export const bySeverity = (judged: readonly Judged[]): BySeverity => {
  const found = { unknown: 0, low: 0, medium: 0, high: 0, critical: 0 }
  for (const { found: one } of judged) found[lower(one.severity)] += 1
  return found
}

const lower = (severity: Severity): Lowercase<Severity> => severity.toLowerCase() as Lowercase<Severity>

const byState = (judged: readonly Judged[]): Record<Judged['state'], number> => {
  const found = { fails: 0, below: 0, unfixed: 0, 'in-grace': 0, excepted: 0, known: 0 }
  for (const { state } of judged) found[state] += 1
  return found
}

/** How many findings fail. */
export const failing = (gate: Gate): number => gate.judged.filter(({ state }) => state === 'fails').length

/** How many of those that fail the baseline does not have; none without one. What it has fails only by the day on which its grace ended. */
export const fresh = (gate: Gate, beside: boolean): number =>
  beside ? gate.judged.filter(({ state, until }) => state === 'fails' && until === undefined).length : 0

/** What the one comment of a category is found by. @param category letters, digits, dots, slashes, colons and single dashes */
export const markerOf = (category: string): string => `<!-- sluice trivy-gate: ${category} -->`

/**
 * Whether a SARIF file may be written: code scanning closes the alerts that are not in it, so that an empty one says that all is mended. Nothing that was not looked at may say so.
 */
export const tellsOfScan = (
  { gate, scanned }: { readonly gate: Gate; readonly scanned: boolean },
  green: boolean,
): boolean => scanned && gate.verdict !== 'error' && (gate.verdict !== 'nothing-to-check' || green)

/** What is written beside the verdict: what fails, worst first, exceptions that need somebody, and what a person should know. */
export const findingsOf = (gate: Gate): readonly Finding[] => [
  ...gate.shown
    .filter(({ state }) => state === 'fails')
    .slice(0, KEPT)
    .map(failingFinding),
  ...gate.exceptions.filter(({ state }) => state !== 'active').map(exceptionFinding),
  ...gate.notes.map((text): Finding => ({ id: 'note', level: 'note', text: shown(text) })),
]

/** GitHub shows annotations and the log as they come: a sequence of control would act there, and a turned text read as another. */
const shown = (text: string): string => clip(text, 3000)

const failingFinding = ({ found, exploited, news, until }: Judged): Finding => {
  const { package: of, lines, severity, id, target } = found
  const what = of === undefined ? '' : ` in ${of.name} ${of.version}`.trimEnd()
  const fix = found.kind === 'vulnerability' ? [of?.fixed === undefined ? 'no fix' : `fixed in ${of.fixed}`] : []
  const told = [
    ...fix,
    ...(exploited === true ? ['known to be exploited'] : []),
    ...(news === undefined ? [] : [news === 'added' ? 'added by this change' : 'newly disclosed']),
    ...(until === undefined ? [] : [`grace ended on ${until}`]),
  ]
  return {
    id: clip(id, 200),
    level: 'error',
    text: shown(`${severity}: ${id}${what}${told.length === 0 ? '' : ` (${told.join(', ')})`}: ${found.title}`),
    ...whereOf(of?.path ?? target, lines?.from),
  }
}

/** An image's tag must not pass for a line. */
const whereOf = (path: string, line: number | undefined): Pick<Finding, 'where'> => {
  const place = clip(path, 1000)
  if (line !== undefined) return { where: `${place}:${line}` }
  return /:\d+$/.test(place) ? {} : { where: place }
}

const WORDS: Readonly<Record<Exclude<ExceptionUse['state'], 'active'>, string>> = {
  expiring: 'ends soon',
  expired: 'has expired and excuses nothing',
  unused: 'excuses nothing that was found',
  refused: 'is not taken',
}

const exceptionFinding = ({ exception, state, problem }: ExceptionUse): Finding => {
  const what = state === 'active' ? '' : WORDS[state]
  const when = exception.expires === undefined ? '' : ` (${exception.expires.slice(0, 10)})`
  return {
    id: `exception-${state}`,
    level: state === 'unused' ? 'note' : 'warning',
    text: shown(`The exception for ${exception.id} ${what}${when}${problem === undefined ? '' : `: ${problem}`}`),
    where: clip(exception.where, 1000),
  }
}

/** Severities as one number each, worst first, for a line of the log. */
export const line = (gate: Gate): string => {
  const counts = bySeverity(gate.judged)
  return [...SEVERITIES]
    .reverse()
    .map((severity) => `${counts[lower(severity)]} ${severity}`)
    .join(', ')
}
