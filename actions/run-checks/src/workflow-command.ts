/** What the earlier lines of a check changed: the word after which its workflow commands count again. */
export type Passage = { readonly resumesAt?: string }

/** One line on its way to the log. */
export type Passed = {
  readonly line: string
  readonly next: Passage
  /** A text that is a secret from now on. */
  readonly secret?: string
}

/**
 * Lets a check's line through to the runner, which reads workflow commands in it. Those that annotate, group and mask pass untouched; those that
 * would set outputs, state, PATH or variables of this step, or keep the runner from reading this action's own commands, become plain text.
 * `stop-commands` keeps its meaning for the check itself. What is a command is read as the runner does, and more freely where it compares
 * texts by culture: `::name …::` at the start, `##[name …]` anywhere.
 * Source: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
 */
export const letThrough = (line: string, passage: Passage): Passed => {
  const bare = line.replace(/[^\x20-\x7e]/g, '')
  const { name, data } = parsed(bare)
  const command = name.toLowerCase()
  if (passage.resumesAt !== undefined) {
    const resumed = name === passage.resumesAt
    return { line: isCommand(bare) ? plain(bare) : line, next: resumed ? {} : passage }
  }
  if (command === 'stop-commands' && data !== '') return { line: plain(bare), next: { resumesAt: data.trim() } }
  if (!isCommand(bare) || namesIn(bare).every((each) => HARMLESS.has(each))) {
    const secret = command === 'add-mask' ? unescaped(data) : ''
    return { line, next: passage, ...(secret.trim() === '' ? {} : { secret }) }
  }
  return { line: plain(bare), next: passage }
}

/** `::name …::data`; empty texts for anything else. By index, as the runner does: a pattern would take long over a long line. */
const parsed = (bare: string): { readonly name: string; readonly data: string } => {
  const text = bare.trimStart()
  const end = text.startsWith('::') ? text.indexOf('::', 2) : -1
  return end < 0 ? { name: '', data: '' } : { name: text.slice(2, end).split(' ')[0] ?? '', data: text.slice(end + 2) }
}

/** Commands that show something, and the words that only colour a line. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...['error', 'warning', 'notice', 'debug', 'group', 'endgroup', 'add-mask', 'add-matcher', 'remove-matcher', 'echo'],
  ...['section', 'command', 'info', 'warn', 'verbose'],
])

const isCommand = (bare: string): boolean => namesIn(bare).length > 0

const namesIn = (bare: string): readonly string[] =>
  [...bare.matchAll(/^\s*::\s*([a-z][\w-]*)|##\[\s*([a-z][\w-]*)/gi)].map(([, modern, old]) =>
    (modern ?? old ?? '').toLowerCase(),
  )

/** The same for people's eyes; for the runner no command. */
const plain = (bare: string): string => `| ${bare.replaceAll('##[', '## [')}`

const unescaped = (data: string): string => data.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
