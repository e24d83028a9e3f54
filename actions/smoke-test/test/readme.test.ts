import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseChecks } from '../src/ports/checks-file.ts'

test("the README's example checks are read", () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const blocks = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text)
  const checks = blocks.find((block) => block.startsWith('- name: health')) ?? ''
  expect(parseChecks(checks, 'README.md')).toMatchObject({
    checks: [{ name: 'health' }, { name: 'log in' }, { name: 'orders' }],
  })
})
