import { expect, test } from 'vitest'
import { differences, isImmutable, lifecycleProblem } from '../../src/ecr/policy.ts'

const filters = (...values: readonly string[]) => ({
  imageTagMutabilityExclusionFilters: values.map((filter) => ({ filterType: 'WILDCARD', filter })),
})

test.each([
  ['MUTABLE', [], 'v1', false],
  ['IMMUTABLE', [], 'latest', true],
  ['IMMUTABLE_WITH_EXCLUSION', ['latest', 'dev-*'], 'latest', false],
  ['IMMUTABLE_WITH_EXCLUSION', ['latest', 'dev-*'], 'dev-', false],
  ['IMMUTABLE_WITH_EXCLUSION', ['latest', 'dev-*'], 'dev-7', false],
  ['IMMUTABLE_WITH_EXCLUSION', ['latest', 'dev-*'], 'my-dev-7', true],
  ['IMMUTABLE_WITH_EXCLUSION', ['latest', 'dev-*'], 'latest-1', true],
  ['IMMUTABLE_WITH_EXCLUSION', ['v1.*'], 'v1x2', true],
  ['IMMUTABLE_WITH_EXCLUSION', ['*-rc*.1'], '2-rc-9.1', false],
  ['MUTABLE_WITH_EXCLUSION', ['v*'], 'v1.2.3', true],
  ['MUTABLE_WITH_EXCLUSION', ['v*'], 'main', false],
  ['A_KIND_OF_LATER', [], 'main', true],
] as const)(
  'in a repository %s, except %j, the tag %s is immutable: %s',
  (imageTagMutability, except, tag, expected) => {
    expect(isImmutable({ imageTagMutability, ...filters(...except) }, tag)).toBe(expected)
  },
)

const IMMUTABLE = { immutable: true, scanOnPush: true }
const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const asWanted = { imageTagMutability: 'IMMUTABLE', imageScanningConfiguration: { scanOnPush: true } }

test.each([
  ['nothing', IMMUTABLE, { settings: asWanted }, []],
  [
    'tags that can be overwritten',
    IMMUTABLE,
    { settings: { ...asWanted, imageTagMutability: 'MUTABLE' } },
    ['its tags can be overwritten'],
  ],
  [
    'tags that cannot',
    { ...IMMUTABLE, immutable: false },
    { settings: { ...asWanted, imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION', ...filters('latest', 'dev-*') } },
    ['its tags cannot be overwritten, except latest, dev-*'],
  ],
  [
    'no scans',
    IMMUTABLE,
    { settings: { imageTagMutability: 'IMMUTABLE' } },
    ['it does not scan on push by a setting of its own'],
  ],
  ['scans that nobody asked for', { ...IMMUTABLE, scanOnPush: false }, { settings: asWanted }, []],
  [
    'another key',
    { ...IMMUTABLE, kmsKey: KEY },
    { settings: { ...asWanted, encryptionConfiguration: { encryptionType: 'AES256' } } },
    [`it is encrypted with ECR's own key (AES256), not ${KEY}`],
  ],
  [
    'the same key by its id',
    { ...IMMUTABLE, kmsKey: '1234abcd-12ab-34cd-56ef-1234567890ab' },
    { settings: { ...asWanted, encryptionConfiguration: { encryptionType: 'KMS', kmsKey: KEY } } },
    [],
  ],
  [
    'a key by its alias',
    { ...IMMUTABLE, kmsKey: 'alias/images' },
    { settings: { ...asWanted, encryptionConfiguration: { encryptionType: 'KMS', kmsKey: KEY } } },
    [],
  ],
  [
    'no lifecycle policy',
    { ...IMMUTABLE, lifecycle: '{"rules":[1]}' },
    { settings: asWanted },
    ['it has no lifecycle policy'],
  ],
  [
    'another lifecycle policy',
    { ...IMMUTABLE, lifecycle: '{"rules":[1]}' },
    { settings: asWanted, lifecycle: '{"rules":[2]}' },
    ['its lifecycle policy is another'],
  ],
  [
    'the same lifecycle policy, written differently',
    { ...IMMUTABLE, lifecycle: '{ "rules": [{"a":1, "b":2}] }' },
    { settings: asWanted, lifecycle: '{"rules":[{"b":2,"a":1}]}' },
    [],
  ],
] as const)('%s is told of a repository that was there', (_, wanted, found, notes) => {
  expect(differences('shop', wanted, found)).toEqual(
    notes.map((note) => `shop was there already and is left as it is: ${note}`),
  )
})

test.each([
  ['{', 'is no JSON'],
  ['{}', 'has no list of rules'],
  ['{"rules":[]}', 'has no list of rules'],
  ['{"rules":[{"rulePriority":1}]}', undefined],
])('the lifecycle policy %s: %s', (text, problem) => {
  expect(lifecycleProblem(text)).toBe(problem)
})
