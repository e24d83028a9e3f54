import { rank } from './counts.ts'
import { fingerprints, placeOf } from './fingerprint.ts'
import type { Exception, Found, Gate, Judged, Kind, Scan, Severity } from './found.ts'
import { clip, remarks, safeUrl, subject, why } from './words.ts'

/**
 * `category`: what code scanning tells uploads of one commit apart by. `sizeOf`: the bytes of a text once it is compressed with gzip. `excepted`: whether excepted
 * findings are in the file, marked as suppressed, or left out; code scanning reads no mark and opens an alert for each. Default: marked.
 */
export type SarifOptions = {
  readonly category: string
  readonly tool: { readonly version: string; readonly commit: string }
  readonly sizeOf: (text: string) => number
  readonly excepted?: 'marked' | 'left-out'
}

/**
 * What was found as SARIF 2.1.0, in one run, within the limits of GitHub's code scanning: 5,000 results, of which no more rules can come than the 25,000 that it takes,
 * and 10 MB compressed. `left`: how many had to be left out, the mildest, of which a notification of the run tells.
 * Source: docs.github.com, "SARIF support for code scanning"; OASIS SARIF 2.1.0.
 */
export const sarif = (gate: Gate, scan: Scan, options: SarifOptions): { text: string; left: number } => {
  const told = gate.shown.filter(({ state }) => state !== 'excepted' || options.excepted !== 'left-out')
  const worst = [...told].sort(worstFirst).slice(0, MOST_RESULTS)
  const prints = fingerprints(gate.judged, worst, scan.artifact)
  const written = (kept: readonly Judged[]): string => {
    const run = runOf({ gate, scan, options, prints, kept, left: told.length - kept.length })
    return `${JSON.stringify({ $schema: SCHEMA, version: '2.1.0', runs: [run] })}\n`
  }
  const { text, kept } = fitting(worst, written, options.sizeOf)
  return { text, left: told.length - kept }
}

/** What fails comes before what does not within a severity; what somebody excepted gives way to all else. */
const worstFirst = (a: Judged, b: Judged): number =>
  Number(a.state === 'excepted') - Number(b.state === 'excepted') ||
  rank(b.found) - rank(a.found) ||
  Number(b.state === 'fails') - Number(a.state === 'fails')

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json'
const MOST_RESULTS = 5_000
const MOST_BYTES = 10_000_000

/** As many of the first as are small enough together. */
const fitting = (
  all: readonly Judged[],
  written: (some: readonly Judged[]) => string,
  sizeOf: SarifOptions['sizeOf'],
): { text: string; kept: number } => {
  const text = written(all)
  const size = sizeOf(text)
  if (size <= MOST_BYTES || all.length === 0) return { text, kept: all.length }
  const fewer = Math.floor(all.length * Math.min(0.9, (0.95 * MOST_BYTES) / size))
  return fitting(all.slice(0, fewer), written, sizeOf)
}

type Told = {
  readonly gate: Gate
  readonly scan: Scan
  readonly options: SarifOptions
  readonly prints: ReadonlyMap<Judged, string>
  readonly kept: readonly Judged[]
  readonly left: number
}

const runOf = ({ gate, scan, options, prints, kept, left }: Told): object => {
  const byRule = Map.groupBy(kept, ({ found }) => ruleId(found))
  const indices = new Map([...byRule.keys()].map((id, index) => [id, index]))
  const marked = kept.some(({ state }) => state === 'excepted')
  return {
    tool: {
      driver: {
        name: 'trivy-gate',
        version: options.tool.version,
        properties: { commit: options.tool.commit, scanner: clip(scan.scanner ?? 'unknown', 100) },
        rules: [...byRule].map(([id, of]) => rule(id, of)),
      },
    },
    automationDetails: { id: `${options.category}/` },
    invocations: [
      {
        executionSuccessful: gate.verdict !== 'error',
        toolExecutionNotifications: notifications(gate, kept.length, left),
      },
    ],
    results: kept.map((one) => ({
      ruleId: ruleId(one.found),
      ruleIndex: indices.get(ruleId(one.found)),
      level: LEVELS[one.found.severity],
      message: { text: message(one, gate) },
      locations: [{ physicalLocation: physical(one.found, scan) }],
      partialFingerprints: { primaryLocationLineHash: prints.get(one) },
      // SARIF wants them of all results or of none.
      ...(marked ? { suppressions: suppressions(one, gate) } : {}),
      properties: {
        state: one.state,
        severity: one.found.severity,
        ...(one.news === undefined ? {} : { news: one.news }),
      },
    })),
  }
}

const notifications = (gate: Gate, kept: number, left: number): readonly object[] => [
  ...(gate.verdict === 'error' ? [{ level: 'error', message: { text: unlinked(clip(gate.reason.text, 1000)) } }] : []),
  ...(left === 0
    ? []
    : [
        {
          level: 'warning',
          message: {
            text: `${left} of ${kept + left} findings are left out, the mildest: code scanning takes ${MOST_RESULTS} results and 10 MB. Trivy's own report (output scan) has all of them.`,
          },
        },
      ]),
]

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  CRITICAL: 'error',
  HIGH: 'error',
  MEDIUM: 'warning',
  LOW: 'note',
  UNKNOWN: 'note',
}

const ruleId = ({ id }: Found): string => clip(id, 255) || 'unknown'

/** One rule, as its worst finding has it: the same advisory may be of another severity in another distribution. */
const rule = (id: string, of: readonly Judged[]): object => {
  const worst = of.reduce((a, b) => (rank(b.found) > rank(a.found) ? b : a)).found
  const title = clip(worst.title, 1000) || id
  const url = safeUrl(worst.url)
  return {
    id,
    shortDescription: { text: unlinked(clip(title, 200)) },
    fullDescription: { text: unlinked(title) },
    defaultConfiguration: { level: LEVELS[worst.severity] },
    ...(url === undefined ? {} : { helpUri: url }),
    help: { text: `${unlinked(title)}\n${NEXT[worst.kind]}${url === undefined ? '' : `\n${url}`}` },
    properties: {
      tags: [...(worst.kind === 'license' ? [] : ['security']), worst.kind, worst.severity.toLowerCase()],
      precision: 'very-high',
      'security-severity': securitySeverity(of, worst.severity),
    },
  }
}

const NEXT: Readonly<Record<Kind, string>> = {
  vulnerability: 'Bring the package to a version that mends it, or except it with a reason and an expiry.',
  misconfiguration: 'Change the configuration, or except the check with a reason and an expiry.',
  secret: 'Revoke the secret first: it stays in the history. Then remove it.',
  license: 'Replace the package, or have the licence approved and except it with a reason.',
  'end-of-life': 'Move to a release of the operating system that still gets fixes.',
}

/** A number from 0.0 to 10.0 as text: the worst score of those of this severity, else one for the severity. */
const securitySeverity = (of: readonly Judged[], severity: Severity): string => {
  const scores = of.flatMap(({ found }) => (found.severity === severity && isScore(found.score) ? [found.score] : []))
  return (scores.length === 0 ? WITHOUT_SCORE[severity] : scores.reduce((a, b) => Math.max(a, b))).toFixed(1)
}

const isScore = (score: number | undefined): score is number => score !== undefined && score > 0 && score <= 10

const WITHOUT_SCORE: Readonly<Record<Severity, number>> = { CRITICAL: 9.5, HIGH: 8, MEDIUM: 5.5, LOW: 2, UNKNOWN: 0 }

const message = (judged: Judged, gate: Gate): string => {
  const { found } = judged
  const fix =
    found.kind !== 'vulnerability'
      ? ''
      : found.package?.fixed === undefined
        ? ' No fixed version is known.'
        : ` Fixed in ${clip(found.package.fixed, 200)}.`
  const about = [why(judged, gate), ...remarks(judged)].map((text) => clip(text, 500)).join('; ')
  return unlinked(
    `${ruleId(found)} (${found.severity}) in ${clip(subject(found), 300)}: ${clip(found.title, 500) || found.kind}.${fix} Gate: ${about}.`,
  )
}

/** SARIF takes brackets for links. */
const unlinked = (text: string): string => text.replace(/[[\]\\]/g, '\\$&')

const physical = (found: Found, scan: Scan): object => {
  const from = line(found.lines?.from) ?? 1
  return {
    artifactLocation: { uri: placeOf(found, scan.artifact).split('/').map(encodeURIComponent).join('/') },
    region: { startLine: from, endLine: Math.max(from, line(found.lines?.to) ?? from) },
  }
}

const line = (given: number | undefined): number | undefined =>
  given !== undefined && Number.isSafeInteger(given) && given > 0 ? given : undefined

const suppressions = (judged: Judged, gate: Gate): readonly object[] => {
  if (judged.state !== 'excepted') return []
  const exception: Exception | undefined = gate.exceptions[judged.exception ?? -1]?.exception
  return [{ kind: 'external', status: 'accepted', justification: clip(exception?.reason ?? 'no reason given', 1000) }]
}
