import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canaryPlan, DEFAULT_TIMES, stepsInWords, timesOf } from '@sluice/delivery/canary'
import { checkSluiceFile, readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { ROUTERS } from '@sluice/delivery/routers'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod/mini'
import { ABILITIES } from '../actions/canary-promote/src/abilities.ts'
import { planDocument, readPlan } from '../actions/canary-promote/src/inputs.ts'
import { planProblems } from '../actions/canary-promote/src/plan.ts'
import { parseChecks } from '../actions/smoke-test/src/ports/checks-file.ts'

const ROOT = join(import.meta.dirname, '..')
const GUARD = { image: `a/guard@sha256:${'0'.repeat(64)}` }
const ERRORS = { name: 'errors', kind: 'ratio' }
const MIRROR = { mirror: 20, hold: '1m' }
const readText = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

describe('what sluice.yml knows of the actions that it is read for', () => {
  const defaults = parse(parse(readText('actions/canary-promote/action.yml')).inputs['plan-defaults'].default)

  test("canary-promote's plan has the same keys", () => {
    expect(Object.keys(canaryPlan.shape).sort()).toEqual(Object.keys(planDocument.shape).sort())
  })
  test('and the same times when it says nothing', () => {
    expect(timesOf(defaults)).toEqual(DEFAULT_TIMES)
    expect(stepsInWords(defaults)).toEqual(stepsInWords({}))
    expect(z.safeParse(canaryPlan, defaults).success).toBe(true)
  })
  test.each<{ name: string; plan: object }>([
    { name: 'a weight of 0', plan: { steps: [{ weight: 0, hold: '1m' }] } },
    { name: 'a hold without a unit', plan: { steps: [{ weight: 1, hold: 10 }] } },
    { name: 'a step with a wrong key', plan: { steps: [{ weight: 1, hold: '1m', wait: '1m' }] } },
    { name: 'an unknown word', plan: { 'on-inconclusive': 'stop' } },
    { name: 'an unknown provider', plan: { provider: 'graphite' } },
    { name: 'a Prometheus with a wrong key', plan: { prometheus: { address: 'https://p' } } },
    { name: 'an unknown kind', plan: { metrics: [{ name: 'a', kind: 'rate' }] } },
    { name: 'an unknown provider of a metric', plan: { metrics: [{ ...ERRORS, provider: 'graphite' }] } },
    { name: 'no time', plan: { lease: '0s' } },
    { name: 'an endless time', plan: { 'max-hold': '501h' } },
    { name: 'a wrong port', plan: { scrape: { port: 0 } } },
    { name: 'a wrong baseline', plan: { baseline: 'new' } },
    { name: 'a wrong rate', plan: { 'false-rollback-rate': 1 } },
    { name: 'a guard without an image', plan: { guard: { every: '1m' } } },
    { name: 'a guard that looks at no time', plan: { guard: { image: 'a', every: 'often' } } },
    { name: 'a guard of a tag', plan: { guard: { image: 'a:v1' } } },
    { name: 'a guard of no account', plan: { guard: { ...GUARD, 'service-account': 'A b' } } },
    { name: 'a step of both kinds', plan: { steps: [{ weight: 1, mirror: 1, hold: '1m' }] } },
    { name: 'a step of no kind', plan: { steps: [{ hold: '1m' }] } },
    { name: 'a copy of nothing', plan: { steps: [{ mirror: 0, hold: '1m' }] } },
    { name: 'a copy of more than all', plan: { steps: [{ mirror: 101, hold: '1m' }] } },
    { name: 'a tester by nothing', plan: { tester: { value: 'a' } } },
    { name: 'a tester by both', plan: { tester: { header: 'a', cookie: 'b', value: 'c' } } },
    { name: 'a tester of any value', plan: { tester: { header: 'a', value: '' } } },
    { name: 'a tester by what is no header', plan: { tester: { header: 'a b', value: 'c' } } },
    { name: 'half a canary', plan: { 'min-canary': 0.5 } },
  ])('$name is wrong for both', ({ plan }) => {
    expect(z.safeParse(planDocument, plan).success).toBe(false)
    expect(z.safeParse(canaryPlan, plan).success).toBe(false)
  })
  test.each<{ name: string; plan: object }>([
    { name: 'nothing', plan: {} },
    { name: 'the defaults', plan: defaults },
    {
      name: 'a probe',
      plan: {
        provider: 'probe',
        probe: { path: '/', method: 'GET', headers: { a: 'b' }, requests: 3, port: 'http', body: '' },
      },
    },
    { name: 'a port by name', plan: { scrape: { port: 'metrics' } } },
    {
      name: 'a Prometheus',
      plan: { provider: 'prometheus', prometheus: { url: 'https://p', preset: 'istio', scrape: '15s', timeout: '5s' } },
    },
    {
      name: 'clouds',
      plan: { datadog: { site: 'datadoghq.eu', delay: '0s' }, cloudwatch: { region: 'eu-central-1', bucket: '60s' } },
    },
    {
      name: 'a latency',
      plan: { metrics: [{ name: 'slow', kind: 'latency', threshold: '1s', max: '1%', only: { route: '/' } }] },
    },
    { name: 'a guard', plan: { guard: { ...GUARD, every: '2m', after: '5m', 'service-account': 'g' } } },
    { name: 'copies first', plan: { steps: [MIRROR, { weight: 5, hold: '1m' }] } },
    { name: 'a tester by header', plan: { tester: { header: 'X-Tester', value: 'a b' } } },
    { name: 'a tester by cookie', plan: { tester: { cookie: 'tester', value: 'always' } } },
    {
      name: 'what may be lost',
      plan: { allow: ['networkpolicy/a/b', 'service/a', 'podsecurity/baseline', 'application/a'] },
    },
    { name: 'times with blanks', plan: { drain: ' 30s ' } },
  ])('$name is right for both', ({ plan }) => {
    expect(z.safeParse(planDocument, plan).success).toBe(true)
    expect(z.safeParse(canaryPlan, plan).success).toBe(true)
  })

  test('every plan that the pages of canary-promote show is one that sluice.yml takes', () => {
    const shown = ['README.md', 'providers.md'].flatMap((page) =>
      [...readText(`actions/canary-promote/${page}`).matchAll(/^```yaml\n([\s\S]*?)^```/gm)].flatMap(
        ([, text = '']) => {
          const read: unknown = text.includes('\n---\n') ? undefined : parse(text)
          const keys = typeof read === 'object' && read !== null ? Object.keys(read) : []
          return keys.length > 0 && keys.every((key) => key in canaryPlan.shape) ? [read] : []
        },
      ),
    )
    expect(shown.length).toBeGreaterThan(7)
    // A page leaves the digest of the guard to whoever reads it.
    for (const plan of shown)
      expect(z.safeParse(canaryPlan, { ...(plan as object), guard: GUARD }).error?.issues ?? []).toEqual([])
  })

  test("canary-promote's routers are the same", () => {
    expect(Object.keys(ABILITIES).sort()).toEqual([...ROUTERS].sort())
  })
  const asked: readonly { readonly name: string; readonly plan: object; readonly rule?: number }[] = [
    { name: 'nothing', plan: {} },
    { name: 'copies', plan: { steps: [MIRROR, { weight: 5, hold: '1m' }] } },
    { name: 'copies only', plan: { steps: [MIRROR] } },
    { name: 'copies later', plan: { steps: [{ weight: 5, hold: '1m' }, MIRROR] } },
    { name: 'falling weights', plan: { steps: [5, 5].map((weight) => ({ weight, hold: '1m' })) } },
    { name: 'a header', plan: { tester: { header: 'a', value: 'b' } } },
    { name: 'a cookie', plan: { tester: { cookie: 'a', value: 'b' } } },
    { name: 'the cookie of ingress-nginx', plan: { tester: { cookie: 'a', value: 'always' } } },
    { name: 'a rule', plan: {}, rule: 1 },
    { name: 'a Prometheus that is nowhere', plan: { provider: 'prometheus' } },
    {
      name: 'a Prometheus in two places',
      plan: { provider: 'prometheus', prometheus: { url: 'https://p', service: 'a/b:1' } },
    },
    {
      name: 'a Prometheus that only one metric is read from',
      plan: { metrics: [{ ...ERRORS, provider: 'prometheus' }] },
    },
    {
      name: 'sections',
      plan: { provider: 'datadog', datadog: { site: 'datadoghq.eu' }, metrics: [{ ...ERRORS, total: 'a', bad: 'b' }] },
    },
    {
      name: 'a cloud without its region',
      plan: { metrics: [{ ...ERRORS, provider: 'cloudwatch', total: 'a', bad: 'b' }] },
    },
    { name: 'a probe without a path', plan: { provider: 'probe' } },
    {
      name: 'a provider that no metric is read from',
      plan: { provider: 'datadog', metrics: [{ ...ERRORS, provider: 'pods' }] },
    },
    { name: 'a guard', plan: { guard: GUARD } },
    { name: 'a guard at odd times', plan: { guard: { ...GUARD, every: '7m' } } },
    { name: 'a guard at half minutes', plan: { guard: { ...GUARD, every: '90s' } } },
    { name: 'a guard that acts early', plan: { guard: { ...GUARD, after: '59s' } } },
    { name: 'a guard that acts early for this lease', plan: { guard: GUARD, lease: '4m' } },
  ]
  test.each(ROUTERS.flatMap((router) => asked.map((each) => ({ router, ...each }))))(
    'of router $router and $name both say the same',
    ({ router, plan, rule }) => {
      const written = JSON.stringify(plan)
      const theirs = planProblems(
        readPlan(
          { source: written, file: 'plan' },
          parse(readText('actions/canary-promote/action.yml')).inputs['plan-defaults'].default,
        ),
        { router, rule },
      )
      const place = { namespace: 'shop', router, ...(rule === undefined ? {} : { rule }) }
      const ours = checkSluiceFile(
        JSON.stringify({
          version: 1,
          services: { shop: { image: 'shop', deploy: { production: place }, plan } },
          environments: { production: { role: 'production' } },
        }),
      )
      const found = ours.kind === 'wrong' ? ours.problems.map(({ text }) => text) : []
      expect(found, theirs.join('; ')).toHaveLength(theirs.length)
    },
  )

  test("smoke-test's checks have the same keys", () => {
    const wrong = parseChecks('- { path: /, zzzzzzz: 1 }', 'smoke')
    const ours = checkSluiceFile('version: 1\nservices: { a: { image: a, smoke: [{ path: /, zzzzzzz: 1 }] } }')
    const known = (text: string | undefined): string | undefined => /known: .*/.exec(text ?? '')?.[0]
    const theirs = known('problems' in wrong ? wrong.problems[0] : undefined)
    expect(theirs).toMatch(/path/)
    expect(known(ours.kind === 'wrong' ? ours.problems[0]?.text : undefined)).toBe(theirs)
  })
})

test.each(['deliver', 'package', 'scan', 'canary', 'stage', 'reap', 'rollback'])(
  'what the page of %s shows of a sluice.yml is one',
  (name) => {
    const blocks = [...readText(`reusable-workflows/${name}.md`).matchAll(/^```yaml\n([\s\S]*?)^```/gm)]
    const parts = blocks.flatMap(([, text = '']) => {
      const keys = Object.entries((parse(text) ?? {}) as Readonly<Record<string, unknown>>)
      const own = keys.filter(([key]) => ['deploy', 'plan', 'package', 'scan', 'sast'].includes(key))
      return own.length === 0 ? [] : [Object.fromEntries(own)]
    })
    const shown: Readonly<Record<string, number>> = { deliver: 2, package: 2, scan: 1 }
    expect(parts).toHaveLength(shown[name] ?? 0)
    for (const part of parts) {
      const file = {
        version: 1,
        services: { shop: { image: 'shop', ...part } },
        environments: { production: { role: 'production' } },
      }
      expect(checkSluiceFile(JSON.stringify(file))).toMatchObject({ kind: 'read' })
    }
  },
)

describe('the sluice.yml of examples/support-router', () => {
  const folder = 'examples/support-router'
  const file = readSluiceFile(readText(`${folder}/sluice.yml`), 'sluice.yml')

  test('plans a delivery to staging and production', () => {
    const plan = planFor(file, { service: '', event: 'push', base: folder })
    expect(plan).toMatchObject({
      service: 'support-router',
      repository: 'ghcr.io/acme/support-router',
      staging: { namespace: 'support-staging', manifests: `${folder}/manifests/staging` },
      production: { namespace: 'support-production', route: 'support-router', wanted: true },
    })
    expect(plan.checks).toBeGreaterThan(0)
  })
  test('names smoke checks that smoke-test reads', () => {
    const { staging } = planFor(file, { service: '', event: 'push', base: folder })
    const read = parseChecks(readText(staging?.smoke ?? ''), 'smoke.yml')
    expect('checks' in read ? read.checks.length : read.problems).toBeGreaterThan(1)
  })
  test('names the Deployment, Service and route that its manifests make, and gives them nothing but IMAGE', () => {
    for (const environment of ['staging', 'production'] as const) {
      const { [environment]: planned } = planFor(file, { service: '', event: 'push', base: folder })
      const deployment = readText(`${planned?.manifests}/deployment.yaml`)
      expect(parse(deployment).metadata).toMatchObject({ name: planned?.deployment, namespace: planned?.namespace })
      expect(parse(readText(`${planned?.manifests}/service.yaml`))).toMatchObject({
        metadata: { name: planned?.service },
        spec: { ports: [{ port: Number(planned?.['service-port']) }] },
      })
      expect([...deployment.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name)).toEqual(['IMAGE'])
    }
  })
})
