import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import { canaryDeployment, canaryService } from '../src/canary.ts'
import type { Deployment, Service } from '../src/objects.ts'
import type { Request, Snapshot } from '../src/obstacles.ts'
import { decideSetup } from '../src/setup.ts'
import { DIGEST, deployment, podTemplate, service, snapshot } from './objects.ts'

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

describe('a Deployment in the middle of a roll-out, though all its pods are available, has no canary', () => {
  // As Kubernetes shows a new template whose first pod crashes: with few replicas, or where none may be missing, every old pod stays.
  const hung = { observedGeneration: 3, replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3 }
  const progressing = (status: string, reason: string, message: string) => [
    { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' },
    { type: 'Progressing', status, reason, message },
  ]
  const late = progressing('False', 'ProgressDeadlineExceeded', 'ReplicaSet "shop-7f" has timed out progressing.')
  const running = progressing('True', 'ReplicaSetUpdated', 'ReplicaSet "shop-7f" is progressing.')
  const seen = (status: Deployment['status'], more: Partial<Deployment['spec']> = {}) => {
    const { status: _, ...live } = deployment(more)
    return snapshot({ deployment: status === undefined ? live : { ...live, status } })
  }
  const errors = (status: Deployment['status']) =>
    decideSetup(request(), seen(status)).findings.filter(({ level }) => level === 'error')

  test('when it hangs: what its controller says, and what puts an end to it', () => {
    const [only, ...more] = errors({ ...hung, conditions: late })
    expect(more).toEqual([])
    expect(only?.id).toBe('in-progress')
    expect(only?.text).toBe(
      'Deployment prod/shop is in the middle of a roll-out: 1 of 3 pods has the template that it asks for, 3 have an earlier one ' +
        '(Progressing is False, ProgressDeadlineExceeded: ReplicaSet "shop-7f" has timed out progressing.)',
    )
    expect(only?.hint).toMatch(/kubectl rollout undo deployment\/shop -n prod.*action deploy/)
  })

  test('when it runs: to be waited for', () => {
    const [only] = errors({ ...hung, conditions: running })
    expect(only?.hint).toMatch(/^Wait for its end \(`kubectl rollout status deployment\/shop -n prod`\)/)
  })

  test.each<[string, string, Deployment['status'], Partial<Deployment['spec']>]>([
    ['whose new pods may not even be created', 'in-progress', { ...hung, replicas: 3, updatedReplicas: 0 }, {}],
    ['whose old pods are not gone yet', 'in-progress', { ...hung, updatedReplicas: 3 }, {}],
    ['that is short of pods meanwhile', 'in-progress', { ...hung, availableReplicas: 2 }, {}],
    ['that its controller has not taken', 'in-progress', { ...deployment().status, observedGeneration: 2 }, {}],
    ['that nothing looks after', 'in-progress', undefined, {}],
    // What is to be done about it comes first: until then nothing goes on.
    ['that somebody paused', 'paused', hung, { paused: true }],
    // All pods are of one template: an autoscaler or a person made it larger.
    ['that only grows', 'stable-unavailable', deployment().status, { replicas: 5 }],
  ])('%s', (_, id, status, more) => {
    expect(decideSetup(request(), seen(status, more)).setup).toBeUndefined()
    expect(ids(request(), seen(status, more), 'error')).toEqual([id])
  })

  test('that only shrinks is none', () => {
    expect(ids(request(), seen(deployment().status, { replicas: 2 }), 'error')).toEqual([])
  })
})

describe('a second Service of the same pods', () => {
  const [instance, name] = ['app.kubernetes.io/instance', 'app.kubernetes.io/name']
  const labels = { [instance]: 'prod', [name]: 'shop' }
  const template = { ...podTemplate(), metadata: { labels } }
  const charted = (selector: Record<string, string>, spec: Partial<Service['spec']> = {}) => {
    const second = service('shop-lb', selector)
    return snapshot({
      deployment: deployment({ selector: { matchLabels: labels }, template }),
      services: [service('shop', labels), { ...second, spec: { ...second.spec, ...spec } }],
    })
  }
  const asked = (more: Partial<Request> = {}) => request({ service: 'shop', ...more })

  test('has the label changed by which it would leave canary pods out', () => {
    expect(decideSetup(asked(), charted({ [name]: 'shop' })).setup?.label).toMatchObject({ key: name })
    expect(decideSetup(asked(), charted({ [instance]: 'prod' })).setup?.label).toMatchObject({ key: instance })
  })

  const byTeam = { team: 'blue' }
  const teamed = (selector: Record<string, string> = byTeam, spec: Partial<Service['spec']> = {}) => {
    const seen = charted(selector, spec)
    const withTeam = { ...template, metadata: { labels: { ...labels, ...byTeam } } }
    return { ...seen, deployment: deployment({ selector: { matchLabels: labels }, template: withTeam }) }
  }

  test('that no label keeps from canary pods is refused, with the label that would', () => {
    const { setup, findings } = decideSetup(asked(), teamed())
    expect(setup).toBeUndefined()
    expect(findings).toEqual([
      {
        id: 'other-service',
        level: 'error',
        text: 'Service shop-lb would send requests to canary pods at every weight, 0 too: it selects them by team=blue',
        where: 'Deployment prod/shop',
        hint: `Add ${instance}=prod to its selector, which canary pods carry with another value, or accept it with \`allow: ["service/shop-lb"]\` in the plan.`,
      },
    ])
  })

  test('is accepted by name', () => {
    const accepted = asked({ allow: ['service/shop-lb'] })
    expect(decideSetup(accepted, teamed()).setup).toBeDefined()
    expect(ids(accepted, teamed(), 'note')).toEqual(['other-service'])
  })

  test.each<[string, Snapshot, Partial<Request>]>([
    ['without a selector, whose endpoints somebody writes', teamed({}), {}],
    ['of type ExternalName, which has no pods', teamed(byTeam, { type: 'ExternalName' }), {}],
    ['of other pods', teamed({ team: 'red' }), {}],
    ['where pods are the split, and are to be shared', teamed(), { split: 'replicas' }],
  ])('%s is nothing to say', (_, seen, more) => {
    const withTrack = { ...template, metadata: { labels: { ...labels, ...byTeam, track: 'stable' } } }
    const matchLabels = { ...labels, track: 'stable' }
    const apart = { ...seen, deployment: deployment({ selector: { matchLabels }, template: withTrack }) }
    expect(decideSetup(asked(more), apart).findings).toEqual([])
  })

  test('that is headless counts: its clients connect to every pod', () => {
    expect(ids(asked(), teamed(byTeam, { clusterIP: 'None' }), 'error')).toEqual(['other-service'])
  })

  test('that picks canary pods alone is told to select others', () => {
    const [finding] = decideSetup(asked(), charted({ 'sluice.dev/track': 'canary' })).findings
    expect(finding?.hint).toMatch(/^Let it select other pods/)
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
