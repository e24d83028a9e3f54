import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { parseEcrHost } from '../../registry/src/ecr/host.ts'
import { checkSluiceFile } from '../src/file.ts'
import { hostOf, isEcr, isPrivateEcr } from '../src/package.ts'
import { type DeliveryPlan, planFor } from '../src/plan.ts'
import { ECR_HOST } from '../src/text.ts'
import { type Change, changed, fileOf, SMALL } from './document.ts'

const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
const shop = (change: Change): Change => ({ services: { shop: change } })
const planOf = (change: Change, base = '.'): DeliveryPlan =>
  planFor(fileOf(shop(change)), { service: '', event: 'push', base })

/** The problems of `SMALL` with a change of its service, without their places. */
const wrongWith = (change: Change): readonly string[] => {
  const read = checkSluiceFile(stringify(changed(SMALL, shop(change))))
  return read.kind === 'read' ? [] : read.problems.map(({ text }) => text.replace('services.shop.', ''))
}

describe('what a service says of its image and gets wrong', () => {
  test.each<{ name: string; change: Change; says: readonly string[] }>([
    {
      name: 'a platform that is none',
      change: { package: { platforms: ['amd64'] } },
      says: ['package.platforms.0: must be a platform, such as linux/amd64'],
    },
    {
      name: 'a platform twice',
      change: { package: { platforms: ['linux/arm64', 'linux/arm64'] } },
      says: ['package.platforms.1: is named twice: linux/arm64'],
    },
    {
      name: 'a platform twice, by two of its names',
      change: { package: { platforms: ['linux/arm64', 'linux/arm64/v8'] } },
      says: ['package.platforms.1: is named twice: linux/arm64/v8'],
    },
    {
      name: 'a platform and its runner twice',
      change: {
        package: {
          platforms: {
            'linux/arm/v7': 'a',
            'linux/amd64': 'b',
            'linux/amd64/v1': 'c',
            'linux/x86_64': 'd',
            'linux/arm': 'e',
          },
        },
      },
      says: [
        'package.platforms.linux/amd64/v1: is named twice: it is linux/amd64',
        'package.platforms.linux/x86_64: is named twice: it is linux/amd64',
        'package.platforms.linux/arm: is named twice: it is linux/arm/v7',
      ],
    },
    {
      name: 'a label by which an image of this commit would be known',
      change: { package: { labels: { 'org.opencontainers.image.revision': 'c0ffee', tier: 1 } } },
      says: [
        'package.labels.org.opencontainers.image.revision: is the commit that the image is built from, and set by that alone: leave it out',
      ],
    },
    {
      name: 'a builder by a tag that moves',
      change: { package: { buildkit: 'moby/buildkit:latest' } },
      says: ['package.buildkit: must be an image of BuildKit by digest, such as moby/buildkit:v0.25.1@sha256:…'],
    },
    {
      name: 'a platform that GitHub has no runner for',
      change: { package: { platforms: ['linux/s390x'] } },
      says: ["package.platforms.0: has no runner of GitHub's: write { linux/s390x: [self-hosted, …] }"],
    },
    {
      name: 'a runner of a platform that is none',
      change: { package: { platforms: { amd64: 'ubuntu-latest' } } },
      says: ['package.platforms.amd64: must be a name such as linux/amd64 or linux/arm/v7'],
    },
    {
      name: 'no platform',
      change: { package: { platforms: {} } },
      says: ['package.platforms: is empty: name at least one platform'],
    },
    {
      name: 'a repository twice',
      change: { package: { images: ['docker.io/acme/shop', 'ghcr.io/acme/shop', 'docker.io/acme/shop'] } },
      says: [
        'package.images.1: is a repository that is pushed to already: ghcr.io/acme/shop',
        'package.images.2: is a repository that is pushed to already: docker.io/acme/shop',
      ],
    },
    {
      name: 'a repository with a tag',
      change: { package: { images: ['docker.io/acme/shop:v1'] } },
      says: ['package.images.0: must be a repository without a tag: a release is named by its digest'],
    },
    {
      name: 'two registries for one user name',
      change: { package: { images: ['docker.io/acme/shop', `${ECR}/shop`, 'quay.io/acme/shop'] } },
      says: [
        'package.images: are at one registry too many, quay.io: beside ghcr.io and ECR there is one user name, for one registry',
      ],
    },
    {
      name: 'names that are none',
      change: { package: { 'build-args': { 'A B': 1 }, labels: { 'a=b': 1 } } },
      says: [
        'package.build-args.A B: must be a name of letters, digits and _',
        'package.labels.a=b: must be a name of a label, without blanks and =',
      ],
    },
    {
      name: 'a role for another registry than ECR',
      change: { package: { 'aws-role-registries': { 'ghcr.io': 'arn:aws:iam::123456789012:role/a' } } },
      says: [
        'package.aws-role-registries.ghcr.io: must be a name such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com: only ECR takes a role',
      ],
    },
    {
      name: 'a check of what nobody makes',
      change: { package: { verify: true } },
      says: ['package.verify: asks for an attestation that nobody makes: say attest: true as well'],
    },
    {
      name: 'a repository to be made where none is made',
      change: { package: { 'ensure-repository': { immutable: true } } },
      says: ['package.ensure-repository: is for repositories at ECR, and the image is pushed to none'],
    },
    {
      name: 'a cache that only a tag finds again',
      change: { package: { cache: 'inline' } },
      says: ['package.cache: unknown value "inline"; known: registry, gha, none'],
    },
    {
      name: 'paths outside',
      change: {
        folder: 'a',
        package: { context: '../..', dockerfile: '../../Dockerfile' },
        scan: { report: '../../r.json', vex: ['v.json', '../../v.json'], kev: '../../k.json' },
      },
      says: [
        'package.context: must stay inside the repository, not "../.."',
        'package.dockerfile: must stay inside the repository, not "../../Dockerfile"',
        'scan.report: must stay inside the repository, not "../../r.json"',
        'scan.vex.1: must stay inside the repository, not "../../v.json"',
        'scan.kev: must stay inside the repository, not "../../k.json"',
      ],
    },
    {
      name: 'a scan of nothing',
      change: { scan: { source: false, dependencies: false, image: false } },
      says: ['scan: looks at nothing: leave it out, or leave one of source, dependencies and image on'],
    },
    {
      name: 'a report of what is not scanned, and a choice of what a report holds',
      change: { scan: { image: false, report: 'r.json', scanners: ['vuln'] } },
      says: [
        "scan.report: stands for the image's scan, which image: false turns off",
        'scan.scanners: has no use beside report: everything in a report counts',
      ],
    },
    {
      name: 'a severity that is none',
      change: { scan: { 'fail-on': ['high'], grace: { HIGHEST: 1 } } },
      says: [
        'scan.fail-on.0: unknown value "high"; did you mean "HIGH"?',
        'scan.grace: unknown key "HIGHEST"; known: CRITICAL, HIGH, MEDIUM, LOW, UNKNOWN',
      ],
    },
    {
      name: 'tools that are none',
      change: { sast: {} },
      says: ['sast: is empty: name at least one of codeql, semgrep and sonarqube'],
    },
    {
      name: 'Go that is not built',
      change: { sast: { codeql: { languages: ['python', 'go'], 'build-mode': 'none' } } },
      says: ['sast.codeql.build-mode: must be autobuild for go, which CodeQL reads only while it is built'],
    },
    {
      name: 'an option in place of rules',
      change: { sast: { semgrep: { config: '--config=x' } } },
      says: ['sast.semgrep.config: must not begin with -'],
    },
  ])('$name', ({ change, says }) => expect(wrongWith(change)).toEqual(says))

  test.each([{ scan: {} }, { scan: { image: true } }, { package: { attest: true, verify: true } }])(
    'what no job without a token for a cloud can reach: %j',
    (change) => {
      const said = wrongWith({ image: `${ECR}/shop`, ...change })
      expect(said).toHaveLength(1)
      expect(said[0]).toContain(`cannot reach ${ECR}/shop`)
    },
  )
  test.each([
    { scan: { image: false } },
    { scan: { report: 'r.json' } },
    { package: { 'ensure-repository': true, 'aws-role-registries': { [ECR]: 'arn:aws:iam::123456789012:role/a' } } },
  ])('and what it can: %j', (change) => expect(wrongWith({ image: `${ECR}/shop`, ...change })).toEqual([]))

  test('the public registry of Amazon takes roles and makes repositories, and everybody may read it', () => {
    const change = {
      image: 'public.ecr.aws/acme/shop',
      scan: {},
      package: {
        attest: true,
        verify: true,
        'ensure-repository': true,
        'aws-role-registries': { 'public.ecr.aws': 'arn:aws:iam::123456789012:role/a' },
      },
    }
    expect(wrongWith(change)).toEqual([])
    expect(planOf(change).package).toMatchObject({ registry: '', ghcr: false })
  })
})

describe('a registry of Amazon', () => {
  const regions = ['eu-west-1', 'ap-southeast-4', 'us-gov-west-1', 'cn-north-1', 'eusc-de-east-1']
  const isolated = ['us-iso-east-1', 'us-isob-east-1', 'eu-isoe-west-1', 'us-isof-south-1']
  const domains = [
    ...['amazonaws.com', 'amazonaws.com.cn', 'amazonaws.eu', 'c2s.ic.gov', 'sc2s.sgov.gov', 'cloud.adc-e.uk'],
    ...['csp.hci.ic.gov', 'on.aws', 'on.amazonwebservices.com.cn', 'on.amazonwebservices.eu', 'on.aws.ic.gov'],
    ...['on.aws.scloud', 'on.cloud-aws.adc-e.uk', 'on.aws.hci.ic.gov', 'example.com'],
  ]
  const hosts = ['.ecr', '-ecr', '.ecr-fips', '-ecr-fips'].flatMap((kind) =>
    [...regions, ...isolated, 'nowhere'].flatMap((region) =>
      domains.map((domain) => `123456789012.dkr${kind}.${region}.${domain}`),
    ),
  )
  const odd = ['public.ecr.aws', 'ecr-public.aws.com', 'gallery.ecr.aws', `1${ECR}`, `${ECR}.example.com`, `x.${ECR}`]
  test('is one for sluice.yml where it is one for the action', () => {
    const ours = [...hosts, ...odd].filter((host) => isEcr(`${host}/a`))
    expect(ours).toEqual([...hosts, ...odd].filter((host) => parseEcrHost(host) !== undefined))
    expect(ours).toHaveLength(9 * 4 + 2)
  })
  test('is private unless it is one of the public ones', () =>
    expect([...hosts, ...odd].filter((host) => isEcr(`${host}/a`) && !isPrivateEcr(`${host}/a`))).toEqual([
      'public.ecr.aws',
      'ecr-public.aws.com',
    ]))
  test('is told to an editor by the same pattern', () => {
    const path = join(import.meta.dirname, '../../../actions/delivery-plan/sluice.schema.json')
    const { $defs } = JSON.parse(readFileSync(path, 'utf8'))
    expect(JSON.stringify($defs)).toContain(JSON.stringify(ECR_HOST.source))
  })
})

test.each([
  ['shop', 'docker.io', false],
  ['acme/shop', 'docker.io', false],
  ['ghcr.io/acme/shop', 'ghcr.io', false],
  ['localhost/shop', 'localhost', false],
  ['registry:5000/shop', 'registry:5000', false],
  [`${ECR}/shop`, ECR, true],
  [
    '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/a',
    '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
    true,
  ],
  ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a', '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', true],
  ['123456789012.dkr-ecr.eu-west-1.on.aws/a', '123456789012.dkr-ecr.eu-west-1.on.aws', true],
  ['public.ecr.aws/a/shop', 'public.ecr.aws', true],
])('%s is at %s', (image, host, ecr) => expect([hostOf(image), isEcr(image)]).toEqual([host, ecr]))

describe('the plan of an image', () => {
  test('builds the folder for linux/amd64 when nothing is said', () => {
    expect(planOf({ package: {}, folder: 'services/shop' }, 'eu').package).toEqual({
      images: 'ghcr.io/acme/shop',
      ghcr: true,
      registry: '',
      context: 'eu/services/shop',
      dockerfile: '',
      target: '',
      platforms: 'linux/amd64',
      legs: [{ platform: 'linux/amd64', name: 'linux-amd64', 'runs-on': 'ubuntu-latest' }],
      'leg-names': 'linux-amd64',
      tags: '',
      flavor: '',
      labels: '',
      'build-args': '',
      cache: 'none',
      provenance: 'min',
      sbom: false,
      attest: false,
      buildkit: '',
      attempts: 5,
      'ensure-repository': 'false',
      'aws-role-registries': '',
    })
  })
  test('has a leg for each platform, on its own runner', () => {
    const legs = (platforms: unknown) => planOf({ package: { platforms } }).package?.legs
    expect(legs(['linux/arm64', 'linux/amd64'])).toEqual([
      { platform: 'linux/arm64', name: 'linux-arm64', 'runs-on': 'ubuntu-24.04-arm' },
      { platform: 'linux/amd64', name: 'linux-amd64', 'runs-on': 'ubuntu-latest' },
    ])
    expect(legs({ 'linux/arm/v7': ['self-hosted', 'arm'] })).toEqual([
      { platform: 'linux/arm/v7', name: 'linux-arm-v7', 'runs-on': ['self-hosted', 'arm'] },
    ])
  })
  test('hands lists and maps on as lines, in which a number stays as it was written', () => {
    const text = `version: 1
services:
  shop:
    image: ghcr.io/acme/shop
    folder: -x
    package:
      images: [docker.io/acme/shop]
      tags: [type=sha, "type=ref,event=branch"]
      labels: { tier: 1.10 }
      build-args: { RELEASE: 0123, NONE: "" }
      dockerfile: docker/Dockerfile
`
    const read = checkSluiceFile(text)
    if (read.kind === 'wrong') throw new Error(JSON.stringify(read.problems))
    expect(planFor(read.value, { service: '', event: 'push' }).package).toMatchObject({
      images: 'ghcr.io/acme/shop\ndocker.io/acme/shop',
      ghcr: true,
      registry: 'docker.io',
      tags: 'type=sha\ntype=ref,event=branch',
      labels: 'tier=1.10',
      'build-args': 'RELEASE=0123\nNONE=',
      // No program takes it for an option.
      context: './-x',
      dockerfile: './-x/docker/Dockerfile',
    })
  })
  test('makes a repository as it is told, with its policy from the root of the checkout', () => {
    const of = (given: unknown) =>
      planOf({ image: `${ECR}/shop`, folder: 'a', package: { 'ensure-repository': given } }).package?.[
        'ensure-repository'
      ]
    expect([of(true), of(false)]).toEqual(['true', 'false'])
    expect(JSON.parse(of({ immutable: false, lifecycle: 'policy.json' }) ?? '')).toEqual({
      immutable: false,
      lifecycle: 'a/policy.json',
    })
  })
})

describe('the plan of a scan', () => {
  test('looks at everything when nothing is said of the parts', () => {
    expect(planOf({ scan: {}, folder: 'a' }).scan).toMatchObject({
      any: true,
      source: true,
      dependencies: true,
      image: true,
      'fail-on': 'CRITICAL,HIGH',
      timeout: '10m',
      codeql: null,
    })
  })
  test('gives paths from the root, but for none, which is no path', () => {
    const scan = { report: 'r.json', vex: ['a.json', 'b.json'], 'ignore-file': 'none', kev: 'k.json' }
    expect(planOf({ scan, folder: 'a' }).scan).toMatchObject({
      report: 'a/r.json',
      vex: 'a/a.json\na/b.json',
      'ignore-file': 'none',
      kev: 'a/k.json',
    })
    expect(planOf({ scan: { 'ignore-file': 'x' }, folder: 'a' }).scan['ignore-file']).toBe('a/x')
  })
  test('says severities and days as trivy-gate reads them', () => {
    const scan = { 'fail-on': ['HIGH', 'LOW'], grace: { HIGH: 7, LOW: 30 }, scanners: ['secret', 'vuln'] }
    expect(planOf({ scan }).scan).toMatchObject({
      'fail-on': 'HIGH,LOW',
      grace: 'HIGH=7,LOW=30',
      scanners: 'secret,vuln',
    })
    expect(planOf({ scan: { 'fail-on': 'none' } }).scan['fail-on']).toBe('none')
  })
  test('is one for each platform that is built; a report stands for all of them', () => {
    const platforms = { package: { platforms: { 'linux/arm64': 'a', 'linux/arm/v7': 'b' } } }
    expect(planOf({ ...platforms, scan: {} }).scan.legs).toEqual([
      { platform: 'linux/arm64', name: 'image-linux-arm64' },
      { platform: 'linux/arm/v7', name: 'image-linux-arm-v7' },
    ])
    for (const shop of [{ scan: {} }, { ...platforms, scan: { report: 'r.json' } }])
      expect(planOf(shop).scan.legs).toEqual([{ platform: '', name: 'image' }])
  })
  test.each([
    [['HIGH', 'CRITICAL'], 'high'],
    [['CRITICAL', 'MEDIUM', 'UNKNOWN'], 'moderate'],
    [['LOW'], 'low'],
    [['CRITICAL'], 'critical'],
    [['UNKNOWN'], ''],
    ['none', ''],
  ])('asks the dependency review for the mildest of %j: %j', (failOn, severity) => {
    expect(planOf({ scan: { 'fail-on': failOn } }).scan['review-severity']).toBe(severity)
  })
  test('is on for a tool, or an attestation, alone', () => {
    expect(planOf({ sast: { semgrep: { config: 'p/ci' } } }).scan).toMatchObject({
      any: true,
      source: false,
      image: false,
    })
    expect(planOf({ package: { attest: true, verify: true } }).scan).toMatchObject({
      any: true,
      verify: true,
      image: false,
    })
    expect(planOf({ package: { attest: true } }).scan.any).toBe(false)
  })
  test('builds only languages that are compiled, and go always', () => {
    const legs = (codeql: Change) => planOf({ sast: { codeql } }).scan.codeql?.legs
    const languages = ['python', 'go', 'csharp']
    expect(legs({ languages })?.map((leg) => leg['build-mode'])).toEqual(['none', 'autobuild', 'none'])
    expect(legs({ languages, 'build-mode': 'autobuild' })?.map((leg) => leg['build-mode'])).toEqual([
      'none',
      'autobuild',
      'autobuild',
    ])
  })
  test('has a category that the gate takes', () => {
    const file = { version: 1, services: { 'a--b': { image: 'a', scan: {} } } }
    const read = checkSluiceFile(JSON.stringify(file))
    if (read.kind === 'wrong') throw new Error(JSON.stringify(read.problems))
    expect(planFor(read.value, { service: '', event: 'push' }).scan.category).toBe('a-b')
  })
})
