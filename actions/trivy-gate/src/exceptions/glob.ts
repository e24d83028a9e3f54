import { posix } from 'node:path'

/** Part of one segment of a pattern: any text, any one character, one of a set, or a character itself. */
type Token =
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'set'; readonly not: boolean; readonly ranges: readonly (readonly [string, string])[] }
  | { readonly kind: 'literal'; readonly text: string }

/** One segment between slashes; `all` is `**`: any number of segments, none included. */
type Segment = 'all' | readonly Token[]

const MOST_ALTERNATIVES = 256

/**
 * A path pattern as a test of paths, or a sentence that says why it is none. `*` and `?` stay within a segment, `**` as a whole segment spans any number of them, `[a-z]` and `[!a-z]`
 * are sets, `{a,b}` are alternatives, a backslash takes the next character as it is. The whole path has to match. A path is made plain first (`a/../b` is `b`), and no wildcard
 * stands for `..`. Takes time in proportion to pattern times path, whatever the pattern. Source: the syntax of Go's doublestar, which Trivy uses.
 */
export const compileGlob = (pattern: string): ((path: string) => boolean) | string => {
  const alternatives = expand(pattern)
  if (typeof alternatives === 'string') return alternatives
  const compiled: (readonly Segment[])[] = []
  for (const alternative of alternatives) {
    const segments = segmentsOf(alternative)
    if (typeof segments === 'string') return segments
    compiled.push(segments)
  }
  return (path) => {
    const parts = plain(path).split('/')
    return compiled.some((segments) => matchesSegments(segments, parts))
  }
}

const plain = (path: string): string => (path === '' ? '' : posix.normalize(path).replace(/(?<=.)\/$/, ''))

/** The pattern's alternatives, each without braces. */
const expand = (pattern: string): readonly string[] | string => {
  const finished: string[] = []
  const waiting = [pattern]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const braces = outermost(next)
    if (typeof braces === 'string') return braces
    if (braces === undefined) finished.push(next)
    else waiting.push(...braces)
    if (finished.length + waiting.length > MOST_ALTERNATIVES) return `has more than ${MOST_ALTERNATIVES} alternatives`
  }
  return finished
}

/** What a pattern with braces stands for, its first braces resolved; `undefined` without any; a sentence where they do not close. */
const outermost = (pattern: string): readonly string[] | string | undefined => {
  let from = -1
  let depth = 0
  const cuts: number[] = []
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]
    if (character === '\\') at++
    else if (character === '[') {
      const end = setEnd(pattern, at)
      if (end === undefined) return 'has a [ that is not closed'
      at = end
    } else if (character === '{') {
      if (depth === 0) from = at
      depth++
    } else if (character === ',' && depth === 1) cuts.push(at)
    else if (character === '}' && depth > 0) {
      depth--
      if (depth > 0) continue
      const ends = [...cuts, at]
      const [before, after] = [pattern.slice(0, from), pattern.slice(at + 1)]
      return ends.map((end, index) => `${before}${pattern.slice((ends[index - 1] ?? from) + 1, end)}${after}`)
    }
  }
  return depth > 0 ? 'has a { that is not closed' : undefined
}

/** Where the set that begins at an index ends. A bracket right after the beginning, or after its negation, closes nothing. */
const setEnd = (pattern: string, start: number): number | undefined => {
  let at = start + 1
  if (pattern[at] === '!' || pattern[at] === '^') at++
  for (let first = true; at < pattern.length; at++, first = false) {
    if (pattern[at] === '\\') at++
    else if (pattern[at] === ']' && !first) return at
  }
  return undefined
}

const segmentsOf = (pattern: string): readonly Segment[] | string => {
  const segments: Segment[] = []
  let tokens: Token[] = []
  let start = 0
  const close = (end: number): void => {
    if (pattern.slice(start, end) === '**') segments.push('all')
    else segments.push(tokens)
    tokens = []
    start = end + 1
  }
  let at = pattern.startsWith('./') ? 2 : 0
  start = at
  while (at < pattern.length) {
    const character = String.fromCodePoint(pattern.codePointAt(at) ?? 0)
    if (character === '/') close(at)
    else if (character === '*') tokens.push({ kind: 'any' })
    else if (character === '?') tokens.push({ kind: 'one' })
    else if (character === '[') {
      const end = setEnd(pattern, at)
      if (end === undefined) return 'has a [ that is not closed'
      tokens.push(setOf(pattern.slice(at + 1, end)))
      at = end
    } else if (character === '\\') {
      at++
      if (at >= pattern.length) return 'ends in a backslash that escapes nothing'
      const escaped = String.fromCodePoint(pattern.codePointAt(at) ?? 0)
      tokens.push({ kind: 'literal', text: escaped })
      at += escaped.length - 1
    } else {
      tokens.push({ kind: 'literal', text: character })
      at += character.length - 1
    }
    at++
  }
  close(pattern.length)
  return segments
}

const setOf = (text: string): Token => {
  const not = text.startsWith('!') || text.startsWith('^')
  const characters: { readonly text: string; readonly escaped: boolean }[] = []
  const points = [...(not ? text.slice(1) : text)]
  for (let at = 0; at < points.length; at++) {
    const escaped = points[at] === '\\' && at + 1 < points.length
    if (escaped) at++
    characters.push({ text: points[at] ?? '', escaped })
  }
  const ranges: (readonly [string, string])[] = []
  for (let at = 0; at < characters.length; at++) {
    const [from, dash, to] = characters.slice(at, at + 3)
    if (from === undefined) break
    if (dash?.text === '-' && !dash.escaped && to !== undefined) {
      ranges.push([from.text, to.text])
      at += 2
    } else ranges.push([from.text, from.text])
  }
  return { kind: 'set', not, ranges }
}

/** Row by row: which beginnings of the path a beginning of the pattern matches. */
const matchesSegments = (segments: readonly Segment[], parts: readonly string[]): boolean => {
  let reached = [true, ...parts.map(() => false)]
  for (const segment of segments) {
    const next = parts.map((): boolean => false)
    const row = [false, ...next]
    if (segment === 'all') {
      let open = false
      for (let at = 0; at <= parts.length; at++) {
        // What climbs out of the folder is in none of its folders.
        if (at > 0 && parts[at - 1] === '..') open = false
        open ||= reached[at] === true
        row[at] = open
      }
    } else {
      for (const [at, part] of parts.entries()) row[at + 1] = reached[at] === true && matchesTokens(segment, part)
    }
    reached = row
  }
  return reached[parts.length] === true
}

const matchesTokens = (tokens: readonly Token[], part: string): boolean => {
  if (part === '..')
    return tokens.length === 2 && tokens.every((token) => token.kind === 'literal' && token.text === '.')
  const characters = [...part]
  let [token, at] = [0, 0]
  let star: { readonly token: number; at: number } | undefined
  while (at < characters.length) {
    const current = tokens[token]
    if (current?.kind === 'any') {
      star = { token, at }
      token++
    } else if (current !== undefined && takes(current, characters[at] ?? '')) {
      token++
      at++
    } else if (star !== undefined) {
      star.at++
      token = star.token + 1
      at = star.at
    } else return false
  }
  while (tokens[token]?.kind === 'any') token++
  return token === tokens.length
}

const takes = (token: Token, character: string): boolean => {
  if (token.kind === 'literal') return token.text === character
  if (token.kind === 'set') return token.ranges.some(([from, to]) => from <= character && character <= to) !== token.not
  return token.kind === 'one'
}
