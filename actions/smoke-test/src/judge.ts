import type { Answer } from './answer.ts'
import { check as assertion, show } from './assertion.ts'
import type { Check, Expectation, Json } from './check.ts'
import { showRanges } from './check.ts'
import { type Found, parseJsonPath, select } from './json-path.ts'
import { type Match, tooSlow } from './pattern.ts'
import { fill, fillValue } from './placeholder.ts'
import { isSensitive } from './secret.ts'

/** Why a check did not pass, in the order in which the verdict looks at them. */
export type Cause = 'wrong-image' | 'wrong-answer' | 'no-answer' | 'unreachable'

/** What one answer is worth: passed, with what it captured, or failed, with every problem. */
export type Judged =
  | { readonly kind: 'passed'; readonly captured: ReadonlyMap<string, Json> }
  | { readonly kind: 'failed'; readonly cause: Cause; readonly problems: readonly string[] }

/** Compares an answer with what its check expects; every difference is named, not only the first. */
export const judge = (check: Check, answer: Answer, captured: ReadonlyMap<string, Json>, matches: Match): Judged => {
  if (answer.kind !== 'answered') return { kind: 'failed', cause: answer.kind, problems: [answer.text] }
  const body = parseBody(answer.body)
  const values = captures(check, answer.headers, body)
  const problems = [...differences(filled(check.expect, captured), answer, body, matches), ...values.problems]
  if (problems.length === 0) return { kind: 'passed', captured: values.found }
  return { kind: 'failed', cause: 'wrong-answer', problems }
}

type Answered = Extract<Answer, { kind: 'answered' }>
type Body = { readonly json: Json } | { readonly notJson: string }

const differences = (expect: Expectation, answer: Answered, body: Body, matches: Match): readonly string[] => {
  const problems: string[] = []
  if (!expect.status.some(({ from, to }) => answer.status >= from && answer.status <= to)) {
    const redirect = answer.redirect === undefined ? '' : ` (${answer.redirect})`
    problems.push(`status is ${answer.status}, expected ${showRanges(expect.status)}${redirect}${excerpt(answer)}`)
  }
  if (expect.maxMs !== undefined && answer.tookMs > expect.maxMs) {
    problems.push(`took ${Math.round(answer.tookMs)} ms, at most ${expect.maxMs} ms expected`)
  }
  for (const [name, expected] of Object.entries(expect.headers)) {
    const value = answer.headers[name.toLowerCase()]
    const found: Found = value === undefined ? { kind: 'absent' } : { kind: 'found', value }
    const problem = assertion(found, expected, matches)
    if (problem === undefined) continue
    problems.push(`header ${name} ${isSensitive(name) && found.kind === 'found' ? 'is not as expected' : problem}`)
  }
  for (const text of expect.contains) {
    if (!answer.body.includes(text)) problems.push(`body does not contain ${show(text)}${excerpt(answer)}`)
  }
  for (const source of expect.matches) {
    const found = matches(source, answer.body)
    if (found === 'too-slow') problems.push(tooSlow(source))
    else if (!found) problems.push(`body does not match /${source}/${excerpt(answer)}`)
  }
  return [...problems, ...jsonDifferences(expect, answer, body, matches)]
}

const jsonDifferences = (expect: Expectation, answer: Answered, body: Body, matches: Match): readonly string[] => {
  if (expect.json.length === 0 && expect.jsonSchema === undefined) return []
  if ('notJson' in body) {
    return [`body is not JSON: ${body.notJson}${excerpt(answer)}`]
  }
  const problems = expect.json.flatMap(({ path, ...expected }) => {
    const problem = assertion(at(body.json, path), expected, matches)
    return problem === undefined ? [] : [`${path === '' ? 'body' : path} ${problem}`]
  })
  return [...problems, ...(expect.jsonSchema?.(body.json) ?? []).map((problem) => `json-schema: ${problem}`)]
}

const captures = (check: Check, headers: Readonly<Record<string, string>>, body: Body) => {
  const found = new Map<string, Json>()
  const problems: string[] = []
  for (const [name, from] of Object.entries(check.capture)) {
    const header = /^header:(.+)$/.exec(from)
    const value = header !== null ? headers[(header[1] ?? '').trim().toLowerCase()] : valueAt(body, from)
    if (value === undefined) problems.push(`nothing to capture as ${name} at ${from}`)
    else found.set(name, value)
  }
  return { found, problems }
}

const valueAt = (body: Body, path: string): Json | undefined => {
  if ('notJson' in body) return undefined
  const found = at(body.json, path)
  return found.kind === 'found' && found.nothing !== true ? found.value : undefined
}

const at = (value: Json, path: string): Found => {
  const steps = parseJsonPath(path)
  return typeof steps === 'string' ? { kind: 'absent' } : select(value, steps)
}

const filled = (expect: Expectation, captured: ReadonlyMap<string, Json>): Expectation => ({
  ...expect,
  headers: fill(expect.headers, captured),
  json: expect.json.map((each) => ({ ...fill(each, captured), value: fillValue(each.value, captured) })),
  contains: fill(expect.contains, captured),
})

const parseBody = (text: string): Body => {
  try {
    return { json: JSON.parse(text) as Json }
  } catch (thrown) {
    return { notJson: text.trim() === '' ? 'it is empty' : thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

/** The beginning of the body: what a person looks for first when a status is not the expected one. */
const excerpt = ({ body }: Answered): string => {
  const text = body.replace(/\s+/g, ' ').trim()
  if (text === '') return ''
  return `; body: ${text.length > 160 ? `${text.slice(0, 159)}…` : text}`
}
