import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Happening } from '@sluice/runner/github'
import { expect, test } from 'vitest'
import { ends, job, jobIn, local, workflow, x } from './local.ts'

const sleeper = { 'runs-on': 'x', steps: [{ run: 'echo pid $$; sleep 1234' }] }

test('closing ends what runs and leaves no process, folder or listener', async () => {
  const lines: string[] = []
  const here = await local(
    {
      'main.yml': workflow('push', {
        a: sleeper,
        b: job({ needs: 'a', if: 'always()' }),
        c: job({ concurrency: 'g' }, { until: 'x' }),
        d: job({ concurrency: 'g' }),
      }),
    },
    {
      on: (happening) => {
        if (happening.kind === 'line') lines.push(happening.text)
      },
    },
  )
  const [run] = here.platform.push()
  while (!lines.some((line) => line.startsWith('pid '))) await new Promise((resolve) => setTimeout(resolve, 5))
  const pid = lines.find((line) => line.startsWith('pid '))?.slice(4) ?? ''
  await here.platform.close()
  const trace = await run?.done
  expect(trace?.conclusion).toBe('cancelled')
  expect(trace?.why).toBe('The platform was closed.')
  expect(existsSync(`/proc/${pid}`)).toBe(false)
  expect(readdirSync(join(here.folder, '../machines'))).toEqual([])
  await expect(fetch(here.platform.url)).rejects.toThrow()
})

test('closing does not wait for a reviewer, nor for jobs that always run', async () => {
  const here = await local(
    {
      'main.yml': workflow('push', {
        a: job({ environment: 'production', if: 'always()' }),
        b: job({ if: 'always()' }, { until: 'never' }),
        c: job({ needs: 'b', if: 'always()' }, { until: 'never' }),
      }),
    },
    { environments: { production: { reviewers: ['x'] } }, approve: () => new Promise(() => {}) },
  )
  const [run] = here.platform.push()
  await run?.started('b')
  await here.seen('job-waiting 1 a')
  await here.platform.close()
  expect((await run?.done)?.conclusion).toBe('cancelled')
})

test('closing twice, and with nothing begun, is no matter; nothing begins afterwards', async () => {
  const here = await local({ 'main.yml': workflow('push', { a: job() }) })
  await here.platform.close()
  await here.platform.close()
  expect(() => here.platform.push()).toThrow('The platform was closed: .github/workflows/main.yml does not run')
  expect(here.platform.runs).toEqual([])
})

test('idle waits for runs that follow others', async () => {
  const here = await local({
    'a.yml': workflow('push', { a: job() }, { name: 'A' }),
    'b.yml': workflow({ workflow_run: { workflows: ['A'] } }, { a: job() }),
  })
  here.platform.push()
  await here.platform.idle()
  expect(here.happened.at(-1)).toBe('run-ended 2')
})

test('a machine’s folder goes when its job has ended', async () => {
  const here = await local({ 'main.yml': workflow('push', { a: job({}, { until: 'go' }) }) })
  const [run] = here.platform.push()
  await run?.started('a')
  const folders = () =>
    readdirSync(join(here.folder, '../machines'), { recursive: true }).filter((path) =>
      String(path).includes('machine-'),
    )
  expect(folders().length).toBeGreaterThan(0)
  here.let('go')
  await run?.done
  expect(folders()).toEqual([])
})

test('a bug of this runner fails the run and is named, and nothing is left waiting', async () => {
  const here = await local(
    { 'main.yml': workflow('push', { a: job(), b: job({}, { until: 'never' }) }) },
    {},
    (request, start) => {
      if (request.ids[0] === 'a') throw new TypeError('nobody thought of this')
      return start(request)
    },
  )
  const trace = await here.pushed()
  expect(trace.conclusion).toBe('failure')
  expect(trace.why).toMatch(/^A bug of this runner: TypeError: nobody thought of this\n {4}at /)
  await here.platform.idle()
})

test('a bug of this runner is told when all that ran has ended, in called workflows too', async () => {
  const lines: string[] = []
  const on = (happening: Happening): void => {
    if (happening.kind === 'line') lines.push(happening.text)
  }
  const here = await local(
    {
      'main.yml': workflow('push', { call: { uses: './.github/workflows/lib.yml' }, other: sleeper }),
      'lib.yml': workflow('workflow_call', { bug: job({}, { until: 'bug' }), sleeps: sleeper }),
    },
    { on },
    (request, start) => {
      const running = start(request)
      if (request.ids.at(-1) !== 'bug') return running
      return { ...running, done: running.done.then(() => Promise.reject(new TypeError('nobody thought of this'))) }
    },
  )
  const [run] = here.platform.push()
  const pids = () => lines.filter((line) => /^pid \d/.test(line)).map((line) => line.slice(4))
  while (pids().length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  here.let('bug')
  expect((await run?.done)?.why).toMatch(/nobody thought of this/)
  expect(pids().filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
  expect(readdirSync(join(here.folder, '../machines'), { recursive: true }).join()).not.toContain('machine-')
})

test('reviewers whose answer fails fail their job alone', async () => {
  const here = await local(
    { 'main.yml': workflow('push', { a: job({ environment: 'production' }), b: job() }) },
    {
      environments: { production: { reviewers: ['x'] } },
      approve: () => {
        throw new Error('nobody there')
      },
    },
  )
  const trace = await here.pushed()
  expect(ends(trace)).toBe('a failure; b success')
  expect(jobIn(trace, 'a').why).toBe('Nobody could say whether production is approved: nobody there')
})

test('a machine whose folder cannot be made fails its job alone', async () => {
  const here = await local({
    'main.yml': workflow('push', {
      a: { 'runs-on': 'x', steps: [{ run: 'top="$(dirname "$(dirname "$HOME")")"; rm -rf "$top"; touch "$top"' }] },
      b: job({ needs: 'a', if: 'always()' }),
    }),
  })
  const trace = await here.pushed()
  expect(ends(trace)).toBe('a success; b failure')
  expect(jobIn(trace, 'b').why).toMatch(/^This machine could not do the job: /)
})

test('a listener that throws changes nothing', async () => {
  const here = await local(
    { 'main.yml': workflow('push', { a: job() }) },
    {
      on: () => {
        throw new Error('not mine')
      },
    },
  )
  expect((await here.pushed()).conclusion).toBe('success')
})

test('an action of the run’s own repository is the one of the run’s commit', async () => {
  const action = (word: string) => `name: say
runs: { using: composite, steps: [{ shell: bash, run: 'echo "word=${word}" >> "$GITHUB_OUTPUT"', id: it }] }
outputs: { word: { value: "${x('steps.it.outputs.word')}" } }
`
  const steps = [
    { id: 'own', uses: '$/actions/say' },
    { id: 'named', uses: 'acme/shop/actions/say@main' },
  ]
  const outputs = { own: x('steps.own.outputs.word'), named: x('steps.named.outputs.word') }
  const here = await local({
    'main.yml': workflow('push', { a: { 'runs-on': 'x', steps, outputs } }),
    'actions/say/action.yml': action('old'),
  })
  const [old] = here.platform.push()
  expect((await old?.done)?.jobs[0]?.outputs).toEqual({ own: 'old', named: 'old' })
  const before = readFileSync(join(here.folder, '.git/refs/heads/main'), 'utf8').trim()
  here.commit({ 'actions/say/action.yml': action('new') })
  const [again] = here.platform.push({ sha: before })
  expect((await again?.done)?.jobs[0]?.outputs).toEqual({ own: 'old', named: 'new' })
})

test('an action that nobody knows fails its job with its name', async () => {
  const here = await local({ 'main.yml': workflow('push', { a: { 'runs-on': 'x', steps: [{ uses: 'no/body@v1' }] } }) })
  const trace = await here.pushed()
  expect(trace.conclusion).toBe('failure')
  expect(JSON.stringify(trace.jobs)).toContain('Unable to resolve action `no/body@v1`')
})
