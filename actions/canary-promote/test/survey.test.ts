import type { Cluster } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { survey } from '../src/ports/survey.ts'
import { deployment, service } from './objects.ts'

/** One read of a namespace by credentials that may read more or less of it. */
let sandbox: Sandbox
let admin: Cluster
beforeAll(async () => {
  sandbox = await startSandbox({ images: {}, namespaces: ['prod', 'other'] })
  admin = await connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'prod' }), env: {} })
  const { status: _, ...wanted } = deployment({ replicas: 0 })
  await admin.create({ apiVersion: 'apps/v1', resource: 'deployments', namespace: 'prod' }, wanted)
  const { uid: __, ...metadata } = service('shop', { app: 'shop' }).metadata
  await admin.create(
    { apiVersion: 'v1', resource: 'services', namespace: 'prod' },
    { ...service('shop', { app: 'shop' }), metadata },
  )
  for (const namespace of ['prod', 'other']) {
    const policies = { apiVersion: 'networking.k8s.io/v1', resource: 'networkpolicies', namespace }
    await admin.create(policies, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: `of-${namespace}`, namespace },
      spec: { podSelector: {} },
    })
  }
  await admin.create(
    { apiVersion: 'v1', resource: 'resourcequotas', namespace: 'prod' },
    {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'team', namespace: 'prod' },
      spec: { hard: { pods: '3' } },
    },
  )
  await admin.mergePatch({ apiVersion: 'v1', resource: 'namespaces' }, 'prod', {
    metadata: { labels: { team: 'shop' } },
  })
})
afterAll(() => sandbox?.stop())

const CORE = [
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list'], namespaces: ['prod'] },
  { apiGroups: [''], resources: ['services', 'pods'], verbs: ['list'], namespaces: ['prod'] },
]
const as = (rules: readonly object[]): Promise<Cluster> => {
  const token = sandbox.issueToken(rules as Parameters<Sandbox['issueToken']>[0])
  return connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'prod', token }), env: {} })
}
const policiesIn = (seen: Awaited<ReturnType<typeof survey>>) =>
  seen.policies.map(({ kind, metadata }) => `${kind} ${metadata.name}`)

/** Kinds of meshes, as their definitions make an API server serve them. */
const MESH = [
  ['security.istio.io', 'v1', 'requestauthentications', 'RequestAuthentication'],
  ['policy.linkerd.io', 'v1beta2', 'servers', 'Server'],
] as const

describe('a survey', () => {
  test('by one who may read everything sees the policies of every namespace', async () => {
    const seen = await survey(admin, 'prod', 'shop')
    expect(policiesIn(seen).sort()).toEqual(['NetworkPolicy of-other', 'NetworkPolicy of-prod'])
    expect(seen).toMatchObject({
      unread: [],
      namespaceLabels: { team: 'shop' },
      quotas: [{ metadata: { name: 'team' } }],
    })
    expect(seen.ownOnly).toBeUndefined()
  })

  test('by one who may read the namespace sees its own, and says so', async () => {
    const list = {
      resources: [
        'networkpolicies',
        'poddisruptionbudgets',
        'limitranges',
        'resourcequotas',
        'horizontalpodautoscalers',
      ],
    }
    const own = { apiGroups: ['*'], ...list, verbs: ['list'], namespaces: ['prod'] }
    const home = { apiGroups: [''], resources: ['namespaces'], verbs: ['get'], namespaces: ['prod'] }
    const seen = await survey(await as([...CORE, own, home]), 'prod', 'shop')
    expect(policiesIn(seen)).toEqual(['NetworkPolicy of-prod'])
    expect(seen).toMatchObject({ ownOnly: true, unread: [] })
  })

  test('by one who may read no policy names what the cluster serves, and no kind that it does not', async () => {
    const seen = await survey(await as(CORE), 'prod', 'shop')
    expect(seen.deployment?.metadata.name).toBe('shop')
    expect(seen.unread.map(({ what }) => what).sort()).toEqual([
      'HorizontalPodAutoscaler objects',
      'LimitRange objects',
      'NetworkPolicy objects',
      'PodDisruptionBudget objects',
      'ResourceQuota objects',
      'the namespace',
    ])
    for (const { why } of seen.unread) expect(why).not.toContain('apiGroups')
  })

  test('asks which version the server is where Pod Security enforces, by a right that everybody has', async () => {
    const namespaces = { apiVersion: 'v1', resource: 'namespaces' }
    const enforced = (level: string | null) =>
      admin.mergePatch(namespaces, 'prod', { metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } } })
    const home = { apiGroups: [''], resources: ['namespaces'], verbs: ['get'], namespaces: ['prod'] }
    const seen = async () => survey(await as([...CORE, home]), 'prod', 'shop')
    expect((await seen()).serverVersion).toBeUndefined()
    await enforced('baseline')
    expect((await seen()).serverVersion).toMatch(/^v1\.34\./)
    await enforced(null)
  })

  test('of a cluster with meshes sees what they select pods by, or names what it may not read', async () => {
    for (const [group, version, plural, kind] of MESH) {
      await admin.create(
        { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' },
        {
          apiVersion: 'apiextensions.k8s.io/v1',
          kind: 'CustomResourceDefinition',
          metadata: { name: `${plural}.${group}` },
          spec: {
            group,
            scope: 'Namespaced',
            names: { plural, kind },
            versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
          },
        },
      )
      const apiVersion = `${group}/${version}`
      await admin.create(
        { apiVersion, resource: plural, namespace: 'prod' },
        { apiVersion, kind, metadata: { name: 'guard', namespace: 'prod' }, spec: {} },
      )
    }
    const kinds = MESH.map(([, , , kind]) => kind)
    expect(policiesIn(await survey(admin, 'prod', 'shop'))).toEqual(
      expect.arrayContaining(kinds.map((kind) => `${kind} guard`)),
    )
    const { unread } = await survey(await as(CORE), 'prod', 'shop')
    expect(unread.map(({ what }) => what)).toEqual(expect.arrayContaining(kinds.map((kind) => `${kind} objects`)))
  })
})
