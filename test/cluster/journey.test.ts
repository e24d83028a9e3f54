import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAction } from './action.ts'
import { expectRest, stableOf } from './rest.ts'
import { accountWith, roleIn } from './rights.ts'
import { type Real, realCluster, type Site, siteOn } from './site.ts'

/** From one release to the next and back, each action as the service account that its own README describes, with a token that ends. */
let real: Real
let site: Site
const accounts = new Map<string, string>()
beforeAll(async () => {
  real = await realCluster()
  site = await siteOn(real)
  for (const action of ['deploy', 'smoke-test']) {
    const roles = [roleIn(`actions/${action}/README.md`, `sluice-${action}`)]
    accounts.set(action, await accountWith(real.access, site.namespace, { name: action, roles, seconds: 3600 }))
  }
}, 180_000)
afterAll(() => site?.remove())

const deploy = (release: Parameters<Real['image']>[0], more: Readonly<Record<string, string>> = {}) =>
  runAction('deploy', {
    image: real.image(release),
    deployment: 'shop',
    namespace: site.namespace,
    kubeconfig: accounts.get('deploy') ?? '',
    timeout: '60s',
    ...more,
  })
const smoke = (release: Parameters<Real['image']>[0]) =>
  runAction('smoke-test', {
    service: `${site.namespace}/shop:80`,
    paths: '/\n/ready',
    'expect-image': real.image(release),
    kubeconfig: accounts.get('smoke-test') ?? '',
    deadline: '30s',
  })

test('smoke-test: the old release answers, and nothing else runs behind the Service', { timeout: 60_000 }, async () => {
  const { outputs, log } = await smoke('old')
  expect(outputs, log).toMatchObject({ verdict: 'pass' })
})

test('smoke-test: another digest than the one that runs is no pass', { timeout: 90_000 }, async () => {
  const { outputs, log } = await smoke('good')
  expect(outputs, log).toMatchObject({ verdict: 'fail' })
})

test('canary-promote: a good release is promoted without a failed request, and smoke-test finds it', {
  timeout: 180_000,
}, async () => {
  const clients = site.clients()
  const { outputs, log, report } = await site.canary({ image: real.image('good') }).done
  expect(outputs, log).toMatchObject({
    verdict: 'promoted',
    image: real.image('good'),
    'previous-image': real.image('old'),
  })
  expect(report.verdict).toBe('promoted')
  await expectRest(real, site, 'good')
  expect((await smoke('good')).outputs).toMatchObject({ verdict: 'pass' })
  clients.stop()
  expect(clients.failures()).toEqual([])
})

test('canary-promote: the same image again has nothing to do', { timeout: 60_000 }, async () => {
  const { outputs, log } = await site.canary({ image: real.image('good') }).done
  expect(outputs, log).toMatchObject({ verdict: 'promoted', 'reason-code': 'already-running' })
})

test('canary-promote: a bad release is rolled back, and smoke-test still finds the good one', {
  timeout: 180_000,
}, async () => {
  const clients = site.clients()
  const { outputs, log } = await site.canary({ image: real.image('errors') }).done
  clients.stop()
  expect(outputs, log).toMatchObject({ verdict: 'rolled-back', image: real.image('good') })
  await expectRest(real, site, 'good')
  expect((await smoke('good')).outputs).toMatchObject({ verdict: 'pass' })
})

test('deploy: back to the digest before, and every pod runs it', { timeout: 120_000 }, async () => {
  const clients = site.clients()
  const { outputs, log } = await deploy('old')
  expect(outputs, log).toMatchObject({
    verdict: 'pass',
    image: real.image('old'),
    'previous-image': real.image('good'),
  })
  expect((await stableOf(site)).image).toBe(real.image('old'))
  expect((await smoke('old')).outputs).toMatchObject({ verdict: 'pass' })
  clients.stop()
  expect(clients.failures()).toEqual([])
})

test('deploy: an image that never gets ready is taken back, and the reason is named', {
  timeout: 180_000,
}, async () => {
  const { outputs, log } = await deploy('never-ready', { timeout: '15s' })
  expect(outputs, log).toMatchObject({ verdict: 'fail' })
  expect(log).toMatch(/readiness|not ready|probe/i)
  expect((await stableOf(site)).image).toBe(real.image('old'))
})

test('deploy: a digest that no registry has is taken back, and the pull is named', { timeout: 180_000 }, async () => {
  const image = `${real.image('old').split('@')[0]}@sha256:${'0'.repeat(64)}`
  const { outputs, log } = await deploy('old', { image, timeout: '20s' })
  expect(outputs, log).toMatchObject({ verdict: 'fail' })
  expect(log).toMatch(/pull|not found/i)
  expect((await stableOf(site)).image).toBe(real.image('old'))
})

test('deploy: while a canary is in flight it changes nothing', { timeout: 180_000 }, async () => {
  const run = site.canary({ image: real.image('good') })
  await run.said(/step 1 of 2: analysing/)
  const { outputs, log } = await deploy('better')
  expect(outputs, log).toMatchObject({ verdict: 'error' })
  run.kill('SIGINT')
  await run.done
  const reaped = await site.canary({ mode: 'abort' }).done
  expect(reaped.outputs.verdict, reaped.log).toMatch(/rolled-back|error/)
  await expectRest(real, site, 'old')
})
