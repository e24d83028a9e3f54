import { expect, test } from 'vitest'
import { plan, reported, simulate } from '../actions/canary-promote/test/simulation.ts'
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
