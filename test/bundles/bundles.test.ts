import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { filesIn } from '../../scripts/build/bundle.ts'
import { sha256 } from '../../scripts/build/sources.ts'
import { bundledNames, readManifest } from '../../scripts/manifest.ts'
import { namesMachine } from '../../scripts/tree.ts'
import { runBundle, sizeLimit } from './bundle.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Of actions whose verdicts have an exit code each; the others stop with 1. */
const ERROR_CODES: Readonly<Record<string, number>> = { 'trivy-gate': 20 }

describe.each(bundledNames(ROOT))('the bundle of %s', (action) => {
  const folder = join(ROOT, 'actions', action)
  const dist = join(folder, 'dist')
  const { runs, inputs, outputs } = readManifest(ROOT, action)
  const sources = (): string => readFileSync(join(dist, '.sources'), 'utf8')

  test('is what action.yml runs, on Node 24', () => {
    expect(runs.using).toBe('node24')
    for (const entry of [runs.main, runs.post, runs.pre]) {
      if (entry !== undefined) expect(existsSync(join(folder, entry)), entry).toBe(true)
    }
    expect(runs.main).toBe('dist/index.js')
  })

  test('stays small', () => {
    const bytes = [...filesIn(dist)]
      .filter(([path]) => path.endsWith('js'))
      .reduce((sum, [, file]) => sum + file.length, 0)
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThanOrEqual(sizeLimit(sources()))
  })

  test('has no file that its list of sources does not name, and none that was edited', () => {
    const lines = [...filesIn(dist)]
      .filter(([path]) => path !== '.sources')
      .map(([path, file]) => `${sha256(file)}  dist/${path}`)
    expect(
      sources()
        .split('\n')
        .filter((line) => line.includes('  dist/')),
    ).toEqual(lines)
  })

  test('names no path of the machine that built it, and carries the licences of what is in it', () => {
    for (const [path, file] of filesIn(dist)) {
      expect(namesMachine(ROOT, file), path).toBe(false)
      if (path.endsWith('.js')) expect(file.toString('latin1')).not.toMatch(/file:\/\/\/\w|\/\.build\/\d+\//)
    }
    const licences = readFileSync(join(dist, 'licenses.txt'), 'utf8').split('\n')
    const direct = [
      '@actions/core',
      ...(sources().includes('npm @kubernetes/client-node@') ? ['@kubernetes/client-node'] : []),
    ]
    for (const name of direct) expect(licences.includes(name), name).toBe(true)
  })

  test('describes every input and output, and has the two outputs that all actions have', () => {
    for (const [name, { description = '' }] of [...Object.entries(inputs), ...Object.entries(outputs)]) {
      expect(description.trim(), name).not.toBe('')
      expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
    }
    expect(Object.keys(outputs)).toEqual(expect.arrayContaining(['verdict', 'reason-code', 'report']))
  })

  test('comes with the JSON Schema of its report, for exactly this action', () => {
    const schema = JSON.parse(readFileSync(join(folder, 'report.schema.json'), 'utf8'))
    expect(schema.properties.schema.const).toBe(`sluice.dev/${action}/v1`)
    expect(new Ajv2020({ strict: false }).compile(schema)({})).toBe(false)
  })

  test('says of every input what it is when left out', () => {
    for (const [name, { description = '', required = false }] of Object.entries(inputs))
      if (!required) expect(description, name).toMatch(/\bdefault\b/i)
  })

  test('without any input stops with the exit code of an error, a clear message and no stack', async () => {
    const { code, printed, outputs: written, summary, report } = await runBundle(join(dist, 'index.js'), {})
    expect(code).toBe(ERROR_CODES[action] ?? 1)
    expect(printed).toContain('::error')
    expect(printed).not.toMatch(/^\s+at .*[:(]/m)
    expect(written).toMatch(/^verdict<<[\s\S]*?\nerror\n/m)
    expect(written).toMatch(/^reason-code<<[\s\S]*?\ninput-fault\n/m)
    expect(summary).toMatch(/error/)
    const schema = JSON.parse(readFileSync(join(folder, 'report.schema.json'), 'utf8'))
    const validate = new Ajv2020({ strict: false }).compile(schema)
    expect(validate(JSON.parse(report)), JSON.stringify(validate.errors)).toBe(true)
  })

  test('names every required input that is missing', async () => {
    const required = Object.entries(inputs).filter(([, field]) => field.required === true)
    const defaults = Object.entries(inputs).map(([name, field]) => [name, String(field.default ?? '')])
    const { code, printed } = await runBundle(join(dist, 'index.js'), Object.fromEntries(defaults))
    expect(code).toBe(ERROR_CODES[action] ?? 1)
    for (const [name] of required) expect(printed).toContain(name)
    expect(printed).not.toMatch(/^\s+at .*[:(]/m)
  })
})
