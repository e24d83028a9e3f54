import { describe, expect, test } from 'vitest'
import { REJECTED } from '../../src/platform/environments.ts'
import { ends, job, jobIn, local, workflow, x } from './local.ts'

const inProduction = (more = {}, told = {}) => job({ environment: 'production', ...more }, told)
const asked = ['vars.place', "secrets.key == 'of-the-environment'"].map(x).join(' ')

describe('an environment', () => {
  test('gives its job its secrets and variables, in place of the repository’s', async () => {
    const here = await local(
      { 'main.yml': workflow('push', { a: job({}, { output: asked }), b: inProduction({}, { output: asked }) }) },
      {
        vars: { place: 'none' },
        secrets: { key: 'of-the-repository' },
        environments: { Production: { vars: { place: 'there' }, secrets: { key: 'of-the-environment' } } },
      },
    )
    const trace = await here.pushed()
    expect(jobIn(trace, 'a').outputs.out).toBe('none false')
    expect(jobIn(trace, 'b').outputs.out).toBe('there true')
    expect(jobIn(trace, 'b').environment).toBe('production')
  })

  test('gives a called workflow’s job its secrets only when every caller said inherit', async () => {
    const seen = { out: x("secrets.key == 'of-the-environment'") }
    const here = await local(
      {
        'main.yml': workflow('push', {
          by: { uses: './.github/workflows/sub.yml', secrets: { key: x('secrets.key') } },
          all: { uses: './.github/workflows/sub.yml', secrets: 'inherit' },
          middle: { uses: './.github/workflows/middle.yml' },
        }),
        'middle.yml': workflow('workflow_call', { sub: { uses: './.github/workflows/sub.yml', secrets: 'inherit' } }),
        'sub.yml': workflow(
          { workflow_call: { secrets: { key: { required: false } } } },
          { a: inProduction({}, { output: seen.out }) },
        ),
      },
      {
        secrets: { key: 'of-the-repository' },
        environments: { production: { secrets: { key: 'of-the-environment' } } },
      },
    )
    const trace = await here.pushed()
    expect(jobIn(trace, 'by / a').outputs.out).toBe('false')
    expect(jobIn(trace, 'all / a').outputs.out).toBe('true')
    expect(jobIn(trace, 'middle / sub / a').outputs.out).toBe('false')
  })

  test('with reviewers holds its job until one approves, and the machine is free meanwhile', async () => {
    let approve = (_: 'approved'): void => {}
    const here = await local(
      { 'main.yml': workflow('push', { a: inProduction(), b: job() }) },
      {
        machines: 1,
        environments: { production: { reviewers: ['someone'] } },
        approve: (request) => {
          expect(request).toEqual({ run: 1, environment: 'production', job: 'a' })
          return new Promise((resolve) => {
            approve = resolve
          })
        },
      },
    )
    const trace = here.pushed()
    await here.seen('job-waiting 1 a')
    await here.seen('job-ended 1 b')
    expect(here.happened).not.toContain('job-started 1 a')
    approve('approved')
    expect(ends(await trace)).toBe('a success; b success')
  })

  test('whose reviewer rejects fails its job without running it, in GitHub’s words', async () => {
    const here = await local(
      { 'main.yml': workflow('push', { a: inProduction(), b: job({ needs: 'a', if: 'failure()' }) }) },
      { environments: { production: { reviewers: ['someone'] } }, approve: async () => 'rejected' },
    )
    const trace = await here.pushed()
    expect(ends(trace)).toBe('a failure; b success')
    expect(jobIn(trace, 'a').why).toBe(REJECTED)
    expect(jobIn(trace, 'a').annotations.map(({ text }) => text)).toEqual([REJECTED])
    expect(here.acted.map((one) => one.job)).toEqual(['b'])
  })

  test('refuses a branch that none of its patterns fits', async () => {
    const here = await local(
      { 'main.yml': workflow('push', { a: inProduction() }) },
      { environments: { production: { branches: ['release/*'] } } },
    )
    const trace = await here.pushed()
    expect(jobIn(trace, 'a').why).toBe(
      'Branch "main" is not allowed to deploy to production due to environment protection rules.',
    )
    expect(here.acted).toEqual([])
    here.commit({ file: 'x' }, 'release/1')
    const [other] = here.platform.push({ branch: 'release/1' })
    expect((await other?.done)?.conclusion).toBe('success')
  })

  test('with a wait timer counts its minutes and does not wait for them', async () => {
    const here = await local(
      { 'main.yml': workflow('push', { a: inProduction() }) },
      { environments: { production: { waitMinutes: 30 } } },
    )
    expect(jobIn(await here.pushed(), 'a').waitMinutes).toBe(30)
  })

  test('that nobody made has no rules, and one with an empty name is none', async () => {
    const here = await local({ 'main.yml': workflow('push', { a: inProduction(), b: job({ environment: x("''") }) }) })
    const trace = await here.pushed()
    expect(trace.jobs.map(({ environment }) => environment)).toEqual(['production', ''])
    expect(trace.conclusion).toBe('success')
  })
})

describe('GitHub’s own Deployment of a job', () => {
  const deployments = async (url: string, path = ''): Promise<readonly Record<string, unknown>[]> => {
    const response = await fetch(`${url}/repos/acme/shop/deployments${path}`, {
      headers: { authorization: `Bearer ${tokens.at(-1)}`, 'user-agent': 'test' },
    })
    return (await response.json()) as readonly Record<string, unknown>[]
  }
  const tokens: string[] = []
  const readers = job(
    { permissions: { deployments: 'read' }, needs: ['a'], if: 'always()' },
    { output: x('github.token'), until: 'read' },
  )

  test.each([
    { told: {}, more: {}, states: ['success', 'in_progress'] },
    { told: { end: 'failure' }, more: {}, states: ['failure', 'in_progress'] },
    { told: {}, more: { environment: { name: 'production', deployment: false } }, states: undefined },
  ])('is made for its commit and says how it went: $states', async ({ told, more, states }) => {
    const here = await local({ 'main.yml': workflow('push', { a: inProduction(more, told), reader: readers }) })
    const trace = here.pushed()
    await here.seen('job-started 1 reader')
    tokens.push(here.acted.at(-1)?.inputs.output ?? '')
    const [made, ...others] = await deployments(here.platform.url)
    expect(others).toEqual([])
    if (states === undefined) expect(made).toBeUndefined()
    else {
      expect(made).toMatchObject({ environment: 'production', task: 'deploy' })
      expect((await deployments(here.platform.url, `/${made?.id}/statuses`)).map(({ state }) => state)).toEqual(states)
    }
    here.let('read')
    await trace
  })
})
