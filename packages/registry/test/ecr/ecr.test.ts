import { createServer } from 'node:http'
import { Fault } from '@sluice/kit/faults'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { refused } from '../../src/ecr/refusal.ts'
import {
  awsError,
  KEYS,
  opened,
  quickClock,
  type Reply,
  type Seen,
  startAws,
  stsAnswer,
  stsError,
} from './aws-server.ts'

const HOST = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
const ROLE = 'arn:aws:iam::123456789012:role/push'
const POLICY = { immutable: true, scanOnPush: true }
const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  vi.unstubAllEnvs()
  await Promise.all(closing.splice(0).map((close) => close()))
})

const aws = async (answer: (seen: Seen, earlier: number) => Reply) => {
  const server = await startAws(answer)
  closing.push(server.close)
  return server
}

const ok = (body: unknown): Reply => ({ status: 200, body })
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const token = (password: string, ends: number): Reply =>
  ok({ authorizationData: [{ authorizationToken: base64(`AWS:${password}`), expiresAt: ends / 1000 }] })

const faultOf = async (call: Promise<unknown>): Promise<Fault> => {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(thrown).toBeInstanceOf(Fault)
  return thrown as Fault
}

describe('login', () => {
  test('is kept until it ends within 15 minutes, also by callers at the same time, then got anew', async () => {
    const clock = quickClock()
    const start = clock.at
    const server = await aws((_, earlier) => token(`password:${earlier}`, start + (earlier + 1) * 12 * 3_600_000))
    const ecr = opened(HOST, { env: KEYS, clock, endpoint: server.url })
    const first = { username: 'AWS', password: 'password:0', expiresAt: start + 12 * 3_600_000 }
    expect(await Promise.all([ecr.login(), ecr.login()])).toEqual([first, first])
    clock.at = first.expiresAt - 15 * 60_000 - 1
    expect(await ecr.login()).toEqual(first)
    clock.at += 1
    expect((await Promise.all([ecr.login(), ecr.login()])).map(({ password }) => password)).toEqual([
      'password:1',
      'password:1',
    ])
    expect(server.seen.map(({ service, region, action }) => `${service} ${region} ${action}`)).toEqual([
      'ecr eu-west-1 GetAuthorizationToken',
      'ecr eu-west-1 GetAuthorizationToken',
    ])
    expect(server.seen[0]?.headers['x-amz-security-token']).toBe(KEYS.AWS_SESSION_TOKEN)
  })

  test('is not kept when it failed', async () => {
    const clock = quickClock()
    const server = await aws((_, earlier) =>
      earlier === 0 ? awsError('AccessDeniedException') : token('later', clock.at + 9e7),
    )
    const ecr = opened(HOST, { env: KEYS, clock, endpoint: server.url })
    await faultOf(ecr.login())
    expect((await ecr.login()).password).toBe('later')
  })

  test.each([
    ['no token', { authorizationData: [] }],
    ['a token without a user', { authorizationData: [{ authorizationToken: base64(':x'), expiresAt: 1 }] }],
    ['a token that does not say when it ends', { authorizationData: [{ authorizationToken: base64('AWS:x') }] }],
  ])('says so when the answer holds %s', async (_, body) => {
    const server = await aws(() => ok(body))
    const fault = await faultOf(opened(HOST, { env: KEYS, clock: quickClock(), endpoint: server.url }).login())
    expect(fault).toMatchObject({ kind: 'upstream', message: `${HOST} answered with a token that is none` })
  })
})

describe('what AWS refuses', () => {
  const lookup = async (answer: (seen: Seen, earlier: number) => Reply, given: object = {}) => {
    const clock = quickClock()
    const server = await aws(answer)
    const ecr = opened(HOST, { env: KEYS, clock, endpoint: server.url, ...given })
    return { clock, server, result: ecr.digests('shop', ['v1']) }
  }

  test.each([
    ['throttling', awsError('ThrottlingException')],
    ['a failure of the server', awsError('ServerException', 'sorry', 500)],
    ['a failure that is no JSON', { status: 503, body: '<html>busy</html>', headers: { 'content-type': 'text/html' } }],
    ['a broken connection', undefined],
  ])('%s is asked again with growing waits, and mends', async (_, reply) => {
    const { clock, result } = await lookup((__, earlier) =>
      earlier < 3 ? reply : ok({ images: [{ imageId: { imageTag: 'v1', imageDigest: 'sha256:1' } }] }),
    )
    expect(await result).toEqual(new Map([['v1', 'sha256:1']]))
    expect(clock.waits).toEqual([375, 750, 1500])
  })

  test.each([
    ['ThrottlingException', 400, 'upstream', 'later'],
    ['ServerException', 500, 'upstream', 'https://health.aws.amazon.com'],
  ])('%s that stays is told after four tries', async (code, status, kind, hint) => {
    const { server, result } = await lookup(() => awsError(code, 'slow down', status))
    const fault = await faultOf(result)
    expect(fault).toMatchObject({
      kind,
      message: `${HOST}: ecr:BatchGetImage for shop was refused (${code}: slow down)`,
    })
    expect(fault.hint).toContain(hint)
    expect(server.seen).toHaveLength(4)
  })

  test.each([
    ['AccessDeniedException', 'input', 'Allow the credentials the action ecr:BatchGetImage on shop'],
    ['ExpiredTokenException', 'input', 'The session has ended'],
    ['UnrecognizedClientException', 'input', 'Check the access key'],
    ['InvalidSignatureException', 'input', 'Check the access key'],
    ['RepositoryNotFoundException', 'input', 'ensure-repository: true'],
    ['InvalidParameterException', 'input', "AWS's own words"],
    ['SomethingOfLater', 'upstream', 'https://health.aws.amazon.com'],
  ])('%s is told at once, with what to do', async (code, kind, hint) => {
    const { server, result } = await lookup(() => awsError(code))
    const fault = await faultOf(result)
    expect(fault).toMatchObject({
      kind,
      message: `${HOST}: ecr:BatchGetImage for shop was refused (${code}: as asked for)`,
    })
    expect(fault.hint).toContain(hint)
    expect(server.seen).toHaveLength(1)
  })

  test('an answer that is no JSON, of a proxy for one, is told as such', async () => {
    const { result } = await lookup(() => ({ status: 200, body: '<html>log in</html>' }))
    expect(await faultOf(result)).toMatchObject({ kind: 'upstream', message: expect.stringContaining('StrangeAnswer') })
  })

  test('secrets that an error repeats are not shown, and it starts no command in the log', async () => {
    const said = `no ${KEYS.AWS_SECRET_ACCESS_KEY} ${KEYS.AWS_SESSION_TOKEN} ASIAABCDEFGHIJKLMNOP ${KEYS.AWS_ACCESS_KEY_ID}\n##[error]x`
    const { result } = await lookup(() => awsError('AccessDeniedException', said))
    expect((await faultOf(result)).message).toContain('(AccessDeniedException: no *** *** *** *** ## [error]x)')
  })

  test('a failure of one image that is not its absence is an error', async () => {
    const failures = [{ imageId: { imageTag: 'v1' }, failureCode: 'KmsError', failureReason: 'the key is disabled' }]
    const { result } = await lookup(() => ok({ images: [], failures }))
    expect((await faultOf(result)).message).toBe(
      `${HOST}: ecr:BatchGetImage for shop:v1 was refused (KmsError: the key is disabled)`,
    )
  })

  test('nobody is asked again once the job is cancelled', async () => {
    const cancelled = new AbortController()
    const { server, result } = await lookup(
      () => {
        cancelled.abort('SIGTERM')
        return awsError('ThrottlingException')
      },
      { signal: cancelled.signal },
    )
    expect(await faultOf(result)).toMatchObject({ kind: 'upstream', message: 'the job was cancelled' })
    expect(server.seen).toHaveLength(1)
  })

  test.each([
    ['ENOTFOUND', 'input', `check the region in ${HOST}`],
    ['ETIMEDOUT', 'upstream', 'the network and the proxy'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'upstream', 'NODE_EXTRA_CA_CERTS'],
    ['KmsException', 'input', 'kms:CreateGrant'],
    ['LimitExceededException', 'input', 'quota'],
  ])('%s says where to look', (code, kind, hint) => {
    const asking = { host: HOST, action: 'ecr:CreateRepository', about: 'shop', secrets: () => [] }
    const fault = refused({ code, message: '', again: false }, asking)
    expect(fault).toMatchObject({ kind, message: `${HOST}: ecr:CreateRepository for shop was refused (${code})` })
    expect(fault.hint).toContain(hint)
  })

  test('a host that does not listen is told with its network', async () => {
    const { url, close } = await startAws(() => ok({}))
    await close()
    const fault = await faultOf(opened(HOST, { env: KEYS, clock: quickClock(), endpoint: url }).login())
    expect(fault).toMatchObject({ kind: 'upstream', message: expect.stringContaining('ECONNREFUSED') })
    expect(fault.hint).toContain('network')
  })
})

describe('digests', () => {
  test('asks for a hundred tags at a time, each once, with every kind of manifest', async () => {
    const server = await aws(({ input }) =>
      ok({
        images: (input.imageIds as readonly { imageTag: string }[])
          .filter(({ imageTag }) => imageTag !== 't7')
          .map(({ imageTag }) => ({ imageId: { imageTag, imageDigest: `sha256:${imageTag}` } })),
        failures: [{ imageId: { imageTag: 't7' }, failureCode: 'ImageNotFound' }],
      }),
    )
    const tags = Array.from({ length: 201 }, (_, index) => `t${index}`)
    const found = await opened(HOST, { env: KEYS, clock: quickClock(), endpoint: server.url }).digests('shop', [
      ...tags,
      't1',
    ])
    expect([...found.keys()]).toEqual(tags.filter((tag) => tag !== 't7'))
    expect(found.get('t200')).toBe('sha256:t200')
    expect(server.seen.map(({ input }) => (input.imageIds as readonly unknown[]).length)).toEqual([100, 100, 1])
    expect(server.seen[0]?.input).toMatchObject({
      registryId: '123456789012',
      repositoryName: 'shop',
      acceptedMediaTypes: expect.arrayContaining(['application/vnd.oci.image.index.v1+json']),
    })
  })

  test('asks nobody about no tags', async () => {
    const server = await aws(() => ok({}))
    expect(await opened(HOST, { env: KEYS, endpoint: server.url }).digests('shop', [])).toEqual(new Map())
    expect(server.seen).toEqual([])
  })
})

describe('immutable', () => {
  test('reads the settings of a repository once, filters of exclusion included', async () => {
    const server = await aws(() =>
      ok({
        repositories: [
          {
            imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
            imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD', filter: 'main-*' }],
          },
        ],
      }),
    )
    const ecr = opened(HOST, { env: KEYS, clock: quickClock(), endpoint: server.url })
    expect(await Promise.all(['v1', 'main-1'].map((tag) => ecr.immutable('shop', tag)))).toEqual([true, false])
    expect(server.seen).toHaveLength(1)
  })
})

describe('ensure', () => {
  const lifecycle = '{"rules":[{"rulePriority":1}]}'
  const there = { imageTagMutability: 'IMMUTABLE', imageScanningConfiguration: { scanOnPush: true } }

  test('a repository that somebody else makes at the same time is as good as made, and its lifecycle policy is put where it is missing', async () => {
    const server = await aws(({ action }, earlier) => {
      if (action === 'DescribeRepositories')
        return earlier === 0 ? awsError('RepositoryNotFoundException') : ok({ repositories: [there] })
      if (action === 'CreateRepository') return awsError('RepositoryAlreadyExistsException')
      if (action === 'GetLifecyclePolicy')
        return earlier === 0 ? awsError('LifecyclePolicyNotFoundException') : ok({ lifecyclePolicyText: lifecycle })
      return ok({})
    })
    const ecr = opened(HOST, { env: KEYS, clock: quickClock(), endpoint: server.url })
    expect(await ecr.ensure('shop', { ...POLICY, lifecycle })).toEqual({ created: false, notes: [] })
    expect(server.seen.map(({ action }) => action)).toEqual([
      'DescribeRepositories',
      'CreateRepository',
      'GetLifecyclePolicy',
      'PutLifecyclePolicy',
      'GetLifecyclePolicy',
      'DescribeRepositories',
    ])
  })

  test('a repository that was made without its lifecycle policy is told as such', async () => {
    const server = await aws(({ action }) => {
      if (action === 'DescribeRepositories') return awsError('RepositoryNotFoundException')
      return action === 'CreateRepository' ? ok({ repository: there }) : awsError('AccessDeniedException', 'no')
    })
    const fault = await faultOf(
      opened(HOST, { env: KEYS, clock: quickClock(), endpoint: server.url }).ensure('shop', { ...POLICY, lifecycle }),
    )
    expect(fault.message).toContain(
      'ecr:PutLifecyclePolicy for shop was refused (AccessDeniedException: no); the repository was made',
    )
  })

  test('a lifecycle policy that is none is refused before anything is asked', async () => {
    const server = await aws(() => ok({}))
    const fault = await faultOf(
      opened(HOST, { env: KEYS, endpoint: server.url }).ensure('shop', { ...POLICY, lifecycle: '{' }),
    )
    expect(fault).toMatchObject({ kind: 'input', message: 'the lifecycle policy for shop is no JSON' })
    expect(server.seen).toEqual([])
  })

  test.each(['DescribeRepositories', 'CreateRepository', 'GetLifecyclePolicy'])(
    '%s that is not allowed is named',
    async (denied) => {
      const server = await aws(({ action }) => {
        if (action === denied) return awsError('AccessDeniedException')
        if (action === 'DescribeRepositories')
          return denied === 'GetLifecyclePolicy'
            ? ok({ repositories: [there] })
            : awsError('RepositoryNotFoundException')
        return ok({})
      })
      const fault = await faultOf(
        opened(HOST, { env: KEYS, clock: quickClock(), endpoint: server.url }).ensure('shop', { ...POLICY, lifecycle }),
      )
      expect(fault).toMatchObject({ kind: 'input', hint: `Allow the credentials the action ecr:${denied} on shop` })
    },
  )
})

describe('roles', () => {
  /** GitHub's issuer, as the runner's variables name it. */
  const issuer = async (status = 200) => {
    const asked: string[] = []
    const server = createServer((incoming, response) => {
      asked.push(`${incoming.url} ${incoming.headers.authorization}`)
      response
        .writeHead(status)
        .end(JSON.stringify({ value: `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvIn0.${asked.length}` }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(async () => void server.close())
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    return {
      asked,
      env: {
        ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-token',
      },
    }
  }

  test("without keys a role is taken on by GitHub's identity token, for an hour, and anew before that ends", async () => {
    const clock = quickClock()
    clock.at = Date.now()
    const github = await issuer()
    const server = await aws(({ action }, earlier) =>
      action === 'AssumeRoleWithWebIdentity'
        ? stsAnswer(action, `ASIAKEY${earlier}`, clock.at + 3_600_000)
        : token('p', clock.at + 60_000),
    )
    const env = { ...github.env, GITHUB_RUN_ID: '77' }
    const ecr = opened(HOST, { role: ROLE, env, clock, endpoint: server.url })
    await ecr.login()
    await ecr.login()
    expect(server.seen.map(({ action }) => action)).toEqual([
      'AssumeRoleWithWebIdentity',
      'GetAuthorizationToken',
      'GetAuthorizationToken',
    ])
    expect(server.seen[0]).toMatchObject({
      service: '',
      input: {
        Version: '2011-06-15',
        RoleArn: ROLE,
        RoleSessionName: 'sluice-77',
        WebIdentityToken: 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvIn0.1',
      },
    })
    expect(server.seen[1]?.headers.authorization).toContain('Credential=ASIAKEY0/')
    expect(server.seen[1]?.headers['x-amz-security-token']).toBe('token-of-ASIAKEY0==')
    expect(github.asked).toEqual(['/token?api-version=2.0&audience=sts.amazonaws.com Bearer runner-token'])
  })

  test("a public registry's role is renewed within five minutes of its end", async () => {
    const clock = quickClock()
    const server = await aws(({ action }, earlier) =>
      action === 'AssumeRoleWithWebIdentity'
        ? stsAnswer(action, `ASIAKEY${earlier}`, clock.at + 3_600_000)
        : ok({ authorizationData: { authorizationToken: base64('AWS:p'), expiresAt: clock.at / 1000 } }),
    )
    const idToken = async (audience: string) => `jwt-for-${audience}`
    const ecr = opened('public.ecr.aws', { role: ROLE, env: {}, idToken, clock, endpoint: server.url })
    await ecr.login()
    clock.at += 3_600_000 - 5 * 60_000 - 1
    await ecr.login()
    clock.at += 1
    await ecr.login()
    const keys = server.seen.map(
      ({ headers }) => /Credential=([^/]+)/.exec(headers.authorization?.toString() ?? '')?.[1],
    )
    expect(keys).toEqual([undefined, 'ASIAKEY0', 'ASIAKEY0', undefined, 'ASIAKEY1'])
    expect(server.seen[0]?.input.WebIdentityToken).toBe('jwt-for-sts.amazonaws.com')
  })

  test('with keys a role is taken on with them, signed for the region of the host', async () => {
    const clock = quickClock()
    const server = await aws(({ action }) =>
      action === 'AssumeRole' ? stsAnswer(action, 'ASIAROLE', Date.now() + 3_600_000) : token('p', clock.at + 9e7),
    )
    const github = await issuer()
    await opened(HOST, { role: ROLE, env: { ...KEYS, ...github.env }, clock, endpoint: server.url }).login()
    expect(server.seen.map(({ service, region, action }) => `${service} ${region} ${action}`)).toEqual([
      'sts eu-west-1 AssumeRole',
      'ecr eu-west-1 GetAuthorizationToken',
    ])
    expect(server.seen[1]?.headers.authorization).toContain('Credential=ASIAROLE/')
    expect(github.asked).toEqual([])
  })

  test.each([
    [
      'AccessDenied',
      'Not authorized to perform sts:AssumeRoleWithWebIdentity',
      403,
      `Let the trust policy of ${ROLE} allow sts:AssumeRoleWithWebIdentity`,
    ],
    ['InvalidIdentityToken', 'No OpenIDConnect provider found in your account', 400, 'must know the identity provider'],
    ['ExpiredTokenException', 'Token expired', 400, 'The session has ended'],
  ])('%s of STS names the role and what to do, and not the token', async (code, message, status, hint) => {
    const server = await aws(() =>
      stsError(code, `${message} &amp; eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvIn0.c2ln`, status),
    )
    const idToken = async () => 'a-token-of-github'
    const fault = await faultOf(
      opened(HOST, { role: ROLE, env: {}, idToken, clock: quickClock(), endpoint: server.url }).login(),
    )
    expect(fault).toMatchObject({
      kind: 'input',
      message: `${HOST}: sts:AssumeRoleWithWebIdentity for ${ROLE} was refused (${code}: ${message} & ***)`,
    })
    expect(fault.hint).toContain(hint)
    expect(server.seen).toHaveLength(1)
  })

  test('that AWS could not reach GitHub is tried again', async () => {
    const clock = quickClock()
    const server = await aws(({ action }, earlier) => {
      if (action !== 'AssumeRoleWithWebIdentity') return token('p', clock.at + 9e7)
      return earlier === 0
        ? stsError('IDPCommunicationError', 'try again')
        : stsAnswer(action, 'ASIAROLE', Date.now() + 3_600_000)
    })
    const idToken = async () => 'a-token-of-github'
    await opened(HOST, { role: ROLE, env: {}, idToken, clock, endpoint: server.url }).login()
    expect(clock.waits).toEqual([375])
  })

  test('GitHub that gives no token is told', async () => {
    const github = await issuer(403)
    const fault = await faultOf(opened(HOST, { role: ROLE, env: github.env, clock: quickClock() }).login())
    expect(fault).toMatchObject({
      kind: 'upstream',
      message: 'GitHub gave no identity token for sts.amazonaws.com (status 403)',
    })
  })

  test.each([undefined, ROLE])(
    'a machine without any credentials is told how to have some (role: %s)',
    async (role) => {
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere')
      vi.stubEnv('AWS_CONFIG_FILE', '/nowhere')
      for (const name of [
        'AWS_PROFILE',
        'AWS_ACCESS_KEY_ID',
        'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
        'AWS_WEB_IDENTITY_TOKEN_FILE',
      ])
        vi.stubEnv(name, undefined)
      const fault = await faultOf(opened(HOST, { role, env: {}, clock: quickClock() }).login())
      expect(fault).toMatchObject({
        kind: 'input',
        message: expect.stringMatching(`^${HOST}: there are no AWS credentials`),
      })
      expect(fault.hint).toContain('id-token: write')
      expect(fault.hint).toContain('aws-actions/configure-aws-credentials')
    },
  )
})

/** Source of names and shapes: https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/Welcome.html */
describe('public.ecr.aws', () => {
  const registries = [{ registryId: '123456789012', aliases: [{ name: 'x1y2z3' }, { name: 'acme' }] }]
  const open = async (answer: (seen: Seen, earlier: number) => Reply) => {
    const server = await aws((seen, earlier) =>
      seen.action === 'DescribeRegistries' ? ok({ registries }) : answer(seen, earlier),
    )
    const clock = quickClock()
    return { server, clock, ecr: opened('public.ecr.aws', { env: KEYS, clock, endpoint: server.url }) }
  }

  test('logs in, signed for us-east-1', async () => {
    const ends = Date.UTC(2026, 10, 23)
    const { server, ecr } = await open(() =>
      ok({ authorizationData: { authorizationToken: base64('AWS:public'), expiresAt: ends / 1000 } }),
    )
    expect(await ecr.login()).toEqual({ username: 'AWS', password: 'public', expiresAt: ends })
    expect(server.seen).toMatchObject([
      {
        service: 'ecr-public',
        region: 'us-east-1',
        headers: {
          'x-amz-target': 'SpencerFrontendService.GetAuthorizationToken',
          'content-type': 'application/x-amz-json-1.1',
        },
      },
    ])
  })

  test('makes a repository under its name without the alias, and tells what public ones do not have', async () => {
    const { server, ecr } = await open(({ action }) =>
      action === 'DescribeRepositories' ? awsError('RepositoryNotFoundException') : ok({ repository: {} }),
    )
    expect(await ecr.ensure('acme/shop/web', POLICY)).toEqual({
      created: true,
      notes: ['acme/shop/web is public, and has no immutable tags, scans on push: ECR Public knows none'],
    })
    expect(server.seen.at(-1)).toMatchObject({ action: 'CreateRepository', input: { repositoryName: 'shop/web' } })
    expect(await ecr.immutable('acme/shop/web', 'v1')).toBe(false)
  })

  test.each([
    ['is there', ok({ repositories: [{}] })],
    ['is made by somebody else meanwhile', awsError('RepositoryNotFoundException')],
  ])('a repository that %s is as good as made', async (_, found) => {
    const { ecr } = await open(({ action }) =>
      action === 'DescribeRepositories' ? found : awsError('RepositoryAlreadyExistsException'),
    )
    expect(await ecr.ensure('acme/shop', { immutable: false, scanOnPush: false })).toEqual({
      created: false,
      notes: [],
    })
  })

  test("a repository under another account's alias is refused, as it would be made in one's own", async () => {
    const { server, ecr } = await open(() => ok({}))
    const fault = await faultOf(ecr.ensure('other/shop', POLICY))
    expect(fault).toMatchObject({
      kind: 'input',
      message: 'public.ecr.aws/other/shop is not in the registry of these credentials, whose aliases are: x1y2z3, acme',
    })
    expect(server.seen.map(({ action }) => action)).toEqual(['DescribeRegistries'])
  })

  test('finds the digests of tags that exist', async () => {
    const { server, ecr } = await open(({ input }) => {
      const [{ imageTag }] = input.imageIds as readonly [{ imageTag: string }]
      return imageTag === 'v1'
        ? ok({ imageDetails: [{ imageDigest: 'sha256:1' }] })
        : awsError('ImageNotFoundException')
    })
    expect(await ecr.digests('acme/shop', ['v1', 'v2', 'v1'])).toEqual(new Map([['v1', 'sha256:1']]))
    expect(server.seen.map(({ action }) => action)).toEqual(['DescribeRegistries', 'DescribeImages', 'DescribeImages'])
  })

  test('throttling is asked again, and what is refused names the action and the role', async () => {
    const { clock, ecr } = await open((_, earlier) =>
      earlier === 0 ? awsError('TooManyRequestsException') : awsError('AccessDeniedException', 'no'),
    )
    const fault = await faultOf(ecr.login())
    expect(fault).toMatchObject({
      kind: 'input',
      message:
        'public.ecr.aws: ecr-public:GetAuthorizationToken for the registry was refused (AccessDeniedException: no)',
    })
    expect(clock.waits).toEqual([375])
  })
})

/** Sources: the rules of AWS's SDKs, https://docs.aws.amazon.com/general/latest/gr/ecr.html and https://docs.aws.amazon.com/general/latest/gr/sts.html */
describe('endpoints', () => {
  /** A proxy that lets nobody through, and the hosts that it was asked for. */
  const proxy = async () => {
    const asked: string[] = []
    const server = createServer()
    server.on('connect', ({ url }, socket) => {
      asked.push(String(url))
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(async () => void server.close())
    const address = server.address()
    return {
      asked,
      env: { HTTPS_PROXY: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}` },
    }
  }

  test.each([
    ['eu-west-1.amazonaws.com', 'dkr.ecr', 'api.ecr.eu-west-1.amazonaws.com', 'sts.eu-west-1.amazonaws.com'],
    [
      'cn-north-1.amazonaws.com.cn',
      'dkr.ecr',
      'api.ecr.cn-north-1.amazonaws.com.cn',
      'sts.cn-north-1.amazonaws.com.cn',
    ],
    [
      'us-gov-west-1.amazonaws.com',
      'dkr.ecr',
      'api.ecr.us-gov-west-1.amazonaws.com',
      'sts.us-gov-west-1.amazonaws.com',
    ],
    [
      'us-gov-west-1.amazonaws.com',
      'dkr.ecr-fips',
      'api.ecr-fips.us-gov-west-1.amazonaws.com',
      'sts.us-gov-west-1.amazonaws.com',
    ],
    [
      'us-east-1.amazonaws.com',
      'dkr.ecr-fips',
      'api.ecr-fips.us-east-1.amazonaws.com',
      'sts-fips.us-east-1.amazonaws.com',
    ],
    ['eu-west-1.on.aws', 'dkr-ecr', 'ecr.eu-west-1.api.aws', 'sts.eu-west-1.amazonaws.com'],
    ['us-east-2.on.aws', 'dkr-ecr-fips', 'ecr-fips.us-east-2.api.aws', 'sts-fips.us-east-2.amazonaws.com'],
    ['public.ecr.aws', '', 'api.ecr-public.us-east-1.amazonaws.com', 'sts.us-east-1.amazonaws.com'],
    ['ecr-public.aws.com', '', 'ecr-public.us-east-1.api.aws', 'sts.us-east-1.amazonaws.com'],
  ])('a registry at %s (%s) is asked at %s, and roles at %s, through the proxy', async (domain, kind, api, sts) => {
    const { asked, env } = await proxy()
    const host = kind === '' ? domain : `123456789012.${kind}.${domain}`
    const clock = quickClock()
    expect(await faultOf(opened(host, { env: { ...KEYS, ...env }, clock }).login())).toMatchObject({ kind: 'upstream' })
    expect([...new Set(asked.splice(0))]).toEqual([`${api}:443`])
    expect(clock.waits).toHaveLength(3)
    const idToken = async () => 'a-token-of-github'
    await faultOf(opened(host, { role: ROLE, env, idToken, clock }).login())
    expect([...new Set(asked)]).toEqual([`${sts}:443`])
  })
})
