import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseEcrHost, regionOf } from '../../src/ecr/host.ts'

const plain = { kind: 'private', account: '123456789012', dualStack: false, fips: false }

test.each([
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', { ...plain, region: 'eu-west-1', partition: 'aws' }],
  ['123456789012.dkr.ecr.ap-southeast-5.amazonaws.com', { ...plain, region: 'ap-southeast-5', partition: 'aws' }],
  ['123456789012.dkr.ecr.mx-central-1.amazonaws.com', { ...plain, region: 'mx-central-1', partition: 'aws' }],
  ['123456789012.DKR.ECR.EU-West-1.amazonaws.com', { ...plain, region: 'eu-west-1', partition: 'aws' }],
  ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', { ...plain, region: 'cn-north-1', partition: 'aws-cn' }],
  ['123456789012.dkr.ecr.us-gov-west-1.amazonaws.com', { ...plain, region: 'us-gov-west-1', partition: 'aws-us-gov' }],
  ['123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov', { ...plain, region: 'us-iso-east-1', partition: 'aws-iso' }],
  ['123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov', { ...plain, region: 'us-isob-east-1', partition: 'aws-iso-b' }],
  [
    '123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk',
    { ...plain, region: 'eu-isoe-west-1', partition: 'aws-iso-e' },
  ],
  [
    '123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov',
    { ...plain, region: 'us-isof-south-1', partition: 'aws-iso-f' },
  ],
  ['123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu', { ...plain, region: 'eusc-de-east-1', partition: 'aws-eusc' }],
  [
    '123456789012.dkr.ecr-fips.us-east-1.amazonaws.com',
    { ...plain, region: 'us-east-1', partition: 'aws', fips: true },
  ],
  ['123456789012.dkr-ecr.eu-west-1.on.aws', { ...plain, region: 'eu-west-1', partition: 'aws', dualStack: true }],
  [
    '123456789012.dkr-ecr-fips.us-gov-west-1.on.aws',
    { ...plain, region: 'us-gov-west-1', partition: 'aws-us-gov', dualStack: true, fips: true },
  ],
  [
    '123456789012.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn',
    { ...plain, region: 'cn-northwest-1', partition: 'aws-cn', dualStack: true },
  ],
  ['public.ecr.aws', { kind: 'public', dualStack: false }],
  ['ecr-public.aws.com', { kind: 'public', dualStack: true }],
])('%s is a registry of ECR', (host, parsed) => {
  expect(parseEcrHost(host)).toEqual(parsed)
})

const OTHERS = [
  'ghcr.io',
  '',
  '12345678901.dkr.ecr.eu-west-1.amazonaws.com',
  '1234567890123.dkr.ecr.eu-west-1.amazonaws.com',
  '123456789012.ecr.eu-west-1.amazonaws.com',
  '123456789012.dkr.ecr.amazonaws.com',
  '123456789012.dkr.ecr.x.amazonaws.com',
  // The domain of another part of AWS.
  '123456789012.dkr.ecr.cn-north-1.amazonaws.com',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn',
  '123456789012.dkr.ecr.eu-west-1.on.aws',
  '123456789012.dkr-ecr.eu-west-1.amazonaws.com',
  '123456789012.dkr-ecr.eu-west-1.api.aws',
  // Not a host alone.
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com:443',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com.',
  'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  'evil.com/123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com\n',
  'public.ecr.aws.evil.com',
  'evil-public.ecr.aws',
]

test.each(OTHERS)('%j is none', (host) => {
  expect(parseEcrHost(host)).toBeUndefined()
})

test('no host that has more before or after a registry of ECR, or one character less, is taken for it', () => {
  const real = fc.constantFrom(
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
    '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
    '123456789012.dkr-ecr.us-east-1.on.aws',
    'public.ecr.aws',
    'ecr-public.aws.com',
  )
  const more = fc.stringMatching(/^[a-z0-9./:@-]{1,20}$/).filter((text) => text !== '.cn')
  fc.assert(
    fc.property(real, more, fc.nat(), (host, text, at) => {
      expect(parseEcrHost(`${host}${text}`)).toBeUndefined()
      expect(parseEcrHost(`${host}.${text}`)).toBeUndefined()
      expect(parseEcrHost(`${text}${host}`)).toBeUndefined()
      expect(parseEcrHost(`${text}.${host}`)).toBeUndefined()
      const dot = host.indexOf('.', at % host.length)
      if (dot > 0) expect(parseEcrHost(`${host.slice(0, dot)}x${host.slice(dot + 1)}`)).toBeUndefined()
    }),
  )
})

test('public registries are asked in the one region they are in', () => {
  expect(regionOf({ kind: 'public', dualStack: false })).toBe('us-east-1')
})
