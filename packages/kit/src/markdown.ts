/** Text for one cell of a Markdown table: nothing in it can end the cell, the row, or start HTML. */
export const cell = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('|', '\\|')
    .replace(/\s*\n\s*/g, ' ')

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
