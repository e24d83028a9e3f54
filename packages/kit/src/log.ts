/**
 * Text of others as one line of the log that starts no workflow command by what is in it: the runner reads `##[name …]` anywhere in a line, and
 * `::name …::` at a line's start, which is the caller's own.
 * Source: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
 */
export const logged = (text: string): string =>
  text
    .trim()
    .replace(/\s*[\r\n]+\s*/g, '; ')
    .replaceAll('##[', '## [')

/**
 * A whole line of the log that may hold text of others, such as a pod's own log: indented as it is, it starts no command either. The runner passes
 * over the blanks before `::`, U+0085 among them.
 */
export const loggedLine = (text: string): string =>
  `${/^[ \t]*/.exec(text)?.[0] ?? ''}${logged(text).replace(/^([\s\u0085]*)::/, '$1: :')}`
