import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunTrace } from '@sluice/runner/trace'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ends, job, jobIn, local, workflow, x } from './local.ts'

const called = (call: object, jobs: Readonly<Record<string, unknown>>, top = {}): string =>
  workflow({ workflow_call: call }, jobs, top)

const run = async (files: Readonly<Record<string, string>>, options = {}): Promise<RunTrace> =>
  (await local(files, options)).pushed()

describe('a called workflow', () => {
  test('is a graph of its own below the job that calls it, with its inputs, and gives its outputs', async () => {
    const trace = await run({
      'main.yml': workflow('push', {
        a: job({}, { output: 'from-a' }),
        call: { needs: 'a', uses: './.github/workflows/sub.yml', with: { word: x('needs.a.outputs.out') } },
        after: job({ needs: 'call' }, { output: `${x('needs.call.result')} ${x('needs.call.outputs.said')}` }),
      }),
      'sub.yml': called(
        {
          inputs: { word: { type: 'string', required: true }, times: { type: 'number', default: 2 } },
          outputs: { said: { value: `${x('jobs.b.outputs.out')}, result ${x("jobs.b.result || 'empty'")}` } },
        },
        {
          b: job({ name: 'The second' }, { output: `${x('inputs.word')}*${x('inputs.times')}` }),
          c: job({ needs: 'b' }),
        },
      ),
    })
    expect(ends(trace)).toBe('a success; call success; call / b success; call / c success; after success')
    expect(jobIn(trace, 'after').outputs.out).toBe('success from-a*2, result empty')
    expect(jobIn(trace, 'call / b')).toMatchObject({ name: 'call / The second', ids: ['call', 'b'], kind: 'job' })
    expect(jobIn(trace, 'call').kind).toBe('call')
  })

  test.each([
    { jobs: { a: {}, b: { needs: 'a' } }, fails: 'a', result: 'failure' },
    { jobs: { a: { if: 'false' }, b: { if: 'false' } }, fails: '', result: 'skipped' },
    { jobs: { a: { if: 'false' }, b: {} }, fails: '', result: 'success' },
  ])('ends as its jobs do together: $result', async ({ jobs, fails, result }) => {
    const made = Object.entries(jobs).map(([id, given]) => [id, job(given, id === fails ? { end: 'failure' } : {})])
    const trace = await run({
      'main.yml': workflow('push', {
        call: { uses: '$/.github/workflows/sub.yml' },
        after: job({ needs: 'call', if: 'always()' }, { output: x('needs.call.result') }),
      }),
      'sub.yml': called({}, Object.fromEntries(made)),
    })
    expect(jobIn(trace, 'after').outputs.out).toBe(result)
    expect(jobIn(trace, 'call').conclusion).toBe(result)
  })

  test('whose job fails goes on with the jobs that repair and report', async () => {
    const trace = await run({
      'main.yml': workflow('push', {
        call: { uses: './.github/workflows/sub.yml' },
        outcome: job({ needs: 'call', if: 'always()' }),
      }),
      'sub.yml': called(
        {},
        {
          a: job({}, { end: 'failure' }),
          recover: job({ needs: 'a', if: "always() && needs.a.result != 'success'" }),
        },
      ),
    })
    expect(ends(trace)).toBe('call failure; call / a failure; call / recover success; outcome success')
    expect(trace.conclusion).toBe('failure')
  })

  test('is skipped with all its jobs, which have no traces then', async () => {
    const trace = await run({
      'main.yml': workflow('push', { call: { if: 'false', uses: './.github/workflows/sub.yml' } }),
      'sub.yml': called({}, { a: job() }),
    })
    expect(ends(trace)).toBe('call skipped')
  })

  test('is called once for each job of a matrix', async () => {
    const trace = await run({
      'main.yml': workflow('push', {
        call: {
          strategy: { matrix: { v: ['p', 'q'] } },
          uses: './.github/workflows/sub.yml',
          with: { v: x('matrix.v') },
        },
      }),
      'sub.yml': called({ inputs: { v: { type: 'string' } } }, { a: job({}, { output: x('inputs.v') }) }),
    })
    expect(ends(trace)).toBe('call (p) success; call (p) / a success; call (q) success; call (q) / a success')
    expect(jobIn(trace, 'call (q) / a').outputs.out).toBe('q')
  })

  test('of another repository sees its caller’s github context, and its own file in job', async () => {
    const other = mkdtempSync(join(tmpdir(), 'sluice-other-'))
    onTestFinished(() => rmSync(other, { recursive: true }))
    mkdirSync(join(other, '.github/workflows'), { recursive: true })
    writeFileSync(
      join(other, '.github/workflows/sub.yml'),
      called(
        {},
        {
          a: job(
            {},
            {
              output: [
                'github.event_name',
                'github.repository',
                'github.workflow_ref',
                'job.workflow_ref',
                'job.workflow_repository',
              ]
                .map(x)
                .join(' '),
            },
          ),
          nested: { uses: '$/.github/workflows/deep.yml' },
        },
      ),
    )
    writeFileSync(join(other, '.github/workflows/deep.yml'), called({}, { b: job() }))
    const trace = await run(
      { 'main.yml': workflow('push', { call: { uses: 'other/tools/.github/workflows/sub.yml@v1' } }) },
      { published: { 'other/tools': other } },
    )
    expect(ends(trace)).toBe('call success; call / a success; call / nested success; call / nested / b success')
    expect(jobIn(trace, 'a').outputs.out).toBe(
      'push acme/shop acme/shop/.github/workflows/main.yml@refs/heads/main other/tools/.github/workflows/sub.yml@refs/tags/v1 other/tools',
    )
  })

  test('sees secrets by name, or all that its caller sees', async () => {
    const seen = { output: `${x("secrets.one != ''")} ${x("secrets.two != ''")} ${x("github.token != ''")}` }
    const trace = await run(
      {
        'main.yml': workflow('push', {
          named: { uses: './.github/workflows/sub.yml', secrets: { one: x('secrets.two') } },
          all: { uses: './.github/workflows/sub.yml', secrets: 'inherit' },
          none: { uses: './.github/workflows/sub.yml' },
        }),
        'sub.yml': called({ secrets: { one: { required: false } } }, { a: job({}, seen) }),
      },
      { secrets: { one: 'first-secret', two: 'second-secret' } },
    )
    expect(jobIn(trace, 'named / a').outputs.out).toBe('true false true')
    expect(jobIn(trace, 'all / a').outputs.out).toBe('true true true')
    expect(jobIn(trace, 'none / a').outputs.out).toBe('false false true')
  })

  test('has the permissions that its caller gives, or fewer', async () => {
    const trace = await run({
      'main.yml': workflow(
        'push',
        {
          call: { uses: './.github/workflows/sub.yml', permissions: { contents: 'read', deployments: 'write' } },
        },
        { permissions: {} },
      ),
      'sub.yml': called({}, { a: job(), b: job({ permissions: { contents: 'read' } }), c: job({ permissions: {} }) }),
    })
    expect(['a', 'b', 'c'].map((id) => jobIn(trace, `call / ${id}`).permissions)).toEqual([
      { contents: 'read', deployments: 'write' },
      { contents: 'read' },
      {},
    ])
  })
})

describe('a run is refused before any of its jobs runs', () => {
  const sub = (call = {}, more = {}) => called(call, { a: job(more) })
  const caller = (more: object) =>
    workflow(
      'push',
      { first: job(), call: { uses: './.github/workflows/sub.yml', ...more } },
      { permissions: { contents: 'read' } },
    )

  test.each([
    {
      name: 'a called job asks for more than its caller has',
      call: {},
      sub: sub({}, { permissions: { contents: 'write' }, if: 'false' }),
      says: /'a' is requesting 'contents: write', but is only allowed 'contents: read'/,
    },
    {
      name: 'a required input is missing',
      call: {},
      sub: sub({ inputs: { digest: { type: 'string', required: true } } }),
      says: /Input digest is required/,
    },
    { name: 'an input is unknown', call: { with: { digst: 'x' } }, sub: sub(), says: /digst is not defined/ },
    {
      name: 'a required secret is missing',
      call: {},
      sub: sub({ secrets: { key: { required: true } } }),
      says: /Secret key is required/,
    },
    { name: 'the called file cannot be called', call: {}, sub: workflow('push', { a: job() }), says: /workflow_call/ },
    {
      name: 'the called file is not there',
      call: { uses: './.github/workflows/none.yml' },
      sub: sub(),
      says: /none\.yml.*workflow was not found/,
    },
    {
      name: 'the called file lies below .github/workflows',
      call: { uses: './.github/workflows/deep/sub.yml' },
      sub: sub(),
      says: /./,
    },
    {
      name: 'nobody knows the repository',
      call: { uses: 'a/b/.github/workflows/x.yml@v1' },
      sub: sub(),
      says: /a\/b was not found/,
    },
  ])('when $name', async ({ call, sub: text, says }) => {
    const here = await local({ 'main.yml': caller(call), 'sub.yml': text })
    const trace = await (here.platform.push().find(({ file }) => file.endsWith('main.yml')) ?? { done: undefined }).done
    expect(trace?.refused).toMatch(says)
    expect(trace).toMatchObject({ jobs: [], conclusion: 'failure' })
    expect(here.acted).toEqual([])
  })

  test('when workflows are nested more than ten deep', async () => {
    const nest = (levels: number) =>
      Object.fromEntries(
        Array.from({ length: levels }, (_, index) => [
          `w${index + 1}.yml`,
          called({}, index + 1 === levels ? { a: job() } : { call: { uses: `./.github/workflows/w${index + 2}.yml` } }),
        ]),
      )
    const main = workflow('push', { call: { uses: './.github/workflows/w1.yml' } })
    expect((await run({ 'main.yml': main, ...nest(9) })).conclusion).toBe('success')
    const trace = await run({ 'main.yml': main, ...nest(10) })
    expect(trace.refused).toContain('w10.yml: a run may nest 10 levels of workflows, and this is one more.')
  })

  test('when it calls more than fifty different workflows', async () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`)
    const main = (count: number) =>
      workflow(
        'push',
        Object.fromEntries(
          names(count).map((name) => [name, { if: 'false', uses: `./.github/workflows/${name}.yml` }]),
        ),
      )
    const subs = Object.fromEntries(names(51).map((name) => [`${name}.yml`, called({}, { a: job() })]))
    expect((await run({ 'main.yml': main(50), ...subs })).refused).toBe('')
    expect((await run({ 'main.yml': main(51), ...subs })).refused).toContain('a run may call 50 different workflows')
  })
})
