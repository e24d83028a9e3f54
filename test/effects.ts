import { lineOf, type Node, syntaxTree } from '../scripts/imports.ts'

/** A use of the clock, of chance, of the environment or of the network, by the name it is known by. */
export type Effect = { readonly line: number; readonly name: string }

const GLOBALS = new Set(
  'fetch process performance console setTimeout setInterval setImmediate queueMicrotask globalThis crypto WebSocket require eval'.split(
    ' ',
  ),
)
const MEMBERS = new Set(['Date.now', 'Math.random', 'AbortSignal.timeout'])
/** What `node:crypto`, else a library of pure functions, has of chance. */
const CHANCE = new Set('randomUUID randomBytes randomInt randomFill getRandomValues generateKeyPairSync'.split(' '))
/** TypeScript's expressions: the only nodes named TS… that are still there when the program runs. */
const RUNNING = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression', 'TSInstantiationExpression'])

/**
 * The effects that a module can have without importing them, or by importing chance. A name that the module binds itself, such as a
 * parameter called `fetch`, is no effect.
 */
export const effectsIn = (source: string): readonly Effect[] => {
  const tree = syntaxTree(source)
  const bound = new Set<string>()
  walk(tree, (node) => {
    for (const name of bindings(node)) bound.add(name)
  })
  const found: Effect[] = []
  walk(tree, (node) => {
    const name = effectOf(node, bound)
    if (name !== undefined) found.push({ line: lineOf(source, node.start), name })
  })
  return found
}

const effectOf = (node: Node, bound: ReadonlySet<string>): string | undefined => {
  if (node.type === 'Identifier' && GLOBALS.has(nameOf(node)) && !bound.has(nameOf(node))) return nameOf(node)
  if (node.type === 'MemberExpression') {
    const path = `${nameOf(node.object)}.${nameOf(node.property)}`
    return MEMBERS.has(path) ? path : undefined
  }
  if (node.type === 'NewExpression' && nameOf(node.callee) === 'Date' && isEmpty(node.arguments)) return 'new Date()'
  if (node.type === 'CallExpression' && nameOf(node.callee) === 'Date') return 'Date()'
  if (node.type === 'ImportSpecifier' && CHANCE.has(nameOf(node.imported))) return nameOf(node.imported)
  if (node.type === 'ImportExpression') return 'import()'
  return undefined
}

/** Visits what runs: no types, and no identifiers that are only names of properties. */
const walk = (value: unknown, see: (node: Node) => void): void => {
  if (Array.isArray(value)) for (const item of value) walk(item, see)
  if (!isNode(value) || (value.type.startsWith('TS') && !RUNNING.has(value.type))) return
  see(value)
  for (const [key, inner] of Object.entries(value)) {
    const isName = (key === 'property' || key === 'key') && value.computed !== true
    if (!isName) walk(inner, see)
  }
}

const bindings = (node: Node): readonly string[] => {
  if (node.type === 'VariableDeclarator') return namesIn(node.id)
  if (Array.isArray(node.params)) return node.params.flatMap(namesIn)
  if (node.type.startsWith('Import') && isNode(node.local)) return namesIn(node.local)
  return node.type === 'FunctionDeclaration' ? namesIn(node.id) : []
}

const namesIn = (pattern: unknown): readonly string[] => {
  if (!isNode(pattern)) return []
  if (pattern.type === 'Identifier') return [nameOf(pattern)]
  if (pattern.type === 'Property') return namesIn(pattern.value)
  if (pattern.type === 'AssignmentPattern') return namesIn(pattern.left)
  if (pattern.type === 'RestElement') return namesIn(pattern.argument)
  const inner = pattern.type === 'ObjectPattern' ? pattern.properties : pattern.elements
  return Array.isArray(inner) ? inner.flatMap(namesIn) : []
}

const nameOf = (value: unknown): string => (isNode(value) && typeof value.name === 'string' ? value.name : '')
const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value
