import type { Json } from './check.ts'

/** One step into a JSON value: a key, an index (negative: from the end), or all children. */
type Step = { readonly key: string } | { readonly index: number } | { readonly all: true }
/** A path as steps from the root. */
export type JsonPath = readonly Step[]

/**
 * What a path led to. A path with `[*]` or `.*` yields one list of what it found, with `nothing` when that is empty; what is absent before the
 * star is absent.
 */
export type Found =
  | { readonly kind: 'found'; readonly value: Json; readonly nothing?: boolean }
  | { readonly kind: 'absent' }

/**
 * Reads a path: a JSON Pointer (RFC 6901: `/items/0/id`, or empty for the whole body), or the part of JSONPath (RFC 9535) that names
 * places: `$`, `.key`, `['key']`, `[0]`, `[-1]`, `[*]`, `.*`. Filters, slices and `..` are refused by name.
 * @returns the steps, or a sentence that says what is wrong
 */
export const parseJsonPath = (text: string): JsonPath | string => {
  if (text === '' || text.startsWith('/')) return parsePointer(text)
  if (!text.startsWith('$'))
    return `a path starts with $ (JSONPath) or / (JSON Pointer), not ${JSON.stringify(text)}; did you mean "$.${text}"?`
  const steps: Step[] = []
  let rest = text.slice(1)
  while (rest !== '') {
    const step = nextStep(rest)
    if (step === undefined) return `${JSON.stringify(text)} is not understood at ${JSON.stringify(rest)}: ${ADVICE}`
    steps.push(step.step)
    rest = rest.slice(step.length)
  }
  return steps
}

/** Follows a path into a value. */
export const select = (value: Json, path: JsonPath): Found => {
  const star = path.findIndex((step) => 'all' in step)
  const [first] = follow([value], star < 0 ? path : path.slice(0, star))
  if (first === undefined) return { kind: 'absent' }
  if (star < 0) return { kind: 'found', value: first }
  if (first === null || typeof first !== 'object') return { kind: 'absent' }
  const values = follow([first], path.slice(star))
  return { kind: 'found', value: values, ...(values.length === 0 ? { nothing: true } : {}) }
}

/** Whether a path gives a list of what it finds. */
export const givesList = (path: JsonPath): boolean => path.some((step) => 'all' in step)

const follow = (values: readonly Json[], path: JsonPath): readonly Json[] =>
  path.reduce<readonly Json[]>((found, step) => found.flatMap((each) => children(each, step)), values)

const ADVICE = "use .key, ['key'], [0], [-1] or [*]; filters, slices and .. are not supported"

const nextStep = (text: string): { step: Step; length: number } | undefined => {
  const all = /^(?:\.\*|\[\*\])/.exec(text)
  if (all !== null) return { step: { all: true }, length: all[0].length }
  const key = /^\.([\p{L}_][\p{L}\p{N}_-]*)/u.exec(text)
  if (key !== null) return { step: { key: key[1] ?? '' }, length: key[0].length }
  const index = /^\[(-?\d+)\]/.exec(text)
  if (index !== null) return { step: { index: Number(index[1]) }, length: index[0].length }
  const quoted = /^\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]/.exec(text)
  if (quoted === null) return undefined
  return { step: { key: (quoted[1] ?? quoted[2] ?? '').replace(/\\(.)/g, '$1') }, length: quoted[0].length }
}

const parsePointer = (text: string): JsonPath =>
  text
    .split('/')
    .slice(1)
    .map((part) => ({ key: part.replaceAll('~1', '/').replaceAll('~0', '~') }))

const children = (value: Json, step: Step): readonly Json[] => {
  if (value === null || typeof value !== 'object') return []
  if ('all' in step) return isList(value) ? value : Object.values(value)
  if (isList(value)) {
    // A JSON Pointer names list items by key, since it cannot tell a list from a map before it gets there.
    const index = 'index' in step ? step.index : /^\d+$/.test(step.key) ? Number(step.key) : Number.NaN
    const item = Number.isNaN(index) ? undefined : value.at(index)
    return item === undefined ? [] : [item]
  }
  if ('index' in step || !Object.hasOwn(value, step.key)) return []
  const child = value[step.key]
  return child === undefined ? [] : [child]
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)
