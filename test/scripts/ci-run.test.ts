import { execFile } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { folderWith } from './folder.ts'

const SCRIPT = readFileSync(join(import.meta.dirname, '../../.ci/run'), 'utf8')

/** A checkout whose commands print a line and end with a code. */
const run = async (
  scripts: Readonly<Record<string, readonly [line: string, code: number]>>,
): Promise<readonly [number, string]> => {
  const commands = Object.entries(scripts).map(([name, [line, code]]) => [
    name,
    `node -e "console.log('${line}'); process.exitCode = ${code}" --`,
  ])
  const root = folderWith({
    '.ci/run': SCRIPT,
    'package.json': JSON.stringify({ scripts: Object.fromEntries(commands) }, null, 2),
  })
  chmodSync(join(root, '.ci/run'), 0o755)
  const ended = await promisify(execFile)(join(root, '.ci/run'), { cwd: '/' }).catch((error) => error)
  return [ended.code ?? 0, String(ended.stdout).trimEnd().split('\n').at(-1) ?? '']
}

/** A command that finds nothing to test. */
const NONE = ['0 passed, 0 failed, 0 skipped', 0] as const

test.each([
  {
    name: 'all is well',
    test: ['5 passed, 0 failed, 1 skipped', 0],
    build: ['', 0],
    ends: [0, '6 passed, 0 failed, 1 skipped'],
  },
  {
    name: 'a test fails',
    test: ['4 passed, 1 failed, 0 skipped', 1],
    build: ['', 0],
    ends: [1, '5 passed, 1 failed, 0 skipped'],
  },
  {
    name: 'a bundle differs',
    test: ['5 passed, 0 failed, 0 skipped', 0],
    build: ['', 1],
    ends: [1, '5 passed, 1 failed, 0 skipped'],
  },
  { name: 'the tests say nothing', test: ['killed', 137], build: ['', 0], ends: [1, '1 passed, 1 failed, 0 skipped'] },
  {
    name: 'the tests end badly but count no failure',
    test: ['5 passed, 0 failed, 0 skipped', 1],
    build: ['', 0],
    ends: [1, '6 passed, 1 failed, 0 skipped'],
  },
] as const)('when $name, .ci/run ends with the sum and the right code', async ({ test: tests, build, ends }) => {
  expect(await run({ test: tests, 'test:delivery': NONE, build })).toEqual(ends)
})

test('.ci/run counts the failure paths of a delivery', async () => {
  const ended = await run({
    test: ['5 passed, 0 failed, 0 skipped', 0],
    'test:delivery': ['3 passed, 1 failed, 0 skipped', 1],
    build: ['', 0],
  })
  expect(ended).toEqual([1, '9 passed, 1 failed, 0 skipped'])
})

test('.ci/run counts what is built and pushed for real', async () => {
  const ended = await run({
    test: ['5 passed, 0 failed, 0 skipped', 0],
    'test:delivery': NONE,
    'test:images': ['0 passed, 1 failed, 4 skipped', 1],
    build: ['', 0],
  })
  expect(ended).toEqual([1, '6 passed, 1 failed, 4 skipped'])
})

test('.ci/run runs the cluster tests once there are any', async () => {
  const ended = await run({
    test: ['5 passed, 0 failed, 0 skipped', 0],
    'test:delivery': NONE,
    build: ['', 0],
    'test:cluster': ['7 passed, 0 failed, 2 skipped', 0],
  })
  expect(ended).toEqual([0, '13 passed, 0 failed, 2 skipped'])
})
