import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readPlan, type WholePlan } from '../src/inputs.ts'
import { judgePlan, planProblems, type Settings } from '../src/plan.ts'
import { noDataOf, usageOf } from '../src/providers.ts'

const manifest = parse(readFileSync(join(import.meta.dirname, '../action.yml'), 'utf8')) as {
  readonly inputs: { readonly 'plan-defaults': { readonly default: string } }
}
const planOf = (source: string): WholePlan =>
  readPlan({ source, file: 'plan.yml' }, manifest.inputs['plan-defaults'].default)
const problemsOf = (source: string): string => planProblems(planOf(source)).join('\n')

const PROMETHEUS = 'prometheus: { url: "https://prometheus.example" }\n'

describe('a metric is read by its own provider', () => {
  test('several in one plan, each with its own keys', () => {
    const source = `
provider: prometheus
prometheus: { service: "monitoring/prometheus:9090", preset: istio, timeout: 5s }
datadog: { site: datadoghq.eu }
cloudwatch: { region: eu-central-1 }
probe: { path: /health }
metrics:
  - { name: errors, kind: ratio, max: 5%, no-data: fail }
  - { name: slow, kind: latency, threshold: 500ms, preset: http }
  - { name: depth, kind: gauge, max: 5, query: 'sum(queue{pod=~"{{pods}}"})', no-data: { nan: ignore, outage: fail } }
  - { name: own, kind: ratio, provider: pods, counter: x, bad: { code: "5.." } }
  - { name: cpu, kind: gauge, provider: kubernetes, max: 90 }
  - { name: alive, kind: ratio, provider: probe }
  - { name: orders, kind: ratio, provider: datadog, total: "sum:a{d:{{deployment}}}", bad: ["sum:b{d:{{deployment}}}"] }
  - { name: lag, kind: gauge, provider: cloudwatch, max: 3, query: { namespace: Shop, metric: Lag, dimensions: { D: "{{deployment}}" } } }
`
    expect(problemsOf(source)).toBe('')
  })

  test.each([
    [
      'metrics: [{ name: cpu, kind: gauge, provider: probe, max: 1 }]\nprobe: { path: / }',
      'metric cpu: a gauge cannot be read by provider probe; pods, prometheus, kubernetes, datadog, cloudwatch can',
    ],
    [
      'metrics: [{ name: errors, kind: ratio, provider: kubernetes }]',
      'metric errors: a ratio cannot be read by provider kubernetes',
    ],
    [
      `${PROMETHEUS}metrics: [{ name: errors, kind: ratio, provider: prometheus, counter: x }]`,
      'metric errors: provider prometheus does not read counter; of a ratio it takes preset, total, bad, only',
    ],
    [
      'metrics: [{ name: errors, kind: ratio, total: x, bad: { a: b } }]',
      'metric errors: provider pods does not read total',
    ],
    ['metrics: [{ name: errors, kind: ratio, bad: "x" }]', 'metric errors: bad must be labels'],
    [
      `${PROMETHEUS}metrics: [{ name: q, kind: gauge, max: 1, provider: prometheus, series: x }]`,
      'metric q: provider prometheus needs query of a gauge',
    ],
    [
      `${PROMETHEUS}metrics: [{ name: e, kind: ratio, provider: prometheus, total: [a, b], bad: c }]`,
      'metric e: total must be PromQL',
    ],
    [
      'datadog: { site: datadoghq.eu }\nmetrics: [{ name: e, kind: ratio, provider: datadog, total: x }]',
      'metric e: provider datadog needs bad of a ratio',
    ],
    [
      'metrics: [{ name: gpu, kind: gauge, provider: kubernetes, max: 1 }]',
      'metric gpu: provider kubernetes reads cpu and memory',
    ],
    [
      'provider: prometheus\nmetrics: [{ name: e, kind: ratio, preset: http }]',
      'provider prometheus needs the key prometheus with either url',
    ],
    [
      'provider: prometheus\nprometheus: { url: "https://x", service: "a/b:1" }\nmetrics: [{ name: e, kind: ratio, preset: http }]',
      'either url',
    ],
    [
      'provider: datadog\nmetrics: [{ name: e, kind: ratio, total: a, bad: b }]',
      'provider datadog needs the key datadog with at least its site',
    ],
    [
      'provider: cloudwatch\nmetrics: [{ name: e, kind: ratio, total: a, bad: b }]',
      'provider cloudwatch needs the key cloudwatch with at least its region',
    ],
  ])('%s', (source, expected) => {
    expect(problemsOf(source)).toContain(expected)
  })

  test.each([
    ['provider: graphite', 'known: pods, probe, prometheus, kubernetes, datadog, cloudwatch'],
    ['metrics: [{ name: e, kind: ratio, no-data: maybe }]', 'must be wait, fail or ignore'],
    ['prometheus: { url: "https://x", timeout: 5m }', 'must be at most 30s'],
    ['datadog: { site: datadoghq.eu, timeout: 31s }', 'must be at most 30s'],
    ['cloudwatch: { region: eu-west-1, timeout: 1h }', 'must be at most 30s'],
    ['prometheus: { service: prometheus }', 'must be NAMESPACE/SERVICE:PORT'],
  ])('%s is told where and what would be right', (source, expected) => {
    expect(() => planOf(source)).toThrow(expected)
  })
})

describe('what the judge is given', () => {
  const settings = (source: string) => {
    const plan = planOf(source)
    return { ...plan, setup: {}, alpha: 0.01, warmUp: 0, settle: 0 } as unknown as Settings
  }

  test('one word is the policy of all four outcomes, a map of those it names', () => {
    const [word, map, none] = planOf(
      'metrics:\n  - { name: a, kind: ratio, no-data: ignore }\n  - { name: b, kind: ratio, no-data: { several-series: fail, nan: ignore } }\n  - { name: c, kind: ratio }',
    ).metrics
    if (word === undefined || map === undefined || none === undefined) throw new Error('three metrics')
    expect(noDataOf(word)).toEqual({
      noData: { outage: 'ignore', empty: 'ignore', nan: 'ignore', 'several-series': 'ignore' },
    })
    expect(noDataOf(map)).toEqual({ noData: { nan: 'ignore', 'several-series': 'fail' } })
    expect(noDataOf(none)).toEqual({})
  })

  test('requests of our own are not listened for, and where there are no others none is missing', () => {
    const mixed = judgePlan(
      settings(
        'probe: { path: / }\nmetrics: [{ name: own, kind: ratio, provider: probe }, { name: users, kind: ratio }]',
      ),
    )
    expect(mixed.missing).toBe('silence')
    expect(mixed.metrics).toMatchObject([{ name: 'own', synthetic: true }, { name: 'users' }])
    expect(mixed.metrics[1]).not.toHaveProperty('synthetic')
    expect(judgePlan(settings('provider: probe\nprobe: { path: / }')).missing).toBe('off')
  })

  test('a gauge of the metrics API is named by its series, or by its name', () => {
    const gauge = (more: object) => ({ name: 'cpu', kind: 'gauge' as const, ...more })
    expect([usageOf(gauge({})), usageOf(gauge({ series: 'memory' })), usageOf({ ...gauge({}), name: 'x' })]).toEqual([
      'cpu',
      'memory',
      undefined,
    ])
  })
})

describe('providers.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../providers.md'), 'utf8')
  const plans = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, plan = '']) => plan)

  test.each(plans.map((plan) => [plan]))('has a plan that is right: %s', (plan) => {
    expect(problemsOf(plan)).toBe('')
  })

  test('has one for every provider', () => {
    for (const provider of ['pods', 'probe', 'prometheus', 'kubernetes', 'datadog', 'cloudwatch']) {
      expect(
        plans.some((plan) => plan.includes(`provider: ${provider}`)),
        provider,
      ).toBe(true)
    }
  })
})
