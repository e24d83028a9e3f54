import { expect, test } from 'vitest'
import { grantFindings } from '../src/grants.ts'

const from = { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'edge' }
const to = { group: '', kind: 'Service', name: 'shop-canary' }
const grant = (spec: object) => ({
  apiVersion: 'gateway.networking.k8s.io/v1beta1',
  kind: 'ReferenceGrant',
  metadata: { name: 'edge', namespace: 'shop' },
  spec,
})
const lacking = (grants: readonly object[], foreign: readonly string[] = ['edge']): readonly string[] =>
  grantFindings(grants.map(grant), { namespace: 'shop', canary: 'shop-canary', foreign }).map(({ text }) => text)
const REFUSED = 'no ReferenceGrant in shop lets routes of edge reach Service shop-canary'

test.each<[string, readonly object[], readonly string[]]>([
  ['the canary’s Service is one', [{ from: [from], to: [to] }], []],
  ['all Services is one', [{ from: [from], to: [{ group: '', kind: 'Service' }] }], []],
  ['stable’s Service and the canary’s is one', [{ from: [from], to: [{ ...to, name: 'shop' }, to] }], []],
  ['stable’s Service alone is none', [{ from: [from], to: [{ ...to, name: 'shop' }] }], [REFUSED]],
  ['Secrets is none', [{ from: [from], to: [{ group: '', kind: 'Secret' }] }], [REFUSED]],
  ['Services of another group is none', [{ from: [from], to: [{ ...to, group: 'example.com' }] }], [REFUSED]],
  ['routes of another kind is none', [{ from: [{ ...from, kind: 'GRPCRoute' }], to: [to] }], [REFUSED]],
  ['routes of another group is none', [{ from: [{ ...from, group: 'example.com' }], to: [to] }], [REFUSED]],
  ['another namespace is none', [{ from: [{ ...from, namespace: 'other' }], to: [to] }], [REFUSED]],
  [
    'each half in a grant of its own is none',
    [
      { from: [from], to: [{ group: '', kind: 'Secret' }] },
      { from: [{ ...from, namespace: 'other' }], to: [to] },
    ],
    [REFUSED],
  ],
  ['nothing is none', [{}], [REFUSED]],
])('a grant for %s', (_, grants, wanted) => {
  expect(lacking(grants)).toEqual(wanted)
})

test('each namespace needs one', () => {
  const both = ['edge', 'partner']
  expect(lacking([{ from: [from], to: [to] }], both)).toEqual([
    'no ReferenceGrant in shop lets routes of partner reach Service shop-canary',
  ])
  expect(lacking([{ from: [from, { ...from, namespace: 'partner' }], to: [to] }], both)).toEqual([])
})
