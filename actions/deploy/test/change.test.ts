import fc from 'fast-check'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { describe, expect, it } from 'vitest'
import { effectOf, patchTo, restored } from '../src/change.ts'
import { isOnlyOurs, othersIn } from '../src/conflict.ts'
import { rankOf, targetOf } from '../src/resource.ts'

const object = (spec: object, annotations: Record<string, string> = {}, resourceVersion = '1') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', namespace: 'web', uid: 'u', resourceVersion, annotations },
  spec: { ...spec },
})
const target = { apiVersion: 'apps/v1', resource: 'deployments', namespace: 'web', kind: 'Deployment', name: 'shop' }
const REVISION = 'deployment.kubernetes.io/revision'

describe('what a deploy did to an object', () => {
  it('is nothing when only counters moved', () => {
    const before = object({ a: 1 }, { [REVISION]: '1' })
    expect(effectOf({ target, before, after: object({ a: 1 }, { [REVISION]: '2' }, '9') })).toBe('unchanged')
    expect(effectOf({ target, before, after: object({ a: 2 }) })).toBe('changed')
    expect(effectOf({ target, after: before })).toBe('created')
  })

  it('is taken back, and what others did since is kept', () => {
    const before = object({ replicas: 2, template: { image: 'old' }, paused: false }, { note: 'old' })
    const after = object({ replicas: 2, template: { image: 'new' }, paused: false, added: 1 }, { note: 'new' }, '2')
    const live = object(
      { replicas: 5, template: { image: 'new' }, paused: false, added: 1 },
      { note: 'new', other: 'x', [REVISION]: '4' },
      '7',
    )
    const back = restored(live, { before, after })
    expect(back).toMatchObject({
      metadata: { uid: 'u', resourceVersion: '7', annotations: { note: 'old', other: 'x', [REVISION]: '4' } },
      spec: { replicas: 5, template: { image: 'old' }, paused: false },
    })
    expect(back?.spec).not.toHaveProperty('added')
  })

  it('is left alone when somebody else has changed the same field since', () => {
    const change = { before: object({ template: { image: 'old' } }), after: object({ template: { image: 'new' } }) }
    expect(restored(object({ template: { image: 'third' } }), change)).toBeUndefined()
  })

  it('comes back exactly when nobody else wrote', () => {
    const spec = fc.dictionary(
      fc.string({ minLength: 1 }),
      fc.oneof(fc.integer(), fc.string(), fc.dictionary(fc.string(), fc.integer())),
    )
    fc.assert(
      fc.property(spec, spec, (old, fresh) => {
        fc.pre(!('__proto__' in old) && !('__proto__' in fresh))
        const back = restored(object(fresh, {}, '5'), { before: object(old), after: object(fresh) })
        expect(back?.spec).toEqual(object(old).spec)
        const patch = structuredClone([...patchTo(object(fresh), back)]) as Operation[]
        expect(jsonPatch.applyPatch(object(fresh), patch, true).newDocument.spec).toEqual(object(old).spec)
      }),
    )
  })
})

describe('the patch to an earlier object', () => {
  it('tests what it changes and nothing else', () => {
    const live = object({ template: { image: 'new' }, added: 1 }, { 'a/b': 'x' }, '9')
    expect(patchTo(live, object({ template: { image: 'old' } }, {}, '9'))).toEqual([
      { op: 'test', path: '/metadata/annotations/a~1b', value: 'x' },
      { op: 'remove', path: '/metadata/annotations/a~1b' },
      { op: 'test', path: '/spec/template/image', value: 'new' },
      { op: 'replace', path: '/spec/template/image', value: 'old' },
      { op: 'test', path: '/spec/added', value: 1 },
      { op: 'remove', path: '/spec/added' },
    ])
  })
})

describe('a conflict of field managers', () => {
  const one = 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas'
  const two =
    'Apply failed with 2 conflicts: conflicts with "argocd" using apps/v1:\n- .spec.replicas\nconflicts with "sluice" using apps/v1:\n- .spec.template.spec.containers[name="app"].image'

  it('names the others', () => {
    expect(othersIn(one)).toEqual(['kubectl-client-side-apply'])
    expect(othersIn(two)).toEqual(['argocd'])
  })

  it('is overruled only when it is with our own writes alone', () => {
    expect(isOnlyOurs(two)).toBe(false)
    expect(isOnlyOurs('conflict with "sluice" using apps/v1: .spec.template')).toBe(true)
    expect(isOnlyOurs('the object has been modified')).toBe(false)
  })
})

describe('the address of an object', () => {
  it.each([
    ['Ingress', 'networking.k8s.io/v1', { resource: 'ingresses', namespace: 'web' }],
    ['NetworkPolicy', 'networking.k8s.io/v1', { resource: 'networkpolicies', namespace: 'web' }],
    ['Gateway', 'gateway.networking.k8s.io/v1', { resource: 'gateways' }],
    ['HTTPRoute', 'gateway.networking.k8s.io/v1', { resource: 'httproutes' }],
    ['Endpoints', 'v1', { resource: 'endpoints' }],
  ])('of kind %s', (kind, apiVersion, expected) => {
    expect(targetOf({ apiVersion, kind, metadata: { name: 'a' } }, 'web')).toMatchObject(expected)
  })

  it('has no namespace for a kind of the whole cluster', () => {
    expect(targetOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } }, 'web')).not.toHaveProperty(
      'namespace',
    )
  })

  it('puts what others need first', () => {
    const kinds = ['HTTPRoute', 'Deployment', 'Service', 'ConfigMap', 'Namespace', 'Widget']
    expect(kinds.sort((a, b) => rankOf(a) - rankOf(b))).toEqual([
      'Namespace',
      'ConfigMap',
      'Service',
      'Deployment',
      'HTTPRoute',
      'Widget',
    ])
  })
})
