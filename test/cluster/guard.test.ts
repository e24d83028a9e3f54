import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { type Guard, guardBound, guardJob, guardName, guardOf } from '../../actions/canary-promote/src/guard.ts'
import { bundle } from '../../scripts/build/bundle.ts'
import { emit } from '../../scripts/build/emit.ts'
import { guardImage } from '../../scripts/guard-image.ts'
import { pushImage } from '../../scripts/image.ts'
import { PORTS } from './processes.ts'
import { expectRest, recordOf, stableOf } from './rest.ts'
import { accountWith, roleIn } from './rights.ts'
import { PLAN, type Real, realCluster, type Site, siteOn, until } from './site.ts'
import { registryOf } from './up.ts'

/**
 * The guard on a real cluster: its image from the registry, its CronJob run by the controllers, its account with the rights that the README lists. No
 * GitHub, and no process of the action after the first was killed.
 */
const ROOT = join(import.meta.dirname, '../..')
const README = 'actions/canary-promote/README.md'
const AFTER = 8000
let real: Real
let image = ''
const sites: Site[] = []

beforeAll(async () => {
  real = await realCluster()
  const options = { cache: join(real.paths.cache, 'layers') }
  const { digest } = await pushImage(registryOf(real.address), 'guard', guardImage(await bundled()), options)
  image = `127.0.0.1:${PORTS.registry}/guard@${digest}`
}, 600_000)
afterAll(async () => {
  for (const site of sites) await site.remove()
})

/** The bundle that the tests are of: the committed one, or with `SLUICE_FROM_SOURCE` one that is made now. */
const bundled = async (): Promise<string | undefined> => {
  if (process.env.SLUICE_FROM_SOURCE === undefined) return undefined
  const scratch = join(ROOT, '.build', `guard-${process.pid}`)
  const out = join(scratch, 'dist')
  sweep.push(scratch)
  await emit(ROOT, join(scratch, 'js'))
  await bundle('canary-promote', join(scratch, 'js'), out)
  return out
}
const sweep: string[] = []
afterAll(() => {
  for (const folder of sweep) rmSync(folder, { recursive: true, force: true })
})

/** A site with the guard's account and roles, to the letter of the README, and a release account that may install it. */
const guardedSite = async () => {
  const site = await siteOn(real)
  sites.push(site)
  const { namespace } = site
  const seconds = 3600
  const [releases, repairs, guards, installs] = [
    'sluice-canary',
    'sluice-recovery',
    'sluice-guard',
    'sluice-guard-install',
  ].map((name) => roleIn(README, name))
  if (!releases || !repairs || !guards || !installs) throw new Error('roles')
  const kubeconfig = await accountWith(real.access, namespace, {
    name: 'releaser',
    roles: [releases, guards, installs],
    seconds,
  })
  for (const object of manifests()) {
    const { kind } = object
    const collection =
      kind === 'ServiceAccount' ? '/api/v1/serviceaccounts' : '/apis/rbac.authorization.k8s.io/v1/rolebindings'
    const subjects = (object.subjects as readonly object[] | undefined)?.map((each) => ({ ...each, namespace }))
    await site.apply(collection, {
      ...object,
      metadata: { name: object.metadata.name, namespace },
      ...(subjects === undefined ? {} : { subjects }),
    })
  }
  // A busy machine loses readiness for a moment, and a release begins only beside a stable that is whole.
  await until(async () => (await stableOf(site)).status?.availableReplicas === 2, 60_000, 'stable whole')
  const cronJob = () => site.get<CronJob>('batch/v1', 'cronjobs', guardName('shop'))
  const jobs = () => site.admin.list<Job>({ apiVersion: 'batch/v1', resource: 'jobs', namespace })
  const logs = async (): Promise<string> => {
    const pods = await site.admin.list({ apiVersion: 'v1', resource: 'pods', namespace }, { labels: GUARD_PODS })
    const texts = await Promise.all(
      pods.map(({ metadata }) => site.admin.logs(namespace, metadata.name, { tailLines: 200 })),
    )
    return texts.join('\n')
  }
  return { site, kubeconfig, cronJob, jobs, logs }
}
const GUARD_PODS = { 'app.kubernetes.io/name': 'sluice-guard' }
type CronJob = KubernetesObject & { readonly status?: { readonly lastSuccessfulTime?: string } }
type Job = KubernetesObject & {
  readonly spec: { readonly ttlSecondsAfterFinished: number }
  readonly status?: { readonly succeeded?: number; readonly failed?: number; readonly active?: number }
}

/** What the README tells its readers to install for the guard, but for the Roles. */
const manifests = (): readonly (KubernetesObject & { readonly [field: string]: unknown })[] => {
  const blocks = [...readFileSync(join(ROOT, README), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
    ([, text = '']) => text,
  )
  const block = blocks.find((text) => text.includes('kind: ServiceAccount'))
  return parseAllDocuments(block ?? '').map((document) => document.toJS())
}

const planWith = (more = ''): string =>
  `${PLAN.replace(/hold: \d+s/g, 'hold: 10m')}\nguard: { image: "${image}", after: ${AFTER / 1000}s }${more}`

// Side by side: each waits for the minute.
describe.concurrent('a guard in a real cluster', () => {
  test('takes the canary of a killed runner back within its bound, with no GitHub, and leaves nothing', {
    timeout: 300_000,
  }, async () => {
    const { site, kubeconfig, cronJob, jobs, logs } = await guardedSite()
    const clients = site.clients(40)
    const run = site.canary({ image: real.image('good'), plan: planWith(), kubeconfig })
    await run.said(/analysing at weight 20/)
    expect(await cronJob()).toBeDefined()
    run.kill('SIGKILL')
    const died = performance.now()
    await run.done
    expect(await site.weight()).toBe(20)

    const bound = guardBound({ image, every: 60_000, after: AFTER, serviceAccount: '' }, 6000)
    // The way back of this plan: weight 0 at the first look, as stable is whole.
    let lost = 0
    const back = async (): Promise<boolean> => {
      const so = clients.failures().length
      if ((await site.weight()) === 0) return true
      lost = so
      return false
    }
    await until(back, bound + 10_000, 'weight 0').catch(async (error) => {
      throw new Error(`${error}\n${await logs()}`)
    })
    const took = performance.now() - died
    process.stdout.write(`guard: weight 0 after ${(took / 1000).toFixed(1)} s, bound ${bound / 1000} s\n`)
    expect(took).toBeLessThan(bound + 5000)
    await until(async () => (await recordOf(site))?.state.phase === 'done', 60_000, 'the end of the release')
    expect(await recordOf(site)).toMatchObject({
      state: { verdict: 'rolled-back', why: { code: 'reaped' } },
      owner: { job: 'guard', runId: expect.stringMatching(/^sluice-shop-guard-/) },
    })
    await expectRest(real, site, 'old')
    expect(await cronJob()).toBeUndefined()
    await until(
      async () => (await jobs()).every(({ status }) => status?.active === undefined),
      30_000,
      'the end of the Job',
    )
    // Its Job outlives it by its log; one that looked while the run was alive may be beside it.
    const left = await jobs()
    expect(left.length).toBeGreaterThan(0)
    for (const { status, spec } of left) {
      expect(status?.failed ?? 0, await logs()).toBe(0)
      expect(spec.ttlSecondsAfterFinished).toBe(300)
    }
    clients.stop()
    expect(clients.failures().slice(lost), 'requests lost on the way back').toEqual([])
  })

  test('does nothing while the run lives and renews, and goes with the release', { timeout: 300_000 }, async () => {
    const { site, kubeconfig, cronJob, jobs, logs } = await guardedSite()
    const plan = `${PLAN.replace('hold: 8s', 'hold: 80s').replace('min-canary: 1', 'min-canary: 2')}\nguard: { image: "${image}", after: ${AFTER / 1000}s }`
    site.clients(40)
    const run = site.canary({ image: real.image('good'), plan, kubeconfig })
    await run.said(/analysing at weight 20/)
    const record = await recordOf(site)
    await until(async () => (await cronJob())?.status?.lastSuccessfulTime !== undefined, 120_000, 'a look of the guard')
    expect(await logs()).toContain('reason-code=alive')
    expect((await recordOf(site))?.epoch).toBe(record?.epoch)
    const result = await run.done
    expect(result.outputs, result.log).toMatchObject({ verdict: 'promoted' })
    await expectRest(real, site, 'good')
    expect(await cronJob()).toBeUndefined()
    await until(async () => (await jobs()).length === 0, 30_000, 'the end of its Jobs')
  })

  test('carries a promotion that had begun through', { timeout: 300_000 }, async () => {
    const { site, kubeconfig, cronJob } = await guardedSite()
    // It must get as far as its promotion on a busy machine too.
    const patient = PLAN.replace('min-canary: 1', 'min-canary: 2')
      .replace('settle: 1s', 'settle: 8s')
      .replace('hold: 5s', 'hold: 15s')
    const plan = `${patient}\nguard: { image: "${image}", after: ${AFTER / 1000}s }`
    site.clients(40)
    const run = site.canary({ image: real.image('good'), plan, kubeconfig })
    await run.said(/promoting: stable gets/)
    run.kill('SIGKILL')
    await run.done
    await until(async () => (await recordOf(site))?.state.phase === 'done', 150_000, 'the end of the release')
    expect(await recordOf(site)).toMatchObject({ state: { verdict: 'promoted' }, owner: { job: 'guard' } })
    await expectRest(real, site, 'good')
    expect(await cronJob()).toBeUndefined()
  })

  test('has pods that the Pod Security Standard restricted takes', async () => {
    const namespace = `restricted-${process.pid}`
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    const [namespaces, pods] = [
      { apiVersion: 'v1', resource: 'namespaces' },
      { apiVersion: 'v1', resource: 'pods', namespace },
    ]
    const { site } = await guardedSite()
    await site.admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
    try {
      await site.admin.create({ apiVersion: 'v1', resource: 'serviceaccounts', namespace }, account('sluice-guard'))
      await site.admin.create({ apiVersion: 'v1', resource: 'serviceaccounts', namespace }, account('default'))
      const job = guardJob(guardOf({ image }) as Guard, {
        ...{ namespace, deployment: 'shop', router: 'gateway-api' },
        plan: { lease: 6000, readyWithin: 40_000, drain: 4000 },
        marks: { owner: { repository: 'acme/shop', runId: '1', attempt: 1, job: 'canary' }, epoch: 1 },
      })
      const { template } = (job.spec as unknown as JobTemplate).jobTemplate.spec
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'guard', namespace }, spec: template.spec }
      expect((await site.admin.create(pods, pod, { dryRun: true })).kind).toBe('written')
      // Awake: the same pod as root is refused.
      const root = { ...pod, spec: { ...template.spec, securityContext: {} } }
      await expect(site.admin.create(pods, root, { dryRun: true })).rejects.toThrow(/violates PodSecurity "restricted/)
    } finally {
      await site.admin.remove(namespaces, namespace)
    }
  })
})

type JobTemplate = { readonly jobTemplate: { readonly spec: { readonly template: { readonly spec: object } } } }
const account = (name: string) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } })
