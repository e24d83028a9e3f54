import { longestRun } from '@sluice/release/start'
import { describe, expect, test } from 'vitest'
import { longestParts, timesOf, total } from '../src/canary.ts'
import { type DeliveryPlan, PLAN_LIMIT, planFor } from '../src/plan.ts'
import { jobLimit } from '../src/runner.ts'
import { type Change, fileOf } from './document.ts'

const planOf = (change: Change = {}, asked: { service?: string; event?: string; base?: string } = {}): DeliveryPlan =>
  planFor(fileOf(change), { service: '', event: 'push', ...asked })
const production = (change: Change): Change => ({ environments: { production: change } })

const NOTHING_SCANNED = {
  any: false,
  source: false,
  dependencies: false,
  image: false,
  verify: false,
  category: 'shop',
  registry: 'ghcr.io',
  report: '',
  legs: [{ platform: '', name: 'image' }],
  scanners: 'vuln',
  'fail-on': 'none',
  'review-severity': '',
  'ignore-unfixed': false,
  'ignore-file': '',
  vex: '',
  'strict-exceptions': false,
  grace: '',
  kev: '',
  'trivy-version': '',
  timeout: '',
  codeql: null,
  semgrep: null,
  sonarqube: null,
}

describe('the plan of a small file', () => {
  test('says everything, with the defaults filled in', () => {
    expect(planOf()).toEqual({
      version: 1,
      service: 'shop',
      repository: 'ghcr.io/acme/shop',
      folder: '.',
      checks: 0,
      'deploys-why': null,
      package: null,
      scan: NOTHING_SCANNED,
      staging: {
        environment: 'staging',
        namespace: 'shop-staging',
        deployment: 'shop',
        container: null,
        service: 'shop',
        'service-port': '80',
        manifests: 'manifests/staging',
        values: '',
        timeout: '10m',
        context: null,
        'runs-on': 'ubuntu-latest',
        smoke: '',
        'smoke-deadline': '5m',
        login: null,
        'timeout-minutes': 40,
        group: 'sluice-shop-staging',
      },
      production: {
        environment: 'production',
        namespace: 'shop',
        deployment: 'shop',
        container: null,
        service: 'shop',
        'service-port': '80',
        manifests: 'manifests/production',
        values: '',
        timeout: '10m',
        context: null,
        'runs-on': 'ubuntu-latest',
        smoke: '',
        'smoke-deadline': '5m',
        login: null,
        'timeout-minutes': 231,
        group: 'sluice-shop-production',
        router: 'gateway-api',
        route: null,
        rule: null,
        'canary-plan': '{}',
        approval: 'environment',
        'approval-environment': 'production-approval',
        'recovery-environment': 'production-recovery',
        'recovery-login': null,
        wanted: true,
        'wanted-why': 'production waits for the reviewers of its approval environment',
        'runner-minutes': 26,
      },
    })
  })
  test('has null for an environment that there is not', () => {
    const alone = planOf({ services: { shop: { deploy: undefined } } })
    expect([alone.staging, alone.production]).toEqual([null, null])
  })
})

describe('every key is always there, and kebab-case', () => {
  const whole = planOf()
  const keys = (value: unknown): readonly string[] =>
    Object.keys(value ?? {}).filter((key) => !['aws', 'gcp', 'azure'].includes(key))
  test.each<{ name: string; plan: DeliveryPlan }>([
    { name: 'a small file', plan: whole },
    { name: 'a pull request', plan: planOf({}, { event: 'pull_request' }) },
    {
      name: 'everything said',
      plan: planOf({
        services: {
          shop: {
            folder: 'a',
            smoke: [{ path: '/' }],
            checks: [{ name: 'a', run: 'b' }],
            plan: { drain: '1s' },
            deploy: {
              production: {
                container: 'web',
                service: 'web',
                'service-port': 'http',
                values: { A: 1 },
                router: 'replicas',
                manifests: ['a', 'b'],
              },
            },
          },
        },
        environments: {
          production: {
            approval: 'none',
            context: 'c',
            'runs-on': ['self-hosted'],
            login: { aws: { role: 'arn:aws:iam::123456789012:role/a', region: 'eu-west-1', cluster: 'c' } },
          },
        },
      }),
    },
  ])('$name', ({ plan }) => {
    expect(keys(plan)).toEqual(keys(whole))
    if (plan.staging !== null) expect(keys(plan.staging)).toEqual(keys(whole.staging))
    expect(keys(plan.production)).toEqual(keys(whole.production))
    const all = [...keys(plan), ...keys(plan.staging), ...keys(plan.production)]
    expect(all.filter((key) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(key))).toEqual([])
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
  })
})

describe('whether a run releases to production', () => {
  test.each([
    { approval: 'environment', event: 'push', wanted: true, why: /waits for the reviewers/ },
    { approval: 'environment', event: 'workflow_dispatch', wanted: true, why: /waits for the reviewers/ },
    { approval: 'none', event: 'push', wanted: true, why: /asks nobody/ },
    { approval: 'none', event: 'schedule', wanted: true, why: /asks nobody/ },
    { approval: 'dispatch', event: 'push', wanted: false, why: /released to by hand .* started by push/ },
    { approval: 'dispatch', event: 'repository_dispatch', wanted: false, why: /started by repository_dispatch/ },
    { approval: 'dispatch', event: 'workflow_dispatch', wanted: true, why: /started by hand/ },
    { approval: 'none', event: 'pull_request', wanted: false, why: /a pull request is checked and never deployed/ },
    { approval: 'dispatch', event: 'pull_request', wanted: false, why: /a pull request is checked/ },
    { approval: 'none', event: 'pull_request_review', wanted: false, why: /a pull request is checked/ },
    { approval: 'none', event: 'merge_group', wanted: false, why: /merge queue/ },
  ])('$approval, $event: $wanted', ({ approval, event, wanted, why }) => {
    const plan = planOf(production({ approval }), { event })
    expect(plan.production?.wanted).toBe(wanted)
    expect(plan.production?.['wanted-why']).toMatch(why)
  })
  test('a pull request deploys to no staging either, and the plan says why', () => {
    const plan = planOf({}, { event: 'pull_request' })
    expect(plan.staging).toBeNull()
    expect(plan['deploys-why']).toMatch(/never deployed/)
  })
  test.each([
    ['push', true],
    ['workflow_dispatch', true],
    ['pull_request', false],
    ['pull_request_review', false],
    ['merge_group', false],
  ])('an image is built by %s: %s', (event, builds) => {
    const plan = planOf({ services: { shop: { package: { attest: true } } } }, { event })
    expect([plan.package !== null, plan['deploys-why'] === null]).toEqual([builds, builds])
  })
  test('nothing is planned for pull_request_target', () => {
    expect(() => planOf({}, { event: 'pull_request_target' })).toThrow(/with the rights of this repository/)
  })
})

describe('which service', () => {
  const two = { services: { mail: { image: 'mail' } } }
  test('the only one needs not be named', () => expect(planOf().service).toBe('shop'))
  test('of several one has to be named, and they are listed', () =>
    expect(() => planOf(two)).toThrow('sluice.yml has several services: shop, mail'))
  test('the one that is named', () => expect(planOf(two, { service: ' mail ' }).repository).toBe('mail'))
  test.each(['shopp', 'toString', '__proto__'])('%s is none of them', (service) =>
    expect(() => planOf(two, { service })).toThrow(/unknown service/),
  )
})

describe('where things are', () => {
  const change = {
    services: {
      shop: {
        folder: './services/shop/',
        smoke: 'smoke.yml',
        deploy: { staging: { manifests: ['../../m', 'k/*.yaml'], values: { A: 'x y', N: 1, T: true } } },
      },
    },
  }
  test('paths are from the root of the repository', () => {
    const plan = planOf(change)
    expect([plan.folder, plan.staging?.smoke, plan.staging?.manifests]).toEqual([
      'services/shop',
      'services/shop/smoke.yml',
      'm\nservices/shop/k/*.yaml',
    ])
  })
  test('a sluice.yml in a folder starts there', () => {
    const plan = planOf(change, { base: 'apps/eu' })
    expect([plan.folder, plan.staging?.manifests.split('\n')[0]]).toEqual(['apps/eu/services/shop', 'apps/eu/m'])
  })
  test('values are lines as deploy reads them', () => expect(planOf(change).staging?.values).toBe('A=x y\nN=1\nT=true'))
  test.each([
    ['#smoke.yml', '#prod', './#smoke.yml', './#prod'],
    ['[shop].yml', '[ab]/*.yml', './[shop].yml', './[ab]/*.yml'],
    ['- x.yml', '{a,b}.yml', './- x.yml', './{a,b}.yml'],
    ['-x.yml', '--all', '-x.yml', '--all'],
  ])('what could be taken for something else is a path all the same: %s, %s', (smoke, manifests, first, second) => {
    const { staging } = planOf({ services: { shop: { smoke, deploy: { staging: { manifests } } } } })
    expect([staging?.smoke, staging?.manifests]).toEqual([first, second])
  })
  test('checks given in the file travel as YAML that is no path', () => {
    const plan = planOf({ services: { shop: { smoke: [{ path: '/', expect: { status: 200 } }] } } })
    expect(plan.staging?.smoke).toBe('[{"path":"/","expect":{"status":200}}]')
  })
})

describe('logins', () => {
  const aws = { role: 'arn:aws:iam::123456789012:role/release', region: 'eu-west-1', cluster: 'c' }
  test('repair has its own where it is given', () => {
    const repair = { role: 'arn:aws:iam::123456789012:role/repair' }
    const { production: planned } = planOf(production({ login: { aws: { ...aws, recovery: repair } } }))
    expect(planned?.login).toEqual({ aws: { ...aws, 'session-seconds': '13860' } })
    expect(planned?.['recovery-login']).toEqual({ aws: { ...aws, ...repair, 'session-seconds': '3600' } })
  })
  test('else the same', () =>
    expect(planOf(production({ login: { aws } })).production?.['recovery-login']).toEqual({
      aws: { ...aws, 'session-seconds': '3600' },
    }))
})

describe('the canary', () => {
  test("a service's keys replace those of the plan for all", () => {
    const plan = planOf({ plan: { drain: '10s', 'max-hold': '1m' }, services: { shop: { plan: { drain: '20s' } } } })
    expect(JSON.parse(plan.production?.['canary-plan'] ?? '')).toEqual({ drain: '20s', 'max-hold': '1m' })
  })
  test('its longest run is the deadline that the release sets itself', () => {
    for (const plan of [
      {},
      { steps: [{ weight: 5, hold: '90s' }], 'max-hold': '7m', drain: '3s', 'ready-within': '2m' },
      {
        steps: [
          { mirror: 20, hold: '25m' },
          { weight: 5, hold: '90s' },
        ],
      },
      { steps: [1, 2, 3, 4].map((weight) => ({ weight, hold: '1h' })), 'max-hold': '0s' },
    ]) {
      const { holds, readyWithin, maxHold, drain } = timesOf(plan)
      const steps = holds.map((hold, index) => ({ weight: index + 1, hold }))
      expect(holds).toHaveLength(plan.steps?.length ?? 3)
      const release = { steps, readyWithin, maxHold, drain } as unknown as Parameters<typeof longestRun>[0]
      expect(total(longestParts(timesOf(plan)))).toBe(longestRun(release))
    }
  })
  test('a step that only copies is held, and counted, like any other', () => {
    const steps = [{ weight: 5, hold: '10m' }]
    const minutes = (more: Change[]) => planOf({ plan: { steps: [...more, ...steps] } }).production
    const [without, with20] = [minutes([]), minutes([{ mirror: 20, hold: '20m' }])]
    expect((with20?.['runner-minutes'] ?? 0) - (without?.['runner-minutes'] ?? 0)).toBe(20)
    // Its hold, max-hold, and ready-within for pods and for the route.
    expect((with20?.['timeout-minutes'] ?? 0) - (without?.['timeout-minutes'] ?? 0)).toBe(20 + 30 + 20)
  })
  const long = { plan: { steps: [5, 20, 50].map((weight) => ({ weight, hold: '2h' })) } }
  test("one that may outlive a job on GitHub's own runner is refused with the sum", () => {
    expect(() => planOf(long)).toThrow(
      "the canary of shop on production may take 9 h 26 min, and a job on GitHub's own runner (ubuntu-latest) ends after 6 h: " +
        'holds of 3 steps 6 h + max-hold for each step (3 × 30 min) 90 min + ready-within for pods and route of each step (6 × 10 min) 60 min + ' +
        'promotion or way back (4 × ready-within) 40 min + drain 30 s + login and set-up 15 min',
    )
  })
  test('and fits a self-hosted one', () => {
    const plan = planOf({ ...long, ...production({ 'runs-on': ['Self-Hosted', 'linux'] }) })
    expect(plan.production?.['timeout-minutes']).toBe(566)
    expect(plan.production?.['runner-minutes']).toBe(361)
  })
  test('up to the last minute it is planned', () => {
    const minutes = (most: number): Change => ({
      plan: { steps: [{ weight: 5, hold: `${most}m` }], 'max-hold': '0s', drain: '0s', 'ready-within': '10m' },
    })
    expect(planOf(minutes(285)).production?.['timeout-minutes']).toBe(360)
    expect(() => planOf(minutes(286))).toThrow(/may take 6 h 1 min/)
  })
  test.each([
    ['ubuntu-latest', 'hosted', 360],
    [['ubuntu-24.04-arm'], 'hosted', 360],
    ['macos-15', 'hosted', 360],
    [['self-hosted', 'ubuntu-22'], 'self-hosted', 7200],
    ['my-scale-set', 'unknown', 7200],
  ] as const)('a job on %s: %s, %d min', (labels, kind, minutes) =>
    expect(jobLimit(labels)).toMatchObject({ kind, minutes }),
  )
})

describe('size', () => {
  const smoke = (bytes: number): Change => ({
    services: { shop: { smoke: [{ path: '/', body: 'x'.repeat(bytes) }] } },
  })
  test('a plan is never larger than it may be between jobs', () => {
    expect(JSON.stringify(planOf(smoke(PLAN_LIMIT / 2 - 2000))).length).toBeLessThanOrEqual(PLAN_LIMIT)
    expect(() => planOf(smoke(PLAN_LIMIT / 2))).toThrow(/the plan of shop has \d\d KiB, more than the 56 KiB/)
  })
  test('the largest plan, as GitHub nests it in `needs`, fits into one variable of a process on Linux', () => {
    const quotes = (count: number): Change => ({
      services: { shop: { smoke: [{ path: '/', body: '"'.repeat(count) }] } },
    })
    const plan = JSON.stringify(planOf(quotes(PLAN_LIMIT / 8 - 400)))
    expect(plan.length).toBeGreaterThan(PLAN_LIMIT * 0.95)
    const needs = JSON.stringify({ plan: { result: 'success', outputs: { plan } } }, null, 2)
    expect(`INPUT_NEEDS=${needs}`.length + 8 * 1024).toBeLessThan(128 * 1024)
  })
})
