import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { foldersOf, programIn } from '../src/program.ts'

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-program-'))
  for (const name of ['plain', 'folder/tool', 'first', 'second']) mkdirSync(join(root, name), { recursive: true })
  writeFileSync(join(root, 'plain/tool'), '', { mode: 0o644 })
  for (const name of ['first', 'second']) writeFileSync(join(root, name, 'tool'), '', { mode: 0o755 })
})
afterAll(() => rmSync(root, { recursive: true }))

test('a PATH is its folders in order, without those that have no name', () => {
  expect(foldersOf('/b::/a:rel:')).toEqual(['/b', '/a', 'rel'])
  expect(foldersOf('')).toEqual([])
  expect(foldersOf(undefined)).toEqual([])
})

test('a program is the first file that may be executed, not a folder of its name nor a file that is only read', () => {
  const folders = ['nowhere', 'plain', 'folder', 'second', 'first'].map((name) => join(root, name))
  expect(programIn(folders, 'tool')).toBe(join(root, 'second/tool'))
  expect(programIn(folders.slice(0, 3), 'tool')).toBeUndefined()
  expect(programIn(folders, 'other')).toBeUndefined()
})
