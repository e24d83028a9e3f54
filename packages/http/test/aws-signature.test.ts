import { expect, test } from 'vitest'
import { signedHeaders } from '../src/aws/signature.ts'

/**
 * The published cases of aws-sig-v4-test-suite, with its example credentials; they are the values that AWS's own signers answer with too.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-test-suite.html
 */
const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const SESSION =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=='
const SCOPE = { service: 'service', region: 'us-east-1', at: Date.UTC(2015, 7, 30, 12, 36, 0) }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

test.each([
  {
    name: 'get-vanilla',
    call: { method: 'GET', path: '/', headers: {}, body: '' },
    signed: 'host;x-amz-date',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  {
    name: 'get-vanilla-query-order-key-case',
    call: { method: 'GET', path: '/?Param2=value2&Param1=value1', headers: {}, body: '' },
    signed: 'host;x-amz-date',
    signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  },
  {
    name: 'get-header-value-trim',
    call: { method: 'GET', path: '/', headers: { 'My-Header1': ' value1', 'My-Header2': '"a   b   c"' }, body: '' },
    signed: 'host;my-header1;my-header2;x-amz-date',
    signature: 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
  },
  {
    name: 'post-vanilla',
    call: { method: 'POST', path: '/', headers: {}, body: '' },
    signed: 'host;x-amz-date',
    signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  },
  {
    name: 'post-x-www-form-urlencoded',
    call: { method: 'POST', path: '/', headers: FORM, body: 'Param1=value1' },
    signed: 'content-type;host;x-amz-date',
    signature: 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  },
  {
    name: 'post-sts-header-before',
    call: { method: 'POST', path: '/', headers: {}, body: '' },
    sessionToken: SESSION,
    signed: 'host;x-amz-date;x-amz-security-token',
    signature: '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
  },
] as const)('signs $name as AWS does', async ({ call, signed, signature, ...more }) => {
  const { path, ...rest } = call
  const sessionToken = 'sessionToken' in more ? more.sessionToken : undefined
  const headers = await signedHeaders(
    { ...rest, url: `https://example.amazonaws.com${path}` },
    { ...KEYS, sessionToken },
    SCOPE,
  )
  expect(headers).toMatchObject({
    'x-amz-date': '20150830T123600Z',
    authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${signed}, Signature=${signature}`,
  })
  expect(headers['x-amz-security-token']).toBe(sessionToken)
})

test('credentials without a session have no token header, also where it is the empty text', async () => {
  const call = { method: 'POST', url: 'https://example.amazonaws.com/', headers: {}, body: '' } as const
  expect(await signedHeaders(call, { ...KEYS, sessionToken: '' }, SCOPE)).not.toHaveProperty('x-amz-security-token')
})
