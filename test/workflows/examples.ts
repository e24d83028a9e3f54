import { type Document, parseAllDocuments } from 'yaml'
import type { Manifest } from '../../scripts/manifest.ts'

/** One fenced YAML block of a Markdown text; `line` is that of its fence. */
export type Block = { readonly line: number; readonly text: string }

/** The fenced `yaml` and `yml` blocks of a Markdown text. */
export const yamlBlocks = (markdown: string): readonly Block[] =>
  [...markdown.matchAll(/^( *)```ya?ml[^\n]*\n([\s\S]*?)^\1```/gm)].map((match) => ({
    line: markdown.slice(0, match.index).split('\n').length,
    text: (match[2] ?? '').replaceAll(new RegExp(`^${match[1]}`, 'gm'), ''),
  }))

/**
 * What an example gets wrong, one sentence each: YAML that does not parse, a step that gives one of our actions an input it does not have,
 * leaves out one it requires, or reads an output it does not have.
 * @param manifest the action.yml of an action by its name; `undefined`: there is none
 */
export const exampleProblems = (
  text: string,
  manifest: (action: string) => Manifest | undefined,
): readonly string[] => {
  // Manifests are often several documents.
  const documents = parseAllDocuments(text, { uniqueKeys: true }) as readonly Document[]
  const errors = documents.flatMap((document) => document.errors)
  if (errors.length > 0) return errors.map(({ message }) => message.split('\n')[0] ?? message)
  const steps = documents.flatMap((document) => stepsIn(document.toJS()))
  return steps.flatMap(({ id, uses, given }) => {
    const name = /(?:^|\/)actions\/([\w-]+)(?:@|$)/.exec(uses)?.[1]
    if (name === undefined || !/^(\.|\$)\/|\/sluice\//.test(uses)) return []
    const found = manifest(name)
    if (found === undefined) return [`${uses}: there is no such action`]
    const inputs = Object.entries(found.inputs)
    const known = inputs.map(([input]) => input)
    const read = [...text.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)].filter(([, step]) => step === id)
    return [
      ...given.filter((input) => !known.includes(input)).map((input) => `${name} has no input ${input}`),
      ...inputs
        .filter(([input, { required }]) => required === true && !given.includes(input))
        .map(([input]) => `${name} requires ${input}`),
      ...read
        .map(([, , output = '']) => output)
        .filter((output) => !Object.hasOwn(found.outputs, output))
        .map((output) => `${name} has no output ${output}`),
    ]
  })
}

/**
 * The values that an example gives to one of our actions, as the runner would hand them over: a step's `with`, the expression of a digest
 * made one, any other left as text.
 */
export const givenIn = (
  text: string,
): readonly { readonly action: string; readonly given: Readonly<Record<string, string>> }[] =>
  stepsIn((parseAllDocuments(text) as readonly Document[]).map((document) => document.toJS())).flatMap(
    ({ uses, values }) => {
      const action = /\/sluice\/actions\/([\w-]+)@/.exec(uses)?.[1]
      if (action === undefined) return []
      const read = (value: unknown): string =>
        String(value).replace(/@\$\{\{[^}]*\}\}/g, () => `@sha256:${'0'.repeat(64)}`)
      return [{ action, given: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, read(value)])) }]
    },
  )

type Step = {
  readonly id: string
  readonly uses: string
  readonly given: readonly string[]
  readonly values: Readonly<Record<string, unknown>>
}

/** Every mapping with `uses`, wherever it stands: an example may show a job, its steps, or one step alone. */
const stepsIn = (value: unknown): readonly Step[] => {
  if (Array.isArray(value)) return value.flatMap(stepsIn)
  if (typeof value !== 'object' || value === null) return []
  const { uses, id, with: given } = value as { readonly uses?: unknown; readonly id?: unknown; readonly with?: object }
  const values = { ...given }
  const inner = Object.values(value).flatMap(stepsIn)
  if (typeof uses !== 'string') return inner
  return [{ id: String(id ?? ''), uses, given: Object.keys(values), values }, ...inner]
}
