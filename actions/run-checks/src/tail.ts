const LINES = 40
const LINE_LENGTH = 500

/**
 * The last lines of an output, for people: without colours, control characters and the commands that only shape the log. At most 40 lines
 * of 500 characters.
 */
export const grown = (tail: readonly string[], line: string): readonly string[] => {
  const text = readable(line)
  if (SHAPES_THE_LOG.test(text)) return tail
  return [...tail, text.length > LINE_LENGTH ? `${text.slice(0, LINE_LENGTH)}…` : text].slice(-LINES)
}

/** The last of the lines that fit into so many characters, line breaks counted; empty lines at either end left out. */
export const lastOf = (lines: readonly string[], characters: number): string => {
  const kept: string[] = []
  let room = characters
  for (const line of lines.toReversed()) {
    room -= line.length + 1
    if (room < 0) break
    kept.unshift(line)
  }
  return kept.join('\n').replace(/^\n+|\s+$/g, '')
}

const SHAPES_THE_LOG = /^\s*::(group|endgroup|debug|add-mask|add-matcher|remove-matcher|echo)\b/i

const readable = (line: string): string =>
  line
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence starts with one
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g, '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '')
    .trimEnd()
