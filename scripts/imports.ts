import { parseAst } from 'rolldown/parseAst'

/** One import or re-export. `types`: nothing of it is left when the program runs. */
export type Import = { readonly specifier: string; readonly types: boolean; readonly line: number }

/** A syntax tree's node, as far as a walk needs it. */
export type Node = { readonly type: string; readonly start: number; readonly [key: string]: unknown }

/** Parses TypeScript or JavaScript. @throws Error with the parser's own words */
export const syntaxTree = (source: string): Node => parseAst(source, { lang: 'ts' }) as unknown as Node

/** Every import, re-export, `import()` and `import('…').Type` of a module, in source order. */
export const importsOf = (source: string): readonly Import[] => {
  const found: Import[] = []
  visit(syntaxTree(source), (node) => {
    const specifier = literal(node.source)
    if (specifier === undefined) return
    found.push({ specifier, types: isTypesOnly(node), line: lineOf(source, node.start) })
  })
  return found
}

/** Calls `see` with every node of a tree, parents first. */
const visit = (value: unknown, see: (node: Node) => void): void => {
  if (Array.isArray(value)) for (const item of value) visit(item, see)
  if (!isNode(value)) return
  see(value)
  for (const inner of Object.values(value)) visit(inner, see)
}

/** The line, from 1, that an offset lies in. */
export const lineOf = (source: string, offset: number): number => source.slice(0, offset).split('\n').length

/** `import { type X }` is not one: what the compiler leaves of it, `import {}`, still loads the module. */
const isTypesOnly = (node: Node): boolean =>
  node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type'

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value

const literal = (value: unknown): string | undefined =>
  isNode(value) && value.type === 'Literal' && typeof value.value === 'string' ? value.value : undefined
