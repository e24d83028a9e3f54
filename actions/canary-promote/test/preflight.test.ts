import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../../packages/kubernetes/test/object-server.ts'
import type { PodTemplate } from '../src/objects.ts'
import { autoscalers } from '../src/ports/autoscalers.ts'
import { preflight } from '../src/ports/preflight.ts'
import { routerFor } from '../src/ports/router.ts'
import { deployment, service } from './objects.ts'
import { settings } from './simulation.ts'

/** What is read and rehearsed against an API server before anything is written. */
let server: Awaited<ReturnType<typeof objectServer>>
const INGRESS = '/apis/networking.k8s.io/v1/namespaces/prod/ingresses/web'
const PODS = '/api/v1/namespaces/prod/pods'
const APPLICATION = '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop'
const ACTION = 'alb.ingress.kubernetes.io/actions.shop'
const POINTER = '/metadata/annotations/alb.ingress.kubernetes.io~1actions.shop'
const live = deployment({ selector: { matchLabels: { app: 'shop' } } })
beforeEach(async () => {
  server = await objectServer()
  server.put('/apis/apps/v1/namespaces/prod/deployments/shop', {
    ...live,
    metadata: { name: 'shop', namespace: 'prod' },
  })
  server.put('/api/v1/namespaces/prod/services/shop', {
    ...service('shop', { app: 'shop' }),
    metadata: { name: 'shop', namespace: 'prod' },
  })
  ingress()
})
afterEach(() => server.stop())

/** An Ingress whose rule sends to the action `shop`, tracked by Argo CD where it is said to be. */
const ingress = (annotations: object = {}): void =>
  server.put(INGRESS, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: 'web',
      namespace: 'prod',
      annotations: {
        'alb.ingress.kubernetes.io/target-type': 'ip',
        [ACTION]: JSON.stringify({
          type: 'forward',
          forwardConfig: { targetGroups: [{ serviceName: 'shop', servicePort: 80 }] },
        }),
        ...annotations,
      },
    },
    spec: {
      rules: [
        { http: { paths: [{ path: '/', backend: { service: { name: 'shop', port: { name: 'use-annotation' } } } }] } },
      ],
    },
  })
const its = settings({ router: 'alb' }, { label: { key: 'app', stable: 'shop', canary: 'shop-canary' } })
const looked = (allow: readonly string[] = []) => {
  const owned = async () => true
  const { cluster } = server
  const at = { cluster, namespace: 'prod', deployment: 'shop' }
  const router = routerFor(at, its, owned)
  const template: PodTemplate = live.spec.template
  return preflight({ ...at, router, allow, scaling: autoscalers(cluster, { namespace: 'prod', owned }) }, its, template)
}
const found = async (id: string, allow: readonly string[] = []) =>
  (await looked(allow)).findings.filter((each) => each.id === id)

describe('a route that Argo CD keeps as Git has it', () => {
  const application = (spec: object): void =>
    server.put(APPLICATION, {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name: 'shop' },
      spec,
    })
  const tracked = { 'argocd.argoproj.io/tracking-id': 'shop:networking.k8s.io/Ingress:prod/web' }
  const healing = { syncPolicy: { automated: { selfHeal: true }, syncOptions: ['RespectIgnoreDifferences=true'] } }

  test('is refused where the weights are in an annotation, with that annotation in the rule to write', async () => {
    ingress(tracked)
    application(healing)
    const [finding, ...more] = await found('tracked')
    expect(more).toEqual([])
    expect(finding).toMatchObject({ level: 'error', text: expect.stringContaining("Ingress web is kept by Argo CD's") })
    expect(finding?.hint).toContain(
      `{ group: networking.k8s.io, kind: Ingress, name: web, jsonPointers: ["${POINTER}"] }`,
    )
  })

  test('is a note once that rule is written', async () => {
    ingress(tracked)
    application({
      ...healing,
      ignoreDifferences: [{ group: 'networking.k8s.io', kind: 'Ingress', name: 'web', jsonPointers: [POINTER] }],
    })
    expect((await found('tracked')).map(({ level }) => level)).toEqual(['note'])
  })
})

describe('the pod that is rehearsed', () => {
  const rehearsed = (): KubernetesObject | undefined => server.at(`${PODS}/dry-run-shop-canary`)
  const pod = (name: string, made: string, owner?: object): void =>
    server.put(`${PODS}/${name}`, {
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'prod',
        labels: { app: 'shop' },
        creationTimestamp: made,
        ...(owner === undefined ? {} : { ownerReferences: [owner] }),
      },
      status: { phase: 'Running' },
    })
  const owner = (name: string) => ({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name,
    uid: `uid-${name}`,
    controller: true,
    blockOwnerDeletion: true,
  })

  test('has the owner of the newest pod of stable, without what would need a right: rules against pods of nobody let it pass', async () => {
    pod('old', '2026-11-20T10:00:00Z', owner('shop-1'))
    pod('new', '2026-11-21T10:00:00Z', owner('shop-2'))
    pod('bare', '2026-11-21T11:00:00Z')
    expect((await looked()).rehearsed).toBe(true)
    expect(rehearsed()?.metadata.ownerReferences).toEqual([
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'shop-2', uid: 'uid-shop-2', controller: true },
    ])
  })

  test('has no owner where stable has no pod', async () => {
    expect((await looked()).rehearsed).toBe(true)
    expect(rehearsed()?.metadata).not.toHaveProperty('ownerReferences')
  })

  test('that is refused refuses the release, with the word that accepts it; then the rules are reckoned instead', async () => {
    server.refuse(`POST ${PODS}`, 403)
    const [finding] = await found('dry-run')
    expect(finding).toMatchObject({ level: 'error', hint: expect.stringContaining('allow: ["dry-run/pod"]') })
    expect((await looked()).rehearsed).toBe(true)
    expect((await found('dry-run', ['dry-run/pod'])).map(({ level, text }) => [level, text])).toEqual([
      ['note', expect.stringMatching(/Pod was refused.*; allowed by the plan/)],
    ])
    expect((await looked(['dry-run/pod'])).rehearsed).toBe(false)
  })

  test('is all that the word accepts: a Deployment that is refused stays refused', async () => {
    server.refuse('POST /apis/apps/v1/namespaces/prod/deployments', 403)
    const [finding] = await found('dry-run', ['dry-run/pod'])
    expect(finding).toMatchObject({ level: 'error', text: expect.stringContaining("canary's Deployment") })
    expect(finding?.hint).toBeUndefined()
  })
})
