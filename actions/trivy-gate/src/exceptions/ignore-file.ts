import type { Exception, Kind } from '../found.ts'
import { expiryIn } from './dates.ts'
import { idProblem } from './id.ts'
import { entryName, isPlainId } from './quote.ts'

/** What a file says, and every problem in it as a sentence that begins with its place and repeats no word of the file but an id. An entry that is not among the exceptions has a problem. */
export type Exceptions<E extends Exception = Exception> = {
  readonly exceptions: readonly E[]
  readonly problems: readonly string[]
}

const EVERY_KIND: readonly Kind[] = ['vulnerability', 'misconfiguration', 'secret', 'license', 'end-of-life']

/**
 * Reads a `.trivyignore`: one id a line, for every kind of finding, with `exp:YYYY-MM-DD` if it is to end. The comment at the end of its line is an entry's reason, else the comment lines directly
 * above it.
 * @param where the file's name, for places
 */
export const readIgnoreFile = (text: string, where: string): Exceptions => {
  const exceptions: Exception[] = []
  const problems: string[] = []
  let above: string[] = []
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = raw.trim()
    const place = `${where}:${index + 1}`
    if (line.startsWith('#')) {
      const comment = line.replace(/^#+/, '').trim()
      if (comment !== '') above.push(comment)
      continue
    }
    if (line !== '') {
      const entry = readLine(line, above.join(' '))
      if (typeof entry === 'string') problems.push(`${place}: ${entry}`)
      else exceptions.push({ ...entry, source: 'trivyignore', where: place, kinds: EVERY_KIND })
    }
    above = []
  }
  return { exceptions, problems }
}

/** Trivy reads an `exp:` wherever it stands in the line, in its comment too: an entry that ends there must end here. */
const readLine = (line: string, above: string): Pick<Exception, 'id' | 'reason' | 'expires'> | string => {
  const [entry = '', comment = ''] = splitComment(line)
  const { rest, day, problem } = expiryIn(entry)
  const beside = expiryIn(comment)
  const [id = '', ...more] = rest.split(' ')
  const wrong =
    problem ?? beside.problem ?? (day !== undefined && beside.day !== undefined ? 'more than one exp:' : undefined)
  if (wrong !== undefined) return `${entryName(id)} has ${wrong}`
  if (id === '') return 'has no id'
  const bad = idProblem(id)
  if (bad !== undefined) return bad
  if (more.length > 0) return `${entryName(id)} is followed by ${wordsIn(more)}: ${wordsAdvice(more)}`
  const reason = beside.rest || above
  const expires = day ?? beside.day
  return { id, ...(reason !== '' && { reason }), ...(expires !== undefined && { expires }) }
}

const splitComment = (line: string): readonly string[] => {
  const at = line.search(/\s#/)
  return at < 0 ? [line] : [line.slice(0, at), line.slice(at).replace(/^\s#+/, '')]
}

const wordsIn = (words: readonly string[]): string =>
  words.every(isPlainId) ? words.join(', ') : words.length === 1 ? 'another word' : `${words.length} other words`

const wordsAdvice = (words: readonly string[]): string =>
  words.some((word) => word.includes(':'))
    ? 'the only key is exp:YYYY-MM-DD'
    : 'one id a line; a reason begins with #, and a name with spaces needs a .trivyignore.yaml'
