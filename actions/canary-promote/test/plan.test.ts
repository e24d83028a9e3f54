import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RouterName } from '@sluice/traffic/router'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ABILITIES } from '../src/abilities.ts'
import { isInline, readPlan } from '../src/inputs.ts'
import { judgePlan, planFindings, planProblems, settingsOf } from '../src/plan.ts'
import { run } from '../src/run.ts'
import { asked, plan, reported, simulate } from './simulation.ts'

const folder = join(import.meta.dirname, '..')
const manifest = parse(readFileSync(join(folder, 'action.yml'), 'utf8'))
const defaults: string = manifest.inputs['plan-defaults'].default
const problemOf = (source: string): string => {
  try {
    readPlan({ source, file: 'plan.yml' }, defaults)
    return ''
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown)
  }
}

describe('the plan', () => {
  test('of action.yml is whole and without problems', () => {
    const whole = readPlan(undefined, defaults)
    expect(planProblems(whole)).toEqual([])
    expect(whole).toMatchObject({ interval: 5000, lease: 60_000, 'min-requests': 50, 'false-rollback-rate': 0.01 })
    expect(whole.steps).toEqual([
      { weight: 5, hold: 600_000 },
      { weight: 25, hold: 600_000 },
      { weight: 50, hold: 300_000 },
    ])
    expect(whole.metrics[0]).toEqual({ name: 'errors', kind: 'ratio', max: 0.05 })
  })

  test('of the user overrides the defaults key by key', () => {
    const own = readPlan({ source: 'interval: 1s\nlease: 5s', file: 'plan' }, defaults)
    expect(own).toMatchObject({ interval: 1000, lease: 5000, drain: 30_000 })
  })

  test.each([
    'networkpolicy/guard',
    'networkpolicy/database/guard',
    'requestauthentication/guard',
    'server/guard',
    'poddisruptionbudget/shop',
    'podsecurity/baseline',
    'application/shop',
    'dry-run/pod',
  ])('takes the word %s that a refusal gives', (word) => {
    expect(readPlan({ source: `allow: [${word}]`, file: 'plan' }, defaults).allow).toEqual([word])
  })

  test.each([
    ['an unknown key', 'stepps: []', 'plan.yml:1:1: unknown key "stepps"; did you mean "steps"?'],
    ['a misspelt key of a step', 'steps: [{ wieght: 5, hold: 1m }]', 'did you mean "weight"?'],
    ['a duration without a unit', 'interval: 5', 'plan.yml:1:1: interval: must be a duration such as 500ms'],
    ['no duration', 'steps: [{ weight: 5 }]', 'steps.0.hold: must be a duration such as 500ms'],
    ['a duration that no timer takes', 'steps: [{ weight: 5, hold: 9999999h }]', 'must be at most 500h'],
    ['an interval of 0', 'interval: 0ms', 'must be longer than 0'],
    ['a kind of metric that is none', 'metrics: [{ name: e, kind: count }]', 'must be ratio, latency or gauge'],
    ['a weight of 0', 'steps: [{ weight: 0, hold: 1m }]', 'must be a whole number from 1 to 99'],
    ['a wrong duration', 'interval: 5x', 'must be a duration such as 500ms'],
    ['a weight above 99', 'steps: [{ weight: 100, hold: 1m }]', 'must be a whole number from 1 to 99'],
    ['a share that is none', 'metrics: [{ name: e, kind: ratio, max: 5 }]', 'must be a share such as 5%'],
    ['a wrong word', 'on-inconclusive: rolback', 'did you mean "rollback"?'],
    ['a metric named constructor', 'metrics: [{ name: constructor, kind: ratio }]', 'must not be constructor'],
    ['a rate of 0', 'false-rollback-rate: 0', 'must be a number between 0 and 1'],
    ['an allowance for something else', 'allow: [pdb/x]', 'must be like networkpolicy/NAME'],
    ['nothing in the file', '', 'is empty'],
    ['YAML that is none', 'steps: [', 'plan.yml:1:9'],
  ])('with %s is told where and what would be right', (_, source, expected) => {
    expect(problemOf(source)).toContain(expected)
  })

  test('with several problems is told all of them', () => {
    expect(problemOf('interval: 5x\ndrain: 5y\nlease: 0s')).toMatch(/^3 problems:/)
  })

  test.each([
    [
      'steps that do not rise',
      plan({
        steps: [
          { weight: 5, hold: 1 },
          { weight: 5, hold: 1 },
        ],
      }),
      /must rise.*5, 5/,
    ],
    ['no steps', plan({ steps: [] }), /steps is empty/],
    ['no metrics', plan({ metrics: [] }), /can never be promoted/],
    [
      'two metrics of one name',
      plan({ metrics: [...plan().metrics, ...plan().metrics] }),
      /two metrics are named errors/,
    ],
    [
      'a gauge without bounds',
      plan({ metrics: [{ name: 'cpu', kind: 'gauge', series: 'x' }] }),
      /needs max, min or both/,
    ],
    ['a probe without a path', plan({ provider: 'probe' }), /needs the key probe/],
    [
      'a copy after a share',
      plan({
        steps: [
          { weight: 5, hold: 1 },
          { mirror: 10, hold: 1 },
          { weight: 50, hold: 1 },
        ],
      }),
      /steps that mirror come before the first one with a weight/,
    ],
    [
      'a lease shorter than three intervals',
      plan({ lease: 2500 }),
      /lease must be at least three intervals, 3s, not 2.5s/,
    ],
  ])('is refused for %s', (_, given, expected) => {
    expect(planProblems(given).join('\n')).toMatch(expected)
  })

  const mirrored = plan({
    steps: [
      { mirror: 10, hold: 1 },
      { weight: 5, hold: 1 },
    ],
  })
  const byHeader = plan({ tester: { header: 'x-tester', value: 'yes' } })
  const byCookie = plan({ tester: { cookie: 'tester', value: 'yes' } })
  const cannotMirror = /steps mirror requests, which router \S+ cannot; use router gateway-api or istio/
  const cannotKnow =
    /tester is known by a (header|cookie), which router \S+ cannot match; .*use router .* or leave tester out/
  const always =
    /ingress-nginx knows a cookie by the value always alone, not yes; write \{ cookie: tester, value: always \}/
  test.each<[RouterName, RegExp | null, RegExp | null, RegExp | null, RegExp | null]>([
    ['gateway-api', null, null, cannotKnow, null],
    ['istio', null, null, null, null],
    ['nginx', cannotMirror, null, always, null],
    ['traefik', cannotMirror, null, null, /^rule: .*traefik/],
    ['alb', cannotMirror, cannotKnow, cannotKnow, /^rule: .*alb/],
    ['argo-rollouts', cannotMirror, cannotKnow, cannotKnow, /^rule: .*argo-rollouts/],
    ['replicas', cannotMirror, cannotKnow, cannotKnow, /^rule: .*replicas/],
  ])('for %s: what it can of a mirror, a tester by header and by cookie, and one rule', (router, ...expected) => {
    const asked = [
      planProblems(mirrored, { router }),
      planProblems(byHeader, { router }),
      planProblems(byCookie, { router }),
      planProblems(plan(), { router, rule: 0 }),
    ]
    asked.forEach((problems, index) => {
      const pattern = expected[index]
      if (pattern === null || pattern === undefined) expect(problems).toEqual([])
      else expect(problems).toEqual([expect.stringMatching(pattern)])
    })
    expect(planProblems(plan(), { router })).toEqual([])
  })

  test('that a router cannot do is told what would help', () => {
    expect(planProblems(byCookie, { router: 'gateway-api' })).toEqual([
      'plan: tester is known by a cookie, which router gateway-api cannot match; give it a header, or use router istio or nginx or traefik, or leave tester out',
    ])
  })

  test.each([
    ['plan.yml', false],
    ['.github/canary plan.yml', false],
    ['steps: []', true],
    ['{ interval: 1s }', true],
    ['# mine\ninterval: 1s', true],
  ])('given as %j is text: %s', (given, expected) => {
    expect(isInline(given)).toBe(expected)
  })
})

test('a credential among the headers of the probe is warned of, as the record keeps the plan', () => {
  const headers = { Authorization: 'Bearer x', accept: 'text/html' }
  const found = planFindings(plan({ provider: 'probe', probe: { path: '/', headers } }))
  expect(found).toMatchObject([{ level: 'warning', text: expect.stringContaining('header Authorization is saved') }])
  expect(JSON.stringify(found)).not.toContain('Bearer')
  expect(planFindings(plan())).toEqual([])
})

test("the README's table of routers is what each can", () => {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8')
  const rows = [...readme.matchAll(/^\| `([a-z-]+)` \| [^|]* \| (yes|no) \| ([^|]*) \|$/gm)]
  const told = rows.map(([, router, mirror, testers = '']) => ({
    router,
    mirror: mirror === 'yes',
    testers: ['header', 'cookie'].filter((word) => testers.includes(word)),
  }))
  expect(told).toEqual(Object.entries(ABILITIES).map(([router, { mirror, testers }]) => ({ router, mirror, testers })))
})

test("the plan of the README's example can be read", () => {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8')
  const [, source = ''] = /```yaml\n(jobs:[\s\S]*?)```/.exec(readme) ?? []
  const [step] = parse(source).jobs.canary.steps
  expect(planProblems(readPlan({ source: step.with.plan, file: 'README' }, defaults))).toEqual([])
})

test('what is judged travels in the record: tests, alpha and limits', async () => {
  const sim = simulate()
  await run(asked(), sim.ports())
  const record = sim.record()
  expect(record && judgePlan(settingsOf(record))).toEqual({
    metrics: [{ name: 'errors', kind: 'ratio', max: 0.05 }],
    alpha: 0.01,
    warmUp: 0,
    settle: 2000,
    missing: 'silence',
  })
})

test.each([
  ['promoted', { errors: { baseline: 0, canary: 0 } }],
  ['rolled-back', { errors: { baseline: 0, canary: 0.2 } }],
])('the report of a release that is %s follows its schema', async (verdict, circumstances) => {
  const sim = simulate(circumstances)
  const report = await reported(sim)
  const validate = new Ajv2020().compile(JSON.parse(readFileSync(join(folder, 'report.schema.json'), 'utf8')))
  expect(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors)).toBe(true)
  expect(report.verdict).toBe(verdict)
})
