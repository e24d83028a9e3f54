import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { type PolicyRule, type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { DIGEST } from './objects.ts'
import { imageOf, images, type Result, SHOP, type Stage, sleep, stage, until } from './stage.ts'

/**
 * A service of which one request in eight fails, on the old image and on the new: for its users. A caller inside, whose requests never fail, is answered by
 * stable alone, on a rule that is not split, and makes stable look better than either.
 */
let sandbox: Sandbox
const stages: Stage[] = []
const callers: { stop: () => void }[] = []
let count = 0

beforeAll(async () => {
  const [old, good, worse] = [DIGEST('a'), DIGEST('b'), DIGEST('c')]
  const table = images()
  const faulty = (digest: typeof old, FAULT: string) => {
    const { command = [], env = {} } = table[digest] ?? {}
    return [digest, { command: [...command], env: { ...env, FAULT } }] as const
  }
  sandbox = await startSandbox({
    images: Object.fromEntries([faulty(old, 'users'), faulty(good, 'users'), faulty(worse, 'worse')]),
    namespaces: ['shop-1', 'shop-2', 'shop-3', 'shop-4'],
  })
}, 30_000)
afterAll(async () => {
  for (const { stop } of callers) stop()
  await Promise.all(stages.map((each) => each.end()))
  await sandbox?.stop()
}, 30_000)

const newStage = async (): Promise<Stage> => {
  count += 1
  const namespace = `shop-${count}`
  const inside = [{ path: { type: 'PathPrefix', value: '/internal' } }]
  const made = await stage(sandbox, namespace, [{ backendRefs: [SHOP] }, { matches: inside, backendRefs: [SHOP] }])
  stages.push(made)
  callers.push(callInside(`${sandbox.gatewayUrl(namespace, 'web')}/internal`))
  return made
}
const PLAN = (baseline: 'fresh' | 'stable') => `
baseline: ${baseline}
steps: [{ weight: 25, hold: 6s }, { weight: 50, hold: 3s }]
interval: 500ms
lease: 3s
drain: 2s
max-hold: 8s
ready-within: 8s
min-canary: 1
min-requests: 30
settle: 1s
metrics: [{ name: errors, kind: ratio }]
`
const asked = (baseline: 'fresh' | 'stable') => ({ rule: '0', plan: PLAN(baseline) })
const verdictOf = ({ code, outputs }: Result) => ({ code, verdict: outputs.verdict, reason: outputs['reason-code'] })
const shares = async ({ cluster, namespace }: Stage): Promise<Readonly<Record<string, number | undefined>>> => {
  const routes = { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'httproutes', namespace }
  const { spec } = (await cluster.get<KubernetesObject & { spec: Spec }>(routes, 'shop')) ?? { spec: { rules: [] } }
  return Object.fromEntries((spec.rules[0]?.backendRefs ?? []).map(({ name, weight }) => [name, weight]))
}
type Spec = { readonly rules: readonly { readonly backendRefs: readonly { name: string; weight?: number }[] }[] }

describe('a release', { concurrent: true, timeout: 150_000 }, () => {
  test('is promoted beside a fresh baseline, whose pods are the canary’s equals, and nothing is left of either', async () => {
    const shop = await newStage()
    const kubeconfig = sandbox.kubeconfig({
      namespace: shop.namespace,
      token: sandbox.issueToken(rulesOfTheReadme('sluice-canary')),
    })
    const { done } = shop.start({ ...asked('fresh'), image: imageOf('good'), kubeconfig })
    await until(async () => (await shares(shop))['shop-canary'] === 25)
    expect(await shares(shop)).toEqual({ shop: 50, 'shop-canary': 25, 'shop-baseline': 25 })
    const deployments = { apiVersion: 'apps/v1', resource: 'deployments', namespace: shop.namespace }
    const [canary, baseline] = await Promise.all(
      ['shop-canary', 'shop-baseline'].map((name) => shop.cluster.get<Deployment>(deployments, name)),
    )
    expect(baseline?.spec.template.spec.containers[0]?.image).toBe(imageOf('old'))
    expect(baseline?.spec.replicas).toBe(canary?.spec.replicas)
    const made = [canary, baseline].map((each) => Date.parse(each?.metadata.creationTimestamp ?? ''))
    expect(Math.abs((made[0] ?? 0) - (made[1] ?? 0))).toBeLessThanOrEqual(1000)
    // Both shares grow in one write, and the baseline's is gone before stable is given the new template.
    await until(async () => (await shares(shop))['shop-canary'] === 50)
    expect(await shares(shop)).toEqual({ shop: 0, 'shop-canary': 50, 'shop-baseline': 50 })
    await until(async () => (await shop.live())?.spec.template.spec.containers[0]?.image === imageOf('good'))
    expect((await shares(shop))['shop-baseline'] ?? 0).toBe(0)
    const result = await done
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    expect(result.log).toContain('a fresh baseline stands beside stable and canary: app=shop-baseline')
    expect(result.log).not.toMatch(/could not be read|Not allowed to/)
    expect(await shop.leftovers()).toEqual([])
    const bad = Object.keys(shop.answered()).filter((key) => !/^(old|good) (200|500)$/.test(key))
    expect(bad, shop.failures().join('\n')).toEqual([])
  })

  test('is not beside stable, which the caller inside makes look better than it is', async () => {
    const shop = await newStage()
    const result = await shop.run({ ...asked('stable'), image: imageOf('good') })
    expect(result.code, result.log).toBe(1)
    expect(['errors', 'populations-differ'], result.log).toContain(result.outputs['reason-code'])
    expect(await shop.leftovers()).toEqual([])
  })

  test('that is worse is taken back with one write for both, and nothing is left of either', async () => {
    const shop = await newStage()
    const result = await shop.run({ ...asked('fresh'), image: imageOf('errors') })
    expect(verdictOf(result), result.log).toEqual({ code: 1, verdict: 'rolled-back', reason: 'errors' })
    expect(await shop.leftovers()).toEqual([])
    shop.answered()
    await sleep(1000)
    expect(Object.keys(shop.answered()).filter((key) => !key.startsWith('old '))).toEqual([])
  })

  test('whose runner dies is cleared away with its baseline by the next one’s reap', async () => {
    const shop = await newStage()
    const { child, done } = shop.start({ ...asked('fresh'), image: imageOf('good') })
    await until(async () => (await shares(shop))['shop-baseline'] === 25)
    child.kill('SIGKILL')
    await done
    expect(await shop.leftovers()).toContain('Deployment shop-baseline')
    // With the rights of the README's role that only repairs.
    const token = sandbox.issueToken(rulesOfTheReadme('sluice-recovery'))
    const kubeconfig = sandbox.kubeconfig({ namespace: shop.namespace, token })
    const reaped = await shop.run({ ...asked('fresh'), mode: 'reap', kubeconfig }, { GITHUB_RUN_ID: '101' })
    expect(verdictOf(reaped), reaped.log).toEqual({ code: 0, verdict: 'rolled-back', reason: 'reaped' })
    expect(await shop.leftovers()).toEqual([])
  })
})

type Deployment = KubernetesObject & {
  readonly spec: { replicas?: number; template: { spec: { containers: readonly { image?: string }[] } } }
}

const rulesOfTheReadme = (name: 'sluice-canary' | 'sluice-recovery'): PolicyRule[] => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const roles = [...readme.matchAll(/```yaml\n(apiVersion: rbac[\s\S]*?)```/g)].map(([, role = '']) => parse(role))
  return roles.find(({ metadata }) => metadata.name === name).rules
}

/** Sixty requests a second that are not the users'. */
const callInside = (url: string) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const timer = setInterval(() => {
    get(url, { agent, timeout: 2000 }, (response) => response.resume()).on('error', () => undefined)
  }, 16)
  const stop = (): void => {
    clearInterval(timer)
    agent.destroy()
  }
  return { stop }
}
