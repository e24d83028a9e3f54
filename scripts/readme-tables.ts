import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionNames, type Field, type Manifest, readManifest } from './manifest.ts'
import { cell, table } from './markdown-table.ts'
import { workflowPages } from './workflow-tables.ts'
import { conclude, settle } from './written.ts'

/**
 * An action's README with its tables of inputs and outputs made anew from action.yml, each after its marker `<!-- inputs -->` or
 * `<!-- outputs -->`; the closing `<!-- /inputs -->` is added where it is missing.
 * @returns a sentence instead when a marker is missing
 */
export const withTables = (
  readme: string,
  manifest: Manifest,
): { readonly text: string } | { readonly problem: string } => {
  let text = readme
  for (const [name, table] of [
    ['inputs', inputsTable(manifest.inputs)],
    ['outputs', outputsTable(manifest.outputs)],
  ] as const) {
    const made = new RegExp(`<!-- ${name} -->\\n(?:\\s*\\|.*\\n)*(?:\\s*<!-- /${name} -->\\n?)?`)
    if (!made.test(text)) return { problem: `has no marker <!-- ${name} -->` }
    text = text.replace(made, () => `<!-- ${name} -->\n${table}\n<!-- /${name} -->\n`)
  }
  return { text }
}

/** The index of decision records, one line each with the record's own title, after the marker `<!-- decisions -->`. */
export const withDecisions = (index: string, records: ReadonlyMap<string, string>): string => {
  const lines = [...records].map(([file, text]) => `- [${file.slice(0, 4)}](decisions/${file}) ${titleOf(text)}`)
  const made = `<!-- decisions -->\n${lines.join('\n')}\n<!-- /decisions -->`
  return index.replace(/<!-- decisions -->[\s\S]*<!-- \/decisions -->/, () => made)
}

const titleOf = (record: string): string => (/^# (.*)$/m.exec(record)?.[1] ?? '').replace(/^\d+[.:]? */, '')

const inputsTable = (inputs: Manifest['inputs']): string =>
  table(
    ['Input', 'Default', 'Meaning'],
    Object.entries(inputs).map(([name, field]) => [`\`${name}\``, defaultOf(field), cell(field.description)]),
  )

const outputsTable = (outputs: Manifest['outputs']): string =>
  table(
    ['Output', 'Meaning'],
    Object.entries(outputs).map(([name, { description }]) => [`\`${name}\``, cell(description)]),
  )

const defaultOf = (field: Field): string => {
  if (field.required === true) return '*required*'
  const lines = String(field.default ?? '')
    .trim()
    .split('\n')
  return lines.map((line) => (line === '' ? '' : `\`${line.replaceAll('|', '\\|')}\``)).join('<br>')
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const check = process.argv.includes('--check')
  const lines = actionNames(root).flatMap((action) => {
    const path = `actions/${action}/README.md`
    if (!existsSync(join(root, path))) return [`${path} is missing`]
    const made = withTables(readFileSync(join(root, path), 'utf8'), readManifest(root, action))
    return 'problem' in made ? [`${path} ${made.problem}`] : settle(root, [{ path, text: made.text }], check)
  })
  const { pages, problems } = workflowPages(root)
  const folder = join(root, 'docs/decisions')
  const records = readdirSync(folder)
    .sort()
    .map((file) => [file, readFileSync(join(folder, file), 'utf8')] as const)
  const index = withDecisions(readFileSync(join(root, 'docs/README.md'), 'utf8'), new Map(records))
  const workflows = [...problems, ...settle(root, pages, check)]
  conclude([...lines, ...workflows, ...settle(root, [{ path: 'docs/README.md', text: index }], check)], {
    check,
    hint: 'npm run docs makes the tables anew',
  })
}
