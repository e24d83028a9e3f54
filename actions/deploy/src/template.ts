import { type Document, type LineCounter, type Scalar, visit } from 'yaml'
import type { Problem } from './manifest.ts'

/** What `${NAME}` stands for. */
export type Value = string | number | boolean

// The last one is a beginning without an end.
const PLACEHOLDER = /\$\$\{|\$\{([^{}]*)\}|\$\{/g
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Replaces `${NAME}` in the texts of a parsed YAML document, keys included, so that no value can change the document's structure; comments
 * are left alone. `$${NAME}` stands for a literal `${NAME}`. An unquoted text that is one placeholder takes the value's type (`replicas:
 * ${REPLICAS}` becomes a number); everything else stays text.
 * @returns what could not be replaced, and the names that were used
 */
export const fillTemplate = (
  document: Document.Parsed,
  values: ReadonlyMap<string, Value>,
  source: { readonly file: string; readonly text: string; readonly lines: LineCounter },
): { readonly problems: readonly Problem[]; readonly used: ReadonlySet<string> } => {
  const problems: Problem[] = []
  const used = new Set<string>()
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value !== 'string' || !node.value.includes('${')) return
      const filled = fillText(node.value, values)
      for (const name of filled.used) used.add(name)
      for (const { nth, text } of filled.problems) problems.push({ where: place(node, nth, source), text })
      node.value = isWhole(node) ? (values.get(node.value.slice(2, -1)) ?? filled.text) : filled.text
    },
  })
  return { problems, used }
}

const fillText = (text: string, values: ReadonlyMap<string, Value>) => {
  const problems: { readonly nth: number; readonly text: string }[] = []
  const used: string[] = []
  let nth = -1
  const filled = text.replace(PLACEHOLDER, (whole, name: string | undefined) => {
    nth++
    if (whole === '$${') return '${'
    if (name === undefined || !NAME.test(name)) {
      problems.push({
        nth,
        text: `${whole} is not a placeholder: names are letters, digits and _ (write $${whole} for the text itself)`,
      })
      return whole
    }
    const value = values.get(name)
    if (value === undefined) {
      problems.push({
        nth,
        text: `\${${name}} has no value: set it in values, or write $\${${name}} for the text itself`,
      })
      return whole
    }
    used.push(name)
    return String(value)
  })
  return { text: filled, problems, used }
}

/** An unquoted text of one placeholder. */
const isWhole = (node: Scalar): boolean =>
  node.type === 'PLAIN' && /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(String(node.value))

/** Where the nth placeholder of a text is written; the text's start when escapes hide which one it is. */
const place = (
  node: Scalar,
  nth: number,
  { file, text, lines }: { readonly file: string; readonly text: string; readonly lines: LineCounter },
): string => {
  const [start = 0, end = start] = node.range ?? []
  const offsets = [...text.slice(start, end).matchAll(PLACEHOLDER)].map(({ index }) => start + index)
  const { line, col } = lines.linePos(offsets[nth] ?? start)
  return `${file}:${line}:${col}`
}
