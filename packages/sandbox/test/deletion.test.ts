import { expect, test } from 'vitest'
import { createApi } from '../src/api.ts'
import { createKinds, NAMESPACES, PODS } from '../src/kinds.ts'
import { isRefusal } from '../src/refusals.ts'
import { createStore } from '../src/store.ts'

test('a pod whose process ended before its finalizer was taken off goes when it is, and not before its process has ended', () => {
  const api = createApi(createStore(), createKinds(), () => 0)
  const at = { namespace: 'default', name: 'web' }
  api.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }, { manager: 'test' })
  const gone = (ended: boolean): boolean => {
    const made = api.create(
      PODS,
      { apiVersion: 'v1', kind: 'Pod', metadata: at, spec: { containers: [{ name: 'web', image: 'web' }] } } as never,
      { manager: 'test' },
    )
    if (isRefusal(made)) throw new Error(made.message)
    api.remove(PODS, at, { propagationPolicy: 'Foreground' })
    if (ended) api.remove(PODS, at, { gracePeriodSeconds: 0 })
    const { finalizers: _, ...metadata } = (api.store.get(PODS, at.namespace, at.name) ?? made).metadata
    api.update(PODS, { ...made, metadata }, { manager: 'test' })
    const left = api.store.get(PODS, at.namespace, at.name)
    if (left !== undefined) api.store.remove(PODS, left)
    return left === undefined
  }
  expect([gone(true), gone(false)]).toEqual([true, false])
})
