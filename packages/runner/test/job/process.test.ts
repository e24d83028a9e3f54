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
  // Cut between a carriage return and its line feed, and in the middle of a letter of two bytes.
  const script = `const all = Buffer.from('a\\r\\nb\\n\\nc\\rd\\n\\u00e9last')
const out = (from, to) => new Promise((done) => process.stdout.write(all.subarray(from, to), () => setTimeout(done, 30)))
out(0, 2).then(() => out(2, 11)).then(() => out(11))`
  expect(await linesOf(script)).toEqual(['a', 'b', '', 'c\rd', 'élast'])
})

test('a line of many megabytes takes a time that grows with its length and no faster', async () => {
  const before = Date.now()
  const [line = ''] = await linesOf(`process.stdout.write('x'.repeat(32 * 1024 * 1024))`)
  expect(line.length).toBe(32 * 1024 * 1024)
  expect(Date.now() - before).toBeLessThan(8_000)
})
