import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cut } from '../src/action.ts'
import { annotations } from '../src/annotations.ts'
import { table } from '../src/markdown.ts'
import type { Finding } from '../src/report.ts'

const run = promisify(execFile)
const kit = new URL('../src/', import.meta.url).href
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kit-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Runs an action's body in a process of its own, as the runner does. */
const act = async (body: string, errorCode = '') => {
  const file = join(folder, 'main.mjs')
  writeFileSync(
    file,
    `import { runAction } from '${kit}action.ts'\nimport { Fault } from '${kit}faults.ts'\nawait runAction('x', async () => { ${body} }${errorCode})\n`,
  )
  const [output, summary] = [join(folder, 'output'), join(folder, 'summary')]
  writeFileSync(output, '')
  writeFileSync(summary, '')
  const env = {
    ...process.env,
    GITHUB_OUTPUT: output,
    GITHUB_STEP_SUMMARY: summary,
    RUNNER_TEMP: folder,
    GITHUB_ACTION: '__run 2',
  }
  const { code, stdout } = await run(process.execPath, [file], { env }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (failed: { code: number; stdout: string }) => failed,
  )
  return { code, stdout, output: readFileSync(output, 'utf8'), summary: readFileSync(summary, 'utf8') }
}

const outcome = (more: string) => `return {
  outputs: { image: 'shop' }, reportPath: '${folder}/out/report.json', summary: '### Verdict: pass',
  report: { schema: 'sluice.dev/x/v1', tool: { version: '0', commit: '' }, subject: {}, startedAt: '', endedAt: '', verdict: 'pass',
    reason: { code: 'ok', text: 'fine', next: '' }, findings: [{ id: 'slow', level: 'warning', text: 'slow', where: 'a.yml:3:1' }], details: {} }, ${more} }`

describe('an action', () => {
  test('writes report, outputs, summary and annotations', async () => {
    const { code, stdout, output, summary } = await act(outcome(''))
    expect(code).toBe(0)
    expect(JSON.parse(readFileSync(join(folder, 'out/report.json'), 'utf8')).verdict).toBe('pass')
    expect(output).toMatch(/verdict<<[\s\S]*pass[\s\S]*reason-code<<[\s\S]*ok[\s\S]*image<<[\s\S]*shop/)
    expect(summary).toBe('### Verdict: pass\n')
    expect(stdout).toContain('::warning title=slow,file=a.yml,line=3::slow')
  })

  test('that failed by its verdict is red with its sentence', async () => {
    const { code, stdout } = await act(outcome(`failed: 'Canary rolled back'`))
    expect(code).toBe(1)
    expect(stdout).toContain('::error title=ok::Canary rolled back')
  })

  test('leaves with the code of its own that it chose, for a verdict and for what is thrown', async () => {
    expect(await act(outcome(`failed: 'Nothing scanned', exitCode: 22`))).toMatchObject({ code: 22 })
    expect(await act(outcome('exitCode: 22'))).toMatchObject({ code: 0 })
    expect(await act(`throw new Fault('input', 'No')`, ', 20')).toMatchObject({ code: 20 })
    expect(await act(`throw new Fault('input', 'No')`)).toMatchObject({ code: 1 })
  })

  test('whose report cannot be written keeps its verdict and says so', async () => {
    writeFileSync(join(folder, 'out'), 'a file where a folder is needed')
    const { code, stdout, output } = await act(outcome(''))
    expect(code).toBe(0)
    expect(output).toMatch(/verdict<<[\s\S]*pass/)
    expect(stdout).toContain('::warning title=report-lost::The report could not be written')
  })

  test('writes a page beside its report, and names both', async () => {
    const { output } = await act(outcome(`page: () => '<!doctype html>'`))
    expect(readFileSync(join(folder, 'out/report.html'), 'utf8')).toBe('<!doctype html>')
    expect(output).toMatch(/page<<[\s\S]*out\/report\.html/)
  })

  test.each([
    ['cannot be drawn', () => undefined, `page: () => null.x`],
    ['cannot be written', () => mkdirSync(join(folder, 'out/report.html'), { recursive: true }), `page: () => ''`],
  ])('whose page %s keeps its verdict and its report, and says so', async (_, before, more) => {
    before()
    const { code, stdout, output } = await act(outcome(more))
    expect(code).toBe(0)
    expect(output).toMatch(/report<<[\s\S]*verdict<<[\s\S]*pass/)
    expect(output).not.toContain('page<<')
    expect(stdout).toContain('::warning title=page-lost::The page could not be written')
  })

  test('stopped by a fault says what to do, without a stack', async () => {
    const { code, stdout, output, summary } = await act(`throw new Fault('input', 'no plan', 'Give one')`)
    expect(code).toBe(1)
    expect(summary).toMatch(/^### ❌ x: error\n[\s\S]*no plan\. Give one/)
    expect(stdout).toContain('::error title=input-fault::no plan. Give one')
    expect(stdout).not.toContain('main.mjs')
    expect(JSON.parse(readFileSync(join(folder, 'sluice/x-__run-2.json'), 'utf8'))).toMatchObject({
      schema: 'sluice.dev/x/v1',
      verdict: 'error',
      reason: { code: 'input-fault', text: 'no plan', next: 'Give one' },
      details: null,
    })
    expect(output).toMatch(/verdict<<[\s\S]*error[\s\S]*reason-code<<[\s\S]*input-fault/)
  })

  test('stopped by a bug shows the stack', async () => {
    const { code, stdout, output } = await act(`null.x`)
    expect(code).toBe(1)
    expect(stdout).toContain('main.mjs')
    expect(output).toMatch(/reason-code<<[\s\S]*bug/)
  })
})

test('nine annotations of a level are shown and the tenth counts the rest', () => {
  const findings: Finding[] = Array.from({ length: 30 }, (_, i) => ({
    id: `f${i}`,
    level: i < 12 ? 'error' : 'note',
    text: 'x'.repeat(5000),
  }))
  const shown = annotations(findings)
  expect(shown.map(({ title }) => title)).toEqual([
    ...Array.from({ length: 9 }, (_, i) => `f${i}`),
    '3 more',
    ...Array.from({ length: 9 }, (_, i) => `f${i + 12}`),
    '9 more',
  ])
  expect(Math.max(...shown.map(({ text }) => text.length))).toBeLessThan(4096)
  // With the sentence that the step fails with there are ten errors again, and GitHub shows that one too.
  expect(annotations(findings, 1).map(({ title }) => title)).toEqual([
    ...Array.from({ length: 8 }, (_, i) => `f${i}`),
    '4 more',
    ...Array.from({ length: 9 }, (_, i) => `f${i + 12}`),
    '9 more',
  ])
})

test('a text is cut at a line and says so', () => {
  expect(cut('eins\nzwei\ndrei', 11)).toBe('eins\nzwei\n\n*Cut: the whole is in the report file.*')
  expect(cut('ü\n', 3)).toBe('ü\n')
})

test('nothing in a cell ends the table', () => {
  expect(table(['a'], [['x | y\n<b>']])).toBe('| a |\n| --- |\n| x \\| y &lt;b> |')
})
