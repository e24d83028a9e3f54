import { Fault } from '@sluice/kit/faults'
import { CsvError, parse } from 'csv-parse/sync'

/** A line of an input that says something. Numbers count from 1. */
export type Line = { readonly number: number; readonly text: string }

/** What is wrong, in which line of which input. */
export type Problem = { readonly input: string; readonly line: number; readonly text: string }

/** The lines of an input without the empty ones and those that begin with `#`. */
export const linesOf = (input: string): readonly Line[] =>
  input
    .split(/\r\n|\n|\r/)
    .map((text, index) => ({ number: index + 1, text: text.trim() }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'))

/**
 * The fields of a line in CSV: a field with a comma in it stands in quotes as a whole.
 * @throws Fault('input') for quotes that are not closed, or open inside of a field
 */
export const fieldsOf = (text: string): readonly string[] => {
  try {
    const rows = parse(text, { relax_column_count: true, skip_empty_lines: true, trim: true })
    return rows.flat().filter((field) => field !== '')
  } catch (thrown) {
    if (!(thrown instanceof CsvError)) throw thrown
    const open = thrown.code === 'CSV_QUOTE_NOT_CLOSED'
    throw new Fault(
      'input',
      open
        ? 'a quote is not closed'
        : 'a quote stands inside of a field: quotes go around all of it, as in "value=a,b"',
    )
  }
}

/** `name=value`, its name in small letters; `undefined` for a field without a name. */
export const pairOf = (field: string): { readonly name: string; readonly value: string } | undefined => {
  const at = field.indexOf('=')
  return at < 1 ? undefined : { name: field.slice(0, at).trim().toLowerCase(), value: field.slice(at + 1).trim() }
}

/** Does what may be wrong; a fault becomes a problem of that line, and gives `undefined`. */
export const attempt = <T>(
  { input, line, problems }: { readonly input: string; readonly line: number; readonly problems: Problem[] },
  make: () => T,
): T | undefined => {
  try {
    return make()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    problems.push({ input, line, text: thrown.message })
    return undefined
  }
}

const MOST = 20

/** @throws Fault('input') with the problems, if there are any, by input and line; of very many only the first */
export const throwProblems = (problems: readonly Problem[]): void => {
  if (problems.length === 0) return
  const sorted = [...problems].sort((a, b) => (a.input < b.input ? -1 : a.input > b.input ? 1 : a.line - b.line))
  const lines = sorted.slice(0, MOST).map(({ input, line, text }) => `${input}, line ${line}: ${text}`)
  const more = problems.length > MOST ? [`… and ${problems.length - MOST} more`] : []
  throw new Fault(
    'input',
    problems.length === 1 ? `${lines[0]}` : `${problems.length} problems:\n  ${[...lines, ...more].join('\n  ')}`,
  )
}

/** A text for a message: in quotes, and cut when long. */
export const shown = (text: string): string => `"${text.length > 80 ? `${text.slice(0, 79)}…` : text}"`
