import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import { afterAll, describe, expect, test } from 'vitest'
import type { Act } from '../src/arguments.ts'
import { findSubject } from '../src/rehearsal/subject.ts'

const root = join(import.meta.dirname, '../../..')
const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-subject-')))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const SLUICE = `version: 1
services:
  shop:
    image: a/b
    folder: app
    start: { run: npm start, port: 3000, ready: /ready }
    smoke: smoke.yml
    deploy: { production: { namespace: shop, manifests: k8s } }
environments: { production: { role: production, approval: none } }
plan: { min-requests: 70 }
`
const folder = (name: string, files: Readonly<Record<string, string>>): string => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(temporary, name, path)), { recursive: true })
    writeFileSync(join(temporary, name, path), text)
  }
  return join(temporary, name)
}
const find = (cwd: string, given?: string, act: Act = 'none') =>
  findSubject({ root, cwd, given }, { service: '', act, defaults: 'interval: 5s\nmin-requests: 50' })
const problem = (...given: Parameters<typeof find>): string => {
  try {
    find(...given)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === 'input') return `${thrown.message} ${thrown.hint ?? ''}`
    throw thrown
  }
  return ''
}

describe('what is rehearsed', () => {
  test('is the repository that the working folder is in, with the plan that holds in life', () => {
    const own = folder('own', {
      'sluice.yml': SLUICE,
      'app/smoke.yml':
        '[{ path: /a }, { path: /b, method: POST }, { path: /c, expect: { status: 404 } }, { path: /d }]',
      'app/src/main.js': '',
      'app/node_modules/x.js': '',
    })
    expect(find(join(own, 'app/src'))).toMatchObject({
      kind: 'own',
      folder: own,
      home: join(own, 'app'),
      service: 'shop',
      repository: 'a/b',
      plan: { interval: '5s', 'min-requests': 70 },
      paths: ['/a', '/d', '/ready'],
      files: ['app/smoke.yml', 'app/src/main.js', 'sluice.yml'],
    })
  })

  test('of a git repository is what git knows or would add', () => {
    const own = folder('git', { 'sluice.yml': SLUICE, '.gitignore': 'secret.env', 'secret.env': 'x', 'new.txt': '' })
    execFileSync('git', ['init', '-q'], { cwd: own })
    expect(find(temporary, own).files).toEqual(['.gitignore', 'new.txt', 'sluice.yml'])
  })

  test('is the example of the checkout where no folder above has a sluice.yml', () => {
    expect(find(temporary)).toMatchObject({ kind: 'example', service: 'support-router' })
    expect(find(root).folder).toBe(join(root, 'examples/support-router'))
  })

  test.each([
    { name: 'a folder without one', files: { a: '' }, says: /--repository: there is no sluice\.yml in/ },
    {
      name: 'one that is wrong',
      files: { 'sluice.yml': 'version: 1\nservces: {}' },
      says: /sluice\.yml:2:1: .*services/,
    },
    {
      name: 'a service that nothing can start',
      files: { 'sluice.yml': SLUICE.replace(/ {4}start.*\n/, '') },
      says: /does not say how shop is started.*Add to the service: start: \{ run: npm start, port: 8080, ready: \/ready \}/,
    },
    {
      name: 'a service without production',
      files: { 'sluice.yml': SLUICE.replaceAll('role: production, approval: none', 'role: staging') },
      says: /no environment with the role production/,
    },
  ])('$name is said before anything is started', ({ name, files, says }) => {
    expect(problem(temporary, folder(name, files))).toMatch(says)
  })

  test('is the only service that is released to production, else one has to be named', () => {
    const other = SLUICE.replace('services:\n', 'services:\n  other: { image: a/other }\n')
    expect(find(temporary, folder('two', { 'sluice.yml': other })).service).toBe('shop')
    const both = other.replace('a/other }', 'a/other, deploy: { production: { namespace: o, manifests: k8s } } }')
    expect(problem(temporary, folder('both', { 'sluice.yml': both }))).toMatch(
      /other, shop Say which one with --service/,
    )
  })

  test('asks nobody and so cannot be refused', () => {
    expect(problem(temporary, folder('own', { 'sluice.yml': SLUICE }), 'refuse')).toMatch(/so nobody can refuse/)
  })
})
