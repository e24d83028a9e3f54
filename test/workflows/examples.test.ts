import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { actionNames, bundledNames, type Manifest, readManifest } from '../../scripts/manifest.ts'
import { repositoryFiles } from '../../scripts/repository.ts'
import { exampleProblems, givenIn, yamlBlocks } from './examples.ts'

const ROOT = join(import.meta.dirname, '../..')
const READMES = repositoryFiles(ROOT).filter((path) => path.endsWith('.md') && !path.includes('/dist/'))

test.each(READMES)('the examples of %s fit the actions they name', (path) => {
  const problems = yamlBlocks(readFileSync(join(ROOT, path), 'utf8')).flatMap(({ line, text }) =>
    exampleProblems(text, manifestOf).map((problem) => `${path}:${line}: ${problem}`),
  )
  expect(problems).toEqual([])
})

test.each(actionNames(ROOT))('the README of %s shows how it is used', (action) => {
  const path = join(ROOT, 'actions', action, 'README.md')
  expect(existsSync(path), `actions/${action}/README.md`).toBe(true)
  const blocks = yamlBlocks(readFileSync(path, 'utf8')).map(({ text }) => text)
  expect(blocks.some((text) => text.includes(`/actions/${action}@`))).toBe(true)
})

const EXAMPLES = READMES.filter((path) => !path.startsWith('templates/')).flatMap((path) =>
  yamlBlocks(readFileSync(join(ROOT, path), 'utf8')).flatMap(({ line, text }) =>
    givenIn(text).map((example) => ({ ...example, where: `${path}:${line}` })),
  ),
)

test('there are examples of every action', () => {
  expect(new Set(EXAMPLES.map(({ action }) => action))).toEqual(new Set(actionNames(ROOT)))
})

// A composite action has no schema: its values are read by the actions that its steps name.
const READ = EXAMPLES.filter(({ action }) => bundledNames(ROOT).includes(action))

test.each(READ)('the values in $where are ones that $action reads', async ({ action, given }) => {
  const { inputs } = readManifest(ROOT, action)
  const module = await import(pathToFileURL(join(ROOT, 'actions', action, 'src/inputs.ts')).href)
  const texts = Object.entries(inputs).map(([name, field]) => [name, given[name] ?? String(field.default ?? '')])
  const issues: readonly { readonly path: readonly string[] }[] =
    module.inputs.safeParse(Object.fromEntries(texts)).error?.issues ?? []
  // What an expression comes to is known only in a run.
  expect(issues.filter(({ path }) => !isExpression(given[path[0] ?? ''] ?? ''))).toEqual([])
})

const isExpression = (value: string): boolean => /^\$\{\{[^}]*\}\}$/.test(value)

describe('an example fails when it', () => {
  const step = (lines: readonly string[]): string =>
    ['- uses: OWNER/sluice/actions/gate@v1', '  id: gate', ...lines].join('\n')
  const gate: Manifest = {
    name: 'gate',
    description: '',
    inputs: { path: { required: true }, limit: { default: '1' } },
    outputs: { bytes: {} },
    runs: { using: 'node24' },
  }
  test.each([
    ['gives an unknown input', step(['  with: { path: a, limits: 2 }']), 'gate has no input limits'],
    ['leaves out a required one', step(['  with: { limit: 2 }']), 'gate requires path'],
    [
      'reads an unknown output',
      step(['  with: { path: a }', `- run: echo \${{ steps.gate.outputs.size }}`]),
      'gate has no output size',
    ],
    ['names an unknown action', '- uses: OWNER/sluice/actions/gates@v1', 'no such action'],
    ['is no YAML', 'uses: [', 'Flow sequence'],
    ['gives an input twice', step(['  with:', '    path: a', '    path: b']), 'Map keys must be unique'],
  ])('%s', (_, text, words) => {
    expect(exampleProblems(text, (name) => (name === 'gate' ? gate : undefined)).join()).toContain(words)
  })

  test('and not when all is there, in a job, by any of the three ways to name it', () => {
    const text = ['OWNER/sluice/actions/gate@v1', '$/actions/gate', './actions/gate']
      .map((uses) => `      - uses: ${uses}\n        id: gate\n        with: { path: a }`)
      .join('\n')
    const job = `jobs:\n  a:\n    steps:\n${text}\n      - run: echo \${{ steps.gate.outputs.bytes }}`
    expect(exampleProblems(job, () => gate)).toEqual([])
  })

  test('its values are found as the runner hands them over', () => {
    const text = step([`  with: { path: "a@\${{ b.c }}", limit: 2, key: "\${{ secrets.K }}" }`])
    const given = { path: `a@sha256:${'0'.repeat(64)}`, limit: '2', key: `\${{ secrets.K }}` }
    expect(givenIn(text)).toEqual([{ action: 'gate', given }])
  })

  test('the blocks of a text are found with their lines, indented ones too', () => {
    const markdown = 'a\n\n```yaml\nx: 1\n```\n\n1. b\n\n   ```yml\n   y: 2\n   ```\n```sh\nz\n```\n'
    expect(yamlBlocks(markdown)).toEqual([
      { line: 3, text: 'x: 1\n' },
      { line: 9, text: 'y: 2\n' },
    ])
  })
})

const manifestOf = (name: string): Manifest | undefined => {
  if (name === '__NAME__') return readManifest(join(ROOT, 'templates'), '../action')
  return actionNames(ROOT).includes(name) ? readManifest(ROOT, name) : undefined
}
