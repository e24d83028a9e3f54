import { Fault } from '@sluice/kit/faults'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { checkSluiceFile, FILE_LIMIT, placeOf, readSluiceFile } from '../src/file.ts'
import { type Change, changed, fileOf, SMALL } from './document.ts'

/** The problems of a text, each as `line:column: text`. */
const problemsOf = (text: string): readonly string[] => {
  const read = checkSluiceFile(text)
  return read.kind === 'read' ? [] : read.problems.map(({ line, column, text: said }) => `${line}:${column}: ${said}`)
}

/** The problems of `SMALL` with a change, without their places. */
const wrongWith = (change: Change): readonly string[] =>
  problemsOf(stringify(changed(SMALL, change))).map((problem) => problem.replace(/^\d+:\d+: /, ''))

const service = (shop: Change): Change => ({ services: { shop } })
const deploy = (staging: Change): Change => service({ deploy: { staging } })
const environment = (production: Change): Change => ({ environments: { production } })

describe('what a file means that leaves out what it may', () => {
  test('has every default', () => {
    expect(fileOf().services.shop).toEqual({
      image: 'ghcr.io/acme/shop',
      folder: '.',
      checks: [],
      'smoke-deadline': '5m',
      deploy: {
        staging: {
          namespace: 'shop-staging',
          manifests: 'manifests/staging',
          'service-port': 80,
          values: {},
          timeout: '10m',
        },
        production: {
          namespace: 'shop',
          manifests: 'manifests/production',
          'service-port': 80,
          values: {},
          timeout: '10m',
        },
      },
    })
    expect(fileOf().environments.staging).toEqual({ role: 'staging', 'runs-on': 'ubuntu-latest' })
  })
  test("a check's times are milliseconds, 30 minutes when it says none", () => {
    const { checks } =
      fileOf(
        service({
          checks: [
            { name: 'a', run: 'a' },
            { name: 'b', run: 'b', timeout: '90s' },
          ],
        }),
      ).services.shop ?? {}
    expect(checks).toEqual([
      { name: 'a', run: 'a', timeout: 1_800_000, folder: '.', env: {} },
      { name: 'b', run: 'b', timeout: 90_000, folder: '.', env: {} },
    ])
  })
  test('a file with checks alone is one', () => {
    const text = 'version: 1\nservices: { shop: { image: shop, checks: [{ name: a, run: b }] } }'
    expect(problemsOf(text)).toEqual([])
  })
})

describe('what a part gets wrong by itself', () => {
  test.each<{ name: string; change: Change; says: readonly string[] }>([
    { name: 'another version', change: { version: 2 }, says: ['version: must be one of 1'] },
    { name: 'no services', change: { services: undefined }, says: ['services: is required: a record'] },
    {
      name: 'a misspelt key',
      change: service({ imgae: 'x' }),
      says: ['services.shop: unknown key "imgae"; did you mean "image"?'],
    },
    {
      name: 'an image with a tag',
      change: service({ image: 'ghcr.io/acme/shop:v1' }),
      says: ['services.shop.image: must be a repository without a tag: a release is named by its digest'],
    },
    {
      name: 'an image with a digest',
      change: service({ image: 'shop@sha256:00' }),
      says: ['services.shop.image: must be a repository without a digest: the digest is what each release brings'],
    },
    {
      name: 'an image in capitals',
      change: service({ image: 'ghcr.io/Acme/shop' }),
      says: ['services.shop.image: must be an image repository in lower case, such as ghcr.io/acme/shop'],
    },
    {
      name: 'an absolute folder',
      change: service({ folder: '/srv' }),
      says: ['services.shop.folder: must be a relative path, not "/srv"'],
    },
    {
      name: 'a folder outside',
      change: service({ folder: '../x' }),
      says: ['services.shop.folder: must not go up by .., as "../x" does'],
    },
    {
      name: 'a folder with a blank at its end, which whoever reads a line of it would drop',
      change: service({ folder: 'shop ' }),
      says: ['services.shop.folder: must not begin or end with a blank, as "shop " does'],
    },
    {
      name: 'a folder of Windows',
      change: service({ folder: 'a\\b' }),
      says: ['services.shop.folder: must be a path with /, not "a\\\\b"'],
    },
    {
      name: 'a namespace that is no DNS label',
      change: deploy({ namespace: 'Shop' }),
      says: [
        'services.shop.deploy.staging.namespace: must be a DNS label: 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends',
      ],
    },
    {
      name: 'smoke that is neither path nor list',
      change: service({ smoke: { path: '/' } }),
      says: ['services.shop.smoke: must be a path, or the list of checks itself'],
    },
    {
      name: 'a misspelt key of an inline check',
      change: service({ smoke: [{ path: '/', expext: {} }] }),
      says: ['services.shop.smoke.0: unknown key "expext"; did you mean "expect"?'],
    },
    {
      name: 'a time without a unit',
      change: deploy({ timeout: 10 }),
      says: ['services.shop.deploy.staging.timeout: must be a string, not 10'],
    },
    {
      name: 'a time of another kind',
      change: deploy({ timeout: '10min' }),
      says: ['services.shop.deploy.staging.timeout: must be a duration such as 500ms, 10s, 5m or 1h, not "10min"'],
    },
    {
      name: 'a value of two lines',
      change: deploy({ values: { HOST: 'a\nB=c' } }),
      says: ['services.shop.deploy.staging.values.HOST: must be one line of text'],
    },
    {
      name: 'a check without a command',
      change: service({ checks: [{ name: 'a', run: ' ' }] }),
      says: ['services.shop.checks.0.run: is empty: give the command'],
    },
    {
      name: 'an unknown role',
      change: environment({ role: 'prod' }),
      says: ['environments.production.role: unknown value "prod"; known: staging, production'],
    },
    {
      name: 'an unknown approval',
      change: environment({ approval: 'environnment' }),
      says: ['environments.production.approval: unknown value "environnment"; did you mean "environment"?'],
    },
    {
      name: 'labels in one text',
      change: environment({ 'runs-on': 'self-hosted, linux' }),
      says: ['environments.production.runs-on: must be one label; several are a list: [self-hosted, linux]'],
    },
    {
      name: 'two clouds',
      change: environment({ login: {} }),
      says: ['environments.production.login: must name exactly one of aws, gcp and azure'],
    },
    {
      name: 'a role that is no ARN',
      change: environment({ login: { aws: { role: 'x', region: 'eu-west-1', cluster: 'c' } } }),
      says: [
        'environments.production.login.aws.role: must be the ARN of a role, such as arn:aws:iam::123456789012:role/deploy',
      ],
    },
    {
      name: 'a misspelt key of the plan',
      change: { plan: { 'max-hodl': '1m' } },
      says: ['plan: unknown key "max-hodl"; did you mean "max-hold"?'],
    },
    {
      name: 'a misspelt key of a step',
      change: service({ plan: { steps: [{ wieght: 5, hold: '1m' }] } }),
      says: [
        'services.shop.plan.steps.0: must have either weight, such as { weight: 5, hold: 10m }, or mirror',
        'services.shop.plan.steps.0: unknown key "wieght"; did you mean "weight"?',
      ],
    },
    {
      name: 'no steps',
      change: { plan: { steps: [] } },
      says: ['plan.steps: is empty; a canary needs at least one step, such as { weight: 5, hold: 10m }'],
    },
  ])('$name', ({ change, says }) => {
    expect([...wrongWith(change)].sort()).toEqual([...says].sort())
  })
})

describe('what the parts say of each other', () => {
  test.each<{ name: string; change: Change; says: readonly string[] }>([
    {
      name: 'an environment that there is not',
      change: service({ deploy: { prodution: { namespace: 'a', manifests: 'b' }, production: undefined } }),
      says: ['services.shop.deploy.prodution: unknown environment "prodution"; did you mean "production"?'],
    },
    {
      name: 'two productions of one service',
      change: {
        services: { shop: { deploy: { backup: { namespace: 'shop', manifests: 'b' } } } },
        environments: { backup: { role: 'production' } },
      },
      says: [
        'services.shop.deploy.backup: is a second production environment beside production: a service has at most one of each role',
      ],
    },
    {
      name: 'a staging without manifests',
      change: service({ deploy: { staging: { manifests: undefined } } }),
      says: [
        'services.shop.deploy.staging: has no manifests: only production, where a Deployment already serves, may do without',
      ],
    },
    {
      name: 'a session that AWS does not give',
      change: {
        environments: {
          production: {
            login: {
              aws: {
                role: 'arn:aws:iam::123456789012:role/deploy',
                region: 'eu-west-1',
                cluster: 'prod',
                session: '13h',
              },
            },
          },
        },
      },
      says: ['environments.production.login.aws.session: must be from 15m to 12h, not 13h: what AWS gives'],
    },
    {
      name: 'a canary in staging',
      change: deploy({ router: 'replicas' }),
      says: ['services.shop.deploy.staging.router: is for a canary, and staging has the role staging'],
    },
    {
      name: 'a route without a router',
      change: service({ deploy: { production: { router: 'replicas', rule: 1 } } }),
      says: ['services.shop.deploy.production.rule: is given, but router is replicas: there is no route'],
    },
    {
      name: 'an approval of staging',
      change: { environments: { staging: { approval: 'none' } } },
      says: ['environments.staging.approval: is for production only: staging has the role staging'],
    },
    {
      name: 'reviewers whom nobody asks',
      change: environment({ approval: 'none', 'approval-environment': 'people' }),
      says: ['environments.production.approval-environment: is given, but approval is none: nobody would be asked'],
    },
    {
      name: 'an approval inside the canary',
      change: environment({ 'approval-environment': 'Production' }),
      says: [
        "environments.production.approval-environment: must not be production itself: its reviewers would be asked again by the canary's job",
      ],
    },
    {
      name: 'a repair that waits for a person',
      change: environment({ 'recovery-environment': 'production-approval' }),
      says: [
        'environments.production.recovery-environment: must not be an environment that waits for approval: a bad release would stay until somebody looks',
      ],
    },
    {
      name: 'environments that GitHub takes for one',
      change: { environments: { Production: { role: 'production' } } },
      says: [
        'environments.Production: is the same environment as production: GitHub does not tell names apart by case',
      ],
    },
    {
      name: 'two services in one Deployment',
      change: {
        services: {
          mail: {
            image: 'mail',
            deploy: { staging: { namespace: 'shop-staging', deployment: 'shop', manifests: 'm' } },
          },
        },
      },
      says: ['services.mail.deploy.staging: is the Deployment that shop is deployed to as well'],
    },
    {
      name: 'two checks of one name',
      change: service({
        checks: [
          { name: 'a', run: 'a' },
          { name: 'a', run: 'b' },
        ],
      }),
      says: ['services.shop.checks.1.name: is the name of two checks: a'],
    },
    {
      name: 'a value that the release brings',
      change: deploy({ values: { IMAGE: 'x' } }),
      says: ['services.shop.deploy.staging.values.IMAGE: is given by the release itself: the image with its digest'],
    },
    {
      name: 'a variable that no shell takes',
      change: service({ checks: [{ name: 'a', run: 'a', env: { 'A-B': 1 } }] }),
      says: ['services.shop.checks.0.env.A-B: must be a name of letters, digits and _'],
    },
    {
      name: 'manifests outside the repository',
      change: service({ folder: 'services/shop', deploy: { staging: { manifests: '../../../m' } } }),
      says: ['services.shop.deploy.staging.manifests: must stay inside the repository, not "../../../m"'],
    },
    {
      name: 'steps that fall',
      change: {
        plan: {
          steps: [
            { weight: 20, hold: '1m' },
            { weight: 10, hold: '1m' },
          ],
        },
      },
      says: ['plan.steps.1.weight: steps must rise in weight; they are 20, 10'],
    },
    {
      name: 'steps that copy between others',
      change: {
        plan: {
          steps: [
            { weight: 5, hold: '1m' },
            { mirror: 20, hold: '1m' },
            { weight: 5, hold: '1m' },
          ],
        },
      },
      says: [
        'plan.steps.1.mirror: steps that mirror come before the first one with a weight, which would fall to 0 again',
        'plan.steps.2.weight: steps must rise in weight; they are 5, 5',
      ],
    },
    {
      name: 'steps that only copy',
      change: service({ plan: { steps: [{ mirror: 20, hold: '1m' }] } }),
      says: [
        'services.shop.plan.steps: only copy requests; a canary needs at least one with a weight, such as { weight: 5, hold: 10m }',
      ],
    },
    {
      name: 'a router of the service that cannot do what the plan for all asks',
      change: {
        ...service({ deploy: { production: { router: 'alb' } } }),
        plan: {
          steps: [
            { mirror: 20, hold: '1m' },
            { weight: 5, hold: '1m' },
          ],
          tester: { cookie: 'tester', value: 'me' },
        },
      },
      says: [
        'plan.steps.0.mirror: copies requests, which router alb of shop in production cannot; gateway-api, istio can',
        'plan.tester.cookie: is what a tester is known by, which router alb of shop in production cannot match; istio, nginx, traefik can',
      ],
    },
    {
      name: 'a cookie of the default router, which matches headers',
      change: service({ plan: { tester: { cookie: 'tester', value: 'me' } } }),
      says: [
        'services.shop.plan.tester.cookie: is what a tester is known by, which router gateway-api of shop in production cannot match; istio, nginx, traefik can, and it can match a header',
      ],
    },
    {
      name: 'a cookie that ingress-nginx does not know',
      change: service({
        plan: { tester: { cookie: 'tester', value: 'me' } },
        deploy: { production: { router: 'nginx' } },
      }),
      says: [
        'services.shop.plan.tester.value: must be always for a cookie: ingress-nginx, the router nginx of shop in production, knows it by no other',
      ],
    },
    {
      name: 'a rule of what has none, and a Rollout that a first release would not judge',
      change: service({
        deploy: { production: { router: 'argo-rollouts', route: 'shop', rule: 0 } },
      }),
      says: [
        'services.shop.deploy.production.manifests: are for a first release of a Deployment, and router argo-rollouts releases a Rollout that is there already: apply it yourself once, and leave them out',
        'services.shop.deploy.production.route: is given, but router is argo-rollouts: there is no route',
        'services.shop.deploy.production.rule: is given, but router is argo-rollouts: there is no route',
      ],
    },
    {
      name: "a rule of Traefik's",
      change: service({ deploy: { production: { router: 'traefik', rule: 1 } } }),
      says: ['services.shop.deploy.production.rule: is given, but what router traefik splits has no rules by index'],
    },
    {
      name: 'a source that the plan for all names and nobody describes, told once',
      change: {
        plan: {
          provider: 'datadog',
          metrics: [
            { name: 'a', kind: 'ratio' },
            { name: 'b', kind: 'ratio', provider: 'datadog' },
          ],
        },
      },
      says: [
        'plan.provider: provider datadog of shop in production needs the key datadog with at least its site, such as { site: datadoghq.eu }',
      ],
    },
    {
      name: 'a guard whose times no CronJob and no Lease has',
      change: {
        plan: { lease: '4m' },
        ...service({ plan: { guard: { image: `guard@sha256:${'0'.repeat(64)}`, every: '7m' } } }),
      },
      says: [
        'services.shop.plan.guard.after: must be at least lease, 4m, not 3m',
        'services.shop.plan.guard.every: must be whole minutes that an hour is made of, from 1m to 30m, not 7m',
      ],
    },
  ])('$name', ({ change, says }) => {
    expect(wrongWith(change)).toEqual(says)
  })
  test("a service's own steps and tester count, not those of the plan for all; staging has no canary", () => {
    const copies = [
      { mirror: 20, hold: '1m' },
      { weight: 5, hold: '1m' },
    ]
    const own = { steps: [{ weight: 5, hold: '1m' }] }
    const nginx = { deploy: { production: { router: 'nginx' } } }
    expect(wrongWith({ ...service({ ...nginx, plan: own }), plan: { steps: copies } })).toEqual([])
    expect(wrongWith({ ...service(nginx), plan: { steps: copies } })).toHaveLength(1)
    const { production: _, ...environments } = SMALL.environments
    const staged = {
      ...service({ deploy: { production: undefined } }),
      environments: { ...environments, production: undefined },
    }
    expect(wrongWith({ ...staged, plan: { tester: { cookie: 'a', value: 'b' } } })).toEqual([])
  })
  test('manifests beside the folder of a service are inside', () => {
    expect(wrongWith(service({ folder: 'services/shop', deploy: { staging: { manifests: '../../m' } } }))).toEqual([])
  })
})

test.each([
  { name: 'eu/production', wrong: false },
  { name: 'Production EU', wrong: false },
  { name: 'a', wrong: false },
  { name: '-eu', wrong: true },
  { name: 'eu ', wrong: true },
  { name: 'eu:1', wrong: true },
  { name: 'e'.repeat(201), wrong: true },
])('an environment may be named $name: not $wrong', ({ name, wrong }) => {
  expect(wrongWith({ environments: { [name]: { role: 'staging' } } }).length > 0).toBe(wrong)
})

describe('all problems at once', () => {
  const text = `version: 1
services:
  Shop:
    image: shop:v1
    deploy:
      stagin: { namespace: SHOP, manifests: m }
environments:
  staging: { role: stagging }
`
  test('each with its line and column, in the order of the file', () => {
    expect(problemsOf(text).map((problem) => problem.split(': ').slice(0, 2).join(': '))).toEqual([
      '3:3: services.Shop',
      '4:5: services.Shop.image',
      '6:7: services.Shop.deploy.stagin',
      '6:17: services.Shop.deploy.stagin.namespace',
      '8:14: environments.staging.role',
    ])
  })
  test('as one fault, each on its line with the name of the file', () => {
    expect(() => readSluiceFile(text, 'sluice.yml')).toThrow(Fault)
    expect(() => readSluiceFile(text, 'sluice.yml')).toThrow(/^5 problems:\n {2}sluice\.yml:3:3: services\.Shop: must/)
  })
  test('a line can be told of anything that is there', () => {
    expect(placeOf(text, ['environments', 'staging', 'role'])).toEqual({ line: 8, column: 14 })
    expect(placeOf(text, ['services', 'Shop', 'folder'])).toEqual({ line: 3, column: 3 })
  })
})

describe('files that are no sluice.yml', () => {
  const one = 'version: 1\nservices: { shop: { image: shop } }\n'
  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x]',
    ...'bcdefghi'.split('').map((name, index) => {
      const before = 'abcdefgh'[index]
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`
    }),
  ].join('\n')
  test.each([
    { name: 'an empty file', text: '', says: /^1:1: is empty$/ },
    { name: 'a list', text: '- a', says: /^1:1: must be an object/ },
    { name: 'two documents', text: `${one}---\n${one}`, says: /multiple documents/ },
    { name: 'tabs for indentation', text: 'version: 1\nservices:\n\tshop: {}', says: /^3:1: Tabs are not allowed/ },
    { name: 'a key that is there twice', text: `${one}version: 1`, says: /^3:1: Map keys must be unique$/ },
    { name: 'a cloud of aliases', text: bomb, says: /Excessive alias count/ },
    { name: 'an alias to itself', text: 'a: &a [*a]', says: /./ },
    { name: 'brackets without end', text: '['.repeat(200_000), says: /^1:1: is nested too deeply to be read$/ },
    {
      name: 'a file larger than it may be',
      text: `${one}# ${'x'.repeat(FILE_LIMIT)}`,
      says: /^1:1: is larger than 256 KiB/,
    },
    { name: 'lists in lists on one line', text: '- '.repeat(100_000), says: /^1:1: is nested too deeply to be read$/ },
    { name: 'keys in keys on one line', text: '? '.repeat(100_000), says: /^1:1: is nested too deeply to be read$/ },
    { name: '__proto__ as a key', text: `${one}__proto__: { version: 2 }`, says: /__proto__: is no name for anything/ },
    {
      name: '__proto__ as a service',
      text: 'version: 1\nservices: { __proto__: { image: shop } }',
      says: /services\.__proto__: is no name for anything/,
    },
    {
      name: 'a merge key, which YAML 1.2 has not',
      text: `${one}environments: { a: &a { role: staging }, b: { <<: *a } }`,
      says: /unknown key "<<"/,
    },
  ])('$name is refused', ({ text, says }) => {
    expect(problemsOf(text).join('\n')).toMatch(says)
    expect(({} as { version?: number }).version).toBeUndefined()
  })
  test('a byte order mark and carriage returns are read over', () => {
    expect(problemsOf(`\ufeff${one.replaceAll('\n', '\r\n')}`)).toEqual([])
  })
  test('a name that every object has is a name like any other', () => {
    const text =
      'version: 1\nservices: { constructor: { image: shop, deploy: { toString: { namespace: a, manifests: b } } } }'
    expect(problemsOf(text)).toEqual([
      '2:51: services.constructor.deploy.toString: unknown environment "toString"; environments names none',
    ])
  })
})

test('numbers that are meant as text stay as they are written; elsewhere they are numbers', () => {
  const text = `version: 1
services:
  shop:
    image: acme/shop
    checks: [{ name: a, run: a, env: { PYTHON: 3.10, COMMIT: 0123, PORT: 8080, RATE: 1.5 } }]
    deploy: { staging: { namespace: n, manifests: m, values: { VERSION: 1.10, ID: 12345678901234567890, HEX: 0x1F, N: 3 } } }
    plan: { false-rollback-rate: 1e-2 }
environments: { staging: { role: staging } }
`
  const read = checkSluiceFile(text)
  if (read.kind !== 'read') throw new Error(JSON.stringify(read.problems))
  const { checks, deploy, plan } = read.value.services.shop ?? {}
  expect(checks?.[0]?.env).toEqual({ PYTHON: '3.10', COMMIT: '0123', PORT: 8080, RATE: 1.5 })
  expect(deploy?.staging?.values).toEqual({ VERSION: '1.10', ID: '12345678901234567890', HEX: '0x1F', N: 3 })
  expect(plan).toEqual({ 'false-rollback-rate': 0.01 })
})
