import { expect, test } from 'vitest'
import { reportOf } from '../actions/canary-promote/src/report.ts'
import { run } from '../actions/canary-promote/src/run.ts'
import { asked, owner, plan, reported, simulate } from '../actions/canary-promote/test/simulation.ts'
import { readRecorded } from '../packages/cli/src/judge/file.ts'
import { judgeRecorded } from '../packages/cli/src/judge/verdict.ts'

test.each([
  ['promoted', 'as good', { baseline: 0, canary: 0 }],
  ['rolled-back', 'much worse', { baseline: 0, canary: 0.2 }],
  ['rolled-back', 'a little worse', { baseline: 0.02, canary: 0.05 }],
  ['inconclusive', 'in an outage of both sides', { baseline: 0.5, canary: 0.5 }],
])(
  'the report of a canary that is %s, being %s, is judged again to the same verdict and evidence',
  async (verdict, _, errors) => {
    const report = await reported(simulate({ errors }), { plan: plan({ 'max-hold': 10_000 }) })
    expect(report.verdict).toBe(verdict)
    const again = judgeRecorded(readRecorded(JSON.stringify(report), 'report.json'))
    expect(again.verdict).toBe(verdict)
    expect(again.recorded).toMatchObject({ verdict, namespace: 'prod', deployment: 'shop' })
    const [ours, theirs] = [again.metrics[0], report.details.metrics[0]]
    if (ours?.kind !== 'ratio' || theirs?.kind !== 'ratio') throw new Error('errors is a ratio')
    expect([ours.logE, ours.logPeak, ours.canary]).toEqual([theirs.logE, theirs.logPeak, theirs.canary])
    if (verdict === 'rolled-back') expect(again.reason).toEqual(report.reason)
  },
)

test.each([
  ['promoted', 0.02],
  ['rolled-back', 0.2],
])('so is that of one beside a fresh baseline, which has half of what is counted: %s', async (verdict, canary) => {
  const sim = simulate({ errors: { baseline: 0.02, canary }, others: 400, othersFail: 0 })
  const report = await reported(sim, {
    plan: plan({ baseline: 'fresh', metrics: [{ name: 'errors', kind: 'ratio' }] }),
  })
  expect(report.verdict).toBe(verdict)
  const weighed = report.details.series?.flatMap(({ samples }) => samples.filter(({ weight }) => weight > 0)) ?? []
  expect(weighed.length).toBeGreaterThan(0)
  expect(weighed.filter(({ share }) => share !== 50)).toEqual([])
  const again = judgeRecorded(readRecorded(JSON.stringify(report), 'report.json'))
  expect(again.verdict).toBe(verdict)
  if (verdict === 'rolled-back') expect(again.reason).toEqual(report.reason)
})

test('a canary that counted fewer requests than its plan asks for would not have been promoted', async () => {
  const report = await reported(simulate({ rate: 10 }), { plan: plan({ 'max-hold': 10_000 }) })
  expect(report.verdict).not.toBe('promoted')
  const again = judgeRecorded(readRecorded(JSON.stringify(report), 'report.json'))
  expect(again).toMatchObject({ verdict: 'inconclusive', reason: { code: 'too-few-requests' } })
  expect(again.reason.text).toContain('both need 50')
})

test('a step that two runs counted has enough, though the report has the intervals of the second alone', async () => {
  const sim = simulate({ rate: 15 })
  const ports = sim.ports()
  const crash = ports.clock.now() + 21_000
  const observe: typeof ports.cluster.observe = async (its) => {
    if (ports.clock.now() >= crash) throw new Error('killed')
    return ports.cluster.observe(its)
  }
  await expect(run(asked(), { ...ports, cluster: { ...ports.cluster, observe } })).rejects.toThrow('killed')
  sim.expire()
  const end = await run(asked({ mode: 'resume', owner: owner('100', 2) }), ports)
  const report = reportOf(end, {
    ...{ mode: 'resume', namespace: 'prod', deployment: 'shop', tool: { version: '0', commit: '' } },
    ...{ run: owner('100', 2), startedAt: 0, endedAt: 0 },
  })
  expect(report.verdict).toBe('promoted')
  const judged = (value: unknown) => judgeRecorded(readRecorded(JSON.stringify(value), 'report.json')).verdict
  expect(judged(report)).toBe('promoted')
  expect(judged({ ...report, details: { ...report.details, steps: [] } })).toBe('inconclusive')
})
