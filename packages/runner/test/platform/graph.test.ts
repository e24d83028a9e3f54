import type { RunTrace } from '@sluice/runner/trace'
import { describe, expect, test } from 'vitest'
import { ends, job, jobIn, local, workflow, x } from './local.ts'

const run = async (jobs: Readonly<Record<string, unknown>>, top = {}): Promise<RunTrace> =>
  (await local({ 'main.yml': workflow('push', jobs, top) })).pushed()

const FAILS = { end: 'failure' }

describe('the order of jobs', () => {
  test('follows needs, and a job sees what those that it needs gave', async () => {
    const trace = await run({
      b: job({ needs: 'a' }, { output: `${x('needs.a.result')} ${x('needs.a.outputs.out')}` }),
      a: job({}, { output: 'one' }),
    })
    expect(ends(trace)).toBe('b success; a success')
    expect(jobIn(trace, 'b').outputs.out).toBe('success one')
    expect(jobIn(trace, 'b').startedAt).toBeGreaterThanOrEqual(jobIn(trace, 'a').endedAt)
    expect(trace.conclusion).toBe('success')
  })

  test('a job is skipped when one that it needs failed, and so is the one behind it', async () => {
    const trace = await run({ a: job({}, FAILS), b: job({ needs: 'a' }), c: job({ needs: 'b' }) })
    expect(ends(trace)).toBe('a failure; b skipped; c skipped')
    expect(jobIn(trace, 'b').why).toBe('Skipped: it needs a, which ended as failure.')
    expect(trace.conclusion).toBe('failure')
  })

  test('a job far behind a skipped one is skipped, though the one between ran by a status function', async () => {
    const trace = await run({
      a: job({ if: 'false' }),
      b: job({ needs: 'a', if: '!failure()' }),
      c: job({ needs: 'b' }),
      d: job({ needs: 'b', if: "!cancelled() && needs.b.result == 'success'" }),
    })
    expect(ends(trace)).toBe('a skipped; b success; c skipped; d success')
  })

  test('failure() and always() see a failure far back', async () => {
    const trace = await run({
      a: job({}, FAILS),
      b: job({ needs: 'a' }),
      c: job({ needs: 'b', if: 'failure()' }),
      d: job({ needs: 'b', if: 'always()' }),
      e: job({ needs: 'b', if: 'cancelled()' }),
    })
    expect(ends(trace)).toBe('a failure; b skipped; c success; d success; e skipped')
  })

  test('a run whose jobs were all skipped is skipped', async () => {
    expect((await run({ a: job({ if: 'false' }) })).conclusion).toBe('skipped')
  })

  test('a failure that may be counts as success for those that need it and for the run, and is shown as failure', async () => {
    const trace = await run({
      a: job({ 'continue-on-error': true }, FAILS),
      b: job({ needs: 'a' }, { output: x('needs.a.result') }),
    })
    expect(ends(trace)).toBe('a failure; b success')
    expect(jobIn(trace, 'b').outputs.out).toBe('success')
    expect(trace.conclusion).toBe('success')
  })

  test('a condition that cannot be evaluated fails its job, with file and line', async () => {
    const trace = await run({ a: job({ if: "fromJSON('')" }), b: job({ needs: 'a', if: 'always()' }) })
    expect(ends(trace)).toBe('a failure; b success')
    expect(jobIn(trace, 'a').why).toMatch(
      /^The template is not valid\. \.github\/workflows\/main\.yml:\d+: \$\{\{ fromJSON/,
    )
  })

  test('text is no boolean: a job that may fail by what looks like one fails before it begins', async () => {
    const trace = await run({
      a: job({ 'continue-on-error': x('github.ref_name') }),
      b: job({ 'timeout-minutes': x('github.run_id') }),
    })
    expect(ends(trace)).toBe('a failure; b failure')
    expect(jobIn(trace, 'a').why).toMatch(/^The template is not valid\. .*: Unexpected value 'main'/)
    expect(jobIn(trace, 'b').why).toMatch(/^The template is not valid\. .*: Unexpected value '1'/)
  })

  test('a job that needs what is not there refuses the run, and nothing runs', async () => {
    const trace = await run({ a: job(), b: job({ needs: 'z' }) })
    expect(trace.jobs).toEqual([])
    expect(trace.conclusion).toBe('failure')
    expect(trace.refused).toContain("Job 'b' depends on unknown job 'z'.")
    expect(trace.refused).toMatch(/\.github\/workflows\/main\.yml \(Line: \d+, Col: \d+\)/)
  })

  test('a file that does not parse refuses the run, with its line', async () => {
    const here = await local({ 'main.yml': 'on: push\njobs:\n  a: { runs-on: x, stepz: [] }\n' })
    const trace = await here.pushed()
    expect(trace.refused).toContain('.github/workflows/main.yml (Line: 3, Col: ')
    expect(trace.jobs).toEqual([])
  })
})

describe('a matrix', () => {
  const of = (values: readonly string[], more = {}) => ({ matrix: { v: values }, ...more })

  test('makes jobs with names, contexts and outputs of their own, and the last to end decides an output', async () => {
    const here = await local({
      'main.yml': workflow('push', {
        a: job(
          { strategy: of(['x', 'y']) },
          { output: `${x('matrix.v')}${x('strategy.job-index')}`, until: x('matrix.v') },
        ),
        b: job({ needs: 'a' }, { output: `${x('needs.a.result')} ${x('needs.a.outputs.out')}` }),
      }),
    })
    const [started] = here.platform.push()
    await started?.started('a (y)')
    here.let('y')
    await here.seen('job-ended 1 a (y)')
    here.let('x')
    const trace = await started?.done
    expect(trace && ends(trace)).toBe('a (x) success; a (y) success; b success')
    expect(trace && jobIn(trace, 'b').outputs.out).toBe('success x0')
  })

  test('ends its others when one fails, with GitHub’s words', async () => {
    const trace = await run({
      a: job(
        { strategy: of(['x', 'y']) },
        { end: x("matrix.v == 'x' && 'failure' || ''"), until: x("matrix.v == 'y' && 'never' || ''") },
      ),
    })
    expect(ends(trace)).toBe('a (x) failure; a (y) cancelled')
    expect(jobIn(trace, 'a (y)').why).toBe('The strategy configuration was canceled because "a (x)" failed')
    expect(trace.conclusion).toBe('failure')
  })

  test('lets its others be with fail-fast: false, and with a failure that may be', async () => {
    const strategies = [
      { strategy: of(['x', 'y'], { 'fail-fast': false }) },
      { strategy: of(['x', 'y']), 'continue-on-error': true },
    ]
    for (const given of strategies) {
      const trace = await run({ a: job(given, { end: x("matrix.v == 'x' && 'failure' || ''") }) })
      expect(ends(trace)).toBe('a (x) failure; a (y) success')
    }
  })

  test('runs max-parallel at a time', async () => {
    const trace = await run({ a: job({ strategy: of(['1', '2', '3'], { 'max-parallel': 1 }) }) })
    const times = trace.jobs.flatMap(({ startedAt, endedAt }) => [startedAt, endedAt])
    expect(times).toEqual(times.toSorted((one, other) => one - other))
    expect(times.length).toBe(6)
  })

  test.each([
    ['their turn', { 'max-parallel': 1 }, {}, {}],
    ['a machine', {}, {}, { machines: 1 }],
    ['their group', {}, { concurrency: { group: 'g', queue: 'max' } }, {}],
  ])('of which one fails begins none of those that still wait for %s', async (_, parallel, group, options) => {
    const strategy = of(['x', 'y', 'z'], parallel)
    const steps = [
      { uses: 'act/on@v1', with: { end: 'failure' } },
      { uses: 'act/on@v1', if: 'always()' },
    ]
    const here = await local(
      { 'main.yml': workflow('push', { a: { 'runs-on': 'x', strategy, steps, ...group } }) },
      options,
    )
    expect(ends(await here.pushed())).toBe('a (x) failure; a (y) cancelled; a (z) cancelled')
    expect(here.happened.filter((line) => line.startsWith('job-started'))).toEqual(['job-started 1 a (x)'])
    expect(here.acted.length).toBe(2)
  })

  test('that is made of what another job gave', async () => {
    const trace = await run({
      a: job({}, { output: '{"v":["p","q"]}' }),
      b: job({ needs: 'a', strategy: { matrix: x('fromJSON(needs.a.outputs.out)') } }),
    })
    expect(ends(trace)).toBe('a success; b (p) success; b (q) success')
  })

  test('that is empty fails its job', async () => {
    const trace = await run({ a: job({ strategy: { matrix: x(`fromJSON('{"v":[]}')`) } }), b: job() })
    expect(ends(trace)).toBe('a failure; b success')
    expect(jobIn(trace, 'a').why).toContain("Matrix vector 'v' does not contain any values")
  })
})

describe('machines', () => {
  test('run as many jobs at a time as there are', async () => {
    const jobs = Object.fromEntries(['a', 'b', 'c', 'd'].map((id) => [id, job({}, { until: id })]))
    const here = await local({ 'main.yml': workflow('push', jobs) }, { machines: 2 })
    const [started] = here.platform.push()
    await started?.started('b')
    const begun = (): number => here.happened.filter((line) => line.startsWith('job-started')).length
    expect(begun()).toBe(2)
    here.let('a')
    await started?.started('c')
    expect(begun()).toBe(3)
    for (const id of ['b', 'c', 'd']) here.let(id)
    expect((await started?.done)?.conclusion).toBe('success')
  })
})
