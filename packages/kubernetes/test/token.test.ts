import { describe, expect, test } from 'vitest'
import { loadKubeconfig } from '../src/kubeconfig.ts'
import { tokenEnd } from '../src/token.ts'

const jwt = (claims: unknown): string =>
  `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`

describe('the end of a token', () => {
  test.each([
    ['a JWT with exp', jwt({ exp: 1_900_000_000, sub: 'ci' }), 1_900_000_000_000],
    ['a JWT with a fraction', jwt({ exp: 1.5 }), 1500],
    ['a JWT without', jwt({ sub: 'ci' }), undefined],
    ['a JWT whose exp is a text', jwt({ exp: '1900000000' }), undefined],
    ['a JWT whose exp no date can hold', jwt({ exp: 1e300 }), undefined],
    ['a JWT of no object', jwt(null), undefined],
    ['a payload that is no JSON', 'a.b.c', undefined],
    ['an opaque token', 'k8s-aws-v1', undefined],
    ['no token', undefined, undefined],
  ])('of %s', (_, token, end) => {
    expect(tokenEnd(token)).toBe(end)
  })
})

describe('a kubeconfig tells when its credential ends', () => {
  const token = jwt({ exp: 1_900_000_000 })
  const of = (user: Readonly<Record<string, unknown>>) =>
    loadKubeconfig({
      env: {},
      kubeconfig: JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'prod',
        clusters: [{ name: 'main', cluster: { server: 'https://10.1.2.3:6443' } }],
        contexts: [{ name: 'prod', context: { cluster: 'main', user: 'ci' } }],
        users: [{ name: 'ci', user }],
      }),
    }).credentialEnd

  test('that is a token of its own', () => {
    expect(of({ token })).toBe(1_900_000_000_000)
  })

  test.each([
    ['an exec plugin', { token, exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'aws' } }],
    ["a token's file", { tokenFile: '/var/run/token' }],
    ['a client certificate', { token, 'client-certificate-data': 'Y2VydA==', 'client-key-data': 'a2V5' }],
    ['an opaque token', { token: 'opaque' }],
    ['a password', { username: 'ci', password: 'word' }],
  ])('and not of %s', (_, user) => {
    expect(of(user)).toBeUndefined()
  })
})
