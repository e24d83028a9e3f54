import { type Document, type LineCounter, type Scalar, visit } from 'yaml'
import type { Problem } from './manifest.ts'

/** What `${NAME}` stands for. */
export type Value = string | number | boolean

const PLACEHOLDER = /\$\$\{|\$\{([^{}]*)\}/g
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
  { file, lines }: { readonly file: string; readonly lines: LineCounter },
): { readonly problems: readonly Problem[]; readonly used: ReadonlySet<string> } => {
  const problems: Problem[] = []
  const used = new Set<string>()
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value !== 'string' || !node.value.includes('${')) return
      const filled = fillText(node.value, values)
      for (const name of filled.used) used.add(name)
      for (const text of filled.problems) problems.push({ where: place(node, file, lines), text })
      node.value = isWhole(node) ? (values.get(node.value.slice(2, -1)) ?? filled.text) : filled.text
    },
  })
  return { problems, used }
}

const fillText = (text: string, values: ReadonlyMap<string, Value>) => {
  const problems: string[] = []
  const used: string[] = []
  const filled = text.replace(PLACEHOLDER, (whole, name: string | undefined) => {
    if (whole === '$${') return '${'
    if (name === undefined || !NAME.test(name)) {
      problems.push(
        `${whole} is not a placeholder: names are letters, digits and _ (write $${whole} for the text itself)`,
      )
      return whole
    }
    const value = values.get(name)
    if (value === undefined) {
      problems.push(`\${${name}} has no value: set it in values, or write $\${${name}} for the text itself`)
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

const place = (node: Scalar, file: string, lines: LineCounter): string => {
  // A block scalar's text may hold the name lines below its start; the start is what the parser knows.
  const { line, col } = lines.linePos(node.range?.[0] ?? 0)
  return `${file}:${line}:${col}`
}
