import type { Readable, Writable } from 'node:stream'

/** A line that does not end is cut: the runner would hold it back as well. */
const LONGEST = 64 * 1024

/**
 * Gives each line of a stream as it comes. Lines end where the runner's do: at a line feed, a carriage return, or both.
 * @param log where the lines end up: while it is full, nothing more is read, and a command that says too much waits, as it would for the runner itself
 * @returns gives what is left once the stream is over
 */
export const linesOf = (stream: Readable | null, heard: (line: string) => void, log: Writable): (() => void) => {
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
    if (!log.writableNeedDrain) return
    stream.pause()
    log.once('drain', () => stream.resume())
  })
  return () => {
    if (rest !== '') for (const line of rest.split(/\r/).filter((each) => each !== '')) heard(line)
    rest = ''
  }
}
