/** What a command file gave: the pairs up to the first line that is wrong, and what is wrong with that one (empty: nothing). */
export type CommandFile = {
  readonly pairs: readonly (readonly [name: string, value: string])[]
  readonly wrong: string
}

/**
 * Reads GITHUB_OUTPUT, GITHUB_ENV or GITHUB_STATE: `name=value`, or `name<<DELIMITER`, lines, `DELIMITER`. Blank lines count for nothing; there are no comments.
 * Source: `EnvFileKeyValuePairs` in actions/runner, whose words the errors are.
 */
export const readCommandFile = (text: string): CommandFile => {
  const pairs: (readonly [string, string])[] = []
  const lines = text.split('\n')
  // What follows the last line feed is a line only when there is something.
  const complete = lines.length - 1
  if (lines.at(-1) === '') lines.pop()
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (line === '') continue
    const equals = line.indexOf('=')
    const block = line.indexOf('<<')
    if (equals >= 0 && (block < 0 || equals < block)) {
      pairs.push([line.slice(0, equals), line.slice(equals + 1)])
      continue
    }
    if (block < 0) return { pairs, wrong: `Invalid format '${line}'` }
    const [name, delimiter] = [line.slice(0, block), line.slice(block + 2)]
    if (name === '' || delimiter === '')
      return { pairs, wrong: `Invalid format '${line}'. Name must not be empty and delimiter must not be empty` }
    const end = lines.indexOf(delimiter, at + 1)
    if (end < 0) {
      const unended = complete < lines.length && at + 1 < lines.length
      return {
        pairs,
        wrong: unended
          ? 'Invalid value. EOF marker missing new line.'
          : `Invalid value. Matching delimiter not found '${delimiter}'`,
      }
    }
    pairs.push([name, lines.slice(at + 1, end).join('\n')])
    at = end
  }
  return { pairs, wrong: '' }
}

/** Reads GITHUB_PATH: a folder on each line that is not empty. */
export const readPathFile = (text: string): readonly string[] => text.split(/\r?\n/).filter((line) => line !== '')
