import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { thirdParties } from '../src/rehearsal/github.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-third-parties-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('every third party’s action has a folder: a stand-in where there is one, under its owner’s name, else one that fails and says why', () => {
  const all = thirdParties(join(import.meta.dirname, '../../..'), folder)
  const at = (name: string): string => readFileSync(join(all[name] ?? '', 'action.yml'), 'utf8')
  for (const name of [
    'actions/upload-artifact',
    'actions/download-artifact',
    'actions/attest',
    'docker/setup-buildx-action',
    'github/codeql-action/upload-sarif',
  ])
    expect(at(name)).toMatch(new RegExp(`^# A stand-in of this project for ${name},`))
  expect(at('docker/login-action')).toContain('reaches a cloud that a rehearsal does not have')
  expect(all['actions/checkout']).toBeUndefined()
  for (const path of Object.values(all)) expect(existsSync(join(path, 'action.yml'))).toBe(true)
})
