/** One line of an exposition: a series and its value. */
export type Sample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What one scrape says. `types` by metric family: counter, gauge, histogram, summary, untyped. */
export type Exposition = { readonly samples: readonly Sample[]; readonly types: Readonly<Record<string, string>> }

/** `line` counts from 1. */
export type Malformed = { readonly kind: 'malformed'; readonly line: number; readonly text: string }

/**
 * Reads the Prometheus text format 0.0.4 and what OpenMetrics 1.0 adds to it (`# EOF`, exemplars, quoted names in braces). Timestamps and exemplars
 * are dropped. Source: Prometheus, "Exposition formats"; OpenMetrics 1.0.
 */
export const parseExposition = (text: string): ({ readonly kind: 'parsed' } & Exposition) | Malformed => {
  const samples: Sample[] = []
  const types: Record<string, string> = Object.create(null)
  let number = 0
  for (const raw of text.split('\n')) {
    number++
    const line = raw.trim()
    if (line === '') continue
    if (line.startsWith('#')) {
      const [, keyword, name, type] = line.split(/\s+/)
      if (keyword === 'EOF') break
      if (keyword === 'TYPE' && name !== undefined && type !== undefined) types[name] = type
      continue
    }
    const sample = readSample(line)
    if (sample === undefined) {
      return { kind: 'malformed', line: number, text: line.length > 120 ? `${line.slice(0, 117)}…` : line }
    }
    samples.push(sample)
  }
  return { kind: 'parsed', samples, types }
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:.]*/y
const SPACE = /\s*/y
const LABEL = /([a-zA-Z_][a-zA-Z0-9_.:]*|"(?:[^"\\]|\\.)*")\s*(=\s*"((?:[^"\\]|\\.)*)")?\s*,?\s*/y

const readSample = (line: string): Sample | undefined => {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(line)
    if (match === null) return undefined
    at += match[0].length
    return match
  }
  let name = take(NAME)?.[0]
  take(SPACE)
  const labels: Record<string, string> = Object.create(null)
  if (line[at] === '{') {
    at++
    take(SPACE)
    while (line[at] !== '}') {
      const label = take(LABEL)
      if (label === undefined) return undefined
      const [, key = '', , value] = label
      const plain = key.startsWith('"') ? unescaped(key.slice(1, -1)) : key
      // A quoted word without a value is the metric's name.
      if (value === undefined) name = plain
      else labels[plain] = unescaped(value)
    }
    at++
  }
  const value = numberOf(line.slice(at).trim().split(/\s+/)[0] ?? '')
  return name === undefined || value === undefined ? undefined : { name, labels, value }
}

const unescaped = (text: string): string => text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))

const numberOf = (text: string): number | undefined => {
  if (/^[+-]?inf(inity)?$/i.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^nan$/i.test(text)) return Number.NaN
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined
}
