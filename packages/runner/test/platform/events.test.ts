import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { ends, job, jobIn, local, workflow, x } from './local.ts'

const told = (...sources: readonly string[]) => job({}, { output: sources.map(x).join(' ') })

describe('a push', () => {
  test('starts the workflows whose filters fit, each read at the pushed commit', async () => {
    const here = await local({
      'all.yml': workflow('push', { a: told('github.sha', 'github.ref_name', 'github.event.head_commit.message') }),
      'main.yml': workflow({ push: { branches: ['main'] } }, { a: job() }),
      'docs.yml': workflow({ push: { paths: ['docs/**'] } }, { a: job() }),
      'deep/none.yml': 'on: push',
      '.github/workflows/deep/none.yml': workflow('push', { a: job() }),
      'hand.yml': workflow('workflow_dispatch', { a: job() }),
    })
    const started = here.platform.push().map(({ file }) => file.replace('.github/workflows/', ''))
    expect(started).toEqual(['all.yml', 'main.yml'])
    const sha = here.commit(
      { 'docs/a.md': 'x', 'all.yml': workflow('push', { b: told('github.sha', 'github.ref_name') }) },
      'next',
    )
    const runs = here.platform.push({ branch: 'next' })
    expect(runs.map(({ file }) => file)).toEqual(['.github/workflows/all.yml', '.github/workflows/docs.yml'])
    const trace = await runs[0]?.done
    expect(trace && jobIn(trace, 'b').outputs.out).toBe(`${sha} next`)
    await here.platform.idle()
    expect(here.platform.runs.map(({ id }) => id)).toEqual([1, 2, 3, 4])
  })

  test('of an older commit runs that commit’s workflow', async () => {
    const here = await local({ 'main.yml': workflow('push', { old: job() }) })
    const old = here.commit({ file: '1' })
    here.commit({ 'main.yml': workflow('push', { new: job() }) })
    const [run] = here.platform.push({ sha: old })
    const trace = await run?.done
    expect(trace && ends(trace)).toBe('old success')
  })
})

test('a push whose commit says [skip ci] starts nothing, a dispatch of it does', async () => {
  const here = await local({ 'main.yml': workflow(['push', 'workflow_dispatch'], { a: job() }) })
  const message = 'Prepare [skip ci]'
  const git = (...words: readonly string[]) => execFileSync('git', ['-C', here.folder, ...words], { encoding: 'utf8' })
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.com']
  const sha = git(...who, 'commit-tree', 'main^{tree}', '-p', 'main', '-m', message).trim()
  expect(here.platform.push({ sha })).toEqual([])
  git('update-ref', 'refs/heads/main', sha)
  expect((await here.platform.dispatch('main.yml').done).conclusion).toBe('success')
})

describe('a dispatch', () => {
  const inputs = {
    word: { type: 'string', required: true },
    loud: { type: 'boolean' },
    level: { type: 'choice', options: ['low', 'high'] },
  }
  const main = workflow(
    { workflow_dispatch: { inputs } },
    {
      a: told('inputs.word', 'inputs.loud == true', 'github.event.inputs.loud', 'inputs.level', 'github.event_name'),
    },
  )

  test('gives its inputs, checked', async () => {
    const here = await local({ 'main.yml': main })
    const trace = await here.platform.dispatch('main.yml', { word: 'hi', loud: 'true' }).done
    expect(jobIn(trace, 'a').outputs.out).toBe('hi true true low workflow_dispatch')
    expect(() => here.platform.dispatch('main.yml', {})).toThrow("Required input 'word' not provided")
    expect(() => here.platform.dispatch('main.yml', { word: 'x', wrod: 'y' })).toThrow('Unexpected inputs provided')
    expect(() => here.platform.dispatch('none.yml')).toThrow('none.yml is not there on main')
    expect(here.platform.runs.length).toBe(1)
  })

  test('wants a workflow that takes one', async () => {
    const here = await local({ 'main.yml': workflow('push', { a: job() }) })
    expect(() => here.platform.dispatch('main.yml')).toThrow("does not have 'workflow_dispatch' trigger")
  })
})

test('a schedule starts the workflows that have one, from the default branch', async () => {
  const here = await local({
    'cron.yml': workflow(
      { schedule: [{ cron: '17 3 * * *' }] },
      { a: told('github.event.schedule', 'github.ref_name') },
    ),
    'main.yml': workflow('push', { a: job() }),
  })
  const runs = here.platform.schedule()
  const traces = await Promise.all(runs.map(({ done }) => done))
  expect(traces.map((trace) => jobIn(trace, 'a').outputs.out)).toEqual(['17 3 * * * main'])
})

describe('the end of a run', () => {
  const after = (filters: object, of = 'Deliver') =>
    workflow(
      { workflow_run: { workflows: [of], ...filters } },
      {
        a: told(
          'github.event.workflow_run.conclusion',
          'github.event.workflow_run.head_branch',
          'github.event.workflow_run.id',
          'github.ref_name',
        ),
      },
    )
  const deliver = workflow('push', { a: job({}, { end: 'failure' }) }, { name: 'Deliver' })

  test('starts the workflows that wait for it, from the default branch, with its conclusion', async () => {
    const here = await local({
      'deliver.yml': deliver,
      'reap.yml': after({ types: ['completed'] }),
      'other.yml': after({}, 'Other'),
    })
    here.commit({ file: 'x', 'reap.yml': after({}, 'Nothing') }, 'feature')
    here.platform.push({ branch: 'feature' })
    await here.platform.idle()
    expect(here.platform.runs.map(({ file }) => file)).toEqual([
      '.github/workflows/deliver.yml',
      '.github/workflows/reap.yml',
    ])
    const trace = await here.platform.runs[1]?.done
    expect(trace && jobIn(trace, 'a').outputs.out).toBe('failure feature 1 main')
  })

  test('starts nothing where the branch does not fit', async () => {
    const here = await local({
      'deliver.yml': deliver,
      'reap.yml': after({ types: ['completed'], branches: ['release/**'] }),
    })
    here.platform.push()
    await here.platform.idle()
    expect(here.platform.runs.length).toBe(1)
  })

  test('starts no more than three runs one after the other behind the first', async () => {
    const here = await local({
      'a.yml': workflow('push', { a: job() }, { name: 'A' }),
      ...Object.fromEntries(
        [...'BCDEF'].map((name, index) => [
          `${name}.yml`,
          workflow({ workflow_run: { workflows: ['ABCDE'[index] ?? ''] } }, { a: job() }, { name }),
        ]),
      ),
    })
    here.platform.push()
    await here.platform.idle()
    expect(here.platform.runs.map(({ file }) => file.replace('.github/workflows/', ''))).toEqual([
      'a.yml',
      'B.yml',
      'C.yml',
      'D.yml',
    ])
  })
})
