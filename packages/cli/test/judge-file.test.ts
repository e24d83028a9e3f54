import { Fault } from '@sluice/kit/faults'
import { describe, expect, test } from 'vitest'
import { readRecorded } from '../src/judge/file.ts'

const read = (value: unknown) => readRecorded(typeof value === 'string' ? value : JSON.stringify(value), 'record.json')
const problem = (value: unknown): string => {
  try {
    read(value)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === 'input') return `${thrown.message}\n${thrown.hint ?? ''}`
    throw thrown
  }
  return ''
}
const errors = { name: 'errors', kind: 'ratio', baseline: [[100, 1]], canary: [[10, 0]] }

describe('a file of one’s own', () => {
  test('needs counts and nothing else', () => {
    expect(read({ metrics: [errors] })).toEqual({
      series: [
        {
          name: 'errors',
          kind: 'ratio',
          samples: [{ at: '1970-01-01T00:01:00.000Z', weight: 50, step: 0 }],
          baseline: [{ n: 100, k: 1 }],
          canary: [{ n: 10, k: 0 }],
        },
      ],
      plan: {
        metrics: [{ name: 'errors', kind: 'ratio' }],
        alpha: 0.01,
        warmUp: 0,
        settle: 10_000,
        missing: 'silence',
      },
      minRequests: 50,
      peers: {
        kayenta: { settings: { groupWeights: {} }, step: 60_000, metrics: {} },
        threshold: { rule: 'argo', interval: 60_000, limit: 0 },
      },
    })
  })

  test('says the rest where it knows it: times, weights that end steps, shares in percent, both ways to write counts', () => {
    const { series, plan, minRequests } = read({
      since: '2026-01-31T12:00:00Z',
      interval: '5s',
      'false-rollback-rate': 0.001,
      'warm-up': '1m',
      settle: '0s',
      'min-requests': 7,
      metrics: [
        {
          name: 'slow',
          kind: 'latency',
          threshold: '500ms',
          margin: '0.5%',
          max: 0.01,
          weight: [0, 5, 5, 25],
          baseline: [{ n: 100, k: 1 }, [90, 2], [80, 0], [1.5, 0.5]],
          canary: [
            [0, 0],
            [1, 1],
            [1, 0],
            [0, 0],
          ],
        },
      ],
    })
    expect(series[0]).toMatchObject({ threshold: 500, margin: 0.005, max: 0.01 })
    expect(series[0]?.samples).toEqual([
      { at: '2026-01-31T12:00:05.000Z', weight: 0, step: 0 },
      { at: '2026-01-31T12:00:10.000Z', weight: 5, step: 0 },
      { at: '2026-01-31T12:00:15.000Z', weight: 5, step: 0 },
      { at: '2026-01-31T12:00:20.000Z', weight: 25, step: 1 },
    ])
    expect(plan).toMatchObject({ alpha: 0.001, warmUp: 60_000, settle: 0 })
    expect(minRequests).toBe(7)
  })

  test('of gauges alone listens for no requests', () => {
    const cpu = { name: 'cpu', kind: 'gauge', max: 0.9, baseline: [0.5, null], canary: [0.5, 0.6] }
    expect(read({ metrics: [cpu] }).plan.missing).toBe('off')
  })

  test('says how the judges of others are set', () => {
    const { peers } = read({
      kayenta: { pass: 90, marginal: 60, groupWeights: { Errors: 70 }, step: '30s', every: '5m' },
      threshold: { rule: 'flagger', limit: 5, interval: '10s' },
      metrics: [{ ...errors, kayenta: { groups: ['Errors'], critical: true, effectSize: { allowedIncrease: 1.1 } } }],
    })
    expect(peers.kayenta).toEqual({
      settings: { pass: 90, marginal: 60, groupWeights: { Errors: 70 } },
      step: 30_000,
      every: 300_000,
      metrics: { errors: { groups: ['Errors'], critical: true, effectSize: { allowedIncrease: 1.1 } } },
    })
    expect(peers.threshold).toEqual({ rule: 'flagger', limit: 5, interval: 10_000 })
  })

  test.each<[string, unknown, string]>([
    ['no list of metrics', {}, 'metrics: is missing'],
    ['an empty list of metrics', { metrics: [] }, 'metrics: is empty'],
    ['something else', [1], 'must be an object, not [1]'],
    [
      'a key that is misspelt',
      { metrics: [errors], intervall: '5s' },
      'unknown key "intervall"; did you mean "interval"?',
    ],
    ['a number as an interval', { metrics: [errors], interval: 60 }, 'interval: must be a duration such as 500ms'],
    ['an interval of nothing', { metrics: [errors], interval: '0s' }, 'interval must be longer than 0'],
    ['a rate of 1', { metrics: [errors], 'false-rollback-rate': 1 }, 'must lie between 0 and 1'],
    ['two metrics of one name', { metrics: [errors, errors] }, 'two metrics are named errors'],
    ['no name', { metrics: [{ ...errors, name: ' ' }] }, 'metric metrics[0]: name must be a text, not " "'],
    [
      'a kind that is none',
      { metrics: [{ ...errors, kind: 'ratios' }] },
      'metric errors: kind: must be ratio, latency, gauge',
    ],
    [
      'a name that would rewrite a terminal',
      { metrics: [{ ...errors, name: 'a\u001b[2J' }] },
      'it may hold no invisible characters',
    ],
    [
      'a name that reads backwards',
      { metrics: [{ ...errors, name: 'a\u202eb' }] },
      'it may hold no invisible characters',
    ],
    ...['constructor', '__proto__', 'toString'].map((name): [string, unknown, string] => [
      `the name ${name}`,
      JSON.stringify({ metrics: [{ ...errors, name: 'NAME' }] }).replace('NAME', name),
      `metric metrics[0]: name must be a text, not "${name}"; it may`,
    ]),
    [
      'a count that no counter can hold',
      { metrics: [{ ...errors, canary: [[1e308, 1]] }] },
      'metric errors: canary[0]: has 1e+308 requests, more than can be counted',
    ],
    ['times after the last year', { metrics: [errors], since: '+275760-09-13T00:00:00Z' }, 'would not end within'],
    [
      'lists in lists without end',
      `{"metrics":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      'must be an object, not what is nested too deeply to be shown',
    ],
    ['no kind', { metrics: [{ ...errors, kind: undefined }] }, 'metric errors: kind is missing'],
    [
      'sides of other lengths',
      {
        metrics: [
          {
            ...errors,
            canary: [
              [1, 0],
              [1, 0],
            ],
          },
        ],
      },
      'baseline has 1 intervals and canary 2',
    ],
    ['an empty side', { metrics: [{ ...errors, canary: [] }] }, 'metric errors: canary: is empty'],
    [
      'more bad than all',
      { metrics: [{ ...errors, canary: [[3, 4]] }] },
      'metric errors: canary[0]: has 4 bad of 3 requests',
    ],
    [
      'a negative count',
      { metrics: [{ ...errors, canary: [[-3, 0]] }] },
      'metric errors: canary[0]: must be { n, k } or [n, k]',
    ],
    [
      'a rate instead of counts',
      { metrics: [{ ...errors, canary: [0.02] }] },
      'canary[0]: must be { n, k } or [n, k], counts of 0 or more, not 0.02',
    ],
    [
      'a NaN, which is no JSON',
      '{"metrics":[{"name":"errors","kind":"ratio","baseline":[[1,0]],"canary":[[NaN,0]]}]}',
      'canary[0]: must be { n, k } or [n, k], counts of 0 or more, not ["NaN",0]',
    ],
    [
      'a text among the values of a gauge',
      { metrics: [{ name: 'cpu', kind: 'gauge', max: 1, baseline: [1], canary: ['1'] }] },
      'metric cpu: canary[0]: must be a number, or null',
    ],
    [
      'a gauge that can never be wrong',
      { metrics: [{ name: 'cpu', kind: 'gauge', baseline: [1], canary: [1] }] },
      'needs max, min or both',
    ],
    [
      'weights for other intervals',
      { metrics: [{ ...errors, weight: [5, 5] }] },
      'weight has 2 entries and baseline 1',
    ],
    [
      'a weight above all',
      { metrics: [{ ...errors, weight: 105 }] },
      'weight: must be a number from 0 to 100, not 105',
    ],
    [
      'samples that go back in time',
      {
        metrics: [
          {
            ...errors,
            baseline: [
              [1, 0],
              [1, 0],
            ],
            canary: [
              [1, 0],
              [1, 0],
            ],
            samples: [{ at: '2026-01-02T00:00:00Z' }, { at: '2026-01-01T00:00:00Z' }],
          },
        ],
      },
      'samples[1]: ends at 2026-01-01T00:00:00.000Z, before the one above it',
    ],
    ['a sample without a time', { metrics: [{ ...errors, samples: [{ weight: 5 }] }] }, 'samples[0]: at is missing'],
    ['no JSON at all', '{"metrics": [', 'record.json is not JSON'],
    [
      'a score that cannot be reached',
      { metrics: [errors], kayenta: { pass: 200 } },
      'kayenta: marginal is 75 and pass 200',
    ],
    [
      'a direction that is none',
      { metrics: [{ ...errors, kayenta: { direction: 'up' } }] },
      'metric errors: kayenta: direction: must be increase, decrease, either',
    ],
    [
      'a rule that is none',
      { metrics: [errors], threshold: { rule: 'spinnaker' } },
      'threshold: rule: must be argo, flagger',
    ],
  ])('with %s is refused with what and where', (_, value, words) => {
    expect(problem(value)).toContain(words)
  })

  test('with several mistakes is refused with all of them', () => {
    const text = problem({
      interval: 'soon',
      metrics: [
        { ...errors, canary: [[1, 2]], max: 7 },
        { name: 'cpu', kind: 'gauge', max: 'high', baseline: [1], canary: [] },
      ],
    })
    expect(text).toMatch(/^record\.json: 5 problems:\n/)
    for (const words of ['interval:', 'errors: canary[0]', 'errors: max', 'cpu: canary', 'cpu: max'])
      expect(text).toContain(words)
  })

  test('takes a text of many megabytes for what it is', () => {
    const query = 'x\\"'.repeat(4_000_000)
    const { series } = read(`{"metrics":[${JSON.stringify(errors).slice(0, -1)},"query":"${query}"}]}`)
    expect(series[0]?.query).toHaveLength(8_000_000)
  })

  test('with a mistake in every one of a thousand intervals is refused without a thousand lines', () => {
    const bad = Array.from({ length: 1000 }, () => [1, 2])
    const text = problem({ metrics: [{ ...errors, baseline: bad, canary: bad.map(() => [1, 0]) }] })
    expect(text).toContain('1000 problems')
    expect(text).toContain('and 900 more')
    expect(text.split('\n').length).toBeLessThan(110)
  })
})

describe('a report', () => {
  const details = {
    namespace: 'shop',
    deployment: 'shop',
    series: [{ ...errors, samples: [{ at: '2026-01-31T12:00:05.000Z', weight: 5, step: 0, use: 'judged' }] }],
    judge: {
      metrics: [{ name: 'errors', kind: 'ratio', max: 0.05 }],
      alpha: 0.01,
      warmUp: 0,
      settle: 10_000,
      missing: 'silence',
      interval: 5000,
    },
  }
  const report = {
    schema: 'sluice.dev/canary-promote/v1',
    verdict: 'promoted',
    reason: { code: 'promoted', text: '', next: '' },
    details,
  }

  test('is judged by its own plan', () => {
    const { plan, series, recorded } = read(report)
    expect(plan).toEqual(details.judge)
    expect(series[0]?.samples[0]).toEqual(details.series[0]?.samples[0])
    expect(recorded).toMatchObject({ namespace: 'shop', deployment: 'shop', verdict: 'promoted' })
  })

  test('says what a step needs, what each counted, and what share was to be expected; an older one does not', () => {
    const judge = { ...details.judge, minRequests: 50 }
    const series = details.series.map((one) => ({
      ...one,
      samples: one.samples.map((each) => ({ ...each, share: 50 })),
    }))
    const steps = [{ step: 0, weight: 5, since: '', until: '', baseline: 900, canary: 60 }]
    const said = read({ ...report, details: { ...details, judge, series, steps } })
    expect(said).toMatchObject({ minRequests: 50, plan: details.judge })
    expect(said.counted).toEqual(new Map([[0, { baseline: 900, canary: 60 }]]))
    expect(said.series[0]?.samples[0]?.share).toBe(50)
    const older = read({ ...report, details: { ...details, steps: [] } })
    expect(older).toMatchObject({ minRequests: 1, counted: new Map() })
    expect(older.series[0]?.samples[0]).not.toHaveProperty('share')
  })

  test('names the pods that its verdict waited for', () => {
    const outliers = { pods: ['shop-canary-1'], dropped: true }
    const series = details.series.map((one) => ({
      ...one,
      samples: one.samples.map((each) => ({ ...each, outliers })),
    }))
    expect(read({ ...report, details: { ...details, series } }).series[0]?.samples[0]?.outliers).toEqual(outliers)
  })

  test.each<[string, unknown, string]>([
    ['no object', ['shop-1'], 'samples[0]: outliers: must be an object'],
    ['no pods', {}, 'samples[0]: outliers: pods: is missing'],
    ['none of them', { pods: [] }, 'samples[0]: outliers: pods: is empty'],
    ['a number', { pods: [1] }, 'samples[0]: outliers: pods[0]: must be the name of a pod, not 1'],
    ['a name that would rewrite a terminal', { pods: ['a\u001b[2J'] }, 'pods[0]: must be the name of a pod'],
    ['too many', { pods: Array.from({ length: 1001 }, (_, i) => `shop-${i}`) }, 'pods: has 1001 names'],
    ['a word for dropped', { pods: ['shop-1'], dropped: 'yes' }, 'outliers: dropped: must be true or false'],
  ])('that waited for %s is refused', (_, outliers, words) => {
    const series = [{ ...details.series[0], samples: [{ at: '2026-01-31', outliers }] }]
    expect(problem({ ...report, details: { ...details, series } })).toContain(words)
  })

  test('may be told how the judges of others are set', () => {
    const series = details.series.map((one) => ({ ...one, kayenta: { critical: true } }))
    const { peers } = read({ ...report, details: { ...details, series }, threshold: { limit: 3 } })
    expect(peers).toMatchObject({ threshold: { limit: 3 }, kayenta: { metrics: { errors: { critical: true } } } })
  })

  test('of a later version may say more', () => {
    expect(
      read({ ...report, details: { ...details, weather: 'fine', series: [{ ...details.series[0], pods: 3 }] } }).series,
    ).toHaveLength(1)
  })

  test.each<[string, unknown, string]>([
    [
      'of another action',
      { ...report, schema: 'sluice.dev/deploy/v1' },
      'has the schema "sluice.dev/deploy/v1"; of reports only those of a canary',
    ],
    ['of a run that came to no outcome', { ...report, details: null }, 'holds no intervals'],
    ['without series', { ...report, details: { ...details, series: undefined } }, 'holds no intervals'],
    [
      'with a metric that was not judged',
      { ...report, details: { ...details, judge: { ...details.judge, metrics: [{ name: 'slow', kind: 'latency' }] } } },
      'metric errors: details.judge does not name it',
    ],
    ['with a verdict that is none', { ...report, verdict: 'fine' }, 'verdict: must be promoted, rolled-back'],
    ['without a verdict', { ...report, verdict: undefined }, 'verdict is missing'],
    [
      'with a plan that names nothing',
      { ...report, details: { ...details, judge: { ...details.judge, metrics: [null] } } },
      'details.judge: metrics[0]: must be an object, not null',
    ],
    [
      'with a limit that is a word',
      {
        ...report,
        details: { ...details, judge: { ...details.judge, metrics: [{ ...details.judge.metrics[0], max: 'high' }] } },
      },
      'details.judge: metrics[0]: max: must be a share',
    ],
    [
      'with a need that is a word',
      { ...report, details: { ...details, judge: { ...details.judge, minRequests: 'many' } } },
      'details.judge: minRequests: must be a number of at least 0',
    ],
    [
      'with a step of fewer requests than none',
      { ...report, details: { ...details, steps: [{ step: 0, baseline: 9, canary: -9 }] } },
      'details.steps: [0]: canary: must be a number of at least 0',
    ],
    [
      'with a share above all',
      {
        ...report,
        details: { ...details, series: [{ ...details.series[0], samples: [{ at: '2026-01-31', share: 105 }] }] },
      },
      'metric errors: samples[0]: share: must be a number from 0 to 100',
    ],
    [
      'with a metric of another kind in its plan',
      { ...report, details: { ...details, judge: { ...details.judge, metrics: [{ name: 'errors', kind: 'gauge' }] } } },
      'metric errors: is a ratio, and in details.judge a gauge',
    ],
    [
      'with counts that cannot be',
      { ...report, details: { ...details, series: [{ ...details.series[0], canary: [[1, 2]] }] } },
      'metric errors: canary[0]: has 2 bad of 1',
    ],
  ])('%s is refused', (_, value, words) => {
    expect(problem(value)).toContain(words)
  })
})
