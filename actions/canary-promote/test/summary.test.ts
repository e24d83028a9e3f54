import { describe, expect, test } from 'vitest'
import type { CanaryReport } from '../src/report.ts'
import { summarize } from '../src/summary.ts'

const image = (letter: string) => ({ repository: 'ghcr.io/o/shop', digest: `sha256:${letter.repeat(64)}` }) as const
const counts = { baseline: { n: 306, k: 0 }, canary: { n: 15, k: 3 } }
const measured = 'canary 3 of 15 (20.0 %), baseline 0 of 306 (0.00 %) in this step, tolerated +0.10 %'

const report: CanaryReport = {
  schema: 'sluice.dev/canary-promote/v1',
  tool: { version: '0', commit: '' },
  subject: { image: image('b') },
  startedAt: '2026-01-02T03:04:00.000Z',
  endedAt: '2026-01-02T03:04:11.000Z',
  verdict: 'rolled-back',
  reason: { code: 'errors', text: `errors: ${measured}`, next: 'Compare the two versions on this metric' },
  findings: [{ id: 'x', level: 'warning', text: 'a | b <script>', hint: 'look' }],
  details: {
    mode: 'run',
    namespace: 'shop',
    deployment: 'shop',
    phase: 'done',
    epoch: 2,
    previousImage: image('a'),
    weight: 0,
    rollbackSeconds: 0.5,
    zeroWeightSeconds: 0.1,
    steps: [
      {
        step: 0,
        weight: 5,
        since: '2026-01-02T03:04:02.000Z',
        until: '2026-01-02T03:04:06.000Z',
        baseline: 306,
        canary: 15,
      },
    ],
    metrics: [
      {
        name: 'errors',
        kind: 'ratio',
        ...counts,
        step: counts,
        margin: 0.001,
        logE: 7.34,
        logPeak: 7.34,
        logLimit: 5.99,
        text: measured,
      },
    ],
    power: [
      {
        metric: 'errors',
        increase: 0.38,
        text: 'errors: an increase of 38 percentage points would have been revealed',
      },
    ],
    timeline: [{ at: '2026-01-02T03:04:06.000Z', text: `going back: weight 0 (errors: ${measured})` }],
    history: [],
  },
}

test('a summary begins with the verdict, its reason once, and what to do', () => {
  expect(summarize(report).split('\n').slice(0, 5)).toEqual([
    '### Canary of `shop/shop`: rolled-back',
    '',
    `**errors**: ${measured}`,
    '',
    'What to do: Compare the two versions on this metric',
  ])
})

test('a summary tells what was measured, against what limit, and when', () => {
  const text = summarize(report)
  expect(text).toContain('| errors | 3 of 15 (20 %) | 0 of 306 (0 %) | +0.1 points | 1540 (399) |')
  expect(text).toContain('| 1 | 5 % | 4 s | 15 | 306 |')
  expect(text).toContain('| Verdict to last canary request | 0.5 s |')
  expect(text).toContain('| 03:04:06 | going back: weight 0 (errors: ')
})

test('a summary says what the plan could see, whatever the verdict', () => {
  const planned = [{ metric: 'errors', text: 'errors: 10 min at 5 % will reveal +0.9 percentage points' }]
  expect(summarize({ ...report, details: { ...report.details, planned } })).toContain(
    '- errors: 10 min at 5 % will reveal',
  )
})

test('a summary tells requests of our own from the users’', () => {
  const steps = report.details.steps.map((step) => ({ ...step, canary: 55, synthetic: { baseline: 0, canary: 40 } }))
  expect(summarize({ ...report, details: { ...report.details, steps } })).toContain(
    '| 1 | 5 % | 4 s | 55, 40 our own | 306 |',
  )
})

test('nothing that was found can end a table or start HTML', () => {
  expect(summarize(report)).toContain('a \\| b &lt;script>')
})

test('a name that no cluster would take cannot end the heading', () => {
  const told = summarize({ ...report, details: { ...report.details, namespace: 'a`<b>\n# Promoted' } })
  expect(told).toMatch(/^### Canary of `a'&lt;b> # Promoted\/\S+`: \S+\n/)
})

test('a reason of several lines, as other programs write them, stays one line', () => {
  const text = 'errors: the API server said\n\n# Promoted\n- nothing to do'
  const told = summarize({ ...report, reason: { code: 'errors', text, next: 'Look\n# here' } })
  expect(told).toContain('the API server said # Promoted - nothing to do')
  expect(told).toContain('What to do: Look # here')
})

test('only a promotion says what its traffic would have revealed', () => {
  const promoted: CanaryReport = { ...report, verdict: 'promoted' }
  expect(summarize(report)).not.toContain('38 percentage points')
  expect(summarize(promoted)).toContain('38 percentage points')
})

describe('with its intervals kept,', () => {
  const at = (second: number): string => new Date(Date.UTC(2026, 0, 2, 3, 4) + second * 1000).toISOString()
  const recorded = (name: string, logs: readonly number[], every = 5): CanaryReport => {
    const [errors] = report.details.metrics
    if (errors?.kind !== 'ratio') throw new Error('the first metric is a ratio')
    const sample = (logE: number, index: number) => ({
      at: at(every * index),
      weight: index === 0 ? 0 : 5,
      step: 0,
      logE,
    })
    const counted = logs.map(() => ({ n: 10, k: 0 }))
    return {
      ...report,
      details: {
        ...report.details,
        metrics: [
          { ...errors, name: 'calm', logPeak: 0 },
          { ...errors, name },
        ],
        series: [{ name, kind: 'ratio', samples: logs.map(sample), baseline: counted, canary: counted }],
      },
    }
  }
  const chart = (text: string): readonly string[] => /```mermaid\n(%%[\s\S]*?)\n```/.exec(text)?.[1]?.split('\n') ?? []

  test('a summary draws the evidence that came nearest to its limit, from the canary’s first share on', () => {
    expect(chart(summarize(recorded('errors', [0, 0, Math.log(10), -9, Math.log(1e9)])))).toEqual([
      expect.stringMatching(/^%%\{init: \{.*\}\}%%$/),
      'xychart-beta',
      '  title "errors: evidence against the canary (straight line: rollback)"',
      '  x-axis "seconds" 0 --> 15',
      '  y-axis "powers of ten" -1 --> 3.6',
      '  line [0, 1, -1, 3.6]',
      '  line [2.6, 2.6, 2.6, 2.6]',
    ])
  })
  test('a long release has as many points as a chart can show, in minutes', () => {
    const lines = chart(summarize(recorded('errors', Array(2001).fill(1))))
    expect(lines[3]).toBe('  x-axis "minutes" 0 --> 166.58')
    expect(lines[5]?.split(',')).toHaveLength(60)
  })
  test('nothing in a name can end the title or start a directive', () => {
    expect(chart(summarize(recorded('a"]\n%%{init: x}%%', [0, 0, 0])))[2]).toBe(
      '  title "a init x: evidence against the canary (straight line: rollback)"',
    )
  })
  test('a summary says where the rest is, and draws nothing that was not kept', () => {
    expect(summarize(recorded('errors', [0, 0, 1]))).toContain('the output `page`')
    expect(summarize(report)).not.toMatch(/xychart|output `page`/)
    expect(summarize(recorded('errors', [0, 0]))).not.toContain('xychart')
  })
})
