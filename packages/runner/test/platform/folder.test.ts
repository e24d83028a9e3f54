import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeFolder } from '@sluice/runner/platform/folder'
import { expect, onTestFinished, test } from 'vitest'

const NOBODY = 65_534

test('a folder goes with parts that nobody may write to', () => {
  const root = mkdtempSync(join(tmpdir(), 'sluice-folder-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const folder = join(root, 'machine')
  const inner = join(folder, 'cache/module')
  mkdirSync(inner, { recursive: true })
  writeFileSync(join(inner, 'file'), '')
  // The superuser may write everywhere: as it, somebody else has to try.
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  if ('uid' in user)
    for (const path of [join(inner, 'file'), inner, join(folder, 'cache'), folder, root])
      chownSync(path, NOBODY, NOBODY)
  for (const path of [inner, join(folder, 'cache')]) chmodSync(path, 0o555)
  const module = new URL('../../src/platform/folder.ts', import.meta.url).href
  const script = `import { removeFolder } from ${JSON.stringify(module)}; console.log('[' + removeFolder(process.argv[1]) + ']')`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script, folder], {
    ...user,
    encoding: 'utf8',
  })
  expect(said).toBe('[]\n')
  expect(existsSync(folder)).toBe(false)
})

test('what cannot be removed is said, and what is not there is gone', () => {
  expect(removeFolder('/proc/self/fd')).toMatch(/EPERM|EACCES|EBUSY|ENOTEMPTY|not permitted/)
  expect(removeFolder(join(tmpdir(), 'sluice-is-not-there'))).toBe('')
})
