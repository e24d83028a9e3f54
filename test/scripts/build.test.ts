import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { filesIn } from '../../scripts/build/bundle.ts'
import { thirdParty } from '../../scripts/build/lockfile.ts'
import { type Built, build } from '../../scripts/build.ts'
import { readManifest } from '../../scripts/manifest.ts'
import { newAction } from '../../scripts/new-action.ts'
import { runNode } from '../../scripts/process.ts'
import { withTables } from '../../scripts/readme-tables.ts'
import { keyProblems, schemaKeys } from '../../scripts/schema-keys.ts'
import { folderWith } from './folder.ts'

const ROOT = join(import.meta.dirname, '../..')
const AT_ROOT = [
  'package.json',
  'pnpm-lock.yaml',
  'tsconfig.base.json',
  'tsconfig.build.json',
  'vitest.config.ts',
  'biome.json',
]
/** What the new action's bundle is made of; copied, as a link would lead out of the checkout and change the paths. */
const BUNDLED = ['@actions', 'tunnel', 'undici', 'zod', 'yaml']

/** A checkout with one package, the template, and an action just made from it, installed as pnpm would. */
const checkout = (folder: string): string => {
  for (const path of [...AT_ROOT, 'templates', 'packages/kit']) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, filter: (from) => !from.endsWith('node_modules') })
  }
  mkdirSync(join(folder, 'node_modules/@sluice'), { recursive: true })
  symlinkSync(join(folder, 'packages/kit'), join(folder, 'node_modules/@sluice/kit'))
  for (const name of BUNDLED)
    cpSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
  for (const name of ['@types', 'undici-types', 'vitest', 'vite', '@vitest', 'typescript']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  }
  newAction(folder, 'size-gate')
  const lockfile = parse(readFileSync(join(folder, 'pnpm-lock.yaml'), 'utf8'))
  const { zod } = lockfile.importers['packages/kit'].dependencies
  lockfile.importers['actions/size-gate'] = { dependencies: { zod } }
  writeFileSync(join(folder, 'pnpm-lock.yaml'), stringify(lockfile))
  return folder
}

const check = (root: string, all = false): Promise<readonly Built[]> => build({ root, names: [], check: true, all })
const kindOf = (results: readonly Built[]): string => results.map(({ kind }) => kind).join()

// Each check runs the bundler: seconds on an idle machine, much more beside a full test run.
describe('an action made from the template', { timeout: 180_000 }, () => {
  const source = (root: string, path: string): string => join(root, 'actions/size-gate', path)
  let root = ''
  let twin = ''
  beforeAll(async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-build-')))
    root = checkout(join(folder, 'one'))
    twin = checkout(join(folder, 'a/much/longer/way/down'))
    expect(await check(root)).toEqual([
      { action: 'size-gate', kind: 'missing', text: 'has no bundle: npm run build size-gate' },
    ])
    const built = await Promise.all(
      [root, twin].map((each) => build({ root: each, names: [], check: false, all: false })),
    )
    expect(built.map(kindOf)).toEqual(['written', 'written'])
    return () => rmSync(folder, { recursive: true, force: true })
  }, 240_000)

  test('is the same bundle in two folders, byte by byte, and names neither', () => {
    const [one, other] = [root, twin].map((each) => filesIn(source(each, 'dist')))
    expect([...(one ?? [])].map(([path]) => path)).toEqual(['.sources', 'index.js', 'licenses.txt', 'package.json'])
    expect(one).toEqual(other)
    for (const [, bytes] of one ?? []) expect(bytes.toString('latin1')).not.toContain(root)
  })

  test('type-checks, and its tests pass', async () => {
    const config = { extends: './tsconfig.base.json', include: ['actions/*/src', 'actions/*/test'] }
    writeFileSync(join(root, 'tsconfig.json'), JSON.stringify(config))
    const types = await runNode([join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd: root })
    expect(types).toEqual({ code: 0, output: '' })
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
    const tests = await runNode([vitest, 'run', 'actions/size-gate', '--root', root], { cwd: root })
    expect(tests.output).toMatch(/Test Files.*3 passed/)
    expect(tests.code).toBe(0)
  })

  test('has a schema with the keys of its action.yml, and a README with its markers', async () => {
    const manifest = readManifest(root, 'size-gate')
    const keys = await schemaKeys(root, 'size-gate')
    expect(keyProblems('size-gate', Object.keys(manifest.inputs), keys as readonly string[])).toEqual([])
    expect(withTables(readFileSync(source(root, 'README.md'), 'utf8'), manifest)).toHaveProperty('text')
  })

  test('runs: green within its limit, red above it, and every bad input is named at once', () => {
    const run = (inputs: Readonly<Record<string, string>>): string => {
      const env = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])
      const options = {
        cwd: root,
        env: { PATH: process.env.PATH, RUNNER_TEMP: root, ...Object.fromEntries(env) },
        encoding: 'utf8',
      } as const
      try {
        return `green ${execFileSync(process.execPath, [source(root, 'dist/index.js')], options)}`
      } catch (error) {
        return `red ${(error as { stdout: string }).stdout}`
      }
    }
    const right = { path: 'package.json', 'max-bytes': '1000000', 'on-nothing-to-check': 'fail' }
    expect(run(right)).toMatch(/^green .*verdict=pass\nreason-code=within-limit\n/s)
    expect(run({ ...right, 'max-bytes': '10' })).toMatch(/^red .*verdict=fail\nreason-code=too-large\n/s)
    expect(run({ ...right, path: 'gone' })).toMatch(/^red .*verdict=nothing-to-check\nreason-code=no-file\n/s)
    expect(run({ ...right, path: 'gone', 'on-nothing-to-check': 'pass' })).toMatch(/^green /)
    expect(run({ ...right, path: 'packages' })).toContain('path packages is not a file')
    const wrong = run({ 'max-bytes': '-1', 'on-nothing-to-check': 'passs' })
    for (const words of ['path is required', 'max-bytes must be', 'did you mean "pass"']) expect(wrong).toContain(words)
    expect(wrong).not.toContain('    at ')
  })

  test('writes a report that its schema allows', async () => {
    const folder = mkdtempSync(join(root, 'reports-'))
    const inputs = { path: 'package.json', 'max-bytes': '10', 'on-nothing-to-check': 'fail' }
    const env = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])
    await runNode([source(root, 'dist/index.js')], {
      cwd: root,
      env: { RUNNER_TEMP: folder, ...Object.fromEntries(env) },
    })
    const [report] = [...filesIn(folder).values()].map((file) => JSON.parse(file.toString()))
    const validate = new Ajv2020().compile(JSON.parse(readFileSync(source(root, 'report.schema.json'), 'utf8')))
    expect(report.verdict).toBe('fail')
    validate(report)
    expect(validate.errors).toBe(null)
  })

  test('a check builds nothing when nothing changed, and finds the same bytes when told to build all', async () => {
    expect(kindOf(await check(root))).toBe('unchanged')
    expect(kindOf(await check(root, true))).toBe('same-bytes')
  })

  test('a comment changes no bundle; a changed line makes it stale', async () => {
    const path = source(twin, 'src/verdict.ts')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, `// A comment.\n${text}`)
    expect(kindOf(await check(twin))).toBe('unchanged')
    writeFileSync(path, text.replace("'Nothing'", "'Nothing at all'"))
    expect(await check(twin)).toEqual([
      { action: 'size-gate', kind: 'stale', text: 'is older than its sources: npm run build size-gate' },
    ])
    writeFileSync(path, text)
    expect(kindOf(await check(twin))).toBe('unchanged')
  })

  test('an edited bundle is seen; another version of a tool that is not in it changes nothing', async () => {
    const bundled = source(root, 'dist/index.js')
    const text = readFileSync(bundled, 'utf8')
    writeFileSync(bundled, `${text}\n`)
    expect(kindOf(await check(root))).toBe('edited')
    writeFileSync(bundled, text)
    const lock = join(root, 'pnpm-lock.yaml')
    const locked = readFileSync(lock, 'utf8')
    writeFileSync(lock, locked.replaceAll('vitest@5', 'vitest@6'))
    expect(kindOf(await check(root))).toBe('unchanged')
    writeFileSync(lock, locked)
  })

  test('what is not there or not declared is named', async () => {
    const path = source(twin, 'src/verdict.ts')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, `import '@sluice/kit/gone'\n${text}`)
    expect((await check(twin))[0]?.text).toContain('imports packages/kit/src/gone.js, which is not there')
    writeFileSync(path, `import 'undici'\n${text}`)
    expect((await check(twin))[0]?.text).toContain('imports undici, which its package.json does not declare')
    writeFileSync(path, text)
    await expect(build({ root: twin, names: ['gate'], check: false, all: false })).rejects.toThrow(
      'there are size-gate',
    )
  })
})

test('what a bundle can hold of third parties is read from the lockfile, with versions, patches and what they need', () => {
  const lockfile = {
    importers: {
      'packages/kit': { dependencies: { core: { version: '3.0.1(patch_hash=ab)' }, unused: { version: '1.0.0' } } },
    },
    packages: {
      'core@3.0.1': { resolution: { integrity: 'sha512-c' } },
      'http@4.0.0': { resolution: { integrity: 'sha512-h' } },
    },
    snapshots: {
      'core@3.0.1(patch_hash=ab)': { dependencies: { http: '4.0.0' } },
      'http@4.0.0': { dependencies: { http: '4.0.0' } },
    },
  }
  expect(thirdParty(lockfile, new Map([['packages/kit', new Set(['core'])]]))).toEqual([
    'npm core@3.0.1(patch_hash=ab) sha512-c',
    'npm http@4.0.0 sha512-h',
  ])
  expect(() => thirdParty(lockfile, new Map([['packages/kit', new Set(['zod'])]]))).toThrow(
    'packages/kit imports zod, which its package.json does not declare',
  )
})

test.each(['', 'Gate', '../x', 'a--b', 'a-'])('%j is no name for an action', (name) => {
  expect(newAction(folderWith({}), name)).toHaveProperty('problem')
})

test('an action that is there is not written over', () => {
  const root = folderWith({ 'actions/gate/action.yml': 'mine' })
  expect(newAction(root, 'gate')).toEqual({ problem: 'actions/gate is there already' })
})
