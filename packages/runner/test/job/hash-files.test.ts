import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hashFiles } from '../../src/job/hash-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-hash-'))
afterAll(() => rmSync(folder, { recursive: true }))
for (const path of ['a.txt', 'b.lock', 'sub/a.txt', 'sub/deep/c+d.txt', '.dot/e.txt', 'f[1].md']) {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), path)
}
const sha = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest()
const of = (...paths: readonly string[]): string =>
  paths.length === 0 ? '' : sha(Buffer.concat(paths.map(sha))).toString('hex')

test.each<[readonly string[], readonly string[]]>([
  [['a.txt'], ['a.txt']],
  [['./sub/*.txt'], ['sub/a.txt']],
  [['**/a.txt'], ['a.txt', 'sub/a.txt']],
  [
    ['**/*.txt', '!sub/**'],
    ['.dot/e.txt', 'a.txt'],
  ],
  [
    ['!sub/**', '**/*.txt'],
    ['.dot/e.txt', 'a.txt', 'sub/a.txt', 'sub/deep/c+d.txt'],
  ],
  [['sub'], ['sub/a.txt', 'sub/deep/c+d.txt']],
  [['sub/deep/c+d.tx?'], ['sub/deep/c+d.txt']],
  [['[!a].lock\n*.md'], ['b.lock', 'f[1].md']],
  [[join(folder, 'b.lock')], ['b.lock']],
  [['none', '../*', '# a.txt', ''], []],
])('hashFiles of %j covers %j', (patterns, files) => {
  expect(hashFiles(folder, patterns)).toBe(of(...files))
})
