import type { Cluster, KubernetesObject, PatchOperation } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import type { ReleaseRecord, Touched } from '@sluice/release/record'
import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Autoscalers, autoscalersOf, freezing, restoring } from '../src/autoscaler.ts'
import { autoscalers } from '../src/ports/autoscalers.ts'

const object = (kind: string, spec: Record<string, unknown>, more: Partial<KubernetesObject['metadata']> = {}) => ({
  apiVersion: kind === 'ScaledObject' ? 'keda.sh/v1alpha1' : 'autoscaling/v2',
  kind,
  metadata: { name: 'shop', namespace: 'prod', uid: 'uid-1', ...more },
  spec: { scaleTargetRef: { kind: 'Deployment', name: 'shop' }, ...spec },
})
const hpa = (spec: Record<string, unknown> = {}, more: Partial<KubernetesObject['metadata']> = {}) =>
  object('HorizontalPodAutoscaler', { maxReplicas: 10, ...spec }, more)
const found = (over: Partial<Autoscalers>): Autoscalers => ({ horizontal: [], scaledObjects: [], ...over })
const valuesOf = (over: Partial<Autoscalers>, replicas = 4) =>
  autoscalersOf(found(over), 'shop', replicas).touched.map(({ ref, before }) => [ref.kind, before])
const bare = { path: '/metadata/annotations' }
const POLICY = '/spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown/selectPolicy'
const configured = (behavior: object) => ({ advanced: { horizontalPodAutoscalerConfig: { behavior } } })
const advanced = {
  path: '/spec/advanced',
  ours: { horizontalPodAutoscalerConfig: { behavior: { scaleDown: { selectPolicy: 'Disabled' } } } },
}

/** What the API server makes of a behaviour that says only this. */
const defaulted = (scaleDown: object = {}, scaleUp: object = {}) => ({
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
    ...scaleUp,
  },
  scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }], ...scaleDown },
})

describe('what is changed of an autoscaler', () => {
  test.each<[string, Partial<Autoscalers>, unknown]>([
    ['none where there is none', {}, []],
    [
      'the whole behaviour where there is none yet',
      { horizontal: [hpa()] },
      [
        [
          'HorizontalPodAutoscaler',
          [{ path: '/spec/behavior', ours: { scaleDown: { selectPolicy: 'Disabled' } } }, bare],
        ],
      ],
    ],
    [
      'the policy where there is one',
      { horizontal: [hpa({ behavior: defaulted() }, { annotations: { team: 'a' } })] },
      [
        [
          'HorizontalPodAutoscaler',
          [{ path: '/spec/behavior/scaleDown/selectPolicy', value: 'Max', ours: 'Disabled' }],
        ],
      ],
    ],
    [
      'as much of one whose least is what stable has, which takes back what it adds meanwhile',
      { horizontal: [hpa({ minReplicas: 4, behavior: {} }, { annotations: { team: 'a' } })] },
      [['HorizontalPodAutoscaler', [{ path: '/spec/behavior/scaleDown', ours: { selectPolicy: 'Disabled' } }]]],
    ],
    ['nothing of one that keeps one size', { horizontal: [hpa({ minReplicas: 4, maxReplicas: 4 })] }, []],
    [
      'nothing of one that may not scale in already',
      { horizontal: [hpa({ behavior: defaulted({ selectPolicy: 'Disabled' }) })] },
      [],
    ],
    [
      "nothing of another workload's",
      {
        horizontal: [
          hpa({ scaleTargetRef: { kind: 'Deployment', name: 'other' } }),
          hpa({ scaleTargetRef: { kind: 'StatefulSet', name: 'shop' } }),
        ],
      },
      [],
    ],
    [
      'the ScaledObject, not the HorizontalPodAutoscaler that it keeps',
      {
        scaledObjects: [object('ScaledObject', { scaleTargetRef: { name: 'shop' } })],
        horizontal: [
          hpa(
            {},
            {
              name: 'keda-hpa-shop',
              ownerReferences: [{ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', name: 'shop', uid: 'uid-1' }],
            },
          ),
        ],
      },
      [['ScaledObject', [{ path: '/spec/minReplicaCount', ours: 4 }, advanced, bare]]],
    ],
    [
      'never above the most that it may have',
      { scaledObjects: [object('ScaledObject', { minReplicaCount: 1, maxReplicaCount: 3 })] },
      [['ScaledObject', [{ path: '/spec/minReplicaCount', value: 1, ours: 3 }, advanced, bare]]],
    ],
    [
      'the size of an idle target, which would undercut the least',
      { scaledObjects: [object('ScaledObject', { minReplicaCount: 5, idleReplicaCount: 0 })] },
      [['ScaledObject', [{ path: '/spec/idleReplicaCount', value: 0 }, bare]]],
    ],
    [
      "the policy of a ScaledObject's own behaviour",
      {
        scaledObjects: [
          object('ScaledObject', { minReplicaCount: 4, ...configured({ scaleDown: { selectPolicy: 'Min' } }) }),
        ],
      },
      [['ScaledObject', [{ path: POLICY, value: 'Min', ours: 'Disabled' }, bare]]],
    ],
    [
      'the behaviour of a ScaledObject that says other things of its HorizontalPodAutoscaler',
      {
        scaledObjects: [
          object('ScaledObject', { minReplicaCount: 1, advanced: { horizontalPodAutoscalerConfig: { name: 'own' } } }),
        ],
      },
      [
        [
          'ScaledObject',
          [
            { path: '/spec/minReplicaCount', value: 1, ours: 4 },
            {
              path: '/spec/advanced/horizontalPodAutoscalerConfig/behavior',
              ours: { scaleDown: { selectPolicy: 'Disabled' } },
            },
            bare,
          ],
        ],
      ],
    ],
    [
      'no policy of a ScaledObject without one whose least stays: KEDA would never take it from its own again',
      {
        scaledObjects: [object('ScaledObject', { minReplicaCount: 4 }), object('ScaledObject', { minReplicaCount: 0 })],
      },
      [['ScaledObject', [{ path: '/spec/minReplicaCount', value: 0, ours: 4 }, advanced, bare]]],
    ],
    [
      'nothing of a ScaledObject that keeps one size',
      { scaledObjects: [object('ScaledObject', { minReplicaCount: 4, maxReplicaCount: 4 })] },
      [],
    ],
  ])('is %s', (_, over, expected) => {
    expect(valuesOf(over)).toEqual(expected)
  })

  test('is not known where the ScaledObject behind it may not be read', () => {
    const owner = { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', name: 'shop', uid: 'uid-1' }
    const kept = hpa({}, { name: 'keda-hpa-shop', ownerReferences: [owner] })
    const answer = autoscalersOf({ horizontal: [kept], scaledObjects: undefined }, 'shop', 4)
    expect(answer).toEqual({ touched: [], unknown: ['keda-hpa-shop'] })
  })
})

describe('what is given back', () => {
  const entryOf = (before: KubernetesObject): Touched => {
    const [entry] = autoscalersOf(
      found(before.kind === 'ScaledObject' ? { scaledObjects: [before] } : { horizontal: [before] }),
      'shop',
      4,
    ).touched
    if (entry === undefined) throw new Error('nothing would be changed')
    return entry
  }
  const disabled = { selectPolicy: 'Disabled' }

  test.each<[string, KubernetesObject, KubernetesObject, readonly PatchOperation[]]>([
    [
      'an absent behaviour, though the server has filled it in',
      hpa(),
      hpa({ behavior: defaulted(disabled) }),
      [{ op: 'remove', path: '/spec/behavior' }],
    ],
    [
      'an absent behaviour of a server that fills nothing in',
      hpa(),
      hpa({ behavior: { scaleDown: disabled } }),
      [{ op: 'remove', path: '/spec/behavior' }],
    ],
    [
      'the policy that was there',
      hpa({ behavior: defaulted({ selectPolicy: 'Min' }) }),
      hpa({ behavior: defaulted(disabled) }),
      [{ op: 'replace', path: '/spec/behavior/scaleDown/selectPolicy', value: 'Min' }],
    ],
    ["nothing over a person's policy", hpa(), hpa({ behavior: defaulted({ selectPolicy: 'Min' }) }), []],
    [
      "only our policy from among a person's new rules",
      hpa(),
      hpa({ behavior: defaulted(disabled, { stabilizationWindowSeconds: 60 }) }),
      [{ op: 'remove', path: '/spec/behavior/scaleDown/selectPolicy' }],
    ],
    ['nothing where a person took the behaviour away', hpa(), hpa(), []],
    [
      'an absent least and the size of an idle target',
      object('ScaledObject', { idleReplicaCount: 0 }),
      object('ScaledObject', { minReplicaCount: 4 }),
      [
        { op: 'remove', path: '/spec/minReplicaCount' },
        { op: 'add', path: '/spec/idleReplicaCount', value: 0 },
      ],
    ],
    [
      'an absent part for the HorizontalPodAutoscaler of a ScaledObject',
      object('ScaledObject', { minReplicaCount: 1 }),
      object('ScaledObject', { minReplicaCount: 4, ...configured({ scaleDown: disabled }) }),
      [
        { op: 'replace', path: '/spec/minReplicaCount', value: 1 },
        { op: 'remove', path: '/spec/advanced' },
      ],
    ],
    [
      "only our policy from among a person's new settings of a ScaledObject",
      object('ScaledObject', { minReplicaCount: 1 }),
      object('ScaledObject', {
        minReplicaCount: 6,
        advanced: { restoreToOriginalReplicaCount: true, ...configured({ scaleDown: disabled }).advanced },
      }),
      [{ op: 'remove', path: POLICY }],
    ],
    [
      "nothing over a person's least",
      object('ScaledObject', { minReplicaCount: 1 }),
      object('ScaledObject', { minReplicaCount: 6 }),
      [],
    ],
  ])('is %s', (_, before, live, expected) => {
    expect(restoring(live, entryOf(before))).toEqual(expected)
  })

  test('is not changed to begin with where a person was faster', () => {
    const entry = entryOf(object('ScaledObject', { minReplicaCount: 1 }))
    expect(
      freezing(
        object('ScaledObject', { minReplicaCount: 6, advanced: { restoreToOriginalReplicaCount: true } }),
        entry,
      ),
    ).toEqual([])
    expect(freezing(object('ScaledObject', { minReplicaCount: 1 }), entry)).toEqual([
      { op: 'replace', path: '/spec/minReplicaCount', value: 4 },
      { op: 'add', path: '/spec/advanced', value: advanced.ours },
    ])
  })
})

describe('against an API server', () => {
  let sandbox: Sandbox
  let cluster: Cluster
  const horizontals = { apiVersion: 'autoscaling/v2', resource: 'horizontalpodautoscalers', namespace: 'prod' }
  const scaleds = { apiVersion: 'keda.sh/v1alpha1', resource: 'scaledobjects', namespace: 'prod' }
  beforeAll(async () => {
    sandbox = await startSandbox({ images: {}, namespaces: ['prod'] })
    cluster = await connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'prod' }), env: {} })
  })
  afterAll(() => sandbox?.stop())

  const port = (epoch = 1, of = cluster) =>
    autoscalers(of, { namespace: 'prod', owned: async (asked) => asked === epoch })
  const record = (touched: readonly Touched[], epoch = 1) => ({ touched, epoch }) as unknown as ReleaseRecord
  const make = async (name: string, spec: Record<string, unknown> = {}, annotations?: Record<string, string>) => {
    const meta = { name, namespace: 'prod', ...(annotations === undefined ? {} : { annotations }) }
    const target = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name } }
    const metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    ]
    const made = { ...hpa(), metadata: meta, spec: { ...target, minReplicas: 1, maxReplicas: 10, metrics, ...spec } }
    await cluster.create(horizontals, made)
  }
  const live = (name: string) => cluster.get(horizontals, name)
  const shape = (each: KubernetesObject | undefined) => ({ spec: each?.spec, annotations: each?.metadata.annotations })

  test.each([
    ['bare', undefined, {}],
    ['annotated', { team: 'a' }, {}],
    ['ruled', undefined, { behavior: defaulted({ stabilizationWindowSeconds: 30 }) }],
  ] as const)(
    'one that is %s is kept from shrinking stable and given back as it was',
    async (name, annotations, spec) => {
      await make(name, spec, annotations)
      const before = shape(await live(name))
      const { touched, findings } = await port().preflight(name, 4)
      expect(findings.map(({ level }) => level)).toEqual(['note'])
      expect(await port().look(record(touched))).toEqual({ frozen: false, marked: false })
      expect(await port().freeze(record(touched))).toMatchObject({ kind: 'done' })
      expect((await live(name))?.spec).toMatchObject({ behavior: { scaleDown: { selectPolicy: 'Disabled' } } })
      expect(await port().look(record(touched))).toEqual({ frozen: true, marked: true })
      // Asked again, by whoever took over.
      expect(await port(2).stamp(record(touched, 2))).toMatchObject({ kind: 'done' })
      expect(await port(2).freeze(record(touched, 2))).toMatchObject({ kind: 'done' })
      expect(await port(1).restore(record(touched, 1))).toMatchObject({ kind: 'refused', cause: 'fenced' })
      expect(await port(2).restore(record(touched, 2))).toMatchObject({ kind: 'done' })
      expect(shape(await live(name))).toEqual(before)
      expect(await port(2).look(record(touched, 2))).toEqual({ frozen: false, marked: false })
      // A run that wakes up after all that cannot freeze it again.
      expect(await port(2).freeze(record(touched, 1))).toMatchObject({ kind: 'refused', cause: 'fenced' })
      expect(await port(2).restore(record(touched, 2))).toMatchObject({ kind: 'done' })
    },
  )

  test('what a person changes meanwhile is kept, and only our mark goes', async () => {
    await make('argued')
    const { touched } = await port().preflight('argued', 4)
    await port().freeze(record(touched))
    const theirs = defaulted({ selectPolicy: 'Min' })
    await cluster.jsonPatch(horizontals, 'argued', [{ op: 'replace', path: '/spec/behavior', value: theirs }])
    expect(await port().freeze(record(touched))).toMatchObject({ kind: 'done' })
    expect((await live('argued'))?.spec).toMatchObject({ behavior: theirs })
    await port().restore(record(touched))
    expect(shape(await live('argued'))).toMatchObject({ spec: { behavior: theirs }, annotations: undefined })
  })

  test('one that was deleted, or made anew, is none of ours', async () => {
    await make('gone')
    const { touched } = await port().preflight('gone', 4)
    await port().freeze(record(touched))
    await cluster.remove(horizontals, 'gone')
    await make('gone')
    expect(await port().restore(record(touched))).toMatchObject({ kind: 'done' })
    expect(await port().look(record(touched))).toEqual({ frozen: true, marked: false })
    expect((await live('gone'))?.spec).not.toHaveProperty('behavior')
  })

  test('one that may not be changed refuses the release, with the right that is missing', async () => {
    await make('walled')
    const token = sandbox.issueToken([
      { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: ['get', 'list'] },
    ])
    const weak = await connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'prod', token }), env: {} })
    const { findings } = await port(1, weak).preflight('walled', 4)
    expect(findings).toMatchObject([
      {
        level: 'error',
        id: 'autoscaler',
        where: 'HorizontalPodAutoscaler prod/walled',
        hint: expect.stringContaining('resourceNames: [walled], verbs: [get, patch]'),
      },
    ])
  })

  test('one that an account may not read keeps no release from going back, and says in the end which right is missing', async () => {
    await make('hidden')
    const { touched } = await port().preflight('hidden', 4)
    await port().freeze(record(touched))
    const blind = await connect({
      kubeconfig: sandbox.kubeconfig({ namespace: 'prod', token: sandbox.issueToken([]) }),
      env: {},
    })
    expect(await port(1, blind).look(record(touched))).toEqual({ frozen: false, marked: true })
    expect(await port(1, blind).restore(record(touched))).toMatchObject({
      kind: 'refused',
      cause: 'forbidden',
      text: expect.stringMatching(/HorizontalPodAutoscaler prod\/hidden.*horizontalpodautoscalers/s),
    })
  })

  test("KEDA's is changed by itself, and its HorizontalPodAutoscaler left to it", async () => {
    await cluster.create(
      { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' },
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'scaledobjects.keda.sh' },
        spec: {
          group: 'keda.sh',
          scope: 'Namespaced',
          names: { plural: 'scaledobjects', singular: 'scaledobject', kind: 'ScaledObject' },
          versions: [
            {
              name: 'v1alpha1',
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
            },
          ],
        },
      },
    )
    const spec = {
      scaleTargetRef: { name: 'queue' },
      minReplicaCount: 1,
      maxReplicaCount: 9,
      idleReplicaCount: 0,
      triggers: [],
    }
    const made = await cluster.create(scaleds, {
      ...object('ScaledObject', {}),
      metadata: { name: 'queue', namespace: 'prod' },
      spec,
    })
    const before = shape(made.kind === 'written' ? made.object : undefined)
    const { touched } = await port().preflight('queue', 4)
    await port().freeze(record(touched))
    const frozen = (await cluster.get(scaleds, 'queue'))?.spec
    expect(frozen).toMatchObject({ minReplicaCount: 4, ...configured({ scaleDown: { selectPolicy: 'Disabled' } }) })
    expect(frozen).not.toHaveProperty('idleReplicaCount')
    await port().restore(record(touched))
    expect(shape(await cluster.get(scaleds, 'queue'))).toEqual(before)
  })
})
