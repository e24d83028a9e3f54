import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import { canaryDeployment, canaryService } from '../src/canary.ts'
import type { Request, Snapshot } from '../src/obstacles.ts'
import { decideSetup } from '../src/setup.ts'
import { DIGEST, deployment, podTemplate, service } from './objects.ts'

const request = (more: Partial<Request> = {}): Request => ({
  namespace: 'prod',
  deployment: 'shop',
  container: '',
  service: '',
  image: { repository: 'registry.test/shop', digest: DIGEST('b') },
  split: 'weights',
  weights: [5, 25, 50],
  minCanary: 2,
  headroom: 0,
  allow: [],
  ...more,
})
const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  deployment: deployment(),
  services: [service('shop', { app: 'shop' })],
  policies: [],
  budgets: [],
  autoscalers: [],
  claims: [],
  taken: [],
  unread: [],
  ...more,
})
const object = (kind: string, name: string, spec: unknown, annotations: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'prod', annotations },
  spec,
})
const ids = (asked: Request, seen: Snapshot, level: string) =>
  decideSetup(asked, seen)
    .findings.filter((finding) => finding.level === level)
    .map(({ id }) => id)

test('a plain Deployment behind one Service needs nothing more', () => {
  expect(decideSetup(request(), snapshot())).toEqual({
    findings: [],
    setup: {
      deployment: 'shop',
      container: 'web',
      canary: 'shop-canary',
      label: { key: 'app', stable: 'shop', canary: 'shop-canary' },
      service: 'shop',
      canaryService: 'shop-canary',
    },
  })
})

describe('nothing is begun', () => {
  const hpa = object('HorizontalPodAutoscaler', 'shop', { scaleTargetRef: { kind: 'Deployment', name: 'shop' } })
  const keda = object('ScaledObject', 'shop', { scaleTargetRef: { name: 'shop' } })
  const claim = object('PersistentVolumeClaim', 'data', { accessModes: ['ReadWriteOnce'] })
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
  const isolating = object('NetworkPolicy', 'shop', { podSelector: { matchLabels: { app: 'shop' } } })
  test.each<[string, string, Partial<Request>, Partial<Snapshot>]>([
    ['there is no Deployment', 'no-deployment', {}, { deployment: undefined }],
    ['no Service selects the pods', 'service', {}, { services: [service('other', { app: 'other' })] }],
    [
      'several Services select them',
      'service',
      {},
      { services: [service('a', { app: 'shop' }), service('b', { tier: 'web' })] },
    ],
    [
      'the named Service selects others',
      'service',
      { service: 'other' },
      { services: [service('other', { app: 'other' })] },
    ],
    ['the container is unknown', 'container', { container: 'nope' }, {}],
    ['the Deployment is paused', 'paused', {}, { deployment: deployment({ paused: true }) }],
    ['it has no replicas', 'no-replicas', {}, { deployment: deployment({ replicas: 0 }) }],
    ['not all stable pods are available', 'stable-unavailable', {}, { deployment: deployment({ replicas: 4 }) }],
    ['promotion would stop all pods', 'recreate', {}, { deployment: deployment({ strategy: { type: 'Recreate' } }) }],
    [
      'a volume has one writer',
      'single-writer-volume',
      {},
      { deployment: deployment({ template: podTemplate({ volumes }) }), claims: [claim] },
    ],
    [
      'a NetworkPolicy would match differently',
      'policy',
      {},
      { deployment: deployment({ selector: { matchLabels: { app: 'shop' } } }), policies: [isolating] },
    ],
    [
      'the name of its Service is taken',
      'name-taken',
      {},
      { services: [service('shop', { app: 'shop' }), service('shop-canary', { app: 'x' })] },
    ],
    ['the name of the canary is taken', 'name-taken', {}, { taken: [object('Deployment', 'shop-canary', {})] }],
    ...[hpa, keda].map((autoscaler): [string, string, Partial<Request>, Partial<Snapshot>] => [
      `a ${autoscaler.kind} would count canary pods`,
      'autoscaler',
      { split: 'replicas' },
      { services: [service('shop', { app: 'shop', tier: 'web' })], autoscalers: [autoscaler] },
    ]),
    [
      'a StatefulSet has the name',
      'not-a-deployment',
      {},
      { deployment: undefined, others: [object('StatefulSet', 'shop', {})] },
    ],
    [
      'its pods use the network of their node',
      'host-port',
      {},
      { deployment: deployment({ template: podTemplate({ hostNetwork: true }) }) },
    ],
  ])('when %s', (_, id, asked, seen) => {
    const { setup } = decideSetup(request(asked), snapshot(seen))
    expect(setup).toBeUndefined()
    expect(ids(request(asked), snapshot(seen), 'error')).toEqual([id])
  })

  test('when a container takes a port of its node', () => {
    const containers = [{ name: 'web', ports: [{ containerPort: 80, hostPort: 80 }], lifecycle: { preStop: {} } }]
    const seen = snapshot({ deployment: deployment({ template: podTemplate({ containers }) }) })
    expect(ids(request(), seen, 'error')).toEqual(['host-port'])
  })

  test('and all reasons are found at once', () => {
    const seen = snapshot({ deployment: deployment({ paused: true, strategy: { type: 'Recreate' } }), services: [] })
    expect(ids(request({ container: 'nope' }), seen, 'error')).toEqual(['container', 'service', 'paused', 'recreate'])
  })

  test('on a first release, which is pointed to deploy', () => {
    const [finding] = decideSetup(request(), snapshot({ deployment: undefined })).findings
    expect(finding?.hint).toMatch(/first release\? Use the action deploy/)
  })
})

describe('it is begun with a warning', () => {
  const containers = [{ name: 'web', image: 'registry.test/shop:1', ports: [{ containerPort: 80 }] }]
  test.each<[string, string, Partial<Request>, Partial<Snapshot>]>([
    [
      'pods have no preStop hook',
      'no-pre-stop',
      {},
      { deployment: deployment({ template: podTemplate({ containers }) }) },
    ],
    ['the first step has one canary pod', 'one-canary-pod', { minCanary: 1 }, {}],
    [
      'it may be a worker',
      'works-at-zero',
      {},
      {
        deployment: deployment({
          template: podTemplate({ containers: [{ name: 'web', lifecycle: { preStop: {} } }] }),
        }),
      },
    ],
  ])('when %s', (_, id, asked, seen) => {
    expect(decideSetup(request(asked), snapshot(seen)).setup).toBeDefined()
    expect(ids(request(asked), snapshot(seen), 'warning')).toEqual([id])
  })
})

test('an autoscaler that counts pods by a label of its own is no reason where there is no router', () => {
  const hpa = object('HorizontalPodAutoscaler', 'shop', { scaleTargetRef: { kind: 'Deployment', name: 'shop' } })
  const seen = snapshot({ autoscalers: [hpa] })
  expect(ids(request({ split: 'replicas' }), seen, 'error')).toEqual([])
})

test('what could not be read is said in one sentence', () => {
  const unread = ['NetworkPolicy objects', 'LimitRange objects'].map((what) => ({ what, why: 'Not allowed (403)' }))
  const { findings } = decideSetup(request(), snapshot({ unread }))
  expect(findings.map(({ text }) => text)).toEqual([
    'NetworkPolicy objects, LimitRange objects could not be read, so what they mean for canary pods was not checked: Not allowed (403)',
  ])
})

test('that only its own namespace could be read is said', () => {
  expect(decideSetup(request(), snapshot({ ownOnly: true })).findings.map(({ id }) => id)).toEqual([
    'policies-elsewhere',
  ])
})

test('a NetworkPolicy that the plan allows is a note', () => {
  const seen = snapshot({
    deployment: deployment({ selector: { matchLabels: { app: 'shop' } } }),
    policies: [object('NetworkPolicy', 'shop', { podSelector: { matchLabels: { app: 'shop' } } })],
  })
  const asked = request({ allow: ['networkpolicy/shop'] })
  expect(decideSetup(asked, seen).setup).toBeDefined()
  expect(ids(asked, seen, 'note')).toEqual(['policy'])
})

describe('the objects of a canary', () => {
  const owner = { repository: 'o/r', runId: '7', attempt: 2, job: 'canary' }
  const given = {
    name: 'shop-canary',
    label: { key: 'app', stable: 'shop', canary: 'shop-canary' },
    marks: { owner, epoch: 4 },
  }

  test('carry owner and epoch and no tracking mark of another tool', () => {
    const { metadata } = canaryDeployment(deployment(), podTemplate(), { ...given, replicas: 2 })
    expect(metadata.labels).toEqual({ app: 'shop', 'sluice.dev/track': 'canary' })
    expect(metadata.annotations).toEqual({ 'sluice.dev/owner': '7/2', 'sluice.dev/epoch': '4' })
  })

  test.each([
    ['argocd.argoproj.io/instance'],
    ['app.kubernetes.io/instance'],
    ['app.kubernetes.io/managed-by'],
    ['helm.sh/chart'],
    ['kustomize.toolkit.fluxcd.io/name'],
    ['kustomize.toolkit.fluxcd.io/namespace'],
    ['helm.toolkit.fluxcd.io/name'],
    ['argocd.argoproj.io/tracking-id'],
    ['kubectl.kubernetes.io/last-applied-configuration'],
    ['meta.helm.sh/release-name'],
    ['meta.helm.sh/release-namespace'],
    ['deployment.kubernetes.io/revision'],
    ['kustomize.toolkit.fluxcd.io/ssa'],
  ])('never carry %s', (mark) => {
    const marked = <T extends KubernetesObject>(object: T): T => ({
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...object.metadata.labels, [mark]: 'x' },
        annotations: { ...object.metadata.annotations, [mark]: 'x' },
        managedFields: [{ manager: 'argocd-controller' }],
        ownerReferences: [{ apiVersion: 'v1', kind: 'App', name: 'x', uid: 'x' }],
        finalizers: ['x/y'],
      },
    })
    const made = [
      canaryDeployment(marked(deployment()), podTemplate(), { ...given, replicas: 2 }),
      canaryService(marked(service('shop', { app: 'shop' })), given),
    ]
    for (const { metadata } of made) {
      expect(Object.keys(metadata).sort()).toEqual(['annotations', 'labels', 'name', 'namespace'])
      expect(JSON.stringify(metadata)).not.toContain(mark)
    }
  })

  test('select canary pods only', () => {
    const { spec } = canaryDeployment(deployment(), podTemplate(), { ...given, replicas: 2 })
    expect(spec.selector.matchLabels).toEqual({ app: 'shop-canary', tier: 'web', 'sluice.dev/track': 'canary' })
    expect(spec.template.metadata?.labels).toMatchObject(spec.selector.matchLabels ?? {})
  })

  test('have of the Service only its ports and appProtocol', () => {
    const twin = canaryService(service('shop', { app: 'shop' }), given)
    expect(twin.metadata.annotations).not.toHaveProperty('cloud.test/balancer')
    expect(twin.spec).toEqual({
      type: 'ClusterIP',
      selector: { app: 'shop-canary', 'sluice.dev/track': 'canary' },
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP', appProtocol: 'http' }],
    })
  })
})
