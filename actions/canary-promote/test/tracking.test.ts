import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import { type Changed, deploymentPaths, type Tracked, trackersOf, trackingFindings } from '../src/tracking.ts'

/** Who keeps an object as Git has it, and what a release says to that. */
const meta = (labels: object, annotations: object = {}, managers: readonly string[] = []) => ({
  name: 'shop',
  namespace: 'prod',
  labels: { ...labels },
  annotations: { ...annotations },
  managedFields: managers.map((manager) => ({ manager })),
})
const containers = [
  { name: 'proxy', image: 'proxy:1' },
  { name: 'web', image: 'shop:1' },
]
const shop = (metadata: object): Changed => ({
  object: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { replicas: 3, template: { spec: { containers } } },
  } as KubernetesObject,
  paths: deploymentPaths(containers, 'web'),
})
const argo = meta({}, { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:prod/shop' })
const flux = { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' }
const fluxHelm = { 'helm.toolkit.fluxcd.io/name': 'shop', 'helm.toolkit.fluxcd.io/namespace': 'prod' }
const helm = meta({ 'app.kubernetes.io/managed-by': 'Helm' }, { 'meta.helm.sh/release-name': 'shop' })

describe('an object is tracked', () => {
  test.each<[string, object, string | undefined]>([
    ['by the id of Argo CD', argo, 'Application argocd/shop'],
    [
      'by an Application of another namespace',
      meta({}, { 'argocd.argoproj.io/tracking-id': 'team_shop:apps/Deployment:prod/shop' }),
      'Application team/shop',
    ],
    ['by the label of Argo CD', meta({ 'argocd.argoproj.io/instance': 'shop' }), 'Application argocd/shop'],
    [
      'by the common label, where Argo CD is among the field managers',
      meta({ 'app.kubernetes.io/instance': 'shop' }, {}, ['argocd-controller']),
      'Application argocd/shop',
    ],
    ['by Flux', meta(flux), 'Kustomization flux-system/apps'],
    [
      'by a HelmRelease of Flux',
      meta({ ...fluxHelm, 'app.kubernetes.io/managed-by': 'Helm' }),
      'HelmRelease prod/shop',
    ],
    ['by Helm', helm, 'Helm /shop'],
    ['by nobody', meta({ 'app.kubernetes.io/instance': 'shop' }, {}, ['kubectl-client-side-apply']), undefined],
    [
      'not by Flux that is told to leave it',
      meta(flux, { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' }),
      undefined,
    ],
    ['not by Flux that only makes it', meta(flux, { 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' }), undefined],
  ])('%s', (_, metadata, expected) => {
    const [tracked] = trackersOf([shop(metadata)])
    const shown = tracked && `${tracked.tracker.kind} ${tracked.tracker.namespace}/${tracked.tracker.name}`
    expect(shown).toBe(expected)
  })
})

/** Argo CD that heals by itself but for what this rule names, and Flux' two controllers. */
const healing = (rule: object): KubernetesObject =>
  found({
    syncPolicy: { automated: { selfHeal: true }, syncOptions: ['RespectIgnoreDifferences=true'] },
    ignoreDifferences: [rule],
  })
const found = (spec: object, annotations: object = {}): KubernetesObject =>
  ({ apiVersion: 'v1', kind: 'x', metadata: { name: 'x', annotations }, spec }) as KubernetesObject
const said = (metadata: object, object: KubernetesObject | undefined, allow: readonly string[] = []) =>
  trackingFindings(
    trackersOf([shop(metadata)]).map((each): Tracked => ({ ...each, found: object })),
    allow,
  )
const image = '/spec/template/spec/containers/1/image'

describe('a tool that writes back by itself is refused', () => {
  test.each<[string, object, KubernetesObject | undefined]>([
    ['Argo CD with automated sync', argo, found({ syncPolicy: { automated: {} } })],
    ['Argo CD that heals', argo, found({ syncPolicy: { automated: { selfHeal: true } } })],
    [
      'Argo CD that ignores the image in its comparison only',
      argo,
      found({ syncPolicy: { automated: {} }, ignoreDifferences: [{ kind: 'Deployment', jsonPointers: [image] }] }),
    ],
    [
      'Argo CD that ignores another field',
      argo,
      found({
        syncPolicy: { automated: {}, syncOptions: ['RespectIgnoreDifferences=true'] },
        ignoreDifferences: [{ group: 'apps', kind: 'Deployment', jsonPointers: ['/spec/replicas'] }],
      }),
    ],
    ['Argo CD of another cluster', argo, undefined],
    ['Flux', meta(flux), found({ prune: true })],
    ['Flux that may not be read', meta(flux), undefined],
    ['a HelmRelease that corrects drift', meta(fluxHelm), found({ driftDetection: { mode: 'enabled' } })],
    ['a HelmRelease that may not be read', meta(fluxHelm), undefined],
  ])('%s', (_, metadata, object) => {
    expect(said(metadata, object).map(({ level }) => level)).toEqual(['error'])
  })

  test('with the two ways out, the first as it is to be written', () => {
    const [finding] = said(argo, found({ syncPolicy: { automated: { selfHeal: true } } }))
    expect(finding?.hint).toContain(
      [
        'spec:',
        '  ignoreDifferences:',
        `    - { group: apps, kind: Deployment, name: shop, jsonPointers: ["${image}", "/spec/replicas"] }`,
        '  syncPolicy:',
        '    syncOptions: [RespectIgnoreDifferences=true]',
      ].join('\n'),
    )
    expect(finding?.hint).toContain('let Git carry the new image')
    expect(finding?.hint).toContain('allow: ["application/shop"]')
    expect(said(meta(flux), found({}))[0]?.hint).toContain(
      `spec:\n  ignore:\n    - { target: { kind: Deployment, name: shop }, paths: ["${image}", "/spec/replicas"] }`,
    )
    expect(said(meta(fluxHelm), found({ driftDetection: { mode: 'enabled' } }))[0]?.hint).toContain(
      'spec:\n  driftDetection:\n    ignore:\n      - { target:',
    )
  })

  test('once for all the objects that it keeps', () => {
    const route = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { ...argo, name: 'web' } }
    const all = trackersOf([shop(argo), { object: route as KubernetesObject, paths: ['/spec/rules/0/backendRefs'] }])
    const [finding, ...more] = trackingFindings(all, [])
    expect(more).toEqual([])
    expect(finding?.text).toContain('Deployment shop and HTTPRoute web is kept')
    expect(finding?.hint).toContain(
      '{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: web, jsonPointers: ["/spec/rules/0/backendRefs"] }',
    )
  })
})

describe('a note is enough', () => {
  test.each<[string, object, KubernetesObject | undefined, readonly string[]]>([
    ['where Argo CD waits for somebody', argo, found({ syncPolicy: {} }), []],
    ['where its automation is switched off', argo, found({ syncPolicy: { automated: { enabled: false } } }), []],
    [
      'where it is told to skip',
      argo,
      found({ syncPolicy: { automated: {} } }, { 'argocd.argoproj.io/skip-reconcile': 'true' }),
      [],
    ],
    [
      'where Argo CD leaves the image alone',
      argo,
      found({
        syncPolicy: { automated: { selfHeal: true }, syncOptions: ['RespectIgnoreDifferences=true'] },
        ignoreDifferences: [
          { group: 'apps', kind: 'Deployment', jqPathExpressions: ['.spec.template.spec.containers[].image'] },
        ],
      }),
      [],
    ],
    ['where the plan allows it', argo, undefined, ['application/shop']],
    ['where Flux is suspended', meta(flux), found({ suspend: true }), []],
    [
      'where Flux leaves the image alone',
      meta(flux),
      found({ ignore: [{ target: { kind: 'Deployment' }, paths: ['/spec/template'] }] }),
      [],
    ],
    ['where a HelmRelease does not look', meta(fluxHelm), found({}), []],
    ['of Helm', helm, undefined, []],
  ])('%s', (_, metadata, object, allow) => {
    expect(said(metadata, object, allow).map(({ level }) => level)).toEqual(['note'])
  })
})

describe('what a rule names, and of which objects, is taken to the letter', () => {
  const levelOf = (metadata: object, object: KubernetesObject) => said(metadata, object).map(({ level }) => level)

  test.each<[string, 'note' | 'error']>([
    ['.spec.template.spec.containers[].image', 'note'],
    ['.spec.template.spec.containers[1].image', 'note'],
    ['.spec.template.spec.containers[] | select(.name=="web") | .image', 'note'],
    ['.spec.template.spec.containers[]|select( .name == "web" ).image', 'note'],
    ['.spec.template.spec.containers[] | select(.name == "web")', 'note'],
    ['.spec["template"].spec."containers"[]', 'note'],
    ['.spec.template.spec.containers', 'note'],
    ['.spec.template.spec', 'note'],
    ['.spec.template', 'note'],
    ['.spec', 'note'],
    ['.spec.template.spec.containers[] | select(.name=="proxy") | .image', 'error'],
    ['.spec.template.spec.containers[] | select(.image=="shop:1") | .image', 'error'],
    ['.spec.template.spec.containers | select(.name=="web") | .image', 'error'],
    ['.spec.template.spec.containers[] | select(.name=="web")image', 'error'],
    ['.spec.template.spec.containers[0].image', 'error'],
    ['.spec.template.spec.containers[].imagePullPolicy', 'error'],
    ['.spec.template.spec.initContainers[].image', 'error'],
    ['.spec.template.spec.imagePullSecrets', 'error'],
    ['.metadata.annotations.image', 'error'],
    ['[].image', 'error'],
    ['.', 'error'],
    ['', 'error'],
  ])('the jq expression %s: %s', (expression, level) => {
    const rule = { group: 'apps', kind: 'Deployment', jqPathExpressions: [expression] }
    expect(levelOf(argo, healing(rule))).toEqual([level])
  })

  test.each<[string, object, 'note' | 'error']>([
    ['of the Deployment', { group: 'apps', kind: 'Deployment', name: 'shop', namespace: 'prod' }, 'note'],
    ['of everything', { group: '*', kind: '*' }, 'note'],
    ['of the core group, which is what no group means', { kind: 'Deployment' }, 'error'],
    ['of another group', { group: 'argoproj.io', kind: 'Deployment' }, 'error'],
    ['of another kind', { group: 'apps', kind: 'StatefulSet' }, 'error'],
    ['of another name', { group: 'apps', kind: 'Deployment', name: 'database' }, 'error'],
    ['of another namespace', { group: 'apps', kind: 'Deployment', namespace: 'stage' }, 'error'],
  ])('a rule of Argo CD %s', (_, rule, level) => {
    expect(levelOf(argo, healing({ ...rule, jsonPointers: [image] }))).toEqual([level])
  })

  test.each<[string, object | undefined, 'note' | 'error']>([
    ['of the Deployment', { group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'prod' }, 'note'],
    ['of everything', undefined, 'note'],
    ['of names that begin so', { kind: 'Deploy.*', name: 'sho.' }, 'note'],
    ['of a name that only begins so', { kind: 'Deployment', name: 'sho' }, 'error'],
    ['of another group', { group: 'batch' }, 'error'],
    ['of another version', { version: 'v1beta1' }, 'error'],
    ['of another namespace', { namespace: 'stage' }, 'error'],
    ['of some labels', { kind: 'Deployment', labelSelector: 'team=shop' }, 'error'],
    ['of some annotations', { kind: 'Deployment', annotationSelector: 'team=shop' }, 'error'],
    ['of a name that is no pattern', { name: '*' }, 'error'],
  ])('a rule of Flux %s', (_, target, level) => {
    const rule = { ...(target === undefined ? {} : { target }), paths: [image] }
    expect(levelOf(meta(flux), found({ ignore: [rule] }))).toEqual([level])
    const drift = found({ driftDetection: { mode: 'enabled', ignore: [rule] } })
    expect(levelOf(meta(fluxHelm), drift)).toEqual([level])
  })
})

test('a field that the object did not have needs no rule, but is written out with the others', () => {
  const hpa = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: argo } as KubernetesObject
  const paths = ['/spec/behavior']
  const object = found({
    syncPolicy: { automated: {}, syncOptions: ['RespectIgnoreDifferences=true'] },
    ignoreDifferences: [{ group: 'apps', kind: 'Deployment', jsonPointers: [image] }],
  })
  const level = (certain: readonly string[]) =>
    trackingFindings(
      trackersOf([shop(argo), { object: hpa, paths, certain }]).map((each): Tracked => ({ ...each, found: object })),
      [],
    )
  expect(level([])[0]?.level).toBe('note')
  expect(level(paths)[0]).toMatchObject({
    level: 'error',
    hint: expect.stringContaining('jsonPointers: ["/spec/behavior"]'),
  })
})
