import { table } from '@sluice/kit/markdown'
import { FROM_WORST } from './counts.ts'
import type { ExceptionUse, Found, Gate, Judged, Scan } from './found.ts'
import { KEPT } from './outcome.ts'
import { cellCode, cellText, NONE, remarks, safeUrl, sentence, sentenceCode, why } from './words.ts'

/** The verdict, why, and what to do now: what a reader must see first. */
export const headOf = ({ verdict, reason }: Gate): string => {
  const [text, next] = [sentence(reason.text), sentence(reason.next)]
  return `### ${SIGN[verdict]} Trivy gate: ${verdict}\n\n**${text}${/[.!?…]$/.test(text) ? '' : '.'}**${next === '' ? '' : `\n\n→ ${next}`}`
}

const SIGN: Readonly<Record<Gate['verdict'], string>> = {
  pass: '✅',
  fail: '❌',
  inconclusive: '⚠️',
  'nothing-to-check': '⚠️',
  error: '❌',
}

/** What was scanned, in one line. */
export const scanLine = ({ artifact, os, targets, scanner, createdAt }: Scan): string =>
  [
    `Scanned ${sentenceCode(artifact.name)}${os === undefined ? '' : `, ${sentence(`${os.family} ${os.name}`, 60)}${os.endOfLife ? ' (end of life)' : ''}`}`,
    plural(targets, 'target'),
    ...(scanner === undefined ? [] : [`Trivy ${sentence(scanner, 40)}`]),
    ...(createdAt === undefined ? [] : [sentence(createdAt.slice(0, 16).replace('T', ' '), 20)]),
  ].join(' · ')

/** How many of each severity are in which state; columns that would be empty are left away. `undefined` where nothing is listed. */
export const countsTable = (gate: Gate): string | undefined => {
  const all = gate.shown
  if (all.length === 0) return undefined
  const columns = COLUMNS.filter(({ has }) => all.some(has))
  const line = (name: string, of: readonly Judged[]): readonly string[] => [
    name,
    ...columns.map(({ has }) => figure(of.filter(has).length)),
    `${of.length}`,
  ]
  const rows = FROM_WORST.flatMap((severity) => {
    const of = all.filter(({ found }) => found.severity === severity)
    return of.length === 0 ? [] : [line(severity, of)]
  })
  const head = ['Severity', ...columns.map(({ name }) => name), 'All']
  return table(head, rows.length === 1 ? rows : [...rows, line('**All**', all)])
}

type Column = { readonly name: string; readonly has: (judged: Judged) => boolean }

const inState = (name: string, state: Judged['state']): Column => ({ name, has: (one) => one.state === state })

const COLUMNS: readonly Column[] = [
  inState('❌ Fails', 'fails'),
  { name: 'New', has: ({ news }) => news !== undefined },
  inState('Below `fail-on`', 'below'),
  inState('In grace', 'in-grace'),
  inState('No fix yet', 'unfixed'),
  inState('Known at base', 'known'),
  inState('Excepted', 'excepted'),
]

const figure = (count: number): string => (count === 0 ? NONE : `${count}`)

/** A section with a table of those that fail, the first `most` of them; `undefined` where none does. */
export const failingSection = (gate: Gate, most: number): string | undefined => {
  const all = gate.shown.filter(({ state }) => state === 'fails')
  if (all.length === 0) return undefined
  return `#### What fails: ${all.length}\n\n${findings(all.slice(0, most), (one) => remarks(one).join('; '))}${moreFindings(gate, all.length - most)}`
}

/** Folded: what is listed and does not fail, with why not. */
export const otherSection = (gate: Gate, most: number): string | undefined => {
  const all = gate.shown.filter(({ state }) => state !== 'fails')
  if (all.length === 0) return undefined
  return folded(
    `Does not fail: ${all.length}`,
    `${findings(all.slice(0, most), (one) => [why(one, gate), ...remarks(one)].join('; '))}${moreFindings(gate, all.length - most)}`,
  )
}

const findings = (some: readonly Judged[], note: (judged: Judged) => string): string =>
  trimmedTable(
    ['Severity', 'Finding', 'Package', 'Fixed in', 'Where', 'Note'],
    some.map((one) => row(one, note(one))),
  )

/** The report keeps the worst; a table of fewer rows must not send anybody there for all of them. */
const moreFindings = ({ shown }: Gate, count: number): string =>
  shown.length <= KEPT
    ? more(count)
    : more(count, `the report file has the ${KEPT} worst in all, Trivy's own report (output \`scan\`) has every one`)

const row = (judged: Judged, note: string): readonly string[] => {
  const { id, title, severity, url, package: of, kind, target, lines } = judged.found
  const link = safeUrl(url)
  const name = link === undefined ? cellText(id, 60) : `[${cellText(id, 60)}](${link})`
  const fixed = of?.fixed === undefined ? (kind === 'vulnerability' ? 'no fix' : NONE) : cellCode(of.fixed, 80)
  return [
    severity,
    title === '' ? name : `${name} ${cellText(title, 100)}`,
    of === undefined ? NONE : cellCode(`${of.name} ${of.version}`),
    fixed,
    cellCode(lines === undefined ? (of?.path ?? systemOf(judged.found) ?? target) : `${target}:${lines.from}`),
    cellText(note, 200),
  ]
}

/** Of the packages of a system the scanner calls the target `image (system)`; the image is named once, below. */
const systemOf = ({ type, target }: Found): string | undefined =>
  type.startsWith('os-pkgs') ? / \(([^()]+)\)$/.exec(target)?.[1] : undefined

/** A table without the columns that say nothing in any row. */
const trimmedTable = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const kept = head.map((_, index) => rows.some((cells) => cells[index] !== NONE))
  const only = (cells: readonly string[]): readonly string[] => cells.filter((_, index) => kept[index])
  return table(only(head), rows.map(only))
}

/** The exceptions that somebody has to look at, the most pressing first; `undefined` where there are none. */
export const exceptionsSection = (gate: Gate, most: number): string | undefined => {
  // Where nothing was looked at, no exception could be used.
  const told = gate.verdict === 'nothing-to-check' ? PRESSING.filter((state) => state !== 'unused') : PRESSING
  const all = told.flatMap((state) => gate.exceptions.filter((one) => one.state === state))
  if (all.length === 0) return undefined
  const rows = all.slice(0, most).map(exceptionRow)
  return `#### Exceptions to look at: ${all.length}\n\n${trimmedTable(['What', 'Exception', 'From', 'Expires', 'Reason'], rows)}${more(all.length - rows.length)}`
}

const PRESSING: readonly ExceptionUse['state'][] = ['expired', 'refused', 'expiring', 'unused']

const STATES: Readonly<Record<ExceptionUse['state'], string>> = {
  active: 'active',
  expired: 'expired, no longer holds',
  refused: 'refused, does not hold',
  expiring: 'expires soon',
  unused: 'unused, can go',
}

const exceptionRow = ({ exception, state, problem }: ExceptionUse): readonly string[] => [
  STATES[state],
  cellText(exception.id, 60),
  cellCode(exception.where),
  exception.expires === undefined ? NONE : cellText(exception.expires, 10),
  cellText(problem ?? exception.reason ?? '', 200),
]

/** The gate's notes as a list; `undefined` where there are none. */
export const notesSection = ({ notes }: Gate, most: number): string | undefined =>
  notes.length === 0
    ? undefined
    : `${notes
        .slice(0, most)
        .map((note) => `- ${sentence(note, 500)}`)
        .join('\n')}${more(notes.length - most)}`

/** What `report-severity` hides, so that nobody takes the list for all; `undefined` where it hides nothing. */
export const hiddenLine = (gate: Gate): string | undefined => {
  const hidden = gate.judged.length - gate.shown.length
  return hidden <= 0
    ? undefined
    : `${plural(hidden, 'further finding')} below \`report-severity\`: in Trivy's own report only (output \`scan\`).`
}

/** Markdown behind a line that opens it. */
export const folded = (title: string, content: string): string =>
  `<details><summary>${title}</summary>\n\n${content}\n\n</details>`

/** Sections that are there, one under the other. */
export const stacked = (...sections: readonly (string | undefined)[]): string =>
  sections.filter((one) => one !== undefined).join('\n\n')

const more = (count: number, where = 'see the report file'): string =>
  count <= 0 ? '' : `\n\n… and ${count} more: ${where}.`

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
