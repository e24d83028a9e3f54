import { expect, test } from 'vitest'
import { lets } from '../../src/language/filter.ts'
import { isStartedBy, type Occurrence, skipsRuns } from '../../src/language/triggers.ts'
import { workflowOf } from './reading.ts'

test.each<[readonly string[], string, boolean]>([
  [['feature/*'], 'feature/mine', true],
  [['feature/*'], 'feature/a/b', false],
  [['feature/**'], 'feature/a/b', true],
  [['*'], 'main', true],
  [['*'], 'a/b', false],
  [['**'], 'a/b', true],
  [['*feature'], 'my-feature', true],
  [['v2*'], 'v2.0', true],
  [['v[12].[0-9]+.[0-9]+'], 'v1.10.1', true],
  [['v[12].[0-9]+.[0-9]+'], 'v3.1.0', false],
  [['*.jsx?'], 'page.js', true],
  [['*.jsx?'], 'page.jsx', true],
  [['*.js'], 'a/b.js', false],
  [['**.js'], 'src/a.js', true],
  [['docs/**/*.md'], 'docs/README.md', true],
  [['docs/**/*.md'], 'docs/a/b/c.md', true],
  [['**/docs/**'], 'docs/hello.md', true],
  [['**/*src/**'], 'a/my-src/code/x.js', true],
  [['**/README.md'], 'README.md', true],
  [['a.c'], 'abc', false],
  [['Main'], 'main', false],
  [['releases/**', '!releases/**-alpha'], 'releases/10-alpha', false],
  [['releases/**', '!releases/**-alpha'], 'releases/10', true],
  [['*.md', '!README.md', 'README*'], 'README.md', true],
  [['!README.md'], 'other', false],
  [['a!b'], 'a!b', true],
])('the patterns %j let %s through: %s', (patterns, name, through) => {
  expect(lets(patterns, name)).toBe(through)
})

const started = (on: string, occurrence: Occurrence): boolean =>
  isStartedBy(workflowOf(`on: ${on}\njobs: { a: { runs-on: x, steps: [{ run: x }] } }`).on, occurrence)
const push = (ref: string, ...changed: readonly string[]): Occurrence => ({ event: 'push', ref, changed })
const main = push('refs/heads/main', 'src/a.ts', 'README.md')
const tag = push('refs/tags/v1', 'src/a.ts')
const run = (type: 'requested' | 'completed', branch = 'main'): Occurrence => ({
  event: 'workflow_run',
  type,
  workflow: 'Deliver',
  branch,
})
const pull = (type: string, base: string): Occurrence => ({ event: 'pull_request', type, base, changed: ['src/a.ts'] })

test.each<[string, Occurrence, boolean]>([
  ['push', main, true],
  ['[pull_request, push]', tag, true],
  ['{ push: { branches: [main] } }', main, true],
  ['{ push: { branches: [main] } }', tag, false],
  ['{ push: { tags: ["v*"] } }', tag, true],
  ['{ push: { tags: ["v*"] } }', main, false],
  ['{ push: { branches: [x], tags: ["v*"] } }', tag, true],
  ['{ push: { branches-ignore: [main] } }', main, false],
  ['{ push: { branches-ignore: [main] } }', tag, false],
  ['{ push: { tags-ignore: [v1] } }', tag, false],
  ['{ push: { paths: ["src/**"] } }', main, true],
  ['{ push: { paths: ["docs/**"] } }', main, false],
  ['{ push: { paths: ["docs/**"] } }', tag, true],
  ['{ push: { paths: ["src/**", "!src/a.ts"] } }', main, false],
  ['{ push: { paths-ignore: ["**.md"] } }', main, true],
  ['{ push: { paths-ignore: ["**"] } }', main, false],
  ['{ push: { branches: [x], paths: ["src/**"] } }', main, false],
  ['workflow_dispatch', main, false],
  ['workflow_dispatch', { event: 'workflow_dispatch' }, true],
  ['{ schedule: [{ cron: "7 * * * *" }] }', { event: 'schedule' }, true],
  ['{ workflow_run: { workflows: [Deliver], types: [completed] } }', run('completed'), true],
  ['{ workflow_run: { workflows: [Deliver], types: [completed] } }', run('requested'), false],
  ['{ workflow_run: { workflows: [Other] } }', run('completed'), false],
  ['{ workflow_run: { workflows: [Deliver], branches: [main] } }', run('completed', 'x'), false],
  ['pull_request', pull('opened', 'main'), true],
  ['pull_request', pull('labeled', 'main'), false],
  ['{ pull_request: { types: [labeled] } }', pull('labeled', 'main'), true],
  ['{ pull_request: { branches: [release] } }', pull('opened', 'main'), false],
])('on: %s is started by %o: %s', (on, occurrence, starts) => {
  expect(started(on, occurrence)).toBe(starts)
})

test.each([
  ['Deploy [skip ci]', true],
  ['[No CI] wip', true],
  ['x\n\nbody [actions skip] more', true],
  ['x\n\n\nskip-checks: true', true],
  ['x\n\n\nReviewed-by: a\nskip-checks:true', true],
  ['x\n\nskip-checks: true', false],
  ['skip ci', false],
  ['x\n\n\nskip-checks: true\nReviewed-by: a', false],
])('a pushed commit that says %j starts no run: %s', (message, skips) => {
  expect(skipsRuns(message)).toBe(skips)
})
