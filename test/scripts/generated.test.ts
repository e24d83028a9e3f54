import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Manifest } from '../../scripts/manifest.ts'
import { pinProblems, usesIn } from '../../scripts/pins.ts'
import { withDecisions, withTables } from '../../scripts/readme-tables.ts'
import { keyProblems, schemaKeys } from '../../scripts/schema-keys.ts'
import { lastLine, sum, tallyOf } from '../../scripts/test.ts'
import { treeProblems } from '../../scripts/tree.ts'
import { orphans, published } from '../../scripts/workflows.ts'
import { settle } from '../../scripts/written.ts'
import { folderWith } from './folder.ts'

describe('the tables of a README', () => {
  const manifest: Manifest = {
    name: 'gate',
    description: '',
    inputs: {
      path: { description: 'A file | or folder,\n as <path>', required: true },
      limit: { description: 'Bytes.', default: '10' },
      empty: { default: '' },
      plan: { default: 'a: 1\nb:\n  - c|d\n' },
    },
    outputs: { bytes: { description: 'Size.' } },
    runs: { using: 'node24' },
  }
  const made = [
    '# Gate',
    '<!-- inputs -->',
    '| Input | Default | Meaning |',
    '| --- | --- | --- |',
    '| `path` | *required* | A file \\| or folder, as &lt;path> |',
    '| `limit` | `10` | Bytes. |',
    '| `empty` |  |  |',
    '| `plan` | `a: 1`<br>`b:`<br>`  - c\\|d` |  |',
    '<!-- /inputs -->',
    'between',
    '<!-- outputs -->',
    '| Output | Meaning |',
    '| --- | --- |',
    '| `bytes` | Size. |',
    '<!-- /outputs -->',
    '',
  ].join('\n')

  test('come from action.yml, after their markers', () => {
    expect(withTables('# Gate\n<!-- inputs -->\nbetween\n<!-- outputs -->\n', manifest)).toEqual({ text: made })
  })
  test('stay as they are when they are right', () => {
    expect(withTables(made, manifest)).toEqual({ text: made })
  })
  test('are made anew when they are old', () => {
    expect(withTables(made.replace('Bytes.', 'Kilobytes.').replace('| `empty` |  |  |\n', ''), manifest)).toEqual({
      text: made,
    })
  })
  test('need their markers', () => {
    expect(withTables('# Gate\n<!-- inputs -->\n', manifest)).toEqual({ problem: 'has no marker <!-- outputs -->' })
  })
})

test('the index of decisions has a line per record, with its title', () => {
  const index = 'a\n<!-- decisions -->\nold\n<!-- /decisions -->\nb'
  const records = new Map([
    ['0001-house.md', '# 0001 The house\n'],
    ['0002-state.md', '# 2. The state\n'],
  ])
  expect(withDecisions(index, records)).toBe(
    'a\n<!-- decisions -->\n- [0001](decisions/0001-house.md) The house\n- [0002](decisions/0002-state.md) The state\n<!-- /decisions -->\nb',
  )
})

describe('workflows', () => {
  test('are published with a first line that says where to edit, and a check sees each difference', () => {
    const root = folderWith({
      'reusable-workflows/deliver.yml': 'on: workflow_call\n',
      'reusable-workflows/deliver.md': 'x',
    })
    expect(settle(root, published(root), true)).toEqual(['.github/workflows/deliver.yml is not what its source gives'])
    settle(root, published(root), false)
    const path = join(root, '.github/workflows/deliver.yml')
    const text = readFileSync(path, 'utf8')
    expect(text).toMatch(/^# Published from reusable-workflows\/deliver\.yml .*\non: workflow_call\n$/)
    expect(settle(root, published(root), true)).toEqual([])
    writeFileSync(path, `${text}\n`)
    expect(settle(root, published(root), true)).toHaveLength(1)
  })
  test('whose source is gone are named; our own, which have none, are not', () => {
    const root = folderWith({
      '.github/workflows/old.yml':
        '# Published from reusable-workflows/old.yml by `npm run workflows`: edit it there.\n',
      '.github/workflows/project.yml': 'on: push\n',
    })
    expect(orphans(root)).toEqual(['.github/workflows/old.yml has no reusable-workflows/old.yml'])
  })
  test('none are published where there are none', () => {
    expect(published(folderWith({}))).toEqual([])
  })
})

describe('a `uses:`', () => {
  const commit = 'a'.repeat(40)
  const problems = (...lines: readonly string[]): string =>
    pinProblems(usesIn('x.yml', lines.join('\n')), (path) => path === 'actions/gate').join('\n')

  test.each([
    ['a full commit and its version', `- uses: actions/checkout@${commit} # v7.0.1`],
    ['a folder of ours by $/', '  uses: $/actions/gate'],
    ['a folder of ours by ./', '  - uses: "./actions/gate"'],
    ['ours at the major version, in an example', '- uses: OWNER/sluice/actions/gate@v1'],
    ['an image by digest', `- uses: docker://alpine@sha256:${'b'.repeat(64)}`],
    ['prose that speaks of uses:', 'take one with `uses: a/b@v1`'],
  ])('may be %s', (_, line) => {
    expect(problems(line)).toBe('')
  })
  test.each([
    ['a tag', '- uses: actions/checkout@v7', 'x.yml:1: actions/checkout@v7 must be pinned by its full commit'],
    ['a branch', '    uses: a/b/.github/workflows/c.yml@main', 'pinned by its full commit'],
    ['a short commit', '- uses: a/b@3d3c42e', 'pinned by its full commit'],
    ['a commit without its version', `- uses: a/b@${commit}`, 'needs its version'],
    ['a commit with a vague version', `- uses: a/b@${commit} # v7`, 'needs its version'],
    ['a folder of ours that is not there', '- uses: ./actions/gates', 'is not there'],
    ['ours that is not there', '- uses: OWNER/sluice/actions/gates@v1', 'is not there'],
    ['ours at a branch', '- uses: OWNER/sluice/actions/gate@main', 'must end in @v1'],
    ['ours by another owner', '- uses: acme/sluice/actions/gate@v1', 'must name OWNER/sluice'],
    ['an image by tag', '- uses: docker://alpine:3', 'needs a digest'],
  ])('may not be %s', (_, line, words) => {
    expect(problems(line)).toContain(words)
  })
  test('may not be one version at two commits', () => {
    const other = 'c'.repeat(40)
    expect(problems(`- uses: a/b@${commit} # v1.0.0`, `- uses: a/b/sub@${other} # v1.0.0`)).toBe(
      'x.yml:2: a/b/sub v1.0.0 is another commit than in x.yml:1',
    )
  })
})

describe('the keys of a schema', () => {
  test('and of action.yml are compared both ways', () => {
    expect(keyProblems('gate', ['path', 'limit'], ['path', 'bytes'])).toEqual([
      'gate: action.yml has input limit, the schema has not',
      'gate: the schema has key bytes, action.yml has not',
    ])
    expect(keyProblems('gate', ['path'], ['path'])).toEqual([])
  })
  test('are read from the module; one that exports none is named', async () => {
    const root = folderWith({
      'actions/good/src/inputs.ts': 'export const inputs = { shape: { path: 1 } }',
      'actions/bad/src/inputs.ts': 'export const schema = 1',
    })
    expect(await schemaKeys(root, 'good')).toEqual(['path'])
    expect(await schemaKeys(root, 'bad')).toContain('exports no object schema')
    expect(await schemaKeys(root, 'none')).toContain('src/inputs.ts is missing')
  })
})

describe('the tree', () => {
  test('has no symlinks, left-overs, second lockfiles, twins or machine paths', () => {
    const root = folderWith({ 'a.ts': '', 'A.ts': '', 'b.orig': '', 'x/yarn.lock': '', 'n/core': '' })
    writeFileSync(join(root, 'path.md'), `see ${root}/packages/kit`)
    writeFileSync(join(root, 'fine.md'), 'see packages/kit')
    symlinkSync(join(root, 'gone'), join(root, 'link'))
    const paths = ['a.ts', 'A.ts', 'b.orig', 'fine.md', 'link', 'path.md', 'x/yarn.lock']
    expect(treeProblems(root, paths)).toEqual([
      'A.ts and a.ts are one file where case does not count',
      'b.orig is a left-over',
      'link is a symlink',
      `path.md names this machine's path ${root}`,
      'x/yarn.lock: the one lockfile is pnpm-lock.yaml',
    ])
  })
})

describe('the last line', () => {
  test('counts what vitest counts, and a file that could not be loaded as one failure', () => {
    const report = {
      numPassedTests: 5,
      numFailedTests: 1,
      numPendingTests: 2,
      numTodoTests: 1,
      testResults: [
        { status: 'failed', assertionResults: [{}] },
        { status: 'failed', assertionResults: [] },
      ],
    }
    expect(tallyOf(report)).toEqual({ passed: 5, failed: 2, skipped: 3 })
  })
  test('is plain', () => {
    const tally = sum([
      { passed: 5, failed: 2, skipped: 3 },
      { passed: 1, failed: 0, skipped: 0 },
    ])
    expect(lastLine(tally)).toBe('6 passed, 2 failed, 3 skipped')
  })
})
