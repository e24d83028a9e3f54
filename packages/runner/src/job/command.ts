/** A workflow command as a line of output gave it. Names of properties are lower case. */
export type Command = {
  readonly name: string
  readonly properties: Readonly<Record<string, string>>
  readonly data: string
}

/** The commands that the runner knows; a line that names another is plain output. Source: `ActionCommandManager` in actions/runner. */
export const COMMANDS: readonly string[] = [
  'stop-commands',
  'set-env',
  'set-output',
  'save-state',
  'add-mask',
  'add-path',
  'add-matcher',
  'remove-matcher',
  'debug',
  'warning',
  'error',
  'notice',
  'group',
  'endgroup',
  'echo',
]

/**
 * Reads a line as `::name key=value,key=value::data` or `##[name key=value;key=value]data`; undefined when it is no command.
 * @param known the names that count, lower case
 * Source: `ActionCommand.TryParseV2` and `TryParse` in actions/runner.
 */
export const readCommand = (line: string, known: readonly string[]): Command | undefined => {
  const colons = /^\s*::(.*?)::(.*)$/s.exec(line)
  const brackets = /##\[([^\]]*)\](.*)$/s.exec(line)
  return (
    (colons && commandOf(colons[1] ?? '', colons[2] ?? '', COLONS, known)) ??
    (brackets && commandOf(brackets[1] ?? '', brackets[2] ?? '', BRACKETS, known)) ??
    undefined
  )
}

type Form = { readonly between: string; readonly data: Escapes; readonly property: Escapes }
type Escapes = readonly (readonly [string, string])[]

const LINE: Escapes = [
  ['%0D', '\r'],
  ['%0A', '\n'],
]
const PERCENT: Escapes = [['%25', '%']]
const COLONS: Form = {
  between: ',',
  data: [...LINE, ...PERCENT],
  property: [...LINE, ['%3A', ':'], ['%2C', ','], ...PERCENT],
}
const BRACKETS: Form = {
  between: ';',
  data: [['%3B', ';'], ...LINE, ['%5D', ']'], ...PERCENT],
  property: [['%3B', ';'], ...LINE, ['%5D', ']'], ...PERCENT],
}

const commandOf = (head: string, data: string, form: Form, known: readonly string[]): Command | undefined => {
  const [, written = '', rest = ''] = /^(\S*)\s*(.*)$/s.exec(head) ?? []
  const name = written.toLowerCase()
  if (!known.includes(name)) return undefined
  const properties = rest
    .trim()
    .split(form.between)
    .flatMap((part) => {
      const cut = part.indexOf('=')
      const value = part.slice(cut + 1)
      return cut > 0 && value !== ''
        ? [[part.slice(0, cut).trim().toLowerCase(), unescaped(value, form.property)] as const]
        : []
    })
  return { name, properties: Object.fromEntries(properties), data: unescaped(data, form.data) }
}

const unescaped = (text: string, escapes: Escapes): string =>
  escapes.reduce((result, [written, sign]) => result.replaceAll(written, sign), text)
