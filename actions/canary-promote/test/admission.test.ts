import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import { admissionFindings } from '../src/admission.ts'
import { limitFindings } from '../src/limits.ts'
import type { PodTemplate } from '../src/objects.ts'
import type { Request, Snapshot } from '../src/obstacles.ts'
import { ENFORCE, ENFORCE_VERSION, podSecurityFindings } from '../src/pod-security.ts'
import { surgeOf } from '../src/quota.ts'
import { amountOf, askedByPod, shownAmount } from '../src/resources.ts'
import { DIGEST, deployment, podTemplate, snapshot } from './objects.ts'

/** What the cluster's own rules say to the canary's pods, reckoned from the objects. */
const template = (resources: object, more: object = {}): PodTemplate =>
  podTemplate({ containers: [{ name: 'web', resources }], ...more })
const object = (kind: string, name: string, spec: object, status?: object): KubernetesObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'prod' },
  spec,
  ...(status === undefined ? {} : { status }),
})
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
const rolling = (maxSurge: number | string, maxUnavailable: number | string) => ({
  type: 'RollingUpdate',
  rollingUpdate: { maxSurge, maxUnavailable },
})
const admitted = (
  more: Partial<Snapshot>,
  given: { template: PodTemplate; rehearsed?: boolean; request?: Request; budgets?: number },
) =>
  admissionFindings(
    snapshot({ deployment: deployment({ replicas: 10, strategy: rolling(2, 0) }), services: [], ...more }),
    { request: request(), budgets: 0, rehearsed: false, ...given },
  )

test.each([
  ['250m', 0.25],
  ['1', 1],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['128Mi', 2 ** 27],
  ['1e3', 1000],
  ['2k', 2000],
  ['5E', 5e18],
  [3, 3],
  ['none', Number.NaN],
])('the quantity %s is %d', (quantity, amount) => expect(amountOf(quantity)).toBe(amount))

test.each([
  ['cpu', 0.25, '250m'],
  ['requests.cpu', 2, '2'],
  ['memory', 2 ** 27, '128Mi'],
  ['limits.memory', 1.5 * 2 ** 30, '1.5Gi'],
  ['pods', 7, '7'],
])('%s of %d is shown as %s', (resource, amount, shown) => expect(shownAmount(resource, amount)).toBe(shown))

test('a pod asks for its containers and side-cars together, or for an init container that is larger', () => {
  const containers = [
    { name: 'web', resources: { requests: { cpu: '200m' }, limits: { cpu: '1', memory: '64Mi' } } },
    { name: 'log', resources: { requests: { cpu: '100m' } } },
  ]
  const initContainers = [
    { name: 'proxy', restartPolicy: 'Always', resources: { requests: { cpu: '50m' } } },
    { name: 'migrate', resources: { requests: { cpu: '250m', memory: '1Gi' } } },
  ]
  const { requests } = askedByPod(podTemplate({ containers, initContainers, overhead: { cpu: '10m' } }), [])
  // 200m + 100m + 50m is more than 250m + 50m of the start; a limit without a request asks for as much.
  expect(requests).toEqual({ cpu: 0.36, memory: 2 ** 30 })
})

test.each<[string, object, number, { surge: number; mustSurge: number }]>([
  ['the default', { type: 'RollingUpdate' }, 10, { surge: 3, mustSurge: 0 }],
  ['none may be missing', rolling('25%', 0), 10, { surge: 3, mustSurge: 1 }],
  ['a share that rounds to none', rolling(1, '25%'), 3, { surge: 1, mustSurge: 1 }],
  ['one is taken away first', rolling(0, 1), 3, { surge: 0, mustSurge: 0 }],
])('promotion adds pods: %s', (_, strategy, replicas, expected) => {
  expect(surgeOf(deployment({ strategy, replicas }))).toEqual(expected)
})

describe('a ResourceQuota', () => {
  const quota = (hard: object, used: object, spec: object = {}) =>
    object('ResourceQuota', 'compute', { hard, ...spec }, { hard, used })
  const asks = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } }
  // 50 % beside ten pods is five canary pods, and promotion adds two of which it needs one.
  test.each<[string, KubernetesObject, string[]]>([
    ['has room for all', quota({ pods: '17' }, { pods: '10' }), []],
    ['has room for less surge', quota({ pods: '16' }, { pods: '10' }), ['warning']],
    ['has no room for the canary and one of the surge', quota({ pods: '15' }, { pods: '10' }), ['error']],
    ['counts pods as objects', quota({ 'count/pods': '15' }, { 'count/pods': '10' }), ['error']],
    ['has room in cpu', quota({ 'requests.cpu': '1700m' }, { 'requests.cpu': '1' }), []],
    ['has none in cpu', quota({ 'requests.cpu': '1500m' }, { 'requests.cpu': '1' }), ['error']],
    ['names cpu barely', quota({ cpu: '1500m' }, { cpu: '1' }), ['error']],
    ['has none in limits', quota({ 'limits.memory': '1Gi' }, { 'limits.memory': '900Mi' }), ['error']],
    ['counts what these pods do not use', quota({ 'requests.nvidia.com/gpu': '0' }, {}), []],
    ['counts the Services', quota({ services: '3' }, { services: '3' }), ['error']],
    ['counts the Deployments', quota({ 'count/deployments.apps': '2' }, { 'count/deployments.apps': '1' }), []],
    [
      'has no room for two ReplicaSets',
      quota({ 'count/replicasets.apps': '4' }, { 'count/replicasets.apps': '3' }),
      ['error'],
    ],
    ['is for pods without requests', quota({ pods: '1' }, { pods: '1' }, { scopes: ['BestEffort'] }), []],
    [
      'is for pods with requests',
      quota({ pods: '1' }, { pods: '1' }, { scopes: ['NotBestEffort', 'NotTerminating'] }),
      ['error'],
    ],
    [
      'is for another priority',
      quota(
        { pods: '1' },
        { pods: '1' },
        {
          scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] },
        },
      ),
      [],
    ],
  ])('that %s', (_, each, expected) => {
    expect(admitted({ quotas: [each] }, { template: template(asks) }).map(({ level }) => level)).toEqual(expected)
  })

  test('is refused with the numbers and what to raise it to', () => {
    const [finding] = admitted(
      { quotas: [quota({ 'requests.cpu': '1500m' }, { 'requests.cpu': '1' })] },
      { template: template(asks) },
    )
    expect(finding).toMatchObject({
      text: "ResourceQuota compute leaves 500m of 1500m requests.cpu; the release needs 600m: 5 canary pods and 2 of promotion's surge of 100m each",
      hint: 'Raise it to 1700m, release in smaller steps, or lower what a pod requests.',
      measured: 0.5,
      limit: 0.6,
    })
  })

  test('refuses pods that do not say what it counts, unless a LimitRange says it for them', () => {
    const quotas = [quota({ 'limits.cpu': '100' }, {})]
    expect(admitted({ quotas }, { template: template({}) })[0]).toMatchObject({
      level: 'error',
      text: expect.stringMatching(/counts limits.cpu, and container web of Deployment prod\/shop does not say it/),
    })
    const limitRanges = [object('LimitRange', 'defaults', { limits: [{ type: 'Container', default: { cpu: '1' } }] })]
    expect(admitted({ quotas, limitRanges }, { template: template({}) })).toEqual([])
  })

  test('is reckoned with what webhooks have added to the pods of stable', () => {
    const quotas = [quota({ 'requests.cpu': '2' }, { 'requests.cpu': '1' })]
    const sample = podTemplate({
      containers: [
        { name: 'web', resources: asks },
        { name: 'proxy', resources: { requests: { cpu: '100m' } } },
      ],
    }).spec
    expect(admitted({ quotas }, { template: template(asks) })).toEqual([])
    expect(admitted({ quotas, sample }, { template: template(asks) }).map(({ level }) => level)).toEqual(['error'])
  })

  test('counts the share of pods where there is no router, and the twin budget', () => {
    // Half of the pods beside ten are ten more.
    const quotas = [
      quota({ pods: '20' }, { pods: '10' }),
      quota({ 'count/poddisruptionbudgets.policy': '1' }, { 'count/poddisruptionbudgets.policy': '1' }),
    ]
    const given = { template: template(asks), request: request({ split: 'replicas' }) }
    expect(admitted({ quotas }, given).map(({ level }) => level)).toEqual(['error'])
    expect(admitted({ quotas }, { ...given, budgets: 1 }).map(({ level }) => level)).toEqual(['error', 'error'])
  })
})

describe('a LimitRange', () => {
  const range = (limit: object) => [object('LimitRange', 'bounds', { limits: [limit] })]
  test.each<[string, object, object, RegExp | undefined]>([
    [
      'a request below min',
      { min: { cpu: '200m' } },
      { requests: { cpu: '100m' } },
      /requests 100m of cpu, less than 200m/,
    ],
    ['no request for min', { min: { cpu: '200m' } }, {}, /requests no cpu; at least 200m/],
    [
      'a limit below min',
      { min: { cpu: '200m' } },
      { requests: { cpu: '200m' }, limits: { cpu: '100m' } },
      /limits cpu to 100m, less/,
    ],
    ['a request at min', { min: { cpu: '200m' } }, { requests: { cpu: '200m' } }, undefined],
    [
      'a limit above max',
      { max: { memory: '1Gi' } },
      { limits: { memory: '2Gi' } },
      /limits memory to 2Gi, more than 1Gi/,
    ],
    ['no limit for max', { max: { memory: '1Gi' } }, {}, /has no limit for memory; at most 1Gi/],
    ['a default for max', { max: { memory: '1Gi' }, default: { memory: '1Gi' } }, {}, undefined],
    [
      'a ratio too wide',
      { maxLimitRequestRatio: { cpu: '2' } },
      { requests: { cpu: '100m' }, limits: { cpu: '300m' } },
      /300m over a request of 100m of cpu: 3 times, more than 2/,
    ],
    [
      'a ratio as wide',
      { maxLimitRequestRatio: { cpu: '3' } },
      { requests: { cpu: '100m' }, limits: { cpu: '300m' } },
      undefined,
    ],
    ['a ratio of nothing', { maxLimitRequestRatio: { cpu: '3' } }, { limits: { memory: '1Gi' } }, /no request for cpu/],
  ])('is held against a container: %s', (_, limit, resources, text) => {
    const found = limitFindings(template(resources), range({ type: 'Container', ...limit }), 'Deployment prod/shop')
    expect(found.map((each) => each.text)).toEqual(text === undefined ? [] : [expect.stringMatching(text)])
  })

  test('is held against the whole pod', () => {
    const two = podTemplate({
      containers: ['a1', 'b1'].map((name) => ({ name, resources: { limits: { cpu: '600m' } } })),
    })
    const found = (max: string) => limitFindings(two, range({ type: 'Pod', max: { cpu: max } }), 'x')
    expect(found('1')[0]?.text).toMatch(/the pod limits cpu to 1200m, more than 1/)
    expect(found('1200m')).toEqual([])
  })

  test('of volumes is nothing to pods', () => {
    expect(limitFindings(template({}), range({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' } }), 'x')).toEqual(
      [],
    )
  })

  test('is left to the API server where a pod was rehearsed', () => {
    const limitRanges = range({ type: 'Container', min: { cpu: '1' } })
    expect(admitted({ limitRanges }, { template: template({}) })).toHaveLength(1)
    expect(admitted({ limitRanges }, { template: template({}), rehearsed: true })).toEqual([])
  })
})

describe('Pod Security', () => {
  const hardened = {
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  }
  const said = (level: string, container: object, pod: object = {}, allow: readonly string[] = []) =>
    podSecurityFindings(
      podTemplate({ containers: [{ name: 'web', ...container }], ...pod }),
      { [ENFORCE]: level },
      { allow, where: 'x', server: 'v1.34.4' },
    )

  test.each<[string, string, object, object, RegExp]>([
    ['privileged', 'baseline', { securityContext: { privileged: true } }, {}, /web must not be privileged/],
    [
      'capabilities',
      'baseline',
      { securityContext: { capabilities: { add: ['NET_ADMIN'] } } },
      {},
      /must not add such/,
    ],
    ['a hostPort', 'baseline', { ports: [{ containerPort: 80, hostPort: 80 }] }, {}, /hostPort/],
    ['the node network', 'baseline', {}, { hostNetwork: true, hostPID: true }, /must not set hostNetwork, hostPID/],
    ['a hostPath', 'baseline', {}, { volumes: [{ name: 'node', hostPath: { path: '/' } }] }, /volume node must not/],
    ['a sysctl', 'baseline', {}, { securityContext: { sysctls: [{ name: 'kernel.msgmax' }] } }, /kernel.msgmax/],
    ['seccomp', 'baseline', {}, { securityContext: { seccompProfile: { type: 'Unconfined' } } }, /Unconfined/],
    ['a probe elsewhere', 'baseline', { livenessProbe: { httpGet: { host: '10.0.0.1' } } }, {}, /name a host/],
    [
      'an init container',
      'baseline',
      {},
      { initContainers: [{ name: 'init', securityContext: { privileged: true } }] },
      /init must not be priv/,
    ],
    ['root', 'restricted', { securityContext: { ...hardened, runAsNonRoot: undefined } }, {}, /runAsNonRoot=true/],
    ['uid 0', 'restricted', { securityContext: { ...hardened, runAsUser: 0 } }, {}, /runAsUser=0/],
    [
      'escalation',
      'restricted',
      { securityContext: { ...hardened, allowPrivilegeEscalation: undefined } },
      {},
      /Escalation=false/,
    ],
    ['capabilities kept', 'restricted', { securityContext: { ...hardened, capabilities: {} } }, {}, /drop=\["ALL"\]/],
    ['no seccomp', 'restricted', { securityContext: { ...hardened, seccompProfile: undefined } }, {}, /RuntimeDefault/],
    [
      'a volume',
      'restricted',
      { securityContext: hardened },
      { volumes: [{ name: 'share', nfs: {} }] },
      /volume share is of a kind/,
    ],
  ])('refuses %s (%s)', (_, level, container, pod, text) => {
    expect(said(level, container, pod).map((each) => [each.level, each.text])).toEqual([
      ['error', expect.stringMatching(text)],
    ])
  })

  test.each<[string, string, object, object]>([
    ['a plain pod under baseline', 'baseline', {}, {}],
    ['a privileged one without enforcement', 'privileged', { securityContext: { privileged: true } }, {}],
    ['a hardened one under restricted', 'restricted', { securityContext: hardened }, {}],
    [
      'one hardened as a pod',
      'restricted',
      {
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
        },
      },
      {
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'Localhost' } },
        volumes: [{ name: 'scratch', emptyDir: {} }, { name: 'bare' }],
      },
    ],
  ])('lets pass: %s', (_, level, container, pod) => expect(said(level, container, pod)).toEqual([]))

  const HOST = { livenessProbe: { tcpSocket: { host: '10.0.0.1' } } }
  test.each<[string, string | undefined, string | undefined, number]>([
    ['a server that has it', undefined, 'v1.34.4', 1],
    ['a later one', undefined, 'v1.40.0', 1],
    ['one of a cloud', 'latest', 'v1.34.1-eks-113cf36', 1],
    ['an older one', undefined, 'v1.33.5', 0],
    ['an older one, though the label says the latest', 'latest', 'v1.33.5', 0],
    ['an unknown one', undefined, undefined, 0],
    ['a label of the version that has it', 'v1.34', undefined, 1],
    ['a label of an older one', 'v1.33', 'v1.34.4', 0],
    ['a label of a version that the server does not know', 'v1.34', 'v1.32.0', 0],
  ])('knows the check of hosts in probes by %s', (_, pinned, server, expected) => {
    const labels = { [ENFORCE]: 'baseline', ...(pinned === undefined ? {} : { [ENFORCE_VERSION]: pinned }) }
    const template = podTemplate({ containers: [{ name: 'web', ...HOST }] })
    expect(podSecurityFindings(template, labels, { allow: [], where: 'x', server })).toHaveLength(expected)
  })

  test('that the plan knows to be exempted is a note', () => {
    const [finding] = said('restricted', {}, {}, ['podsecurity/restricted'])
    expect(finding?.level).toBe('note')
  })
})
