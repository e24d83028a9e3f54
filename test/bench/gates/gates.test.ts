import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readReport } from '../../../actions/trivy-gate/src/read-report.ts'
import { goalsOf, page, type Results } from './page.ts'
import { writeSynthetic } from './synthetic.ts'

const results = (over: Partial<Results['rounds'][number]>): Results => ({
  schema: 'sluice.dev/bench-gates/v1',
  trial: false,
  machine: 'a machine',
  jq: 'jq-1.7',
  commit: 'abc',
  at: '2026-06-15T12:00:00.000Z',
  bytes: 2e8,
  findings: 100_000,
  rounds: [{ jqMs: 2000, ms: 20_000, readMs: 18_000, judgeMs: 1000, peakBytes: 1.5e9, load: 0.5, ...over }],
})

test('the made-up report is one that the gate reads, all of it, of the size that was asked for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-gates-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'report.json')
  const { bytes, findings } = writeSynthetic(path, 300_000)
  expect(statSync(path).size).toBe(bytes)
  expect(bytes / findings).toBeGreaterThan(1900)
  expect(bytes / findings).toBeLessThan(2200)
  const text = readFileSync(path, 'utf8')
  // Beyond Latin-1, so that it is held in two bytes a character.
  expect(/[\u0100-\uffff]/.test(text)).toBe(true)
  const read = readReport(text)
  expect('scan' in read && read.scan.found.length).toBe(findings)
  expect('scan' in read && new Set(read.scan.found.map(({ severity }) => severity)).size).toBe(5)
})

test.each<[string, Partial<Results['rounds'][number]>, (boolean | undefined)[]]>([
  ['as much as allowed', {}, [true, true]],
  ['too slow', { ms: 20_001 }, [false, true]],
  ['too large', { peakBytes: 1.5e9 + 1 }, [true, false]],
  ['no jq', { jqMs: null }, [undefined, true]],
])('the goals of a run: %s', (_, over, expected) => {
  expect(goalsOf(results(over)).map(({ met }) => met)).toEqual(expected)
})

test('the page tells the median, the spread and what was not reached', () => {
  const text = page(results({ ms: 40_000 }))
  expect(text).toContain(
    '| at most 10 times as long as `jq length` (median of the rounds) | **no** | 20.00 (20.00 to 20.00; 20.00 to 20.00) times |',
  )
  expect(text).toContain('| peak memory (RSS), GB | 1.50 (1.50 to 1.50; 1.50 to 1.50) |')
  expect(text).not.toContain('trial')
})
