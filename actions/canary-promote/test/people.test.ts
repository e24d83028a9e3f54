import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { type PolicyRule, type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { imageOf, images, PLAN, type Result, type Running, type Stage, sleep, stage, until } from './stage.ts'

/** The action's own process while others write to the same cluster: autoscalers, people, and those who take rights away. */
let sandbox: Sandbox
const stages: Stage[] = []
let count = 0

beforeAll(async () => {
  sandbox = await startSandbox({
    images: images(),
    namespaces: Array.from({ length: 8 }, (_, index) => `shop-${index + 1}`),
  })
}, 30_000)
afterAll(async () => {
  await Promise.all(stages.map((each) => each.end()))
  await sandbox?.stop()
}, 30_000)

const newStage = async (): Promise<Stage> => {
  count += 1
  const made = await stage(sandbox, `shop-${count}`)
  stages.push(made)
  return made
}
const verdictOf = ({ code, outputs }: Result) => ({ code, verdict: outputs.verdict, reason: outputs['reason-code'] })
/** Waits for a phase of the release; a run that ended before it says so. */
const reaches = async (shop: Stage, running: Running, phase: string): Promise<void> => {
  let ended: Result | undefined
  void running.done.then((result) => {
    ended = result
  })
  await until(async () => ended !== undefined || (await shop.record())?.state.phase === phase)
  expect(ended?.log).toBeUndefined()
}
const rules = (name: string): PolicyRule[] => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const all = [...readme.matchAll(/```yaml\n(apiVersion: rbac[\s\S]*?)```/g)].map(
    ([, text = '']) => text.split('\n---\n')[0] ?? '',
  )
  return all.map((text) => parse(text)).find(({ metadata }) => metadata.name === name)?.rules
}

const hpas = (shop: Stage): Resource => ({
  apiVersion: 'autoscaling/v2',
  resource: 'horizontalpodautoscalers',
  namespace: shop.namespace,
})
const withAutoscaler = async (shop: Stage) => {
  const made = await shop.cluster.create(hpas(shop), {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'shop', namespace: shop.namespace },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
      minReplicas: 1,
      maxReplicas: 5,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ],
    },
  })
  if (made.kind !== 'written') throw new Error(made.kind)
  const read = () => shop.cluster.get(hpas(shop), 'shop')
  const shape = (object: KubernetesObject | undefined) => ({
    spec: object?.spec,
    annotations: object?.metadata.annotations,
  })
  const policy = async () =>
    ((await read())?.spec as { behavior?: { scaleDown?: { selectPolicy?: string } } })?.behavior?.scaleDown
      ?.selectPolicy
  return { before: shape(made.object), now: async () => shape(await read()), policy }
}
const deployments = (shop: Stage): Resource => ({
  apiVersion: 'apps/v1',
  resource: 'deployments',
  namespace: shop.namespace,
})
const routes = (shop: Stage): Resource => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  resource: 'httproutes',
  namespace: shop.namespace,
})
const scale = (shop: Stage, name: string, to: number) =>
  shop.cluster.jsonPatch(deployments(shop), name, [{ op: 'replace', path: '/spec/replicas', value: to }])
/** Somebody writes another weight into the route. */
const weigh = async (shop: Stage, percent: number): Promise<void> => {
  const route = await shop.cluster.get(routes(shop), 'shop')
  const spec = route?.spec as { rules: { backendRefs: { name: string }[] }[] } | undefined
  const refs = spec?.rules[0]?.backendRefs ?? []
  const value = refs.map((ref) => ({ ...ref, weight: ref.name === 'shop-canary' ? percent : 100 - percent }))
  await shop.cluster.jsonPatch(routes(shop), 'shop', [{ op: 'replace', path: '/spec/rules/0/backendRefs', value }])
}
const LONGER = PLAN.replace(/steps: .*/, 'steps: [{ weight: 30, hold: 8s }, { weight: 60, hold: 2s }]')

describe('an autoscaler of stable', { concurrent: true, timeout: 150_000 }, () => {
  test('may not make it smaller while a canary serves, and is as it was after a promotion, with the rights of the README', async () => {
    const shop = await newStage()
    const autoscaler = await withAutoscaler(shop)
    const token = sandbox.issueToken(rules('sluice-canary'))
    const running = shop.start({
      image: imageOf('good'),
      kubeconfig: sandbox.kubeconfig({ namespace: shop.namespace, token }),
    })
    await reaches(shop, running, 'analysing')
    expect(await autoscaler.policy()).toBe('Disabled')
    const result = await running.done
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    expect(await autoscaler.now()).toEqual(autoscaler.before)
  })

  test('is given back by a reaper with the rights of the README, after its run was killed', async () => {
    const shop = await newStage()
    const autoscaler = await withAutoscaler(shop)
    const running = shop.start({ image: imageOf('good'), plan: LONGER })
    await reaches(shop, running, 'analysing')
    running.child.kill('SIGKILL')
    await running.done
    expect(await autoscaler.policy()).toBe('Disabled')
    const token = sandbox.issueToken(rules('sluice-recovery'))
    const kubeconfig = sandbox.kubeconfig({ namespace: shop.namespace, token })
    const result = await shop.run({ mode: 'reap', kubeconfig }, { GITHUB_RUN_ID: '101' })
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'rolled-back', reason: 'reaped' })
    expect(await autoscaler.now()).toEqual(autoscaler.before)
    expect(await shop.leftovers()).toEqual([])
  })
})

describe('somebody who changes', { concurrent: true, timeout: 150_000 }, () => {
  test('the weight once is named, and the release goes on to its promotion', async () => {
    const shop = await newStage()
    const running = shop.start({ image: imageOf('good'), plan: LONGER })
    await reaches(shop, running, 'analysing')
    await weigh(shop, 90)
    const result = await running.done
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    expect(result.log).toMatch(/somebody else.* changed what this release wrote: the route sends the canary 90 %/)
    expect((await shop.record())?.foreign).toMatchObject([{ what: 'weight', open: false }])
  })

  test('the weight twice has the release back, as an error that says so', async () => {
    const shop = await newStage()
    const running = shop.start({ image: imageOf('good'), plan: LONGER })
    await reaches(shop, running, 'analysing')
    await weigh(shop, 90)
    await until(async () => (await shop.record())?.foreign?.[0]?.open === false)
    await weigh(shop, 0)
    const result = await running.done
    expect(verdictOf(result), result.log).toEqual({ code: 1, verdict: 'error', reason: 'foreign-change' })
    expect(await shop.leftovers()).toEqual([])
    expect(await shop.weight()).toBe(0)
  })

  test("stable's size downwards has it put right before it matters, and upwards is kept", async () => {
    const shop = await newStage()
    const running = shop.start({ image: imageOf('good'), plan: LONGER })
    await reaches(shop, running, 'analysing')
    await scale(shop, 'shop', 1)
    await until(async () => (await shop.live())?.spec.replicas === 2)
    await scale(shop, 'shop', 3)
    const result = await running.done
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    expect((await shop.live())?.spec.replicas).toBe(3)
    expect(await shop.record()).toMatchObject({ foreign: [{ what: 'stable-replicas' }] })
  })

  test('the right to write the route cannot keep users on the canary: its Service leads to stable', async () => {
    const shop = await newStage()
    const all = rules('sluice-canary')
    const token = sandbox.issueToken(all)
    const kubeconfig = sandbox.kubeconfig({ namespace: shop.namespace, token })
    const running = shop.start({
      image: imageOf('errors'),
      kubeconfig,
      plan: PLAN.replace('ready-within: 6s', 'ready-within: 4s'),
    })
    await until(async () => (await shop.weight()) > 0)
    const unable = all.filter(({ resources, resourceNames }) => !(resources.includes('httproutes') && resourceNames))
    sandbox.issueToken(unable, { token })
    const service = { apiVersion: 'v1', resource: 'services', namespace: shop.namespace }
    await until(async () => {
      const twin = (await shop.cluster.get(service, 'shop-canary'))?.spec as { selector?: object } | undefined
      return JSON.stringify(twin?.selector) === JSON.stringify({ app: 'shop' })
    })
    await sleep(1500)
    shop.answered()
    await sleep(1500)
    // The route still names the canary, and nobody is answered by it.
    expect(await shop.weight()).toBeGreaterThan(0)
    expect(Object.keys(shop.answered())).toEqual(['old 200'])
    const result = await running.done
    expect(verdictOf(result), result.log).toEqual({ code: 1, verdict: 'error', reason: 'refused' })
    expect(result.outputs.reason).toMatch(/still names the canary; its Service leads to stable's pods/)
    expect((await shop.record())?.state).toMatchObject({
      phase: 'lowering',
      refused: expect.stringContaining('httproutes'),
    })
    sandbox.issueToken(all, { token })
    const reaped = await shop.run({ mode: 'reap', kubeconfig }, { GITHUB_RUN_ID: '101' })
    expect(verdictOf(reaped), reaped.log).toEqual({ code: 0, verdict: 'rolled-back', reason: 'errors' })
    expect(await shop.leftovers()).toEqual([])
    expect(existsSync(reaped.outputs.report ?? '')).toBe(true)
  })
})
