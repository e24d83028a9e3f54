/**
 * Reads a runner's command file: `name=value` lines, and `name<<DELIMITER`, lines, `DELIMITER` for values of several lines.
 * The last value of a name counts; a line of neither form, and a block without an end, is left out.
 * Source: GitHub's "Workflow commands", environment files.
 */
export const readCommandFile = (text: string): Readonly<Record<string, string>> => {
  const values: Record<string, string> = {}
  const lines = text.split(/\r?\n/)
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const block = /^([^=<]+)<<(.+)$/.exec(line)
    if (block !== null) {
      const [, name = '', delimiter = ''] = block
      const end = lines.indexOf(delimiter, at + 1)
      if (end < 0) continue
      values[name] = lines.slice(at + 1, end).join('\n')
      at = end
      continue
    }
    const cut = line.indexOf('=')
    if (cut > 0) values[line.slice(0, cut)] = line.slice(cut + 1)
  }
  return values
}

/** What main saved, as the `STATE_*` variables that its post phase gets. */
export const stateVariables = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(readCommandFile(text)).map(([name, value]) => [`STATE_${name}`, value]))
