import { expect, test } from 'vitest'
import { readRoles } from '../../src/ecr/roles.ts'

const HOST = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
const ROLE = 'arn:aws:iam::123456789012:role/ci/push'

test('one role a line, for several accounts and regions', () => {
  const text = `# production
${HOST}=${ROLE}

  210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn = arn:aws-cn:iam::210987654321:role/push
public.ecr.aws=arn:aws:iam::123456789012:role/with=sign\r
`
  expect(readRoles(text)).toEqual({
    roles: [
      { host: HOST, role: ROLE },
      {
        host: '210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn',
        role: 'arn:aws-cn:iam::210987654321:role/push',
      },
      { host: 'public.ecr.aws', role: 'arn:aws:iam::123456789012:role/with=sign' },
    ],
  })
  expect(readRoles('')).toEqual({ roles: [] })
})

test.each([
  [HOST, `line 1 must be HOST=ROLE_ARN, not "${HOST}"`],
  [`ghcr.io=${ROLE}`, 'line 1 must begin with a registry of ECR'],
  [`${HOST}/shop=${ROLE}`, 'without a path'],
  [
    `${HOST}=arn:aws:iam::123456789012:user/me`,
    'line 1 must end with a role such as arn:aws:iam::123456789012:role/push',
  ],
  [`${HOST}=arn:aws:iam::1234:role/push`, 'line 1 must end with a role'],
  [`${HOST}=arn:aws-cn:iam::123456789012:role/push`, `names a role of aws-cn for ${HOST}, which is in aws`],
  [
    `public.ecr.aws=arn:aws-us-gov:iam::123456789012:role/push`,
    'names a role of aws-us-gov for public.ecr.aws, which is in aws',
  ],
  [`#\n${HOST}=${ROLE}\n${HOST.toUpperCase()}=${ROLE}`, `line 3 names ${HOST}, as line 2 does`],
])('%j is refused with a sentence', (text, sentence) => {
  const read = readRoles(text)
  expect(read).toHaveProperty('problems')
  expect('problems' in read ? read.problems.join('\n') : '').toContain(sentence)
})

test('all lines that are wrong are told at once', () => {
  expect(readRoles(`a\nb\n${HOST}=${ROLE}`)).toMatchObject({
    problems: [/^line 1 /, /^line 2 /].map((one) => expect.stringMatching(one)),
  })
})
