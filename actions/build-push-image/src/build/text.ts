// Sequences that a terminal obeys and people do not read. Source: https://ecma-international.org/publications-and-standards/standards/ecma-48/
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const SEQUENCES = /\u001b\[[0-9;?]{0,32}[ -/]?[@-~]|\u001b[@-Z\\-_]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** A line as people read it: what a progress bar wrote over is gone, and so is what only a terminal obeys. At most so many characters. */
export const readable = (line: string, longest: number): string => {
  let end = line.length
  while (line[end - 1] === '\r') end--
  const ended = line.slice(0, end)
  return short(
    ended
      .slice(ended.lastIndexOf('\r') + 1)
      .slice(0, longest * 4)
      .replace(SEQUENCES, '')
      .replace(CONTROLS, ''),
    longest,
  )
}

/** The beginning of a text, with `…` where it went on. */
export const short = (text: string, longest: number): string =>
  text.length > longest ? `${text.slice(0, longest)}…` : text

/** A time as people say it. @param ms at least 0 */
export const lasting = (ms: number): string => {
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
