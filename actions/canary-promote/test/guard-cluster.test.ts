import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CronJob, guardName } from '../src/guard.ts'
import { leasePort } from '../src/ports/lease.ts'
import { DIGEST } from './objects.ts'
import { owner } from './simulation.ts'
import { imageOf, images, PLAN, type Stage, stage, until } from './stage.ts'

/** The guard against an API server. It runs no CronJobs: their kind is defined there, and what their pods would do is done by the same process. */
let sandbox: Sandbox
let cluster: Cluster
const stages: Stage[] = []
let count = 0
beforeAll(async () => {
  const namespaces = ['prod', ...Array.from({ length: 6 }, (_, index) => `guarded-${index + 1}`)]
  sandbox = await startSandbox({ images: images(), namespaces })
  cluster = await connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'prod' }), env: {} })
  await cluster.create({ apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' }, CRON_JOBS)
}, 30_000)
afterAll(async () => {
  await Promise.all(stages.map((each) => each.end()))
  await sandbox?.stop()
}, 30_000)

const CRON_JOBS: KubernetesObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'cronjobs.batch' },
  spec: {
    group: 'batch',
    scope: 'Namespaced',
    names: { plural: 'cronjobs', singular: 'cronjob', kind: 'CronJob' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
}
const IMAGE = `ghcr.io/acme/guard@${DIGEST('9')}`
const GUARDED = `${PLAN}\nguard: { image: "${IMAGE}", after: 4s }`
const cronJobs = (shop: Stage) => ({ apiVersion: 'batch/v1', resource: 'cronjobs', namespace: shop.namespace })
const guard = (shop: Stage) => shop.cluster.get<CronJob>(cronJobs(shop), guardName('shop'))

const newStage = async (account = true): Promise<Stage> => {
  count += 1
  const made = await stage(sandbox, `guarded-${count}`)
  stages.push(made)
  const { namespace } = made
  const metadata = { name: 'sluice-guard', namespace }
  if (account) {
    const accounts = { apiVersion: 'v1', resource: 'serviceaccounts', namespace }
    await made.cluster.create(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata })
  }
  return made
}

/** The process of one of the CronJob's pods: with the environment that its spec gives it, and nothing of a runner. */
const look = async (shop: Stage, pod: string) => {
  const cronJob = await guard(shop)
  const { jobTemplate } = (cronJob?.spec ?? {}) as { jobTemplate?: { spec: { template: { spec: PodSpec } } } }
  const [container] = jobTemplate?.spec.template.spec.containers ?? []
  const said = Object.fromEntries((container?.env ?? []).map(({ name, value = pod }) => [name, value]))
  const inputs = Object.fromEntries(
    Object.entries(said).flatMap(([name, value]) =>
      name.startsWith('INPUT_') ? [[name.slice('INPUT_'.length).toLowerCase(), value]] : [],
    ),
  )
  const runner = { GITHUB_REPOSITORY: '', GITHUB_RUN_ID: '', GITHUB_RUN_ATTEMPT: '', GITHUB_JOB: '' }
  return shop.run({ ...inputs, plan: '' }, { ...runner, SLUICE_RUN_ID: said.SLUICE_RUN_ID ?? '' })
}
type PodSpec = { readonly containers: readonly { env: readonly { name: string; value?: string }[] }[] }

describe('a release with a guard', { concurrent: true, timeout: 120_000 }, () => {
  test('has its CronJob before its first canary pod, and removes it with the rest', async () => {
    const shop = await newStage()
    const { done } = shop.start({ image: imageOf('good'), plan: GUARDED })
    await until(async () => (await shop.leftovers()).includes('Deployment shop-canary'))
    const standing = await guard(shop)
    const record = await shop.record()
    expect(standing?.metadata.annotations).toEqual({ 'sluice.dev/owner': '100/1', 'sluice.dev/epoch': '1' })
    expect(record?.touched.find(({ role }) => role === 'guard')).toMatchObject({ created: true })
    const result = await done
    expect(result.outputs.verdict, result.log).toBe('promoted')
    expect(result.log).toMatch(/a guard in the cluster takes the canary back from 79 s after/)
    expect(await guard(shop)).toBeUndefined()
    expect(await shop.leftovers()).toEqual([])
  })

  test('whose runner is killed is taken back by the guard alone, and nothing is left', async () => {
    const shop = await newStage()
    const { child, done } = shop.start({ image: imageOf('good'), plan: GUARDED })
    await until(async () => (await shop.weight()) === 30)
    child.kill('SIGKILL')
    await done
    const result = await look(shop, 'sluice-shop-guard-1')
    expect({ code: result.code, verdict: result.outputs.verdict }, result.log).toEqual({
      code: 0,
      verdict: 'rolled-back',
    })
    expect(result.log).toContain('waiting 4 s to see whether it is alive')
    expect(await shop.leftovers()).toEqual([])
    expect(await guard(shop)).toBeUndefined()
    expect(await shop.record()).toMatchObject({
      state: { phase: 'done', verdict: 'rolled-back' },
      owner: { runId: 'sluice-shop-guard-1', job: 'guard' },
      epoch: 2,
    })
  })

  test('whose run is alive is left alone by the guard', async () => {
    const shop = await newStage()
    const { done } = shop.start({ image: imageOf('good'), plan: GUARDED })
    await until(async () => (await shop.weight()) === 30)
    const result = await look(shop, 'sluice-shop-guard-1')
    expect({ code: result.code, reason: result.outputs['reason-code'] }, result.log).toEqual({
      code: 0,
      reason: 'alive',
    })
    expect((await done).outputs.verdict).toBe('promoted')
    expect((await shop.record())?.epoch).toBe(1)
  })

  test('does not begin without the service account that the guard would need', async () => {
    const shop = await newStage(false)
    const result = await shop.run({ image: imageOf('good'), plan: GUARDED })
    expect(result.code).toBe(1)
    expect(result.log).toMatch(/ServiceAccount guarded-\d\/sluice-guard does not exist. Install it with its Role/)
    expect(await shop.record()).toBeUndefined()
    expect(await guard(shop)).toBeUndefined()
  })

  test('raises no weight once somebody has suspended its guard, and ends as an error', async () => {
    const shop = await newStage()
    const { done } = shop.start({ image: imageOf('good'), plan: GUARDED })
    await until(async () => (await shop.weight()) === 30)
    await shop.cluster.mergePatch(cronJobs(shop), guardName('shop'), { spec: { suspend: true } })
    const result = await done
    expect(result.outputs, result.log).toMatchObject({ verdict: 'error', weight: '0' })
    expect(result.outputs.reason).toMatch(/is suspended, so nothing would take the canary back/)
    expect(await shop.leftovers()).toEqual([])
    expect(await guard(shop)).toBeUndefined()
  })
})

describe('the Lease, to a guard', () => {
  const never = new AbortController().signal
  /** A process whose clock only its own waiting moves, 20 ms at a time; `wait` is told how often it has waited. */
  const process = (deployment: string, wait: (times: number) => Promise<unknown> = async () => undefined) => {
    let times = 0
    const sleep = async (): Promise<void> => {
      times += 1
      await wait(times)
    }
    const clock = { now: Date.now, monotonic: () => times * 20, sleep }
    const port = leasePort(cluster, { namespace: 'prod', deployment, clock, cancelled: never, say: () => undefined })
    return { ...port, waited: () => times * 20 }
  }
  const leases = { apiVersion: 'coordination.k8s.io/v1', resource: 'leases', namespace: 'prod' }
  const asked = { epoch: 2, duration: 60_000, force: false, still: 200 }

  test('is alive when its run writes it anew after somebody deleted it', async () => {
    const running = process('deleted')
    await running.take(owner('100'), { epoch: 1, duration: 60_000, force: false })
    await cluster.remove(leases, 'sluice-deleted')
    const watching = process('deleted', async (times) => times === 3 && (await running.renew()))
    expect(await watching.take(owner('guard'), asked)).toBe('busy')
    expect(await running.renew()).toBe('held')
  })

  test.each(['freed', 'dead'])(
    'that was %s is taken once it stood still for the time asked, not before',
    async (name) => {
      const running = process(name)
      await running.take(owner('100'), { epoch: 1, duration: 60_000, force: false })
      if (name === 'freed') await running.release()
      const watching = process(name)
      expect(await watching.take(owner('guard'), asked)).toBe('taken')
      expect(watching.waited()).toBe(200)
    },
  )
})
