import { Fault } from '@sluice/kit/faults'

const QUOTED = String.raw`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\x60[^\x60]*\x60`
const SELECTOR = new RegExp(String.raw`^\s*([a-zA-Z_:][\w:]*)?\s*(?:\{((?:[^"'\x60{}]|${QUOTED})*)\})?\s*$`)

/**
 * A query of ratio or latency as a plain selector of raw counters, without blanks around it.
 * @throws Fault('input') for anything else, with the reason: what is done to counters is done here, sample by sample
 */
export const selectorOf = (query: string, where: string): string => {
  const found = SELECTOR.exec(query)
  if (found !== null && (found[1] !== undefined || (found[2] ?? '').trim() !== '')) return query.trim()
  throw new Fault('input', `${where} must select counters, such as name{label="x"}: ${query.trim()}`, reasonFor(query))
}

const reasonFor = (query: string): string => {
  if (/\b(rate|irate|increase|delta|idelta)\s*\(/.test(query))
    return 'rate, irate and increase extrapolate, lose the first requests of a new series and count one request in several looks: leave the function and its range out, the raw counters are differenced here. In a gauge they are allowed'
  if (/\b(sum|avg|max|min|count|topk|group)\b[\s\w,()]*\(/.test(query))
    return 'A sum falls when a pod goes away, and cannot be told from a restart: leave it out, the series are added up here after each was differenced'
  if (/\]\s*$|\boffset\b|@/.test(query)) return 'Leave the range, offset and @ out: the window is chosen here'
  return 'Functions, operators and ranges are left out: the raw counters are differenced and added up here'
}

/** A selector with more matchers, written as PromQL has them (`le="0.5"`). */
export const withMatchers = (selector: string, matchers: readonly string[]): string => {
  if (matchers.length === 0) return selector
  const more = matchers.join(',')
  if (!selector.endsWith('}')) return `${selector}{${more}}`
  const open = selector.slice(0, -1).trimEnd()
  return `${open}${open.endsWith('{') || open.endsWith(',') ? '' : ','}${more}}`
}

/** A matcher of whole values by a regular expression. */
export const matching = (label: string, pattern: string): string => `${label}=~${quoted(pattern)}`

/** A text as PromQL quotes it. */
export const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`

/** A duration as PromQL writes it, rounded up to whole seconds. @param ms at least 1 */
export const promDuration = (ms: number): string => `${Math.max(1, Math.ceil(ms / 1000))}s`

/**
 * A regular expression of the names of a Deployment's pods: its name, the template's hash and five characters, so that `shop` does not match
 * `shop-canary`. The API server cuts what it makes names from at 58 characters.
 * Source: k8s.io/apiserver, storage/names (maxGeneratedNameLength), and the Deployment controller's `name-hash` for ReplicaSets.
 */
export const podPattern = (deployment: string): string => {
  const room = LONGEST_BASE - deployment.length - 1
  const name = deployment.replaceAll('.', '[.]')
  if (room >= LONGEST_HASH + 1) return `${name}-[a-z0-9]{1,${LONGEST_HASH}}-[a-z0-9]{5}`
  if (room > 0) return `${name}-[a-z0-9-]{${room}}[a-z0-9]{5}`
  return `${deployment.slice(0, LONGEST_BASE).replaceAll('.', '[.]')}[a-z0-9-]?[a-z0-9]{5}`
}

const LONGEST_BASE = 58
const LONGEST_HASH = 10
