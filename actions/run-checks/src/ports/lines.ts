import type { Readable } from 'node:stream'

/** A line that does not end is cut: the runner would hold it back as well. */
const LONGEST = 64 * 1024

/**
 * Gives each line of a stream as it comes. Lines end where the runner's do: at a line feed, a carriage return, or both.
 * @returns gives what is left once the stream is over
 */
export const linesOf = (stream: Readable | null, heard: (line: string) => void): (() => void) => {
  let rest = ''
  stream?.setEncoding('utf8')
  stream?.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) heard(line)
    while (rest.length > LONGEST) {
      heard(rest.slice(0, LONGEST))
      rest = rest.slice(LONGEST)
    }
  })
  return () => {
    if (rest !== '') for (const line of rest.split(/\r/).filter((each) => each !== '')) heard(line)
    rest = ''
  }
}
