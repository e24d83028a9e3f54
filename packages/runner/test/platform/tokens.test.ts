import { describe, expect, test } from 'vitest'
import { job, jobIn, local, workflow, x } from './local.ts'

const asks = { output: x('github.token'), until: 'asked' }

describe('the token of a job', () => {
  test('is its own, may do what its permissions say, and ends with the job', async () => {
    const here = await local({
      'main.yml': workflow('push', {
        reader: job({ permissions: { deployments: 'read' } }, asks),
        nothing: job({ permissions: {} }, asks),
      }),
    })
    const [run] = here.platform.push()
    await run?.started('reader')
    await run?.started('nothing')
    while (here.acted.length < 2) await new Promise((resolve) => setTimeout(resolve, 2))
    const tokens = ['reader', 'nothing'].map((name) => here.acted.find((one) => one.job === name)?.inputs.output ?? '')
    const answers = async (): Promise<readonly number[]> =>
      Promise.all(
        tokens.map(async (token) => {
          const headers = { authorization: `Bearer ${token}`, 'user-agent': 'test' }
          return (await fetch(`${here.platform.url}/repos/acme/shop/deployments`, { headers })).status
        }),
      )
    expect(await answers()).toEqual([200, 403])
    here.let('asked')
    await run?.done
    expect(await answers()).toEqual([401, 401])
    expect(new Set(tokens).size).toBe(2)
  })

  test('is masked in the log, and the API is the local one', async () => {
    const lines: string[] = []
    const script =
      'echo "token $T"; echo "$GITHUB_API_URL $GITHUB_SERVER_URL $GITHUB_REPOSITORY"; echo "id:$ACTIONS_ID_TOKEN_REQUEST_URL."'
    const here = await local(
      {
        'main.yml': workflow('push', {
          a: { 'runs-on': 'x', steps: [{ env: { T: x('github.token') }, run: script }] },
        }),
      },
      {
        on: (happening) => {
          if (happening.kind === 'line') lines.push(happening.text)
        },
      },
    )
    await here.pushed()
    expect(lines).toContain('token ***')
    expect(lines).toContain(`${here.platform.url} ${here.platform.url} acme/shop`)
    expect(lines).toContain('id:.')
  })

  test.each([
    { given: 'restricted' as const, is: { contents: 'read', packages: 'read' } },
    { given: 'permissive' as const, is: { contents: 'write', deployments: 'write', 'id-token': 'none' } },
  ])('has by default what the repository gives: $given', async ({ given, is }) => {
    const here = await local({ 'main.yml': workflow('push', { a: job() }) }, { defaultPermissions: given })
    expect(jobIn(await here.pushed(), 'a').permissions).toMatchObject(is)
  })
})

test('a call may pass the token on by name: it is the calling job’s, and ends with the call', async () => {
  const here = await local({
    'main.yml': workflow('push', {
      call: {
        permissions: { deployments: 'read' },
        uses: './.github/workflows/sub.yml',
        secrets: { given: x('secrets.GITHUB_TOKEN') },
      },
    }),
    'sub.yml': workflow(
      { workflow_call: { secrets: { given: { required: true } } } },
      { a: job({ permissions: {} }, { output: x('secrets.given'), until: 'asked' }) },
    ),
  })
  const [run] = here.platform.push()
  await run?.started('a')
  while (here.acted.length < 1) await new Promise((resolve) => setTimeout(resolve, 2))
  const headers = { authorization: `Bearer ${here.acted[0]?.inputs.output}`, 'user-agent': 'test' }
  const ask = async () => (await fetch(`${here.platform.url}/repos/acme/shop/deployments`, { headers })).status
  expect(await ask()).toBe(200)
  here.let('asked')
  await run?.done
  expect(await ask()).toBe(401)
})

test('a job with id-token: write gets a token that names its environment and the file that holds it', async () => {
  const script =
    'curl -sf -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=cloud" > answer; echo "answer=$(cat answer)" >> "$GITHUB_OUTPUT"'
  const here = await local({
    'main.yml': workflow('push', {
      call: { permissions: { 'id-token': 'write' }, uses: './.github/workflows/sub.yml' },
    }),
    'sub.yml': workflow('workflow_call', {
      login: {
        'runs-on': 'x',
        environment: 'production',
        outputs: { answer: x('steps.it.outputs.answer') },
        steps: [{ id: 'it', run: script }],
      },
    }),
  })
  const answer = jobIn(await here.pushed(), 'login').outputs.answer ?? '{}'
  const [, body = ''] = String(JSON.parse(answer).value).split('.')
  expect(JSON.parse(Buffer.from(body, 'base64url').toString())).toMatchObject({
    sub: 'repo:acme@1/shop@1:environment:production',
    aud: 'cloud',
    iss: 'https://token.actions.githubusercontent.com',
    environment: 'production',
    repository: 'acme/shop',
    ref: 'refs/heads/main',
    job_workflow_ref: 'acme/shop/.github/workflows/sub.yml@refs/heads/main',
    workflow_ref: 'acme/shop/.github/workflows/main.yml@refs/heads/main',
    event_name: 'push',
  })
})
