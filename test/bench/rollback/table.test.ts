import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { PLAN, SETTINGS, settingsText } from './manifests.ts'
import { expected, lasting } from './pace.ts'
import { type Kept, keep, type Results, resultsAt, settingsHash } from './results.ts'
import { TOOLS, type Tool } from './scenes.ts'
import { page } from './table.ts'
import { versionsIn } from './versions.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-race-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const kept = (tool: Tool, more: Partial<Kept> = {}): Kept => ({
  ...{ tool, scene: 'errors', index: 0, at: '2030-01-02T03:04:05Z', commit: 'abc', load: 0.4, took: 70 },
  ...{
    verdict: 'stopped',
    wrong: false,
    stableAfter: 8,
    saidAfter: 15,
    before: 1,
    requests: 1000,
    failed: 4,
    touched: 20,
  },
  failures: {},
  left: [],
  ...more,
})
const given = {
  ...{ trial: false, machine: 'a machine', versions: { Kubernetes: 'v1' }, bundle: 'its bundle' },
  asked: { rounds: 15, others: 5, healthy: 5 },
  lanes: 4,
}
const results = (rounds: readonly Kept[]): Results => ({
  schema: 'sluice.dev/bench-rollback/v1',
  ...given,
  settings: settingsHash(),
  rounds,
})

test('a row has the median and its spread, what was left, and the wrong verdicts with their interval', () => {
  const rounds = [8, 9, 13].map((stableAfter, index) =>
    kept('sluice', { index, stableAfter, failed: index, left: index === 2 ? ['pods of the release that lost'] : [] }),
  )
  expect(page(results(rounds))).toContain(
    '| Sluice | 3 | 1 | 9 (8.5 to 11; 8 to 13) | 15 (15 to 15; 15 to 15) | 1 (0.5 to 1.5; 0 to 2) | 20 (20 to 20; 20 to 20) | pods of the release that lost (1 of 3) | 0 of 3 (0 to 56 %) |',
  )
})

test('what failed requests were answered is told for each tool, the most frequent first', () => {
  const rounds = [
    kept('argo-rollouts', { failures: { 'Bad Gateway 502': 2, '404 page not found 404': 9 } }),
    kept('argo-rollouts', { index: 1, failures: { 'Bad Gateway 502': 1 } }),
    kept('sluice'),
  ]
  expect(page(results(rounds))).toContain(
    'Failed requests were answered: Argo Rollouts 9 × `404 page not found 404`, 3 × `Bad Gateway 502`.',
  )
})

test('rounds that were not taken back do not flatter the median: they are told beside it', () => {
  const text = page(
    results([kept('flagger', { stableAfter: 40 }), kept('flagger', { index: 1, stableAfter: null, wrong: true })]),
  )
  expect(text).toContain('40 (40 to 40; 40 to 40); none in 1 of 2')
  expect(text).toContain('1 of 2 (9.5 to 91 %)')
})

test('the goals compare with Argo Rollouts at the sensible settings, not the nervous ones', () => {
  const rounds = [
    kept('sluice'),
    kept('argo-rollouts', { stableAfter: 24, failed: 10 }),
    kept('argo-rollouts-nervous', { stableAfter: 6 }),
  ]
  expect(page(results(rounds))).toContain('| 8 to 24, 33 % |')
  expect(page(results(rounds))).toContain('| 4 to 10, 40 % |')
  expect(page(results([]))).toContain('not measured yet')
})

test('a healthy release that was stopped is told as a false alarm, and failed requests as a share of all', () => {
  const healthy = { scene: 'healthy', requests: 6000, failed: 0 } as const
  const text = page(
    results([
      kept('argo-rollouts-nervous', { ...healthy, verdict: 'stopped', wrong: true }),
      kept('sluice', { ...healthy, verdict: 'promoted' }),
    ]),
  )
  expect(text).toContain('| Argo Rollouts, most nervous | 1 | 1 of 1 (21 to 100 %) | 0 | 0 of 6000 (0 to 0.06 %) | – |')
  expect(text).toContain('| Sluice | 1 | 0 of 1 (0 to 79 %) | 0 | 0 of 6000 (0 to 0.06 %) | 15')
})

test('the page holds every setting in full, the machine and the command; a trial says that it is one', () => {
  const text = page(results([kept('sluice')]))
  for (const file of new Set([...TOOLS.flatMap((tool) => SETTINGS[tool]), PLAN]))
    expect(text).toContain(settingsText(file))
  expect(text).toContain('a machine')
  expect(text).toContain('npm run bench:rollback')
  expect(text).not.toContain('A trial')
  expect(page({ ...results([]), trial: true })).toContain('A trial')
})

test('a race that was interrupted goes on; one on another machine or with other settings is not mixed with it', () => {
  const path = join(folder, 'rollback.json')
  expect(resultsAt(path, given).rounds).toEqual([])
  keep(path, results([kept('sluice')]))
  expect(resultsAt(path, given).rounds).toHaveLength(1)
  expect(() => resultsAt(path, { ...given, machine: 'another' })).toThrow('machine differ')
  keep(path, { ...results([kept('sluice')]), settings: 'other' })
  expect(() => resultsAt(path, given)).toThrow('settings differ')
})

test('the versions are those that are built', () => {
  expect(versionsIn(join(import.meta.dirname, '../../cluster/modules'))).toMatchObject({
    'Argo Rollouts': 'v1.8.3',
    Flagger: 'v1.41.0',
    Kubernetes: 'v1.34.4',
  })
})

test('how long it will take is told by what rounds of the same kind took', () => {
  const turn = { tool: 'sluice', scene: 'errors', index: 3 } as const
  const rounds = [kept('sluice'), kept('sluice', { took: 80 }), kept('sluice', { took: 300 })]
  expect(expected([turn, turn], rounds)).toBe(160)
  expect(expected([{ ...turn, tool: 'flagger' }], rounds)).toBe(70)
  expect(lasting(160)).toBe('3 min')
  expect(lasting(14_700)).toBe('4 h 5 min')
})

test('a remark stands with the machine, and is kept when the page is made anew', () => {
  expect(page({ ...results([kept('sluice')]), remark: 'Something else ran beside it.' })).toContain(
    'Kubernetes v1. Something else ran beside it.\n',
  )
})
