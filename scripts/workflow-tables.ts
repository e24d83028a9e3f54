import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cell, table } from './markdown-table.ts'
import { askedBy, type Call, type Found, foundIn, type Permissions, reusableWorkflows } from './workflow.ts'
import type { Written } from './written.ts'

/**
 * A workflow's page with what comes from its file made anew, each after its marker: `<!-- inputs -->`, `<!-- secrets -->`, `<!-- outputs -->` and
 * `<!-- permissions -->`, the block that its caller's job must have.
 * @returns a sentence instead when a marker is missing
 */
export const withWorkflowTables = (
  page: string,
  call: Call,
  permissions: Permissions,
): { readonly text: string } | { readonly problem: string } => {
  let text = page
  for (const [name, made] of [
    ['permissions', permissionsBlock(permissions)],
    ['inputs', inputsTable(call)],
    ['secrets', secretsTable(call)],
    ['outputs', outputsTable(call)],
  ] as const) {
    const marked = new RegExp(`<!-- ${name} -->\\n(?:[\\s\\S]*?<!-- /${name} -->\\n?)?`)
    if (!marked.test(text)) return { problem: `has no marker <!-- ${name} -->` }
    text = text.replace(marked, () => `<!-- ${name} -->\n${made}\n<!-- /${name} -->\n`)
  }
  return { text }
}

/** The pages of all workflows as they must be, and what is wrong with those that cannot be made. */
export const workflowPages = (
  root: string,
): { readonly pages: readonly Written[]; readonly problems: readonly string[] } => {
  const workflows = reusableWorkflows(root)
  const made = [...workflows.keys()].flatMap((name) => {
    const found = foundIn(workflows, name)
    return found === undefined ? [] : [pageOf(root, name, found)]
  })
  return {
    pages: made.flatMap((one) => ('page' in one ? [one.page] : [])),
    problems: made.flatMap((one) => ('problem' in one ? [one.problem] : [])),
  }
}

const pageOf = (
  root: string,
  name: string,
  found: Found,
): { readonly page: Written } | { readonly problem: string } => {
  const path = `reusable-workflows/${name}.md`
  if (!existsSync(join(root, path))) return { problem: `${path} is missing` }
  const page = readFileSync(join(root, path), 'utf8')
  const made = withWorkflowTables(page, found.workflow.on.workflow_call ?? {}, askedBy(found))
  return 'problem' in made ? { problem: `${path} ${made.problem}` } : { page: { path, text: made.text } }
}

const permissionsBlock = (permissions: Permissions): string => {
  const lines = Object.entries(permissions).map(([scope, access]) => `  ${scope}: ${access}`)
  return ['```yaml', ...(lines.length === 0 ? ['permissions: {}'] : ['permissions:', ...lines]), '```'].join('\n')
}

const inputsTable = ({ inputs = {} }: Call): string =>
  table(
    ['Input', 'Type', 'Default', 'Meaning'],
    Object.entries(inputs).map(([name, input]) => [
      `\`${name}\``,
      input.type ?? 'string',
      input.required === true ? '*required*' : (input.default ?? '') === '' ? '' : `\`${input.default}\``,
      cell(input.description),
    ]),
  )

const secretsTable = ({ secrets = {} }: Call): string =>
  Object.keys(secrets).length === 0
    ? 'None.'
    : table(
        ['Secret', 'Required', 'Meaning'],
        Object.entries(secrets).map(([name, { required, description }]) => [
          `\`${name}\``,
          required === true ? 'yes' : 'no',
          cell(description),
        ]),
      )

const outputsTable = ({ outputs = {} }: Call): string =>
  table(
    ['Output', 'Meaning'],
    Object.entries(outputs).map(([name, { description }]) => [`\`${name}\``, cell(description)]),
  )
