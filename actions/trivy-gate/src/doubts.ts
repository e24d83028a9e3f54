import type { Doubt } from './found.ts'
import { clip } from './words.ts'

type Fields = Readonly<Record<string, unknown>>

/** Classes of results that are judged. Source: https://github.com/aquasecurity/trivy/blob/main/pkg/types/report.go */
const CLASSES = ['os-pkgs', 'lang-pkgs', 'config', 'secret', 'license', 'license-file', 'custom']

/** What a result may hold as a list or an object; by the same source. */
const PARTS = [
  'Packages',
  'Vulnerabilities',
  'MisconfSummary',
  'Misconfigurations',
  'Secrets',
  'Licenses',
  'CustomResources',
  'ExperimentalModifiedFindings',
]

/** The same of the report itself. */
const TOP = ['Trivy', 'Metadata', 'Results']

/** What of a report is of no kind that is known, so that nobody judged it. A key that is misspelt is one that nobody knows. @param results those of the report */
export const contentDoubts = (report: Fields, results: readonly Fields[]): readonly Doubt[] => {
  const classes = results.flatMap(({ Class }) => (typeof Class === 'string' && !CLASSES.includes(Class) ? [Class] : []))
  const parts = [...strange(report, TOP), ...results.flatMap((result) => strange(result, PARTS))]
  return [
    ...tally(classes).map(([name, count]) => unknown(`${counted(count)} of the class ${quoted(name)}`)),
    ...tally(parts).map(([name]) => unknown(`the report has entries under ${quoted(name)}`)),
  ]
}

/**
 * The packages of a known operating system are a result of their own, also where nothing was found in them. Without one the scanner does not know the system, or was told to leave
 * it out. Where there are no results at all there is nothing to doubt: that is a verdict of its own.
 */
export const systemDoubts = (family: string | undefined, results: readonly Fields[]): readonly Doubt[] =>
  family === undefined || results.length === 0 || results.some(({ Class }) => Class === 'os-pkgs')
    ? []
    : [
        {
          code: 'system-not-scanned',
          text: `the packages of its operating system (${clip(family, 40)}) were not looked at: the report has no result for them`,
        },
      ]

/** Severities that are none of Trivy's, and how many findings have each. */
export const severityDoubts = (severities: ReadonlyMap<string, number>): readonly Doubt[] =>
  [...severities].slice(0, MOST).map(([said, count]) => ({
    code: 'unknown-severity',
    text: `${count === 1 ? '1 finding has' : `${count} findings have`} the severity ${quoted(said)}, which is none of Trivy's: taken for UNKNOWN`,
  }))

/** So many names are told of each kind of doubt: one is enough to doubt. */
const MOST = 5

const strange = (fields: Fields, known: readonly string[]): readonly string[] =>
  Object.keys(fields).filter((key) => !known.includes(key) && holds(fields[key]))

const holds = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length > 0

const unknown = (what: string): Doubt => ({
  code: 'unknown-content',
  text: `${what}, which nobody here knows: not judged`,
})

const counted = (count: number): string => (count === 1 ? '1 result is' : `${count} results are`)

const quoted = (name: string): string => JSON.stringify(clip(name, 40))

const tally = (names: readonly string[]): readonly (readonly [string, number])[] => {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].slice(0, MOST)
}
