import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { page } from '../src/page.ts'
import type { CanaryReport, Details, Ending } from '../src/report.ts'
import { held, promoted, rolledBack, without } from './releases.ts'

const REPORTS = { promoted: promoted(), 'rolled back': rolledBack(), held: held() }
const KINDS = Object.entries(REPORTS)

/** A page's words, without markup. */
const words = (html: string): string =>
  html
    .replace(/<style>[\s\S]*<\/style>/, '')
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('\u00a0', ' ')
    .replace(/\s+/g, ' ')
/** The words of its head. */
const head = (report: CanaryReport | Ending): string => words(page(report).split('</header>')[0] ?? '')
/** The names of its tags, in order. */
const tags = (html: string): readonly string[] =>
  [...html.matchAll(/<(\/?[a-z][a-z0-9]*|!--)/gi)].map(([, name]) => name ?? '')

const nothing: Ending = {
  schema: 'sluice.dev/canary-promote/v1',
  tool: { version: '0.1.0', commit: '' },
  subject: {},
  startedAt: '2026-03-04T09:30:00.000Z',
  endedAt: '2026-03-04T09:30:02.000Z',
  verdict: 'error',
  reason: { code: 'input-fault', text: 'image is required', next: 'Give one.' },
  findings: [],
  details: null,
}
const idle: CanaryReport = {
  ...nothing,
  verdict: 'inconclusive',
  reason: { code: 'nothing-in-flight', text: 'there is no release of this Deployment', next: 'nothing' },
  details: {
    mode: 'reap',
    namespace: 'shop',
    deployment: 'shop',
    phase: 'none',
    epoch: 0,
    steps: [],
    metrics: [],
    power: [],
    timeline: [],
    history: [],
  },
}

describe('a page says first', () => {
  test.each([
    ['promoted', 'Promoted passed nothing that was measured sets the canary apart', 'Nothing.'],
    ['rolled back', 'Rolled back errors canary ', 'Compare the two versions on this metric.'],
    [
      'held',
      'Inconclusive environment errors: both sides are above the limit of 5.00 %',
      'Look for a shared cause: going back would not mend it.',
    ],
  ] as const)('of a release that was %s what it is, why, and what to do', (kind, beginning, next) => {
    expect(head(REPORTS[kind])).toContain(`Canary report · shop/shop ${beginning}`)
    expect(head(REPORTS[kind])).toContain(`What to do ${next}`)
  })

  const details = REPORTS.promoted.details
  test.each<[string, Partial<CanaryReport>, Partial<Details>, string]>([
    ['promoted', {}, {}, 'Yes. All of it is on the new version'],
    ['rolled back', { verdict: 'rolled-back' }, {}, 'Yes. All of it is on the previous version.'],
    [
      'rolled back in time',
      { verdict: 'rolled-back' },
      { zeroWeightSeconds: 0.4 },
      'Yes. All of it is on the previous version: weight 0 read back 0.4 s after the verdict.',
    ],
    [
      'rolled back at once',
      { verdict: 'rolled-back' },
      { zeroWeightSeconds: 0, rollbackSeconds: 1.5 },
      'Yes. All of it is on the previous version: weight 0 read back within 0.1 s of the verdict, last canary request 1.5 s after it.',
    ],
    ['inconclusive', { verdict: 'inconclusive' }, {}, 'Yes. All of it is on the previous version.'],
    [
      'still on its way',
      { verdict: 'error' },
      { phase: 'lowering', weight: 5 },
      'Not settled. The release is not over (lowering). The canary’s weight last read back as 5 %.',
    ],
    [
      'over, with a weight',
      { verdict: 'rolled-back' },
      { weight: 5 },
      'Look now. The release is over, but the canary’s weight reads back as 5 %.',
    ],
    ['superseded', { verdict: 'superseded' }, {}, 'As the last release left it. No canary is in flight.'],
    ['never begun', { verdict: 'error' }, { phase: 'none' }, 'Unchanged. This run touched no traffic.'],
  ])('whether traffic is safe: %s', (_, changes, more, answer) => {
    expect(head({ ...REPORTS.promoted, ...changes, details: { ...details, ...more } })).toContain(
      `Is traffic safe? ${answer}`,
    )
  })

  test('how many requests a bad canary failed that the running version would not have', () => {
    const [errors] = REPORTS['rolled back'].details.metrics
    if (errors?.kind !== 'ratio') throw new Error('the first metric is a ratio')
    const metric = { ...errors, baseline: { n: 10_000, k: 100 }, canary: { n: 1000, k: 50 } }
    const report = { ...REPORTS['rolled back'], details: { ...REPORTS['rolled back'].details, metrics: [metric] } }
    expect(head(report)).toContain('About 40 more requests failed than would have on the running version.')
    expect(head(REPORTS.held)).not.toContain('more requests failed')
  })
})

describe.each(KINDS)('the page of a release that was %s', (_, report) => {
  const html = page(report)

  test('has every interval of every metric in a table, with its counts and its evidence', () => {
    const rows = new Set([...html.matchAll(/<tr>(.*)<\/tr>/g)].map(([, row = '']) => words(row).trim()))
    for (const series of report.details.series ?? [])
      series.samples.forEach(({ at, weight }, index) => {
        const [canary, baseline] = [series.canary[index], series.baseline[index]]
        const counted = [canary, baseline].map((side) =>
          typeof side === 'object' && side !== null ? `${side.k} of ${side.n}` : '',
        )
        const found = [...rows].some(
          (row) => row.startsWith(`${at.slice(11, 19)} ${weight} %`) && counted.every((count) => row.includes(count)),
        )
        expect(found, `${series.name} ${at}`).toBe(true)
      })
  })
  test('names every query, finding, step, look and planned power', () => {
    const text = words(html)
    for (const { query = '' } of report.details.series ?? []) expect(text).toContain(query.replaceAll('"', '&quot;'))
    for (const { text: found, hint = '' } of report.findings) expect(text).toContain(`${found} ${hint}`)
    expect(text).toMatch(/errors \+0\.91 points an increase of .* \+0\.86 points an increase of /)
    expect(text).toContain(`Looks at the cluster (${report.details.looks?.length})`)
    expect(text).toContain(`Steps (${report.details.steps.length})`)
  })
  test('is small, and its pictures are smaller than its tables', () => {
    const pictures = [...html.matchAll(/<svg[\s\S]*?<\/svg>/g)].reduce((sum, [svg]) => sum + svg.length, 0)
    expect(html.length).toBeLessThan(400_000)
    expect(pictures).toBeLessThan(110_000)
  })
  test('names nothing outside itself, and has no script, no handler and no style but its own', () => {
    expect(html).not.toMatch(
      /<(script|link|iframe|img|object|embed|base|form)\b|\s(src|href|srcset|action|on\w+|style)=|@import|url\(/i,
    )
  })
  test('lets the browser load nothing and apply only the style sheet that is in it', () => {
    const style = /<style>([\s\S]*)<\/style>/.exec(html)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(html).toContain(
      `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
    )
  })
  test('has no id twice', () => {
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  })
})

test.each([
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  '</title></style></svg><b>bold</b>',
  '&lt;i&gt;',
  '<!-- --><svg onload=alert(1)>',
])('text of others stays text: %s', (hostile) => {
  const { report, changed } = poisoned(REPORTS['rolled back'], hostile)
  expect(changed).toBeGreaterThan(40)
  const html = page(report)
  expect(tags(html)).toEqual(tags(page(poisoned(REPORTS['rolled back'], 'plain').report)))
  expect(html).not.toContain(hostile)
})

test('characters that are not seen are shown, and those that turn text around turn nothing', () => {
  const html = page({ ...nothing, reason: { code: 'bug', text: 'a\u202eb\u0000c\u2067d\ud800e', next: '' } })
  expect(html).toContain('a\ufffdb\ufffdc\ufffdd\ufffde')
})

/** The report with a text in place of every text of others: all but times and the words that have a fixed meaning. */
const poisoned = (
  report: CanaryReport,
  text: string,
  fixed: ReadonlySet<string> = FIXED,
): { readonly report: CanaryReport; readonly changed: number } => {
  let changed = 0
  const walk = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((each) => walk(each, key))
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, walk(each, name)]))
    if (typeof value !== 'string' || fixed.has(key)) return value
    changed += 1
    return key === 'name' || key === 'metric' ? `${text}${value}` : text
  }
  return { report: walk(report, '') as CanaryReport, changed }
}
const FIXED = new Set([
  'at',
  'since',
  'until',
  'startedAt',
  'endedAt',
  'verdict',
  'kind',
  'use',
  'phase',
  'level',
  'missing',
])

test('a metric that was not read, or that means nothing, says so beside its name', () => {
  const { details } = REPORTS.promoted
  const [errors, slow] = details.metrics
  if (errors?.kind !== 'ratio' || slow === undefined) throw new Error('the first metric is a ratio')
  const metrics = [
    { ...errors, unreliable: 'the counter fell without a restart' },
    { ...slow, unseen: { looks: 3, kind: 'empty' as const, text: 'No counter was read' } },
  ]
  const text = words(page({ ...REPORTS.promoted, details: { ...details, metrics } }))
  expect(text).toContain('errors the counter fell without a restart')
  expect(text).toContain('slow No counter was read')
})

test('counts that weigh less, and requests of our own, are told', () => {
  const { details } = REPORTS.promoted
  const [errors] = details.metrics
  if (errors?.kind !== 'ratio') throw new Error('the first metric is a ratio')
  const metrics = [{ ...errors, canary: { n: 1000, k: 10 }, dispersion: { baseline: 2.5, canary: 4 } }]
  const steps = details.steps.map((step) => ({ ...step, canary: 1200, synthetic: { baseline: 300, canary: 1000 } }))
  const text = words(page({ ...REPORTS.promoted, details: { ...details, metrics, steps } }))
  // Wilson's interval of 2.5 in 250.
  expect(text).toContain('10 of 1,000 (1 %) 0.31 % to 3.17 %')
  expect(text).toContain('counts weigh 4 times less')
  expect(text).toContain('Counts divided by: canary, baseline')
  expect(text).toContain('1,200, 1,000 our own')
})

test('pods that a verdict waited for are named where their evidence stands, and where it began anew', () => {
  const { details } = REPORTS.promoted
  const [errors] = details.series ?? []
  if (errors?.kind !== 'ratio') throw new Error('the first series is a ratio')
  const told = [{ pods: ['shop-canary-7'] }, { pods: ['shop-canary-7', '<b>'], dropped: true }] as const
  const samples = errors.samples.map((sample, index) => {
    const outliers = told[index]
    return outliers === undefined ? sample : { ...sample, outliers }
  })
  const text = words(page({ ...REPORTS.promoted, details: { ...details, series: [{ ...errors, samples }] } }))
  expect(text).toContain('Only bad, and waited for')
  expect(text).toContain('shop-canary-7, &lt;b&gt;: well again, the evidence began anew')
  expect(words(page(REPORTS.promoted))).not.toContain('waited for')
})

test('a report whose times are none still gives a page', () => {
  const { report } = poisoned(REPORTS.held, 'x', new Set(['verdict', 'kind', 'use', 'phase', 'level', 'missing']))
  expect(words(page(report))).toContain('Inconclusive')
})

test('a canary of hours, looked at every five seconds, has all of its values and small pictures', () => {
  const { details } = REPORTS.promoted
  const begin = Date.parse('2026-03-04T00:00:00Z')
  const samples = Array.from({ length: 5000 }, (_, index) => ({
    at: new Date(begin + 5000 * index).toISOString(),
    weight: index < 2500 ? 5 : 50,
    step: index < 2500 ? 0 : 1,
    logE: Math.sin(index),
  }))
  const counts = samples.map((_, index) => ({ n: 1000 + index, k: index % 7 }))
  const series = [{ name: 'errors', kind: 'ratio' as const, samples, baseline: counts, canary: counts }]
  const html = page({ ...REPORTS.promoted, details: { ...details, series, looks: [] } })
  expect(html).toContain(`<td>${4999 % 7} of 5,999</td>`)
  expect(html.match(/<tr>/g)?.length).toBeGreaterThan(5000)
  expect(Math.max(...[...html.matchAll(/<svg[\s\S]*?<\/svg>/g)].map(([svg]) => svg.length))).toBeLessThan(20_000)
})

describe('a report without series', () => {
  test('still has verdict, totals with intervals, power, findings and timeline', () => {
    const html = page(without(REPORTS['rolled back']))
    const text = words(html)
    expect(html).not.toMatch(/class="(canary|asked)-line"/)
    expect(text).not.toMatch(/As planned|as read back/)
    expect(text).toContain('weight of the step')
    for (const expected of [
      'Rolled back',
      'What was measured',
      'reached',
      'With the traffic that came',
      'PodDisruptionBudget',
      'What the release told',
    ])
      expect(text).toContain(expected)
    expect(text).toMatch(/errors [\d,]+ of [\d,]+ \([\d.]+ %\) [\d.]+ % to [\d.]+ %/)
  })
  test('of a run that did nothing says so, and shows no empty table', () => {
    const html = page(idle)
    expect(words(html)).toContain('This run found nothing to do for a release, and changed nothing.')
    expect(words(html)).toContain('Unchanged. This run touched no traffic.')
    expect(html).not.toMatch(/<table|<figure|<tbody>\s*<\/tbody>/)
  })
  test('of a run that came to no outcome shows why and what to do', () => {
    expect(words(page(nothing))).toMatch(/Error input-fault image is required .*Not known\..*What to do Give one\./)
  })
})
