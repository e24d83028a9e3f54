import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import { budgetFor, canaryBudget } from '../src/budget.ts'
import type { Request, Snapshot } from '../src/obstacles.ts'
import { asPolicy } from '../src/policies.ts'
import { decideSetup } from '../src/setup.ts'
import { DIGEST, deployment, service, snapshot } from './objects.ts'

/** Policy objects of every kind against the one label that changes: `app` from shop to shop-canary. */
const one = { matchLabels: { app: 'shop' } }
const other = { matchLabels: { app: 'database' } }
const object = (kind: string, spec: unknown, more: Partial<KubernetesObject['metadata']> = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'guard', namespace: 'prod', ...more },
  spec,
})
const request = (more: Partial<Request> = {}): Request => ({
  namespace: 'prod',
  deployment: 'shop',
  container: '',
  service: '',
  image: { repository: 'registry.test/shop', digest: DIGEST('b') },
  split: 'weights',
  weights: [5],
  minCanary: 2,
  headroom: 0,
  allow: [],
  ...more,
})
const labelled = { ...service('shop', { app: 'shop' }) }
const guarded = (more: Partial<Snapshot> = {}): Snapshot =>
  snapshot({
    deployment: deployment({ selector: { matchLabels: { app: 'shop' } } }),
    services: [
      {
        ...labelled,
        metadata: { ...labelled.metadata, labels: { app: 'shop', 'app.kubernetes.io/instance': 'prod' } },
      },
    ],
    ...more,
  })
const levels = (policies: readonly KubernetesObject[], asked = request(), more: Partial<Snapshot> = {}) =>
  decideSetup(asked, guarded({ policies, ...more }))
    .findings.filter(({ id }) => id === 'policy')
    .map(({ level }) => level)

const elsewhere = { namespace: 'database' }
describe('a policy object whose match would change', () => {
  test.each<[string, string, KubernetesObject]>([
    ['a NetworkPolicy by its podSelector', 'error', object('NetworkPolicy', { podSelector: one })],
    [
      'a NetworkPolicy by a peer it admits',
      'error',
      object('NetworkPolicy', { podSelector: other, ingress: [{ from: [{ podSelector: one }] }] }),
    ],
    [
      'a NetworkPolicy by a peer it lets out to',
      'error',
      object('NetworkPolicy', { podSelector: other, egress: [{ to: [{ podSelector: one }] }] }),
    ],
    [
      'a NetworkPolicy of another namespace whose peer names this one',
      'error',
      object(
        'NetworkPolicy',
        {
          podSelector: {},
          ingress: [
            {
              from: [
                { podSelector: one, namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'prod' } } },
              ],
            },
          ],
        },
        elsewhere,
      ),
    ],
    [
      'one that names it by a label that could not be read',
      'error',
      object(
        'NetworkPolicy',
        { ingress: [{ from: [{ podSelector: one, namespaceSelector: { matchLabels: { team: 'shop' } } }] }] },
        elsewhere,
      ),
    ],
    ['an AuthorizationPolicy by its selector', 'error', object('AuthorizationPolicy', { selector: one })],
    [
      'an AuthorizationPolicy of the mesh',
      'error',
      object('AuthorizationPolicy', { selector: one }, { namespace: 'istio-system' }),
    ],
    [
      'an AuthorizationPolicy that targets the Service',
      'error',
      object('AuthorizationPolicy', { targetRefs: [{ kind: 'Service', group: '', name: 'shop' }] }),
    ],
    [
      'a RequestAuthentication by its selector',
      'error',
      object('RequestAuthentication', { selector: one, jwtRules: [] }),
    ],
    [
      'a RequestAuthentication that targets the Service',
      'error',
      object('RequestAuthentication', { targetRefs: [{ kind: 'Service', group: '', name: 'shop' }] }),
    ],
    ['a Server of Linkerd by its podSelector', 'error', object('Server', { podSelector: one, port: 8080 })],
    [
      'a CiliumNetworkPolicy by its endpointSelector',
      'error',
      object('CiliumNetworkPolicy', { endpointSelector: { matchLabels: { 'k8s:app': 'shop' } } }),
    ],
    [
      'a CiliumNetworkPolicy of another namespace by its peer',
      'error',
      object(
        'CiliumNetworkPolicy',
        {
          endpointSelector: {},
          ingress: [
            {
              fromEndpoints: [{ matchLabels: { 'k8s:app': 'shop', 'k8s:io.kubernetes.pod.namespace': 'prod' } }],
            },
          ],
        },
        elsewhere,
      ),
    ],
    [
      'a CiliumClusterwideNetworkPolicy',
      'error',
      object('CiliumClusterwideNetworkPolicy', { endpointSelector: one }, { namespace: '' }),
    ],
    ['a PeerAuthentication', 'warning', object('PeerAuthentication', { selector: one, mtls: { mode: 'STRICT' } })],
    ['a PodMonitor', 'warning', object('PodMonitor', { selector: one })],
    [
      'a ServiceMonitor by a label that the twin Service does not carry',
      'warning',
      object('ServiceMonitor', { selector: { matchLabels: { 'app.kubernetes.io/instance': 'prod' } } }),
    ],
  ])('is found: %s (%s)', (_, level, policy) => {
    expect(levels([policy])).toEqual([level])
  })

  test.each<[string, KubernetesObject]>([
    ['a NetworkPolicy of all pods', object('NetworkPolicy', { podSelector: {} })],
    ['a NetworkPolicy of others', object('NetworkPolicy', { podSelector: other })],
    [
      'a NetworkPolicy of another namespace by its own pods',
      object('NetworkPolicy', { podSelector: one, ingress: [{ from: [{ podSelector: one }] }] }, elsewhere),
    ],
    [
      'a NetworkPolicy whose peer is in another namespace',
      object('NetworkPolicy', {
        podSelector: {},
        ingress: [
          {
            from: [
              { podSelector: one, namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'database' } } },
            ],
          },
        ],
      }),
    ],
    ['an AuthorizationPolicy of the whole namespace', object('AuthorizationPolicy', { rules: [] })],
    ['an AuthorizationPolicy of another namespace', object('AuthorizationPolicy', { selector: one }, elsewhere)],
    ['a RequestAuthentication of another namespace', object('RequestAuthentication', { selector: one }, elsewhere)],
    ['a Server of Linkerd of another namespace', object('Server', { podSelector: one }, elsewhere)],
    ['a Server of Linkerd of all pods', object('Server', { podSelector: {} })],
    ['a Server of Linkerd of what is no pod', object('Server', { externalWorkloadSelector: one })],
    [
      'an AuthorizationPolicy that targets another Service',
      object('AuthorizationPolicy', { targetRef: { kind: 'Service', name: 'database' } }),
    ],
    [
      'a CiliumNetworkPolicy of another namespace by its own pods',
      object('CiliumNetworkPolicy', { endpointSelector: one }, elsewhere),
    ],
    [
      'a CiliumNetworkPolicy by service account',
      object('CiliumNetworkPolicy', {
        endpointSelector: { matchLabels: { 'io.cilium.k8s.policy.serviceaccount': 'shop' } },
      }),
    ],
    ['a PodMonitor of another namespace', object('PodMonitor', { selector: one }, elsewhere)],
    ['a ServiceMonitor by a label of the application', object('ServiceMonitor', { selector: one })],
  ])('is not: %s', (_, policy) => {
    expect(levels([policy])).toEqual([])
  })

  test('of the namespace labels that were read, only those that match count', () => {
    const peer = { podSelector: one, namespaceSelector: { matchLabels: { team: 'shop' } } }
    const policies = [object('NetworkPolicy', { ingress: [{ from: [peer] }] }, elsewhere)]
    expect(levels(policies, request(), { namespaceLabels: { team: 'other' } })).toEqual([])
    expect(levels(policies, request(), { namespaceLabels: { team: 'shop' } })).toEqual(['error'])
  })

  test.each([
    ['networkpolicy/guard', object('NetworkPolicy', { podSelector: one })],
    ['authorizationpolicy/guard', object('AuthorizationPolicy', { selector: one })],
    ['requestauthentication/guard', object('RequestAuthentication', { selector: one })],
    ['server/guard', object('Server', { podSelector: one })],
    ['ciliumnetworkpolicy/guard', object('CiliumNetworkPolicy', { endpointSelector: one })],
    [
      'networkpolicy/database/guard',
      object('NetworkPolicy', { ingress: [{ from: [{ podSelector: one, namespaceSelector: {} }] }] }, elsewhere),
    ],
  ])('is accepted by allow: ["%s"], which the refusal names', (word, policy) => {
    expect(decideSetup(request(), guarded({ policies: [policy] })).findings[0]?.hint).toContain(`["${word}"]`)
    expect(levels([policy], request({ allow: [word] }))).toEqual(['note'])
  })

  test('is avoided by another label of both selectors, though that costs a measurement', () => {
    const policies = [
      object('NetworkPolicy', { podSelector: one }),
      ...['a', 'b'].map((name) => object('PodMonitor', { selector: { matchLabels: { tier: 'web' } } }, { name })),
    ]
    const seen = guarded({
      deployment: deployment(),
      services: [service('shop', { app: 'shop', tier: 'web' })],
      policies,
    })
    const { setup, findings } = decideSetup(request(), seen)
    expect(setup?.label?.key).toBe('tier')
    expect(findings.filter(({ id }) => id === 'policy').map(({ level }) => level)).toEqual(['warning', 'warning'])
  })

  test('with no label changed nothing escapes but what looks at the track', () => {
    const place = { namespace: 'prod', labels: undefined }
    expect(asPolicy(object('NetworkPolicy', { podSelector: one }), place).selectors).toEqual([one])
  })
})

describe('a PodDisruptionBudget', () => {
  const budget = (spec: object, name = 'shop-pdb') => object('PodDisruptionBudget', spec, { name })
  const sides = { stable: { app: 'shop' }, canary: { app: 'shop-canary' }, replicas: 3 }

  test('that would not cover canary pods gets a twin', () => {
    const { setup, findings } = decideSetup(
      request(),
      guarded({ budgets: [budget({ selector: one, minAvailable: 2 })] }),
    )
    expect(setup?.budget).toEqual({ of: 'shop-pdb', name: 'shop-pdb-canary', maxUnavailable: '33%' })
    expect(findings.map(({ id, level }) => `${level} ${id}`)).toEqual(['note budget-twin'])
  })

  test.each<[string, object, string]>([
    ['two of three must stay', { minAvailable: 2 }, '33%'],
    ['all must stay', { minAvailable: 3 }, '0%'],
    ['all must stay, in percent', { minAvailable: '100%' }, '0%'],
    ['half must stay', { minAvailable: '50%' }, '50%'],
    ['one may go', { maxUnavailable: 1 }, '33%'],
    ['none may go', { maxUnavailable: 0 }, '0%'],
    ['a quarter may go', { maxUnavailable: '25%' }, '25%'],
    ['more must stay than there are', { minAvailable: 9 }, '0%'],
    ['all may go', { minAvailable: 0 }, '100%'],
  ])('says of its twin what may go: %s', (_, spec, maxUnavailable) => {
    expect(budgetFor([budget({ selector: one, ...spec })], sides, []).budget?.maxUnavailable).toBe(maxUnavailable)
  })

  test.each<[string, readonly KubernetesObject[], readonly string[], string[]]>([
    ['it covers both', [budget({ selector: {} })], [], []],
    ['it covers neither', [budget({ selector: other })], [], []],
    ['it selects nothing', [budget({ minAvailable: 1 })], [], []],
    ['the plan allows it', [budget({ selector: one })], ['poddisruptionbudget/shop-pdb'], ['note']],
    ['there are two', [budget({ selector: one }, 'a'), budget({ selector: one }, 'b')], [], ['warning']],
    [
      'another covers canary pods already',
      [budget({ selector: one }), budget({ selector: {} }, 'all')],
      [],
      ['warning'],
    ],
  ])('gets no twin where %s', (_, budgets, allow, expected) => {
    const { budget: twin, findings } = budgetFor(budgets, sides, allow)
    expect(twin).toBeUndefined()
    expect(findings.map(({ level }) => level)).toEqual(expected)
  })

  test('has a twin that selects canary pods only, keeps no node for a canary that never serves, and carries no mark of a tool', () => {
    const stable = object(
      'PodDisruptionBudget',
      { selector: one },
      {
        name: 'shop-pdb',
        labels: { app: 'shop', 'kustomize.toolkit.fluxcd.io/name': 'shop', 'app.kubernetes.io/managed-by': 'Helm' },
        annotations: { 'argocd.argoproj.io/tracking-id': 'shop:policy/PodDisruptionBudget:prod/shop-pdb' },
      },
    )
    const owner = { repository: 'o/r', runId: '7', attempt: 2, job: 'canary' }
    const selector = { matchLabels: { app: 'shop-canary' } }
    const twin = { of: 'shop-pdb', name: 'shop-pdb-canary', maxUnavailable: '33%' }
    expect(canaryBudget(twin, { stable, selector, marks: { owner, epoch: 4 } })).toEqual({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: {
        name: 'shop-pdb-canary',
        namespace: 'prod',
        labels: { app: 'shop', 'sluice.dev/track': 'canary' },
        annotations: { 'sluice.dev/owner': '7/2', 'sluice.dev/epoch': '4' },
      },
      spec: { maxUnavailable: '33%', unhealthyPodEvictionPolicy: 'AlwaysAllow', selector },
    })
  })
})
