import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { releaseRoles, roleIn } from '../src/rehearsal/rights.ts'

const ROOT = join(import.meta.dirname, '../../..')
const place = { namespace: 'n', deployment: 'web', service: 'front', route: 'way' }
const manifests = ['Deployment', 'Service', 'HTTPRoute', 'HTTPRoute'].map((kind) => ({
  apiVersion: { Deployment: 'apps/v1', Service: 'v1' }[kind] ?? 'gateway.networking.k8s.io/v1',
  kind,
  metadata: { name: 'x' },
}))
const roles = releaseRoles(ROOT, place, manifests)
const rulesOf = (name: string) => roles.find((role) => role.name === name)?.rules ?? []

describe('the jobs that release may do', () => {
  test('what the READMEs of the three actions allow, and create the kinds of the manifests', () => {
    expect(roles.map(({ name }) => name)).toEqual([
      'sluice-deploy',
      'sluice-smoke-test',
      'sluice-canary',
      'sluice-manifests',
    ])
    const readme = readFileSync(join(ROOT, 'actions/deploy/README.md'), 'utf8')
    expect(rulesOf('sluice-deploy')).toEqual(roleIn(readme, 'sluice-deploy').rules)
    expect(rulesOf('sluice-manifests')).toEqual(
      [
        ['apps', 'deployments'],
        ['', 'services'],
        ['gateway.networking.k8s.io', 'httproutes'],
      ].map(([group, resource]) => ({
        apiGroups: [group],
        resources: [resource],
        verbs: ['get', 'create', 'patch', 'delete'],
      })),
    )
  })

  test.each([
    { resource: 'deployments', verb: 'patch', names: ['web', 'web-canary', 'web-baseline'] },
    { resource: 'services', verb: 'delete', names: ['front-canary', 'front-baseline'] },
    { resource: 'httproutes', verb: 'patch', names: ['way'] },
    { resource: 'leases', verb: 'update', names: ['sluice-web'] },
    { resource: 'configmaps', verb: 'update', names: ['sluice-web'] },
  ])('$verb of $resource by the names of this service alone', ({ resource, verb, names }) => {
    const found = rulesOf('sluice-canary').find(
      ({ resources, verbs, resourceNames }) =>
        resources.includes(resource) && verbs.includes(verb) && resourceNames !== undefined,
    )
    expect(found?.resourceNames).toEqual(names)
  })

  test('nothing that every namespace has: no secrets, no roles, and never everything', () => {
    for (const { resources, verbs } of roles.flatMap(({ rules }) => rules)) {
      for (const resource of ['secrets', 'roles', 'rolebindings', '*']) expect(resources).not.toContain(resource)
      expect(verbs).not.toContain('*')
    }
  })
})

test('a README without the Role is an error', () => {
  expect(() => roleIn('```yaml\nkind: Role\nmetadata: { name: other }\nrules: []\n```', 'sluice-x')).toThrow('sluice-x')
})
