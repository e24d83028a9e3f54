import { describe, expect, test } from 'vitest'
import { LOST } from '../../src/job/job.ts'
import { CANCELLED } from '../../src/platform/unbegun.ts'
import { ends, job, jobIn, local, workflow } from './local.ts'

const WAITS = { until: 'never' }

describe('cancelling a run', () => {
  test('stops what runs, skips what has not begun, and runs what asks for it with always() or cancelled()', async () => {
    const here = await local({
      'main.yml': workflow('push', {
        a: job({}, WAITS),
        b: job({ needs: 'a' }),
        c: job({ needs: 'a', if: 'always()' }),
        d: job({ needs: 'a', if: 'cancelled()' }),
        e: job({ needs: 'a', if: '!cancelled()' }),
        f: job({ needs: 'a', if: 'failure()' }),
      }),
    })
    const [run] = here.platform.push()
    await run?.started('a')
    run?.cancel()
    const trace = await run?.done
    expect(trace && ends(trace)).toBe('a cancelled; b skipped; c success; d success; e skipped; f skipped')
    expect(trace?.conclusion).toBe('cancelled')
    expect(trace?.why).toBe(CANCELLED)
  })

  test('reaches into called workflows: their jobs with always() still run', async () => {
    const here = await local({
      'main.yml': workflow('push', {
        call: { uses: './.github/workflows/sub.yml' },
        never: { needs: 'call', if: '!cancelled()', uses: './.github/workflows/sub.yml' },
        outcome: job({ needs: ['call', 'never'], if: 'always()' }),
      }),
      'sub.yml': workflow('workflow_call', {
        canary: job({}, WAITS),
        recover: job({ needs: 'canary', if: "always() && needs.canary.result != 'skipped'" }),
        record: job({ needs: 'recover' }),
      }),
    })
    const [run] = here.platform.push()
    await run?.started('canary')
    run?.cancel()
    const trace = await run?.done
    expect(trace && ends(trace)).toBe(
      'call cancelled; call / canary cancelled; call / recover success; call / record skipped; never skipped; outcome success',
    )
    expect(trace?.conclusion).toBe('cancelled')
  })

  test('leaves alone a job that runs and whose condition still holds', async () => {
    const here = await local({
      'main.yml': workflow('push', { a: job({ if: 'always()' }, { until: 'go' }), b: job({}, WAITS) }),
    })
    const [run] = here.platform.push()
    await run?.started('a')
    await run?.started('b')
    run?.cancel()
    await here.seen('job-ended 1 b')
    here.let('go')
    const trace = await run?.done
    expect(trace && ends(trace)).toBe('a success; b cancelled')
    expect(trace?.conclusion).toBe('cancelled')
  })

  test.each([
    {
      waits: 'for a reviewer',
      first: {},
      options: { environments: { production: { reviewers: ['x'] } }, approve: () => new Promise<never>(() => {}) },
    },
    { waits: 'in its group', first: { concurrency: 'prod' }, options: {} },
    { waits: 'for a machine', first: {}, options: { machines: 1 } },
  ])('ends a job that waits $waits', async ({ first, options }) => {
    const here = await local(
      {
        'main.yml': workflow('push', {
          // What holds the group or the machine is left alone.
          holder: job({ ...first, if: 'always()' }, { until: 'go' }),
          a: job({ concurrency: 'prod', environment: 'production' }),
          after: job({ needs: 'a', if: 'always()', 'timeout-minutes': 1 }),
        }),
      },
      options,
    )
    const [run] = here.platform.push()
    await run?.started('holder')
    await new Promise((resolve) => setTimeout(resolve, 30))
    run?.cancel()
    await here.seen('job-ended 1 a')
    here.let('go')
    const trace = await run?.done
    expect(trace && ends(trace)).toBe('holder success; a cancelled; after success')
    expect(trace && jobIn(trace, 'a')).toMatchObject({ why: CANCELLED, steps: [] })
  })

  test('that has ended changes nothing', async () => {
    const here = await local({ 'main.yml': workflow('push', { a: job() }) })
    const [run] = here.platform.push()
    const trace = await run?.done
    run?.cancel()
    expect(await run?.done).toEqual(trace)
    expect(trace?.conclusion).toBe('success')
  })

  test('stops a process with a signal, and runs the steps that ask for it', async () => {
    const script = "trap 'echo stopped > $RUNNER_TEMP/said; exit 1' INT; echo begun; while :; do sleep 0.05; done"
    const steps = [{ run: script }, { run: 'echo not' }, { if: 'always()', run: 'cat $RUNNER_TEMP/said' }]
    const lines: string[] = []
    const here = await local(
      { 'main.yml': workflow('push', { a: { 'runs-on': 'x', steps } }) },
      {
        on: (happening) => {
          if (happening.kind === 'line') lines.push(happening.text)
        },
      },
    )
    const [run] = here.platform.push()
    while (!lines.includes('begun')) await new Promise((resolve) => setTimeout(resolve, 5))
    run?.cancel()
    expect((await run?.done)?.conclusion).toBe('cancelled')
    expect(lines).toContain('stopped')
    expect(lines).not.toContain('not')
  })
})

describe('a machine that dies', () => {
  test('fails its job in GitHub’s words, without its outputs, and the jobs that repair run on their own machines', async () => {
    const here = await local({
      'main.yml': workflow('push', {
        canary: job({}, { until: 'never', output: 'lost' }),
        next: job({ needs: 'canary' }),
        recover: job({ needs: 'canary', if: 'always()' }),
      }),
    })
    const [run] = here.platform.push()
    await run?.started('canary')
    run?.kill('canary')
    const trace = await run?.done
    expect(trace && ends(trace)).toBe('canary failure; next skipped; recover success')
    expect(trace && jobIn(trace, 'canary')).toMatchObject({ why: LOST, outputs: {} })
    expect(trace?.conclusion).toBe('failure')
  })

  test('is noticed after the time that is given', async () => {
    const here = await local({ 'main.yml': workflow('push', { a: job({}, WAITS) }) }, { noticedAfter: 300 })
    const [run] = here.platform.push()
    await run?.started('a')
    const at = Date.now()
    run?.kill('a')
    await run?.done
    expect(Date.now() - at).toBeGreaterThanOrEqual(290)
  })

  test('can only be one that runs', async () => {
    const here = await local({ 'main.yml': workflow('push', { a: job() }) })
    const [run] = here.platform.push()
    await run?.done
    expect(() => run?.kill('a')).toThrow('No job a runs in run 1')
    await expect(run?.started('b')).rejects.toThrow('Run 1 ended without job b')
  })
})

describe('a time limit', () => {
  test('of a job cancels it', async () => {
    const here = await local({
      'main.yml': workflow('push', {
        a: job({ 'timeout-minutes': 0.005 }, WAITS),
        b: job({ needs: 'a', if: 'always()' }),
      }),
    })
    const trace = await here.pushed()
    expect(ends(trace)).toBe('a cancelled; b success')
    expect(jobIn(trace, 'a').why).toContain('exceeded the maximum execution time')
  })

  test.each([
    { on: 'ubuntu-latest', asked: undefined, given: 360 },
    { on: 'ubuntu-latest', asked: 1000, given: 360 },
    { on: ['self-hosted', 'linux'], asked: 1000, given: 1000 },
    { on: ['self-hosted'], asked: 99_999, given: 7200 },
  ])('of $asked minutes on $on is $given', async ({ on, asked, given }) => {
    const limits: number[] = []
    const more = { 'runs-on': on, ...(asked === undefined ? {} : { 'timeout-minutes': asked }) }
    const here = await local({ 'main.yml': workflow('push', { a: job(more) }) }, {}, (request, start) => {
      limits.push(request.timeoutMinutes)
      return start(request)
    })
    await here.pushed()
    expect(limits).toEqual([given])
  })
})
