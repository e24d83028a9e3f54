import { Evaluator, type Expr, Lexer, Parser } from '@actions/expressions'
import { Binary, ContextAccess, FunctionCall, Grouping, IndexAccess, Logical, Unary } from '@actions/expressions/ast'
import type { FunctionDefinition } from '@actions/expressions/funcs/info'
import type { Json, Scope } from '../template.ts'
import { contextData, dictionary, fromData, text, toData } from './data.ts'

/** What an expression gives, or what is wrong with it. */
export type Value = { readonly kind: 'value'; readonly value: Json } | { readonly kind: 'wrong'; readonly text: string }

/**
 * What an expression (without `${{ }}`) gives in a scope, by GitHub's own evaluator. A context that the scope lacks is null.
 * @returns `wrong` for what cannot be parsed or evaluated, such as `fromJSON` of what is no JSON
 */
export const valueFrom = (source: string, scope: Scope): Value => {
  try {
    const { tree, named } = parse(source, Object.keys(scope.contexts))
    if (tree === undefined) return { kind: 'value', value: null }
    const given = Object.entries(scope.contexts).filter(([name]) => named.has(name.toLowerCase()))
    const missing = [...named].filter((name) => !given.some(([key]) => key.toLowerCase() === name))
    const data = dictionary([
      ...given.map(([name, value]) => [name, contextData(name, value)] as const),
      ...missing.map((name) => [name, toData(null)] as const),
    ])
    return { kind: 'value', value: fromData(new Evaluator(tree, data, functionsOf(scope)).evaluate()) }
  } catch (error) {
    return { kind: 'wrong', text: error instanceof Error ? error.message : String(error) }
  }
}

/** Whether an expression calls `success`, `failure`, `cancelled` or `always`; the words in a text or as a property do not count. False for what cannot be parsed. */
export const asksForStatus = (source: string): boolean => {
  try {
    return parse(source, []).asksForStatus
  } catch {
    return false
  }
}

const contexts = 'github inputs vars needs strategy matrix secrets steps job runner env jobs'.split(' ')
const statusFunctions = ['success', 'failure', 'cancelled', 'always'] as const

/** An expression that was read: the contexts that it names, in lower case, and whether it calls a status function. */
type Read = { readonly tree: Expr | undefined; readonly named: ReadonlySet<string>; readonly asksForStatus: boolean }

/** The same few hundred expressions are evaluated over and over: each is read once. */
const known = new Map<string, Read>()
const MOST_KNOWN = 5_000

const parse = (source: string, more: readonly string[]): Read => {
  const key = `${more.join()} ${source}`
  const found = known.get(key)
  if (found) return found
  const functions = [
    ...statusFunctions.map((name) => ({ name, minArgs: 0, maxArgs: Number.MAX_SAFE_INTEGER })),
    { name: 'hashFiles', minArgs: 1, maxArgs: 255 },
  ]
  const tree = new Parser(tokensOf(source), [...contexts, ...more], functions).parse()
  const all = tree === undefined ? [] : nodes(tree)
  const read = {
    tree,
    named: new Set(all.flatMap((node) => (node instanceof ContextAccess ? [node.name.lexeme.toLowerCase()] : []))),
    asksForStatus: all.some((node) => calls(node, statusFunctions)),
  }
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(key, read)
  return read
}

/** The lexer of the package undoes only the first doubled quote of a text; `run: echo '${{ a }}'` becomes a text that has more. */
const tokensOf = (source: string): ReturnType<Lexer['lex']>['tokens'] =>
  new Lexer(source)
    .lex()
    .tokens.map((token) =>
      token.lexeme.startsWith("'") ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") } : token,
    )

const functionsOf = ({ status, hashFiles }: Scope): Map<string, FunctionDefinition> => {
  const answers = { ...status, always: true }
  const asked = statusFunctions.map((name) => ({
    name,
    minArgs: 0,
    maxArgs: Number.MAX_SAFE_INTEGER,
    call: () => toData(answers[name]),
  }))
  const hash: FunctionDefinition = {
    name: 'hashfiles',
    minArgs: 1,
    maxArgs: 255,
    call: (...patterns) => {
      if (hashFiles === undefined) throw new Error("Unrecognized function: 'hashFiles'")
      return toData(hashFiles(patterns.map(text)))
    },
  }
  return new Map([...asked, hash].map((one) => [one.name, one]))
}

const calls = (node: Expr, names: readonly string[]): boolean =>
  node instanceof FunctionCall && names.includes(node.functionName.lexeme.toLowerCase())

const nodes = (tree: Expr): readonly Expr[] => [tree, ...childrenOf(tree).flatMap(nodes)]

const childrenOf = (tree: Expr): readonly Expr[] => {
  if (tree instanceof FunctionCall || tree instanceof Logical) return tree.args
  if (tree instanceof Binary) return [tree.left, tree.right]
  if (tree instanceof Unary) return [tree.expr]
  if (tree instanceof Grouping) return [tree.group]
  return tree instanceof IndexAccess ? [tree.expr, tree.index] : []
}
