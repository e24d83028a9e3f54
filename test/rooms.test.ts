import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repositoryFiles } from '../scripts/repository.ts'
import { effectsIn } from './effects.ts'
import { breaches, type House } from './rooms.ts'

const ROOT = join(import.meta.dirname, '..')

test('every file of the house keeps to its room', () => {
  expect(breaches(house())).toEqual([])
})

describe('the table can fail:', () => {
  test.each([
    [
      'an action that imports another action',
      'actions/a/src/run.ts',
      `import { plan } from '../../b/src/plan.ts'`,
      'not its own',
    ],
    [
      'types of another action',
      'actions/a/src/run.ts',
      `import type { Plan } from '../../b/src/plan.ts'`,
      'not its own',
    ],
    [
      'an action by its package name',
      'actions/a/src/main.ts',
      `import { x } from '@sluice/action-b/plan'`,
      'may not import',
    ],
    [
      'the sandbox in an action',
      'actions/a/src/main.ts',
      `import { startSandbox } from '@sluice/sandbox/sandbox'`,
      'may not import',
    ],
    [
      'an adapter in run.ts',
      'actions/a/src/run.ts',
      `import { connect } from '@sluice/kubernetes/connect'`,
      'may not import',
    ],
    [
      'an adapter loaded for an inline type',
      'actions/a/src/run.ts',
      `import { type C } from '@sluice/kubernetes/cluster'`,
      'may not import',
    ],
    [
      'the runner boundary in a decision',
      'actions/a/src/verdict.ts',
      `import { runAction } from '@sluice/kit/action'`,
      'may not import',
    ],
    ['core in a decision', 'actions/a/src/verdict.ts', `import * as core from '@actions/core'`, 'not known to be free'],
    ['files in a decision', 'actions/a/src/verdict.ts', `import { readFileSync } from 'node:fs'`, 'has effects'],
    [
      'a decision that imports ports',
      'actions/a/src/verdict.ts',
      `import { load } from './ports/record.ts'`,
      'effects stay outside',
    ],
    [
      'a decision that imports the order of events',
      'actions/a/src/verdict.ts',
      `import { run } from './run.ts'`,
      'effects stay outside',
    ],
    [
      'a decision that imports the schema',
      'actions/a/src/verdict.ts',
      `import { inputs } from './inputs.ts'`,
      'takes values',
    ],
    ['anything that imports main.ts', 'actions/a/src/ports/x.ts', `import '../main.ts'`, 'nothing imports main.ts'],
    [
      'a test that reaches into another action',
      'actions/a/test/x.test.ts',
      `import { plan } from '../../b/src/plan.ts'`,
      'not its own',
    ],
    [
      'a source that imports a test',
      'packages/http/src/x.ts',
      `import { y } from '../test/y.ts'`,
      'nothing imports tests',
    ],
    [
      'a package that reaches into another',
      'packages/http/src/x.ts',
      `import { y } from '../../kit/src/faults.ts'`,
      'not its own',
    ],
    ['kit that imports ours', 'packages/kit/src/x.ts', `import { y } from '@sluice/http/request'`, 'may not import'],
    [
      'types of ours in evidence',
      'packages/evidence/src/x.ts',
      `import type { Y } from '@sluice/kit/report'`,
      'may not import',
    ],
    ['a library in the state machine', 'packages/release/src/x.ts', `import { parse } from 'yaml'`, 'imports nothing'],
    [
      'an adapter that reads inputs',
      'packages/http/src/x.ts',
      `import { readInputs } from '@sluice/kit/inputs'`,
      'may not import',
    ],
    [
      'an adapter that knows the release',
      'packages/traffic/src/x.ts',
      `import { next } from '@sluice/release/next'`,
      'may not import',
    ],
    [
      'metrics in the cluster adapter',
      'packages/kubernetes/src/x.ts',
      `import { r } from '@sluice/metrics/reading'`,
      'may not import',
    ],
    [
      'a dependency that is not declared',
      'packages/http/src/x.ts',
      `import { request } from 'undici'`,
      'is not declared',
    ],
    [
      'a script in a package',
      'packages/http/src/x.ts',
      `import { x } from '../../../scripts/imports.ts'`,
      'is a script',
    ],
    ['a file outside all rooms', 'actions/a/lib/x.ts', '', 'no room for it'],
  ])('%s', (_, path, source, words) => {
    const found = breaches(houseOf(path, source))
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(words)
    expect(found[0]).toContain(path)
  })
})

describe('the table lets through', () => {
  test.each([
    ['an adapter in ports/', 'actions/a/src/ports/x.ts', `import { connect } from '@sluice/kubernetes/connect'`],
    [
      'types of an adapter in run.ts',
      'actions/a/src/run.ts',
      `import type { Cluster } from '@sluice/kubernetes/cluster'`,
    ],
    ['faults in a decision', 'actions/a/src/verdict.ts', `import { Fault } from '@sluice/kit/faults'`],
    ['a pure package in a decision', 'actions/a/src/verdict.ts', `import { judge } from '@sluice/evidence/judge'`],
    ['hashing in a decision', 'actions/a/src/verdict.ts', `import { createHash } from 'node:crypto'`],
    ['zod/mini in the schema', 'actions/a/src/inputs.ts', `import * as z from 'zod/mini'`],
    [
      'the cluster in an action test',
      'actions/a/test/x.test.ts',
      `import { startSandbox } from '@sluice/sandbox/sandbox'`,
    ],
    [
      'the sandbox in the command line',
      'packages/cli/src/x.ts',
      `import { startSandbox } from '@sluice/sandbox/sandbox'`,
    ],
  ])('%s', (_, path, source) => {
    expect(breaches(houseOf(path, source))).toEqual([])
  })
})

describe('an effect is seen:', () => {
  test.each([
    ['const now = Date.now()', 'Date.now'],
    ['const now = new Date()', 'new Date()'],
    ['const luck = Math.random()', 'Math.random'],
    ['const home = process.env.HOME', 'process'],
    ['const { HOME } = process.env', 'process'],
    ['const answer = await fetch(url)', 'fetch'],
    ['const later = (f: () => void) => setTimeout(f, 5)', 'setTimeout'],
    ['console.log(1)', 'console'],
    ['const f = globalThis.fetch', 'globalThis'],
    ['const f = (fetch as Fetch)(url)', 'fetch'],
    [`import { randomUUID } from 'node:crypto'`, 'randomUUID'],
    [`const fs = await import('node:fs')`, 'import()'],
  ])('%s', (source, name) => {
    expect(effectsIn(source).map((effect) => effect.name)).toEqual([name])
  })

  test.each([
    'const at = new Date(ms).toISOString()',
    'const f = (fetch: () => void) => fetch()',
    'type Fetch = typeof fetch',
    'const step = { process: 1 }; const p = step.process',
    `// Date.now() in a comment\nconst text = 'Math.random()'`,
    'export const sleep = (clock: { now(): number }) => clock.now()',
  ])('and none in: %s', (source) => {
    expect(effectsIn(source)).toEqual([])
  })
})

const DEPENDENCIES = [
  '@actions/core',
  'yaml',
  'zod',
  '@sluice/action-b',
  '@sluice/evidence',
  '@sluice/http',
  '@sluice/kit',
].concat(['@sluice/kubernetes', '@sluice/metrics', '@sluice/release', '@sluice/sandbox', '@sluice/traffic'])

/** One file in a house where every package declares everything that could be meant. */
const houseOf = (path: string, source: string): House => ({
  sources: new Map([[path, source]]),
  declared: new Map([[path.split('/').slice(0, 2).join('/'), new Set(DEPENDENCIES)]]),
})

const house = (): House => {
  const paths = repositoryFiles(ROOT)
  const sources = paths
    .filter((path) => /^(actions|packages|scripts|test|examples)\/.*\.ts$/.test(path))
    .map((path) => [path, readFileSync(join(ROOT, path), 'utf8')] as const)
  const manifests = paths
    .filter((path) => /^(actions|packages)\/[^/]+\/package\.json$/.test(path))
    .map((path) => [path.replace('/package.json', ''), new Set(dependencies(path))] as const)
  return { sources: new Map(sources), declared: new Map(manifests) }
}

const dependencies = (path: string): readonly string[] =>
  Object.keys(JSON.parse(readFileSync(join(ROOT, path), 'utf8')).dependencies ?? {})
