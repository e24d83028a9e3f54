import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { runProcess } from '../../src/job/process.ts'

/** The lines that a script of Node's says. */
const linesOf = async (script: string): Promise<readonly string[]> => {
  const lines: string[] = []
  const never = new AbortController().signal
  const exit = await runProcess({
    program: process.execPath,
    arguments: ['-e', script],
    folder: tmpdir(),
    env: {},
    heard: (line) => lines.push(line),
    stop: never,
    end: never,
  })
  expect(exit).toEqual({ kind: 'exited', code: 0 })
  return lines
}

test('lines end with a line feed, with a carriage return before it or not, and the last one may have no end', async () => {
  const script = `const out = (text) => new Promise((done) => process.stdout.write(text, () => setTimeout(done, 30)))
out('a\\r').then(() => out('\\nb\\n\\nc\\rd\\n\\u00e9'.slice(0, 8))).then(() => process.stdout.write('last'))`
  expect(await linesOf(script)).toEqual(['a', 'b', '', 'c\rd', 'élast'])
})

test('a line of many megabytes takes a time that grows with its length and no faster', async () => {
  const before = Date.now()
  const [line = ''] = await linesOf(`process.stdout.write('x'.repeat(32 * 1024 * 1024))`)
  expect(line.length).toBe(32 * 1024 * 1024)
  expect(Date.now() - before).toBeLessThan(8_000)
})
