import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { recoveryRules, routeAmong } from '../src/rehearsal/recovery.ts'

const README = readFileSync(join(import.meta.dirname, '../../../actions/canary-promote/README.md'), 'utf8')
const place = { namespace: 'shop', deployment: 'shop', service: 'shop', route: 'shop' }

describe('the credential of recovery', () => {
  test('may do what the role in canary-promote’s README allows, in its namespace, and nothing else', () => {
    const role = [...README.matchAll(/```yaml\n([\s\S]*?)```/g)]
      .flatMap(([, text]) => parseAllDocuments(text ?? '').map((document) => document.toJSON()))
      .find((each) => each?.metadata?.name === 'sluice-recovery')
    expect(recoveryRules(place)).toEqual(role.rules.map((rule: object) => ({ ...rule, namespaces: ['shop'] })))
  })

  test('never reaches secrets, and creates nothing', () => {
    for (const { resources, verbs } of recoveryRules(place)) {
      expect(resources).not.toContain('secrets')
      expect(verbs).not.toContain('create')
    }
  })

  test('has no right to routes where pods split the traffic', () => {
    const groups = recoveryRules({ ...place, route: undefined }).flatMap(({ apiGroups }) => apiGroups)
    expect(groups).not.toContain('gateway.networking.k8s.io')
  })
})

test.each([
  { name: 'the one that names the Service', backend: 'shop', is: 'front' },
  { name: 'none', backend: 'other', is: undefined },
])('the route among manifests is $name', ({ backend, is }) => {
  const route = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'front' },
    spec: { rules: [{}, { backendRefs: [{ name: backend }] }] },
  }
  expect(routeAmong([{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop' } }, route], 'shop')).toBe(is)
})
