import { describe, expect, test } from 'vitest'
import { CANCELLED } from '../../src/platform/unbegun.ts'
import { ends, job, jobIn, local, workflow, x } from './local.ts'

const replaced = (group: string): string => `Canceling since a higher priority waiting request for ${group} exists`
const deploy = (concurrency: unknown, more = {}) =>
  job({ concurrency, ...more }, { until: x("format('go-{0}', github.run_id)") })

describe('a concurrency group of jobs', () => {
  test('lets one run and one wait, over all runs; a newer one takes the place of the one that waits', async () => {
    const here = await local({ 'main.yml': workflow('push', { a: job(), deploy: deploy('Prod', { needs: 'a' }) }) })
    const [first, second, third] = [1, 2, 3].map(() => here.platform.push()[0])
    await here.seen('job-started 1 deploy')
    await here.seen('job-ended 2 deploy')
    here.let('go-1')
    here.let('go-3')
    expect((await first?.done)?.conclusion).toBe('success')
    const lost = await second?.done
    expect(lost && ends(lost)).toBe('a success; deploy cancelled')
    expect(lost && jobIn(lost, 'deploy').annotations.map(({ text }) => text)).toEqual([replaced('prod')])
    expect(lost?.conclusion).toBe('cancelled')
    expect((await third?.done)?.conclusion).toBe('success')
  })

  test('with cancel-in-progress cancels the one that runs', async () => {
    const here = await local({
      'main.yml': workflow('push', { deploy: deploy({ group: 'prod', 'cancel-in-progress': true }) }),
    })
    const [first] = here.platform.push()
    await first?.started('deploy')
    const [second] = here.platform.push()
    const lost = await first?.done
    expect(lost && jobIn(lost, 'deploy')).toMatchObject({ conclusion: 'cancelled', why: replaced('prod') })
    here.let('go-2')
    expect((await second?.done)?.conclusion).toBe('success')
  })

  test('with queue: max lets all wait, and they go first come, first served', async () => {
    const here = await local({ 'main.yml': workflow('push', { deploy: deploy({ group: 'prod', queue: 'max' }) }) })
    const runs = [1, 2, 3].map(() => here.platform.push()[0])
    for (const id of [1, 2, 3]) {
      await here.seen(`job-started ${id} deploy`)
      expect(here.happened).not.toContain(`job-started ${id + 1} deploy`)
      here.let(`go-${id}`)
    }
    for (const run of runs) expect((await run?.done)?.conclusion).toBe('success')
  })

  test('is held while its holder waits for a reviewer', async () => {
    let approve = (_: 'approved'): void => {}
    const here = await local(
      { 'main.yml': workflow('push', { deploy: deploy('prod', { environment: 'production' }) }) },
      {
        environments: { production: { reviewers: ['someone'] } },
        approve: ({ run }) =>
          run === 1
            ? new Promise((resolve) => {
                approve = resolve
              })
            : Promise.resolve('approved'),
      },
    )
    const runs = [here.platform.push()[0], here.platform.push()[0]]
    await here.seen('job-waiting 2 deploy')
    here.let('go-1')
    here.let('go-2')
    expect(here.happened.filter((line) => line.startsWith('job-started'))).toEqual([])
    approve('approved')
    await Promise.all(runs.map((run) => run?.done))
    expect(here.happened.filter((line) => line.startsWith('job-started'))).toEqual([
      'job-started 1 deploy',
      'job-started 2 deploy',
    ])
  })

  test('holds for called workflows’ jobs, and for all jobs of the workflow that its holder calls', async () => {
    const here = await local({
      'main.yml': workflow('push', { call: { uses: './.github/workflows/sub.yml' } }),
      'whole.yml': workflow('workflow_dispatch', {
        call: { concurrency: 'prod', uses: './.github/workflows/two.yml' },
      }),
      'sub.yml': workflow('workflow_call', { deploy: deploy('prod') }),
      'two.yml': workflow('workflow_call', { a: job(), b: deploy('other', { needs: 'a' }) }),
    })
    const whole = here.platform.dispatch('whole.yml')
    await whole.started('b')
    const [second] = here.platform.push()
    await here.seen('job-waiting 2 call / deploy')
    here.let('go-1')
    expect((await whole.done).conclusion).toBe('success')
    here.let('go-2')
    const trace = await second?.done
    expect(trace?.conclusion).toBe('success')
    expect(trace && jobIn(trace, 'deploy').startedAt).toBeGreaterThanOrEqual(
      (await whole.done).jobs[0]?.endedAt ?? Infinity,
    )
  })

  test('cannot be had inside what holds it: GitHub finds the deadlock', async () => {
    const here = await local({
      'main.yml': workflow('push', { a: job({ concurrency: 'prod' }) }, { concurrency: 'prod' }),
    })
    const trace = await here.pushed()
    expect(jobIn(trace, 'a').why).toBe(
      "Canceling since a deadlock was detected for concurrency group: 'prod' between a top level workflow and 'a'",
    )
    expect(trace.conclusion).toBe('cancelled')
  })
})

test('a called workflow’s own group is asked for by the job that calls it, whose workflow must not hold it', async () => {
  const top = { concurrency: x('github.workflow') }
  const here = await local({
    'free.yml': workflow('push', { call: { uses: './.github/workflows/sub.yml' } }, { name: 'free' }),
    'held.yml': workflow('push', { call: { uses: './.github/workflows/sub.yml' } }, { ...top, name: 'held' }),
    'sub.yml': workflow('workflow_call', { a: job() }, top),
  })
  const traces = await Promise.all(here.platform.push().map(({ done }) => done))
  expect(traces.map(ends)).toEqual(['call success; call / a success', 'call cancelled'])
  expect(traces[1]?.jobs[0]?.why).toBe(
    "Canceling since a deadlock was detected for concurrency group: 'held' between a top level workflow and 'call'",
  )
})

describe('a concurrency group of runs', () => {
  test('keeps a run from beginning; one that is replaced has no jobs and says why', async () => {
    const here = await local({
      'main.yml': workflow(
        'push',
        { a: job({}, { until: x("format('go-{0}', github.run_id)") }) },
        { concurrency: x('github.ref') },
      ),
    })
    const [first, second, third] = [1, 2, 3].map(() => here.platform.push()[0])
    expect(await second?.done).toMatchObject({ conclusion: 'cancelled', jobs: [], why: replaced('refs/heads/main') })
    here.let('go-1')
    await first?.done
    here.let('go-3')
    expect((await third?.done)?.conclusion).toBe('success')
  })

  test('with cancel-in-progress cancels the run that goes on, and each of its jobs says why', async () => {
    const concurrency = { group: 'one', 'cancel-in-progress': true }
    const waits = { until: x("format('go-{0}', github.run_id)") }
    const here = await local({ 'main.yml': workflow('push', { a: job({}, waits) }, { concurrency }) })
    const [first] = here.platform.push()
    await first?.started('a')
    const [second] = here.platform.push()
    const lost = await first?.done
    expect(lost).toMatchObject({ conclusion: 'cancelled', why: replaced('one') })
    expect(lost && jobIn(lost, 'a')).toMatchObject({ conclusion: 'cancelled', why: replaced('one') })
    here.let('go-2')
    expect((await second?.done)?.conclusion).toBe('success')
  })

  test('that is waited for can be given up', async () => {
    const here = await local({ 'main.yml': workflow('push', { a: job({}, { until: 'go' }) }, { concurrency: 'one' }) })
    const [first, second] = [here.platform.push()[0], here.platform.push()[0]]
    second?.cancel()
    expect(await second?.done).toMatchObject({ conclusion: 'cancelled', why: CANCELLED, jobs: [] })
    here.let('go')
    expect((await first?.done)?.conclusion).toBe('success')
  })
})
