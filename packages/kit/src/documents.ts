import { isPair as isPairNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import * as z from 'zod/mini'
import { Fault } from './faults.ts'
import { unknownName } from './nearest.ts'

/** What is wrong in a document, and where. Lines and columns count from 1. */
export type DocumentProblem = { readonly line: number; readonly column: number; readonly text: string }

/**
 * Reads one YAML (or JSON) document against a schema.
 * @param file the name to show in messages: a path, or the input that held the text
 * @throws Fault('input') with every problem as `file:line:column: …`; an unknown key comes with the nearest known one
 */
export const parseYaml = <S extends z.ZodMiniType>(
  source: string,
  { file, schema }: { readonly file: string; readonly schema: S },
): z.output<S> => {
  const result = checkYaml(source, schema)
  if (result.kind === 'read') return result.value
  const lines = result.problems.map(({ line, column, text }) => `${file}:${line}:${column}: ${text}`)
  throw new Fault('input', lines.length === 1 ? `${lines[0]}` : `${lines.length} problems:\n  ${lines.join('\n  ')}`)
}

/**
 * As `parseYaml`, with the problems as values.
 * @param isText whether what stands under these keys (those of lists left out) is meant as text: a number there that would come out as another text
 * than was written stays as it was written, since `1.10` is a version and `0123` a commit
 */
export const checkYaml = <S extends z.ZodMiniType>(
  source: string,
  schema: S,
  isText?: (keys: readonly string[]) => boolean,
):
  | { readonly kind: 'read'; readonly value: z.output<S> }
  | { readonly kind: 'wrong'; readonly problems: readonly DocumentProblem[] } => {
  const counter = new LineCounter()
  // A list after a byte order mark would be read as if it were indented.
  const text = source.replace(/^\ufeff/, '')
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'error',
  })
  const place = (offset: number): { line: number; column: number } => {
    const { line, col } = counter.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({ ...place(error.pos[0]), text: error.message }))
    return { kind: 'wrong', problems }
  }
  if (document.contents === null) return { kind: 'wrong', problems: [{ line: 1, column: 1, text: 'is empty' }] }

  if (isText !== undefined) keepWritten(document, isText)
  const plain = expand(document)
  if (plain.kind === 'wrong') return plain
  const result = z.safeParse(schema, plain.value, { reportInput: true })
  if (result.success) return { kind: 'read', value: result.data }
  const problems = result.error.issues.flatMap((issue) =>
    explain(issue, schema).map(({ path, key, text }) => ({ ...place(offsetOf(document, path, key)), text })),
  )
  return { kind: 'wrong', problems: [...problems].sort((a, b) => a.line - b.line || a.column - b.column) }
}

const keepWritten = (document: ReturnType<typeof parseDocument>, isText: (keys: readonly string[]) => boolean): void =>
  visit(document, {
    Scalar: (at, node, ancestors) => {
      if (at === 'key' || typeof node.value !== 'number' || node.source === String(node.value)) return
      const keys = ancestors.flatMap((one) => (isPairNode(one) && isScalar(one.key) ? [String(one.key.value)] : []))
      if (node.source !== undefined && isText(keys)) node.value = node.source
    },
  })

/** Plain values, with a bound on what a few lines of nested anchors can blow up to. */
const expand = (
  document: ReturnType<typeof parseDocument>,
):
  | { readonly kind: 'plain'; readonly value: unknown }
  | { readonly kind: 'wrong'; readonly problems: readonly DocumentProblem[] } => {
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    if (!isCircular(value)) return { kind: 'plain', value }
    const text = 'has an alias of something that it is itself a part of'
    return { kind: 'wrong', problems: [{ line: 1, column: 1, text }] }
  } catch (thrown) {
    const text = `its aliases cannot be resolved: ${thrown instanceof Error ? thrown.message : String(thrown)}`
    return { kind: 'wrong', problems: [{ line: 1, column: 1, text }] }
  }
}

/** Whether a value holds itself, so that whoever walks through it never ends. */
const isCircular = (
  value: unknown,
  around: ReadonlySet<object> = new Set(),
  done: WeakSet<object> = new WeakSet(),
): boolean => {
  if (typeof value !== 'object' || value === null || done.has(value)) return false
  if (around.has(value)) return true
  const inside = new Set(around).add(value)
  const circular = Object.values(value).some((each) => isCircular(each, inside, done))
  done.add(value)
  return circular
}

type Explained = { readonly path: readonly PropertyKey[]; readonly key?: string; readonly text: string }

const explain = (issue: z.core.$ZodIssue, schema: z.ZodMiniType): readonly Explained[] => {
  const at = issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path)
    return issue.keys.map((key) => ({ path: issue.path, key, text: `${at}${unknownName('key', key, known)}` }))
  }
  if (issue.code === 'invalid_union') {
    // The branch that got furthest is the one that was meant.
    const depth = (branch: readonly z.core.$ZodIssue[]): number => Math.max(0, ...branch.map(({ path }) => path.length))
    const best = [...issue.errors].sort((a, b) => depth(b) - depth(a))[0]
    if (best !== undefined && depth(best) > 0) {
      return best.flatMap((inner) => explain({ ...inner, path: [...issue.path, ...inner.path] }, schema))
    }
  }
  return [{ path: issue.path, text: `${at}${sentence(issue)}` }]
}

const sentence = (issue: z.core.$ZodIssue): string => {
  if (issue.code === 'invalid_type') {
    const missing = issue.input === undefined
    return missing
      ? `is required: ${article(issue.expected)}`
      : `must be ${article(issue.expected)}, not ${shown(issue.input)}`
  }
  if (issue.code === 'invalid_value') {
    const words = issue.values.map(String)
    if (typeof issue.input === 'string' && words.includes(issue.input))
      return `must be ${issue.input}, not the text ${shown(issue.input)}`
    return typeof issue.input === 'string'
      ? unknownName('value', issue.input, words)
      : `must be one of ${words.join(', ')}`
  }
  return issue.message === '' || issue.message === 'Invalid input'
    ? `is not valid: ${shown(issue.input)}`
    : issue.message
}

const article = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** The keys a strict object knows at a path, seen through optionals, defaults, arrays, records and unions. */
const knownKeys = (schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] => {
  const def = schema._zod.def as z.core.$ZodTypeDef & {
    innerType?: z.core.$ZodType
    in?: z.core.$ZodType
    element?: z.core.$ZodType
    valueType?: z.core.$ZodType
    options?: readonly z.core.$ZodType[]
    shape?: Readonly<Record<string, z.core.$ZodType>>
  }
  const inner = def.innerType ?? def.in
  if (inner !== undefined) return knownKeys(inner, path)
  if (def.options !== undefined) return [...new Set(def.options.flatMap((option) => knownKeys(option, path)))]
  const [first, ...rest] = path
  if (first === undefined) return Object.keys(def.shape ?? {})
  const next = def.shape?.[String(first)] ?? def.element ?? def.valueType
  return next === undefined ? [] : knownKeys(next, rest)
}

/** The offset of the key where there is one, else of the value, else of the nearest parent that is there. */
const offsetOf = (document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[], key?: string): number => {
  const full = key === undefined ? [...path] : [...path, key]
  for (let length = full.length; length >= 0; length--) {
    const parent = length === 0 ? undefined : document.getIn(full.slice(0, length - 1), true)
    const name = full[length - 1]
    const pair = itemsOf(parent ?? (length === 1 ? document.contents : undefined)).find(
      (item) => isPair(item) && String(scalar(item.key)) === String(name),
    )
    const start = isPair(pair) ? startOf(pair.key) : startOf(document.getIn(full.slice(0, length), true))
    if (start !== undefined) return start
  }
  return 0
}

type Pair = { readonly key: unknown }
const isPair = (item: unknown): item is Pair => typeof item === 'object' && item !== null && 'key' in item
const itemsOf = (node: unknown): readonly unknown[] =>
  typeof node === 'object' && node !== null && 'items' in node && Array.isArray(node.items) ? node.items : []
const scalar = (node: unknown): unknown =>
  typeof node === 'object' && node !== null && 'value' in node ? node.value : node
const startOf = (node: unknown): number | undefined =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : undefined
