import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { VERSION } from '@sluice/kit/run'
import { describe, expect, test } from 'vitest'
import { actionNames } from '../../scripts/manifest.ts'
import { repositoryFiles } from '../../scripts/repository.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const files = repositoryFiles(ROOT)

test.each(files.filter((path) => path.endsWith('.md') && !path.startsWith('templates/') && !path.includes('/dist/')))(
  'the links of %s lead somewhere',
  (path) => {
    const prose = read(path).replaceAll(/^( *)```[\s\S]*?^\1```/gm, '')
    const targets = [...prose.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)].map((match) => match[1] ?? '')
    const gone = targets.filter((target) => !existsSync(join(ROOT, dirname(path), target)))
    expect(gone).toEqual([])
  },
)

test('what a docstring or a document cites of docs/decisions/ is there', () => {
  const gone = files
    .filter((path) => /\.(ts|mjs|md|yml)$/.test(path) && !path.includes('/dist/') && !path.startsWith('test/'))
    .flatMap((path) =>
      [...read(path).matchAll(/docs\/decisions\/\d{4}-[\w-]+\.md/g)].map(([cited]) => ({ path, cited })),
    )
    .filter(({ cited }) => !existsSync(join(ROOT, cited)))
  expect(gone).toEqual([])
})

test('every action is in the README, in the changelog, and has a README of its own', () => {
  for (const action of actionNames(ROOT)) {
    expect(read('README.md')).toContain(`(actions/${action}/README.md)`)
    expect(read('CHANGELOG.md')).toContain(`\`${action}\``)
    expect(files).toContain(`actions/${action}/README.md`)
  }
})

test('every decision record is in the index', () => {
  for (const path of files.filter((file) => /^docs\/decisions\/\d{4}-/.test(file))) {
    expect(read('docs/README.md')).toContain(`(${path.replace('docs/', '')})`)
  }
})

describe('there is one version:', () => {
  test.each(files.filter((path) => /^(actions|packages)\/[^/]+\/package\.json$/.test(path)))('%s has it', (path) => {
    expect(JSON.parse(read(path)).version).toBe(JSON.parse(read('package.json')).version)
  })
  test('of pnpm too, wherever it is named', () => {
    const { version } = JSON.parse(read('package.json')).devEngines.packageManager
    for (const path of ['CONTRIBUTING.md', 'scripts/new-action.ts']) {
      expect([...read(path).matchAll(/pnpm@([\d.]+\d)/g)].map(([, named]) => named)).toEqual([version])
    }
  })
  test('reports carry it', () => expect(VERSION).toBe(JSON.parse(read('package.json')).version))
})

test('every dependency is pinned to one version', () => {
  const loose = files
    .filter((path) => path.endsWith('package.json') && !path.includes('/dist/'))
    .flatMap((path) => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(read(path))
      return Object.entries({ ...dependencies, ...devDependencies })
        .filter(([, version]) => version !== 'workspace:*' && !/^\d+\.\d+\.\d+$/.test(String(version)))
        .map(([name, version]) => `${path}: ${name} ${version}`)
    })
  expect(loose).toEqual([])
})
