import { expect, test } from 'vitest'
import { run } from '../src/run.ts'

test('the file that was named is looked at, and its size judged', async () => {
  const said: string[] = []
  const verdict = await run(
    { path: 'model.bin', 'max-bytes': 10, 'on-nothing-to-check': 'fail' },
    { size: async (path) => (path === 'model.bin' ? 11 : undefined), say: (line) => said.push(line) },
  )
  expect(verdict).toEqual({ kind: 'fail', code: 'too-large', bytes: 11 })
  expect(said).toEqual(['Looking at model.bin'])
})
