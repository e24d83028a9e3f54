import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RELEASE } from '../../actions/canary-promote/src/rollout-world.ts'
import { fromData } from '../../actions/canary-promote/src/saved.ts'
import type { Release } from './images.ts'
import { REPLICAS, type RolloutSite, rolloutSiteOn, selectedBy } from './rollout-site.ts'
import { type Real, realCluster, until } from './site.ts'

/**
 * Releases of an Argo Rollouts Rollout by its real controller, with real pods and, where it is routed, Traefik as its data plane. The action runs with
 * the rights that its README lists for this router.
 */
let real: Real
const sites: RolloutSite[] = []
beforeAll(async () => {
  real = await realCluster()
}, 240_000)
afterAll(async () => {
  for (const site of sites) await site.remove()
})
const siteOf = async (routed: boolean): Promise<RolloutSite> => {
  const site = await rolloutSiteOn(real, routed)
  sites.push(site)
  return site
}
const recordOf = async (site: RolloutSite) => {
  const at = { apiVersion: 'v1', resource: 'configmaps', namespace: site.namespace }
  const map = await site.admin.get<never>(at, 'sluice-shop')
  const read =
    map === undefined ? undefined : fromData((map as unknown as { data?: Record<string, string> }).data ?? {})
  return read?.kind === 'record' ? read.record : undefined
}

/** All traffic on this release, all pods of it, nothing under way or aborted, no mark of ours, the record closed. */
const expectRest = async (site: RolloutSite, serves: Release): Promise<void> => {
  await until(async () => (await site.live()).status?.phase === 'Healthy', 60_000, 'a Healthy Rollout')
  const { spec, status, metadata } = await site.live()
  expect(spec.template.spec.containers[0]?.image).toBe(real.image(serves))
  expect(status?.stableRS).toBe(status?.currentPodHash)
  expect(status?.abort).toBeUndefined()
  expect(metadata.annotations?.[RELEASE]).toBeUndefined()
  expect(await site.weight()).toBe(0)
  await until(
    async () =>
      Object.entries(await site.pods()).every(([release, count]) =>
        release === serves ? count === REPLICAS : count === 0,
      ),
    60_000,
    'pods of one release only',
  )
  const record = await recordOf(site)
  expect(record?.state.phase).toBe('done')
}

describe.each([
  ['with a traffic router', true],
  ['without one', false],
])('a Rollout %s', (_name, routed) => {
  let site: RolloutSite
  beforeAll(async () => {
    site = await siteOf(routed)
  }, 300_000)

  test('a release that fails one request in five is aborted, and the previous template stands in the Rollout again', async () => {
    const clients = site.clients()
    const run = await site.canary({ image: real.image('errors') }).done
    clients.stop()
    expect(run.outputs, run.log).toMatchObject({ verdict: 'rolled-back', 'reason-code': 'errors', weight: '0' })
    await expectRest(site, 'old')
  }, 240_000)

  test('pods that never become ready get no request', async () => {
    const clients = site.clients()
    const plan =
      'steps: [{ weight: 20, hold: 8s }, { weight: 50, hold: 5s }]\nready-within: 15s\nlease: 15s\nmetrics: [{ name: errors, kind: ratio }]'
    const run = await site.canary({ image: real.image('never-ready'), plan }).done
    const answered = clients.take()
    clients.stop()
    expect(run.outputs, run.log).toMatchObject({ verdict: 'rolled-back', 'reason-code': 'not-ready' })
    expect(Object.keys(answered)).toEqual(['old 200'])
    await expectRest(site, 'old')
  }, 240_000)

  test('an abort by hand ends the release as rolled back', async () => {
    const clients = site.clients()
    const run = site.canary({ image: real.image('good') })
    await run.said('analysing at weight 20')
    await site.abort()
    const { outputs, log } = await run.done
    clients.stop()
    expect(outputs, log).toMatchObject({ verdict: 'rolled-back', 'reason-code': 'rollout-aborted' })
    await expectRest(site, 'old')
  }, 240_000)

  test('a run that is killed with a weight on the canary is reaped: back, and the same image may be tried again', async () => {
    const clients = site.clients()
    const run = site.canary({ image: real.image('good') })
    await run.said('analysing at weight 20')
    run.kill('SIGKILL')
    await run.done
    const reap = await site.canary({ mode: 'reap' }, { GITHUB_RUN_ID: '101' }).done
    clients.stop()
    expect(reap.outputs, reap.log).toMatchObject({ verdict: 'rolled-back', 'reason-code': 'reaped' })
    await expectRest(site, 'old')
  }, 240_000)

  test('a good release is promoted, and costs no request', async () => {
    const clients = site.clients()
    const run = await site.canary({ image: real.image('good') }, { GITHUB_RUN_ID: '102' }).done
    expect(run.outputs, run.log).toMatchObject({ verdict: 'promoted', image: real.image('good') })
    await expectRest(site, 'good')
    clients.stop()
    expect(clients.failures()).toEqual([])
  }, 240_000)
})

test('the share of 20,000 requests is the weight; a step promoted by hand is set back; somebody else’s image supersedes the release and is let be', async () => {
  const site = await siteOf(true)
  const clients = site.clients(20)
  const plan =
    'steps: [{ weight: 20, hold: 120s }, { weight: 50, hold: 5s }]\ninterval: 1s\nlease: 6s\nready-within: 60s\nmetrics: [{ name: errors, kind: ratio }]'
  const run = site.canary({ image: real.image('good'), plan })
  await run.said('analysing at weight 20')
  expect(await selectedBy(site, 'shop-canary')).toBe((await site.live()).status?.currentPodHash)
  const count = 20_000
  const answered = await site.asked(count)
  const share = (answered['good 200'] ?? 0) / count
  // 99.999 % of a binomial lies within 4.42 standard deviations.
  const slack = 4.42 * Math.sqrt((0.2 * 0.8) / count)
  expect(share, JSON.stringify(answered)).toBeGreaterThan(0.2 - slack)
  expect(share, JSON.stringify(answered)).toBeLessThan(0.2 + slack)

  await site.promote()
  await until(async () => (await site.weight()) === 50, 60_000, 'the weight after a promotion by hand')
  await until(async () => (await site.weight()) === 20, 60_000, 'the weight set back')
  await until(async () => (await site.live()).status?.pauseConditions?.length === 1, 60_000, 'the pause again')
  expect((await site.live()).status?.currentStepIndex).toBe(1)

  await site.setImage('slow')
  const { outputs, log } = await run.done
  clients.stop()
  expect(outputs, log).toMatchObject({ verdict: 'superseded' })
  const { spec, status, metadata } = await site.live()
  expect(spec.template.spec.containers[0]?.image).toBe(real.image('slow'))
  expect(status?.abort).toBeUndefined()
  expect(metadata.annotations?.[RELEASE]).toBeUndefined()
}, 300_000)
