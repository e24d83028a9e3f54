/**
 * Markdown for one cell of a table: nothing in it can end the cell, the row, or start HTML. A backslash before a pipe is shown, as the pipe is; other
 * backslashes are Markdown's. In a table GitHub takes `\|` for a pipe before it looks for code, where a backslash needs no other.
 */
export const cell = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(CODE_OR_PIPE, (found, _ticks?: string, before?: string) =>
      before === undefined ? found.replaceAll('|', '\\|') : `${before}${before.length % 2 === 1 ? '\\' : ''}\\|`,
    )
    .replace(/\s*\n\s*/g, ' ')

/** A code span, or a pipe with the backslashes before it. */
const CODE_OR_PIPE = /(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)|(\\*)\|/gs

/** A Markdown table; cells are escaped. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(' | ')} |`).join('\n')

/** A code block that no content can end early. */
export const fenced = (text: string): string => {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}text\n${text}\n${fence}`
}

/** Text in a sentence of Markdown: one line, and nothing in it starts markup or HTML of its own. Not for a table's cell, which escapes HTML itself. */
export const inline = (text: string): string =>
  unmarked(text.replace(/\s+/g, ' ').replaceAll('&', '&amp;').replaceAll('<', '&lt;'))

/** Text of which no character starts markup; for a table's cell. */
export const unmarked = (text: string): string => text.replace(/([\\*_`[\]~])/g, '\\$1')
