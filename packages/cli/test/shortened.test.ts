import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { madeOutFor } from '../src/rehearsal/image-parts.ts'
import { METRICS_PATH, type Subject, shortened } from '../src/rehearsal/shortened.ts'

const life = {
  steps: [
    { weight: 5, hold: '10m' },
    { weight: 50, hold: '5m' },
  ],
  metrics: [
    { name: 'errors', kind: 'ratio', max: '5%', counter: 'shop_requests' },
    { name: 'slow', kind: 'latency', threshold: '500ms', max: '1%' },
    { name: 'memory', kind: 'gauge', series: 'memory', max: 1 },
  ],
  interval: '5s',
  'min-requests': 50,
  'warm-up': '3m',
}
const FILE = `version: 1 # kept
services:
  shop: { image: a/b }
environments:
  production:
    role: production
    approval: dispatch
    context: prod
    login: { aws: { role: x } }
`
const short = (change: Partial<Subject> = {}, file = FILE) =>
  shortened(file, {
    service: 'shop',
    environments: ['production'],
    plan: life,
    front: undefined,
    readyWithin: 12,
    lease: 5,
    ...change,
  })

describe('a sluice.yml for a rehearsal', () => {
  test('holds as long as a step needs to count its requests, and never under 3 s', () => {
    expect(short().plan.steps).toEqual([
      { weight: 5, hold: '13s' },
      { weight: 50, hold: '3s' },
    ])
  })

  test('has what only takes time made short, and what decides kept', () => {
    const { plan } = parse(short().text).services.shop
    expect(plan).toMatchObject({ interval: '1s', lease: '5s', 'warm-up': '2s', 'min-requests': 50 })
    expect(plan.metrics).toEqual([
      life.metrics[0],
      { name: 'slow', kind: 'latency', threshold: '500ms' },
      life.metrics[2],
    ])
  })

  test('asks for no cloud, no context and no second workflow, and says so', () => {
    const { text, said } = short()
    expect(parse(text).environments.production).toEqual({ role: 'production', approval: 'environment' })
    expect(text).toContain('# kept')
    expect(said.join(' ')).toMatch(/production\.login, production\.context, production\.approval/)
    expect(said.join(' ')).toMatch(/holds of 13s and 3s \(10m and 5m\)/)
  })

  test('behind a process that counts measures what that can count, and names the rest', () => {
    const { plan, said } = short({ front: 3000 })
    expect(plan).toMatchObject({ provider: 'pods', scrape: { path: METRICS_PATH, port: 3000 } })
    expect(plan.metrics).toEqual([
      { name: 'errors', kind: 'ratio', max: '5%' },
      { name: 'slow', kind: 'latency', threshold: '500ms' },
    ])
    expect(said.join(' ')).toContain(
      'Not measured here, for the counts are those of a process in front of the service: memory.',
    )
  })

  test('names the repository that pods pull from where it is another one, and a longer lease', () => {
    const { text, plan, said } = short({ repository: '127.0.0.1:5000/rehearsal/shop', lease: 10 })
    expect(parse(text).services.shop.image).toBe('127.0.0.1:5000/rehearsal/shop')
    expect(plan.lease).toBe('10s')
    expect(said.join(' ')).toContain('pushed to 127.0.0.1:5000/rehearsal/shop instead')
    expect(parse(short().text).services.shop.image).toBe('a/b')
  })

  test('counts fewer requests than life where that would take minutes', () => {
    const { plan, said } = short({ plan: { ...life, 'min-requests': 5_000 } })
    expect(plan['min-requests']).toBe(50)
    expect(said.join(' ')).toContain('min-requests 50 (5000)')
  })
})

describe('what sluice.yml says of the image, in a rehearsal', () => {
  const withImage = (image: string): string => FILE.replace('{ image: a/b }', `{ image: a/b, ${image} }`)
  const shop = (image: string, change: Partial<Subject> = {}) => {
    const { text, said } = short(change, withImage(image))
    return { ...parse(text).services.shop, plan: undefined, said: said.join(' ') }
  }

  test('a scan with a stored report keeps its gate, and nothing that needs a scanner', () => {
    const { scan, said } = shop('scan: { report: old.json, fail-on: [HIGH] }')
    expect(scan).toEqual({ report: 'old.json', 'fail-on': ['HIGH'], source: false, dependencies: false })
    expect(said).toContain("a stored report of Trivy's, old.json, in place of a scan of the image")
    expect(said).toContain('made out for its digest, so what is shown is the gate and no scan')
    expect(said).toContain('Not scanned here, for that needs Trivy and its database: source, dependencies.')
  })

  test('a scan without one takes the one that is at hand, in which everything counts', () => {
    const { scan } = shop('scan: { scanners: [vuln], source: false }', { report: 'rehearsal/trivy.json' })
    expect(scan).toEqual({ source: false, dependencies: false, report: 'rehearsal/trivy.json' })
  })

  test.each(['scan: {}', 'scan: { image: false }'])('%s cannot be done here, and that is said', (image) => {
    const { scan, said } = shop(image)
    expect(scan).toBeUndefined()
    expect(said).toContain('Nothing is scanned here')
  })

  test.each(['scan: { report: old.json }', 'scan: {}'])('%s is not scanned where the image is built', (image) => {
    const { scan, said } = shop(image, { report: 'rehearsal/trivy.json', build: { platform: 'linux/amd64' } })
    expect(scan).toBeUndefined()
    expect(said).toContain('Nothing is scanned here')
    expect(said).toContain('no stored report can name an image that the run itself builds')
    expect(said).not.toContain('The gate decides')
  })

  test('a stored report is made out for the image of each release, and for no other', () => {
    const image = `ghcr.io/acme/shop@sha256:${'a'.repeat(64)}`
    const report = { SchemaVersion: 2, Metadata: { OS: { Name: '12' }, RepoDigests: ['other@sha256:b'] }, Results: [] }
    expect(JSON.parse(madeOutFor(image, JSON.stringify(report)))).toEqual({
      ...report,
      Metadata: { OS: { Name: '12' }, RepoDigests: [image] },
    })
    expect(JSON.parse(madeOutFor(image, '{"Results":[]}')).Metadata).toEqual({ RepoDigests: [image] })
    for (const none of ['', 'no JSON', '[]', '7', 'null']) expect(madeOutFor(image, none)).toBe(none)
  })

  test('a service that says nothing of a scan stays as it is', () => {
    const { said, ...service } = shop('checks: []')
    expect(service).toEqual({ image: 'a/b', checks: [] })
    expect(said).not.toMatch(/scan|GitHub/)
  })

  test('what only GitHub can do is left out', () => {
    const {
      package: packaging,
      sast,
      said,
    } = shop('package: { attest: true, verify: true }, sast: { semgrep: { config: x } }')
    expect({ packaging, sast }).toEqual({ packaging: { attest: true } })
    expect(said).toContain('Left out of sluice.yml here, as it needs GitHub: sast, package.verify.')
  })

  test('a build is for this machine, and pushes nowhere else', () => {
    const build = { platform: 'linux/amd64' }
    const given = 'package: { platforms: [linux/arm64], images: [c/d], ensure-repository: true, build-args: { A: 1 } }'
    const { package: packaging, said } = shop(given, { build })
    expect(packaging).toEqual({ platforms: { 'linux/amd64': 'ubuntu-latest' }, 'build-args': { A: 1 } })
    expect(said).toContain('Nothing is pushed anywhere else: package.images, package.ensure-repository left out.')
  })

  test('a build may be another one here, also where there is none in life', () => {
    const instead = { dockerfile: 'rehearsal/Dockerfile', args: { FAULT: 'errors' } }
    const { package: packaging } = shop('checks: []', { build: { platform: 'linux/arm64', instead } })
    expect(packaging).toEqual({
      platforms: { 'linux/arm64': 'ubuntu-latest' },
      dockerfile: 'rehearsal/Dockerfile',
      'build-args': { FAULT: 'errors' },
    })
  })
})
