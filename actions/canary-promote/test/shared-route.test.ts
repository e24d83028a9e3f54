import type { KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { EPOCH } from '@sluice/kubernetes/fenced'
import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { imageOf, images, PLAN, REPLICAS, type Result, type Stage, stage, until } from './stage.ts'

/** Two processes of the action that release two services at once, behind one HTTPRoute with a rule for each. */
let sandbox: Sandbox
let place: Stage
let clients: NodeJS.Timeout
beforeAll(async () => {
  sandbox = await startSandbox({ images: images(), namespaces: ['shop-1'] })
  place = await stage(sandbox, 'shop-1')
  await addCart()
  const url = new URL('cart', sandbox.gatewayUrl(place.namespace, 'web'))
  clients = setInterval(() => void fetch(url).catch(() => undefined), 33)
}, 60_000)
afterAll(async () => {
  clearInterval(clients)
  await place?.end()
  await sandbox?.stop()
}, 30_000)

const within = (apiVersion: string, resource: string): Resource => ({
  apiVersion,
  resource,
  namespace: place.namespace,
})
type Route = KubernetesObject & {
  readonly spec: { readonly rules: readonly { readonly backendRefs: readonly { readonly name: string }[] }[] }
}
const routeNow = async () => {
  const found = await place.cluster.get<Route>(within('gateway.networking.k8s.io/v1', 'httproutes'), 'shop')
  const { spec = { rules: [] }, metadata } = found ?? {}
  const named = spec.rules.flatMap(({ backendRefs }) => backendRefs.map(({ name }) => name))
  return { rules: spec.rules, named, annotations: metadata?.annotations }
}

/** A second Deployment and Service like the stage's, a rule of the same route that leads there, and the mark of forty releases on the first. */
const addCart = async (): Promise<void> => {
  const [deployments, services] = [within('apps/v1', 'deployments'), within('v1', 'services')]
  for (const resource of [deployments, services]) {
    const model = await place.cluster.get(resource, 'shop')
    const { apiVersion, kind, spec } = model ?? { spec: {} }
    const renamed = JSON.parse(JSON.stringify(spec).replaceAll('"app":"shop"', '"app":"cart"'))
    const { clusterIP: _, clusterIPs: __, ...rest } = renamed
    const metadata = { name: 'cart', namespace: place.namespace }
    await place.cluster.create(resource, { apiVersion, kind, metadata, spec: rest } as KubernetesObject)
  }
  const matches = [{ path: { type: 'PathPrefix', value: '/cart' } }]
  const rule = { matches, backendRefs: [{ name: 'cart', port: 80 }] }
  await place.cluster.jsonPatch(within('gateway.networking.k8s.io/v1', 'httproutes'), 'shop', [
    { op: 'add', path: '/spec/rules/-', value: rule },
  ])
  const live = await place.cluster.get(deployments, 'shop')
  await place.cluster.jsonPatch(deployments, 'shop', [
    { op: 'add', path: '/metadata/annotations', value: { ...live?.metadata.annotations, [EPOCH]: '40' } },
  ])
  type Counted = KubernetesObject & { readonly status?: { readonly availableReplicas?: number } }
  const available = async () => (await place.cluster.get<Counted>(deployments, 'cart'))?.status?.availableReplicas
  await until(async () => (await available()) === REPLICAS)
}
const verdictOf = ({ code, outputs }: Result) => ({ code, verdict: outputs.verdict, reason: outputs['reason-code'] })

test('one is rolled back, of whose Deployment there were fewer releases, while the other goes on and is promoted', async () => {
  const before = await routeNow()
  const slow = PLAN.replace(/steps: .*/, 'steps: [{ weight: 30, hold: 25s }, { weight: 60, hold: 2s }]')
  const shop = place.start({ image: imageOf('good'), plan: slow })
  let ended: Result | undefined
  void shop.done.then((result) => {
    ended = result
  })
  await until(async () => ended !== undefined || (await place.weight()) === 30)
  expect(ended?.log).toBeUndefined()
  const cart = await place.run({ deployment: 'cart', image: imageOf('errors') }, { GITHUB_JOB: 'cart' })
  expect(verdictOf(cart), cart.log).toEqual({ code: 1, verdict: 'rolled-back', reason: 'errors' })
  // The other one's canary is still there, and nothing of this one.
  const during = await routeNow()
  expect(during.named).toContain('shop-canary')
  expect(during.named).not.toContain('cart-canary')
  expect(Object.keys(during.annotations ?? {})).toHaveLength(1)
  expect((await place.record())?.epoch).toBe(41)
  const other = await shop.done
  expect(verdictOf(other), other.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
  const record = await place.record()
  expect(record?.foreign ?? []).toEqual([])
  expect(await routeNow()).toEqual(before)
}, 150_000)
