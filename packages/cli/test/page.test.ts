import type { JobTrace, RunTrace } from '@sluice/runner/trace'
import { describe, expect, test } from 'vitest'
import { page } from '../src/rehearsal/html.ts'
import { plot, ticks } from '../src/rehearsal/plot.ts'
import { canaryWeight, lookOf, type Route, recordedEnd } from '../src/rehearsal/production.ts'
import { claimTable, clock, frame } from '../src/rehearsal/view.ts'

const evil = `<script>"&'</script>`

const RUN: RunTrace = {
  id: 1,
  attempt: 1,
  workflow: 'Deliver',
  file: '.github/workflows/deliver.yml',
  event: 'push',
  conclusion: 'failure',
  refused: '',
  why: '',
  jobs: [],
  startedAt: 0,
  endedAt: 2_000,
}
const JOB: JobTrace = {
  path: 'deliver / outcome',
  ids: ['deliver', 'outcome'],
  name: 'outcome',
  kind: 'job',
  conclusion: 'failure',
  why: '',
  outputs: { verdict: 'fail', 'reason-code': 'rolled-back' },
  droppedOutputs: [],
  environment: '',
  waitMinutes: 0,
  permissions: {},
  steps: [],
  annotations: [],
  startedAt: 0,
  endedAt: 1_500,
}

describe('the page', () => {
  const claim = { release: 'bad', text: evil, expected: evil, actual: evil, ok: false }
  const content = {
    title: evil,
    passed: false,
    began: 0,
    ended: 10_000,
    machine: evil,
    shortened: evil,
    claims: [claim],
    moments: [{ at: 1_000, text: evil, detail: evil }],
    figures: [[evil, evil]] as const,
    weights: [[1_000, 5]] as const,
    perSecond: new Map([[evil, [{ total: 80, failed: 1, slow: 0 }]]]),
    runs: [{ ...RUN, workflow: evil, file: evil, refused: evil, jobs: [{ ...JOB, path: evil, why: evil }] }],
  }

  test('lets no text end an element or an attribute', () => {
    const html = page(content)
    expect(html).not.toContain('<script>')
    expect(html.match(/aria-label="[^"]*"/g)).toHaveLength(3)
    expect(html).toContain('&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;')
  })

  test('shows the jobs of each run with what they said and how long they took', () => {
    const html = page({ ...content, runs: [{ ...RUN, jobs: [JOB, { ...JOB, kind: 'call', path: 'a call' }] }] })
    expect(html).toContain('<td>deliver / outcome</td><td>1.5 s</td><td>fail, rolled-back</td>')
    expect(html).not.toContain('a call')
  })

  test('loads nothing from anywhere', () => {
    expect(page(content)).not.toMatch(/(src|href)=|url\(|@import/)
  })

  test('says the verdict first, and how many claims fail', () => {
    expect(page(content)).toMatch(/✗ Failed: 1 of 1 claims do not hold\./)
    expect(page({ ...content, passed: true, claims: [{ ...claim, ok: true }] })).toMatch(
      /✓ Passed: All 1 claims hold\./,
    )
  })
})

describe('a plot', () => {
  test('holds a stepped line at each value until the next', () => {
    const svg = plot({
      title: 't',
      unit: 'u',
      to: 10,
      top: 100,
      marks: [],
      series: [
        {
          name: 'weight',
          colour: '#000',
          step: true,
          points: [
            [0, 0],
            [5, 50],
            [10, 50],
          ],
        },
      ],
    })
    expect(svg).toMatch(/d="M46\.0,186\.0H476\.0V106\.0H906\.0V106\.0"/)
  })

  test.each([
    { top: 100, count: 4, is: [0, 50, 100] },
    { top: 88, count: 4, is: [0, 50] },
    { top: 8, count: 4, is: [0, 2, 4, 6, 8] },
    { top: 0, count: 4, is: [0] },
  ])('ticks of $top are $is', ({ top, count, is }) => expect(ticks(top, count)).toEqual(is))
})

describe('the view', () => {
  test('every line fits the terminal', () => {
    const lines = frame(
      {
        elapsed: 61_234,
        stage: 'x'.repeat(300),
        sent: 10,
        perSecond: 80,
        shares: new Map([['r1', { total: 10, failed: 1, slow: 0 }]]),
        look: undefined,
        moments: [{ at: 5_000, text: 'y'.repeat(300), detail: '' }],
        began: 0,
        jobs: [
          { run: 1, path: 'deliver / canary / approve', state: 'waiting', why: '', since: 0 },
          { run: 1, path: 'deliver / plan', state: 'success', why: '', since: 0 },
        ],
      },
      90,
    )
    expect(Math.max(...lines.map((line) => line.length))).toBe(90)
    expect(lines.join('\n')).toContain('1:01.2')
    expect(lines.join('\n')).toContain('10.0 % failed')
    expect(lines.join('\n')).toContain('◔ canary / approve  ✓ plan')
  })

  test('a claim that fails shows what was expected', () => {
    const claims = [
      { release: 'a', text: 'one', expected: '1', actual: '1', ok: true },
      { release: 'a', text: 'three', expected: '3', actual: '4', ok: false },
    ]
    expect(claimTable(claims)).toEqual(['  ok    one    1', '  FAIL  three  4  (expected: 3)'])
  })

  test.each([
    [0, '0:00.0'],
    [59_960, '1:00.0'],
    [7_300, '0:07.3'],
    [61_000, '1:01.0'],
    [-5, '0:00.0'],
  ])('%i ms is %s', (ms, text) => expect(clock(ms)).toBe(text))
})

describe('what is read of production', () => {
  const route = (...backendRefs: { name: string; weight?: number }[]): Route => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'support-router' },
    spec: { rules: [{ backendRefs }] },
  })

  test.each([
    { name: 'stable alone', given: route({ name: 'support-router' }), weight: 0 },
    {
      name: 'a canary beside it',
      given: route({ name: 'support-router', weight: 95 }, { name: 'support-router-canary', weight: 5 }),
      weight: 5,
    },
    {
      name: 'weights in other units',
      given: route({ name: 'support-router', weight: 300 }, { name: 'support-router-canary', weight: 100 }),
      weight: 25,
    },
    {
      name: 'a weight that is absent, which means 1',
      given: route({ name: 'support-router' }, { name: 'support-router-canary' }),
      weight: 50,
    },
    { name: 'no backend', given: route(), weight: 0 },
    { name: 'no route', given: undefined, weight: 0 },
  ])('$name: weight $weight', ({ given, weight }) =>
    expect(canaryWeight(given, { service: 'support-router', rule: 0 })).toBe(weight),
  )

  test('a state that is no JSON is no state, and does not stop the watcher', () => {
    expect(lookOf(1, 0, { state: '{' })).toMatchObject({ phase: 'none', since: 0 })
    expect(recordedEnd({ state: '{' })).toBe('nothing')
  })

  test('the saved end is phase and verdict', () => {
    expect(recordedEnd({ state: JSON.stringify({ phase: 'done', verdict: 'promoted' }) })).toBe('done, promoted')
    expect(recordedEnd({ state: JSON.stringify({ phase: 'cleaning', to: 'back' }) })).toBe('cleaning')
  })
})
