import { spawnSync } from 'node:child_process'
import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CanaryReport } from '@sluice/canary-report/report'
import type { Count } from '@sluice/evidence/count'
import { seeded } from '@sluice/evidence/random'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRecorded } from '../src/judge/file.ts'
import { judgeByKayenta } from '../src/judge/kayenta.ts'
import { textOf } from '../src/judge/text.ts'
import { judgeByThreshold } from '../src/judge/threshold.ts'
import { judgeRecorded } from '../src/judge/verdict.ts'
import { windowsOf } from '../src/judge/windows.ts'

/** Counts of independent requests, one entry an interval. */
const counts = (seed: number, n: number, probability: (interval: number) => number, intervals = 30): Count[] => {
  const random = seeded(seed)
  return Array.from({ length: intervals }, (_, interval) => {
    const k = Array.from({ length: n }, () => random() < probability(interval)).filter(Boolean).length
    return { n, k }
  })
}
const file = (canary: (interval: number) => number, baseline: (interval: number) => number = () => 0.005) => ({
  metrics: [
    {
      name: 'errors',
      kind: 'ratio',
      max: '5%',
      weight: 5,
      baseline: counts(1, 950, baseline),
      canary: counts(2, 50, canary),
    },
  ],
})
const healthy = file(() => 0.005)
const worse = file(() => 0.03)
const outage = (interval: number): number => (interval >= 10 && interval < 16 ? 0.5 : 0.005)
const read = (value: unknown) => readRecorded(JSON.stringify(value), 'record.json')

describe('this project’s judge', () => {
  test('promotes a release that is as good, and says what it would have seen', () => {
    const answer = judgeRecorded(read(healthy))
    expect(answer).toMatchObject({ judge: 'sluice', verdict: 'promoted', at: '1970-01-01T00:30:00.000Z' })
    expect(answer.intervals).toHaveLength(30)
    expect(answer.power[0]?.increase).toBeLessThan(0.03)
    expect(answer.metrics[0]).toMatchObject({ name: 'errors', baseline: { n: 28_500 }, canary: { n: 1500 } })
  })

  test('takes back one that is worse, at the interval that tells, with what it held', () => {
    const answer = judgeRecorded(read(worse))
    expect(answer).toMatchObject({ verdict: 'rolled-back', reason: { code: 'errors' } })
    expect(answer.intervals.length).toBeLessThan(20)
    expect(answer.intervals.at(-1)).toMatchObject({
      at: answer.at,
      weight: 5,
      decision: { kind: 'reject', metric: 'errors' },
    })
    expect(answer.intervals.slice(0, -1).every(({ decision }) => decision.kind === 'continue')).toBe(true)
    expect(answer.intervals[0]?.metrics[0]).toMatchObject({ metric: 'errors', use: 'judged', canary: { n: 50 } })
  })

  test('does not blame the release for an outage of both sides', () => {
    expect(judgeRecorded(read(file(outage, outage))).verdict).toBe('promoted')
  })

  test.each<[string, unknown, string]>([
    [
      'an outage that lasts to the end',
      file(
        () => 0.5,
        () => 0.5,
      ),
      'baseline-breaks-limit',
    ],
    [
      'fewer requests than are asked for',
      { metrics: [{ name: 'errors', kind: 'ratio', baseline: [[900, 0]], canary: [[49, 0]] }] },
      'too-few-requests',
    ],
    ['a canary that never had a weight', { metrics: [{ ...worse.metrics[0], weight: 0 }] }, 'nothing-judged'],
  ])('is inconclusive on %s', (_, value, code) => {
    expect(judgeRecorded(read(value))).toMatchObject({ verdict: 'inconclusive', reason: { code } })
  })

  test('takes back a canary that is silent while the baseline answers, and one whose gauge stays too high', () => {
    const silent = {
      metrics: [{ ...healthy.metrics[0], weight: 50, canary: healthy.metrics[0]?.canary.map(() => [0, 0]) }],
    }
    expect(judgeRecorded(read(silent))).toMatchObject({ verdict: 'rolled-back', reason: { code: 'no-requests' } })
    const hot = {
      metrics: [
        { name: 'cpu', kind: 'gauge', max: 0.9, baseline: [0.5, 0.5, 0.5, 0.5], canary: [0.5, 0.95, 0.95, 0.95] },
      ],
    }
    expect(judgeRecorded(read(hot))).toMatchObject({ verdict: 'rolled-back', reason: { code: 'gauge' } })
  })

  test('gives a canary’s report its own evidence back, to the last bit', () => {
    const first = judgeRecorded(read(worse))
    const samples = first.intervals.map(({ at, weight, step, metrics }) => {
      const [metric] = metrics
      if (metric?.kind !== 'counted') throw new Error('errors is counted')
      const { use, margin, dispersion, logE, limitLogE } = metric
      return { at, weight, step, use, margin, dispersion, logE, limitLogE }
    })
    const { baseline = [], canary = [] } = worse.metrics[0] ?? {}
    const { plan } = read(worse)
    const series = [
      {
        name: 'errors',
        kind: 'ratio',
        max: 0.05,
        samples,
        baseline: baseline.slice(0, samples.length),
        canary: canary.slice(0, samples.length),
      },
    ]
    const details = { namespace: 'shop', deployment: 'shop', series, judge: plan }
    const again = judgeRecorded(
      read({ schema: 'sluice.dev/canary-promote/v1', verdict: 'rolled-back', reason: first.reason, details }),
    )
    expect(again).toMatchObject({ verdict: 'rolled-back', reason: first.reason, recorded: { verdict: 'rolled-back' } })
    expect(again.intervals).toEqual(first.intervals)
  })
})

describe('as Kayenta', () => {
  test('promotes what is as good and takes back what is worse, by one analysis at the end', () => {
    expect(judgeByKayenta(read(healthy), false)).toMatchObject({
      judge: 'kayenta',
      verdict: 'promoted',
      intervals: [{ score: 100 }],
    })
    expect(judgeByKayenta(read(worse), false)).toMatchObject({
      verdict: 'rolled-back',
      intervals: [{ classification: 'Fail' }],
    })
  })

  test('it does not see errors that are rare, which the comparison of counts does', () => {
    const rare = file(
      (interval) => (interval % 4 === 0 ? 0.12 : 0),
      () => 0,
    )
    expect(judgeByKayenta(read(rare), false).verdict).toBe('promoted')
    expect(judgeRecorded(read(rare)).verdict).toBe('rolled-back')
  })

  test('on two samples a side the original decides, the mended one does not', () => {
    const few = {
      metrics: [
        {
          name: 'errors',
          kind: 'ratio',
          baseline: [
            [100, 1],
            [100, 2],
          ],
          canary: [
            [100, 9],
            [100, 8],
          ],
        },
      ],
    }
    expect(judgeByKayenta(read(few), false)).toMatchObject({
      verdict: 'inconclusive',
      reason: { code: 'inconclusive' },
    })
    expect(judgeByKayenta(read(few), true).verdict).not.toBe('inconclusive')
    expect(judgeByKayenta(read(few), true)).toStrictEqual(judgeByKayenta(read(few), true))
  })

  test('every so often, it ends at the first analysis that fails', () => {
    const answer = judgeByKayenta(read({ ...worse, kayenta: { every: '10m' } }), false)
    expect(answer.verdict).toBe('rolled-back')
    expect(answer.intervals.length).toBeLessThan(4)
    expect(
      judgeByKayenta(read({ ...healthy, kayenta: { every: '10m' } }), false).intervals.map(({ at }) => at),
    ).toEqual(['01', '11', '21', '30'].map((minute) => `1970-01-01T00:${minute}:00.000Z`))
  })

  test('a fall of errors is no fault unless the file says so', () => {
    const fewer = file(
      () => 0,
      () => 0.05,
    )
    expect(judgeByKayenta(read(fewer), false).verdict).toBe('promoted')
    const either = { metrics: [{ ...fewer.metrics[0], kayenta: { direction: 'either' } }] }
    expect(judgeByKayenta(read(either), false).verdict).toBe('rolled-back')
  })
})

describe('as a fixed limit', () => {
  test('it blames the release for an outage of both sides, and is blind below the limit', () => {
    const threshold = { limit: 3 }
    expect(judgeByThreshold(read({ ...file(outage, outage), threshold }))).toMatchObject({
      judge: 'threshold',
      verdict: 'rolled-back',
    })
    const below = { metrics: [{ ...worse.metrics[0], canary: Array.from({ length: 30 }, () => [50, 2]) }], threshold }
    expect(judgeByThreshold(read(below)).verdict).toBe('promoted')
    expect(judgeRecorded(read(below)).verdict).toBe('rolled-back')
  })

  test.each([
    ['argo', 0, 11],
    ['argo', 3, 14],
    ['flagger', 1, 11],
    ['flagger', 5, 15],
  ])('by the rule of %s with %i it ends at minute %i', (rule, limit, minute) => {
    const answer = judgeByThreshold(read({ ...file(outage, outage), threshold: { rule, limit } }))
    expect(answer.verdict).toBe('rolled-back')
    expect(answer.intervals).toHaveLength(minute)
  })

  test('a minute without requests is a success by the rule of argo, a failed check by flagger’s', () => {
    const quiet = {
      metrics: [
        {
          name: 'errors',
          kind: 'ratio',
          baseline: [
            [9, 0],
            [9, 0],
          ],
          canary: [
            [0, 0],
            [9, 0],
          ],
        },
      ],
    }
    expect(judgeByThreshold(read(quiet)).verdict).toBe('promoted')
    expect(judgeByThreshold(read({ ...quiet, threshold: { rule: 'flagger' } })).verdict).toBe('rolled-back')
  })

  test('a metric without a limit has the usual one', () => {
    const { max: _, ...metric } = worse.metrics[0] ?? {}
    const answer = judgeByThreshold(read({ metrics: [metric] }))
    expect(answer.metrics[0]?.range).toEqual({ max: 0.05 })
  })
})

test('judges of values see counts as shares over their own periods, from the first interval under traffic', () => {
  const { series } = read({
    interval: '20s',
    metrics: [
      {
        name: 'errors',
        kind: 'ratio',
        weight: [0, 5, 5, 5, 5, 5, 5, 5],
        baseline: [
          [100, 90],
          [10, 1],
          [10, 2],
          [10, 3],
          [10, 0],
          [10, 0],
          [0, 0],
          [10, 9],
        ],
        canary: [
          [100, 90],
          [1, 0],
          [1, 1],
          [2, 0],
          [0, 0],
          [0, 0],
          [0, 0],
          [1, 1],
        ],
      },
    ],
  })
  expect(series.map((one) => windowsOf(one, 60_000))).toEqual([
    [
      { at: 80_000, baseline: 0.2, canary: 0.25 },
      { at: 140_000, baseline: 0, canary: null },
    ],
  ])
})

test('a person reads verdict, reason, each metric and what could have been seen', () => {
  const text = textOf(judgeRecorded(read(worse)))
  expect(text).toMatch(/^rolled-back after \d+ looks, \d+\smin \(judge: sluice\)\n {2}errors: canary/)
  expect(text).toMatch(/errors +\d+ of \d+ \(.*\s%\) +.* … \+/)
  expect(text).toContain('95 % probability')
  expect(textOf(judgeByKayenta(read(healthy), false))).toMatch(
    /^promoted after 1 look \(judge: kayenta\)\n {2}Pass: score 100/,
  )
})

test('the file that docs/judging.md shows is judged by all of them', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/judging.md'), 'utf8')
  const shown = readRecorded(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '', 'docs/judging.md')
  expect(judgeRecorded(shown)).toMatchObject({ verdict: 'rolled-back', metrics: [{ name: 'errors' }, { name: 'cpu' }] })
  expect(judgeByKayenta(shown, false).metrics.map(({ label }) => label)).toEqual(['High', 'Pass'])
  expect(judgeByThreshold(shown).verdict).toBe('rolled-back')
})

describe('what a record does not hold', () => {
  const samples = (step: (interval: number) => number) =>
    Array.from({ length: 30 }, (_, interval) => ({
      at: new Date(Date.UTC(2026, 0, 31, 12, interval)).toISOString(),
      weight: 5,
      step: step(interval),
    }))

  test('a gauge that showed no value of the canary promotes nothing', () => {
    const gauge = { name: 'cpu', kind: 'gauge', max: 90, baseline: [50, 50, 50], canary: [null, null, null] }
    expect(judgeRecorded(read({ metrics: [gauge] }))).toMatchObject({
      verdict: 'inconclusive',
      reason: { code: 'no-values', text: 'cpu: no value of the canary in any interval with a weight above 0' },
    })
    expect(judgeRecorded(read({ metrics: [{ ...gauge, canary: [null, 50, null] }] })).verdict).toBe('promoted')
  })

  test('a step is counted from 1, as in a canary’s summary and page', () => {
    const [errors] = healthy.metrics
    const metrics = [{ ...errors, weight: undefined, samples: samples((interval) => (interval < 29 ? 0 : 1)) }]
    expect(judgeRecorded(read({ metrics, 'min-requests': 100 })).reason.text).toContain('step 2 is over with 950')
  })
})

describe('the command', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-judge-'))
    writeFileSync(join(folder, 'healthy.json'), JSON.stringify(healthy))
    writeFileSync(join(folder, 'worse.json'), JSON.stringify(worse))
    writeFileSync(
      join(folder, 'wrong.json'),
      '{"metrics":[{"name":"errors","kind":"ratio","baseline":[[1,2]],"canary":[]}]}',
    )
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const judge = (args: readonly string[], input = '') =>
    spawnSync(process.execPath, [join(import.meta.dirname, '../src/main.ts'), 'judge', ...args], {
      cwd: folder,
      encoding: 'utf8',
      input,
    })

  test('ends with 0 for a pass, with the answer as JSON', () => {
    const { status, stdout } = judge(['healthy.json'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'promoted', judge: 'sluice' })
  })

  test('ends with 1 for a verdict against the release, also read from standard input and as text', () => {
    const { status, stdout } = judge(['-', '--format', 'text'], JSON.stringify(worse))
    expect(status).toBe(1)
    expect(stdout).toMatch(/^rolled-back after/)
  })

  test('ends with 2 for a file that cannot be judged, with all of why and nothing on standard output', () => {
    const { status, stdout, stderr } = judge(['wrong.json'])
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('wrong.json: 2 problems:')
  })

  test('ends with 2 for a page of what is no report, and writes none', () => {
    const { status, stderr } = judge(['healthy.json', '--page', 'out.html'])
    expect(status).toBe(2)
    expect(stderr).toContain('--page draws the report of a canary')
    expect(existsSync(join(folder, 'out.html'))).toBe(false)
  })

  test('draws the page of a report', () => {
    const { baseline, canary } = healthy.metrics[0] ?? {}
    const at = (interval: number) => new Date(Date.UTC(2026, 0, 31, 12, interval)).toISOString()
    const samples = Array.from({ length: 30 }, (_, interval) => ({
      at: at(interval),
      weight: 5,
      step: 0,
      use: 'judged',
    }))
    const report: CanaryReport = {
      schema: 'sluice.dev/canary-promote/v1',
      tool: { version: '0', commit: '' },
      subject: {},
      startedAt: at(0),
      endedAt: at(30),
      verdict: 'promoted',
      reason: { code: 'promoted', text: 'every step passed', next: 'nothing' },
      findings: [],
      details: {
        mode: 'run',
        namespace: 'shop-production',
        deployment: 'shop',
        phase: 'done',
        epoch: 1,
        steps: [],
        metrics: [],
        power: [],
        series: [{ name: 'errors', kind: 'ratio', samples, baseline, canary }],
        judge: read(healthy).plan,
        timeline: [],
        history: [],
      } as CanaryReport['details'],
    }
    writeFileSync(join(folder, 'report.json'), JSON.stringify(report))
    linkSync(join(folder, 'report.json'), join(folder, 'link.json'))
    writeFileSync(join(folder, 'edited.json'), JSON.stringify({ ...report, findings: null }))
    const { status, stdout } = judge(['report.json', '--page', 'out.html'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'promoted', recorded: { deployment: 'shop' } })
    expect(readFileSync(join(folder, 'out.html'), 'utf8')).toContain('shop-production')
  })

  test.each([
    ['a folder', 'report.json', '.', '--page . cannot be written: EISDIR'],
    ['a folder that is not there', 'report.json', 'none/out.html', '--page none/out.html cannot be written: ENOENT'],
    ['the report itself', 'report.json', './report.json', '--page ./report.json is the report itself'],
    ['the report by another name', 'report.json', 'link.json', '--page link.json is the report itself'],
    ['a report that somebody edited', 'edited.json', 'edited.html', '--page: edited.json is not as a canary writes'],
  ])('ends with 2 for a page of %s, and says what to do', (_, report, path, words) => {
    const { status, stdout, stderr } = judge([report, '--page', path])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(words)
    expect(stderr).not.toMatch(/^ +at /m)
    expect(JSON.parse(readFileSync(join(folder, report), 'utf8')).schema).toBe('sluice.dev/canary-promote/v1')
  })

  test('is silent where nobody reads its answer to the end', () => {
    const main = join(import.meta.dirname, '../src/main.ts')
    const long = { metrics: Array.from({ length: 40 }, (_, index) => ({ ...healthy.metrics[0], name: `m${index}` })) }
    writeFileSync(join(folder, 'long.json'), JSON.stringify(long))
    const { stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${main}" judge long.json | head -c 1`], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
  })

  test('answers as another judge', () => {
    const { status, stdout } = judge(['worse.json', '--judge=threshold'])
    expect(status).toBe(JSON.parse(stdout).verdict === 'promoted' ? 0 : 1)
    expect(JSON.parse(stdout).judge).toBe('threshold')
  })
})
