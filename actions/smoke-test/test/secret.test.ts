import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { followed } from '../src/redirect.ts'
import { formsOf, isSecretInput, mask, secretsInBody, secretsInPath } from '../src/secret.ts'

describe('a secret', () => {
  test.each([
    ['as it is', 'the token s3cr3t-token was sent', 'Bearer s3cr3t-token'],
    ['decoded from Basic', 'hello, password hunter22!', `Basic ${Buffer.from('ada:hunter22').toString('base64')}`],
    ['URL-encoded', '/login?next=a%2Fb%20c%3D', 'a/b c='],
    ['inside JSON', '{"echo":"pass\\"word"}', 'pass"word'],
  ])('is masked %s', (_how, text, secret) => {
    const masked = mask({ deep: [text] }, formsOf(secret))
    expect(masked.deep[0]).toContain('***')
    for (const form of formsOf(secret)) expect(masked.deep[0]).not.toContain(form)
  })

  it('never survives in any text around it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), fc.string(), fc.string(), (secret, before, after) => {
        // A mask that is part of the secret could complete it again.
        fc.pre(secret.trim().length >= 4 && !secret.includes('*'))
        expect(mask(`${before}${secret}${after}`, formsOf(secret))).not.toContain(secret)
      }),
    )
  })

  it('is what a body or a form holds under a name that says so, and what a captured path holds', () => {
    const body = {
      user: 'ada',
      author: 'Ada Lovelace',
      login: { password: 'hunter22' },
      tokens: [{ api_key: 'k-12345' }],
    }
    expect(secretsInBody(JSON.stringify(body))).toEqual(['hunter22', 'k-12345'])
    expect(secretsInBody('user=ada&password=hunter22')).toEqual(['hunter22'])
    expect(secretsInPath('/a?access_token=t-12345&page=2')).toEqual(['t-12345'])
  })

  it('does not take the verdict with it when it is a word of ours', () => {
    const told = { verdict: 'pass', reason: { code: 'passed', text: 'pass it' }, series: [{ result: 'passed' }] }
    expect(mask(told, formsOf('pass'))).toEqual({ ...told, reason: { code: 'passed', text: '*** it' } })
  })

  it('is what any header input holds, but for those that never do', () => {
    expect(['Authorization', 'X-Tenant', 'Accept', 'content-type'].filter(isSecretInput)).toEqual([
      'Authorization',
      'X-Tenant',
    ])
  })
})

describe('a redirect', () => {
  const leg = {
    url: new URL('https://shop.example.com/a'),
    method: 'GET',
    headers: { authorization: 'Bearer abcd', 'x-tenant': 't', accept: 'text/html' },
    body: undefined,
  }
  const hop = (to: string, status = 302, rest: { method?: string; body?: string } = {}) =>
    followed({ ...leg, ...rest }, status, to)

  it('keeps the headers on the same origin', () => {
    expect(hop('https://shop.example.com/b')).toMatchObject({
      headers: { authorization: 'Bearer abcd', 'x-tenant': 't' },
    })
  })

  test.each(['https://evil.example.com/', 'http://shop.example.com/', 'https://shop.example.com:8443/'])(
    'to %s takes no credentials along',
    (to) => {
      expect(hop(to)).toMatchObject({ headers: { accept: 'text/html' } })
      expect(hop(to)).not.toHaveProperty('headers.authorization')
      expect(hop(to)).not.toHaveProperty('headers.x-tenant')
    },
  )

  it('does not send a body to another host', () => {
    expect(hop('https://evil.example.com/', 307, { method: 'POST', body: '{}' })).toHaveProperty('why')
  })

  it('is not followed to something else than HTTP', () => {
    expect(hop('file:///etc/passwd')).toHaveProperty('why')
    expect(hop('https://')).toHaveProperty('why')
  })

  it('continues a POST as GET after 303', () => {
    expect(hop('https://shop.example.com/b', 303, { method: 'POST', body: '{}' })).toMatchObject({
      method: 'GET',
      body: undefined,
    })
  })
})
