import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { JobResult } from '../../src/execution.ts'
import { LOST } from '../../src/job/job.ts'
import { action, start, until } from './rig.ts'

const ends = ({ steps }: JobResult): readonly string[] =>
  steps.map(({ id, phase, outcome }) => `${id} ${phase} ${outcome}`)
const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
const pidIn = (file: string): number => Number(readFileSync(file, 'utf8'))

/** An action whose main goes on until a signal and writes each with its time; it ends at the one that it is told. */
const waits = action0('SIGINT')
const stubborn = action0('never')
function action0(endsAt: string): string {
  return `
import { appendFileSync as a, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
const child = spawn('sleep', ['300'])
writeFileSync(process.env.FILES + '/child', String(child.pid))
const began = Date.now()
for (const name of ['SIGINT', 'SIGTERM'])
  process.on(name, () => {
    a(process.env.FILES + '/signals', name + ' ' + (Date.now() - began) + '\\n')
    a(process.env.GITHUB_OUTPUT, 'seen=' + name + '\\n')
    if (name === '${endsAt}') { child.kill(); process.exit(0) }
  })
setInterval(() => {}, 1000)
console.log('waiting')`
}
const manifest = 'name: a\ndescription: a\nruns: { using: node24, main: m.mjs, post: p.mjs }'
const post = `import { appendFileSync as a } from 'node:fs'; a(process.env.FILES + '/signals', 'post\\n')`
const acting = (main: string) => action({ 'action.yml': manifest, 'm.mjs': main, 'p.mjs': post })
const signals = (folder: string): string => readFileSync(join(folder, 'signals'), 'utf8')

const steps = `
env: { FILES: "\${{ github.workspace }}/.." }
outputs: { seen: "\${{ steps.it.outputs.seen }}" }
steps:
  - { id: it, uses: a/b@v1 }
  - { id: plain, run: echo }
  - { id: failed, run: echo, if: failure() }
  - { id: always, run: 'echo \${{ job.status }} \${{ steps.it.outcome }}', if: always() }
  - { id: cancelled, run: echo, if: cancelled() }
`

describe.concurrent('a cancel', () => {
  test('sends SIGINT, and the step may end in peace; then always(), cancelled() and posts run', async () => {
    const started = start(steps, { actions: { 'a/b@v1': acting(waits) } })
    await started.saw('waiting')
    started.cancel()
    started.cancel()
    const done = await started.done
    expect(ends(done)).toEqual([
      'it main cancelled',
      'plain main skipped',
      'failed main skipped',
      'always main success',
      'cancelled main success',
      'it post success',
    ])
    expect(done).toMatchObject({ conclusion: 'cancelled', why: '', outputs: { seen: 'SIGINT' } })
    expect(done.steps[0]?.log.at(-1)).toBe('##[error]The operation was canceled.')
    expect(done.steps[3]?.log.at(-1)).toBe('cancelled cancelled')
    expect(signals(join(started.directory, '_work/shop'))).toMatch(/^SIGINT \d+\npost\n$/)
  })

  test('sends SIGTERM after 7.5 s and kills the whole tree after 2.5 s more', async () => {
    const started = start(steps, { actions: { 'a/b@v1': acting(stubborn) } })
    await started.saw('waiting')
    const folder = join(started.directory, '_work/shop')
    const at = Date.now()
    started.cancel()
    const done = await started.done
    const took = Date.now() - at
    expect(took).toBeGreaterThan(9_900)
    expect(took).toBeLessThan(20_000)
    const [, interrupt = '', terminate = ''] = /^SIGINT (\d+)\nSIGTERM (\d+)\npost\n$/.exec(signals(folder)) ?? []
    expect(Number(terminate) - Number(interrupt)).toBeGreaterThan(7_000)
    expect(Number(terminate) - Number(interrupt)).toBeLessThan(12_000)
    expect(isAlive(pidIn(join(folder, 'child')))).toBe(false)
    expect(ends(done)[0]).toBe('it main cancelled')
  })

  test('leaves a step alone that always runs, inside a composite action too', async () => {
    const act = action({
      'action.yml': `name: a
description: a
runs: { using: composite, steps: [{ shell: bash, run: "echo waiting; sleep 0.5; echo through" }, { shell: bash, run: "echo second", if: "!cancelled()" }] }`,
    })
    const started = start('steps: [{ id: it, uses: a/b@v1, if: always() }, { id: next, run: echo }]', {
      actions: { 'a/b@v1': act },
    })
    await started.saw('waiting')
    started.cancel()
    // The first inner step's own condition is success(), and of the action that still holds.
    const done = await started.done
    expect(ends(done)).toEqual(['it main success', 'next main skipped'])
    expect(done.steps[0]?.log).toContain('through')
    expect(done.steps[0]?.log).not.toContain('second')
    expect(done.conclusion).toBe('cancelled')
  })

  test('reaches the step inside a composite action, and a stand-in', async () => {
    const act = action({
      'action.yml': `name: a
description: a
runs: { using: composite, steps: [{ uses: a/inner@v1 }, { shell: bash, run: echo second }] }`,
    })
    const inside = start(`env: { FILES: "\${{ github.workspace }}/.." }\nsteps: [{ id: it, uses: a/b@v1 }]`, {
      actions: { 'a/b@v1': act, 'a/inner@v1': acting(waits) },
    })
    const standing = start('steps: [{ id: it, uses: a/b@v1 }]', {
      actions: {
        'a/b@v1': {
          kind: 'stand-in',
          act: ({ cancelled }) =>
            new Promise((resolve) =>
              cancelled.addEventListener('abort', () => resolve({ conclusion: 'success', log: ['told'] })),
            ),
        },
      },
    })
    await Promise.all([inside.saw('waiting'), standing.saw('▸ Run a/b')])
    inside.cancel()
    standing.cancel()
    const [one, other] = await Promise.all([inside.done, standing.done])
    expect(ends(one)).toEqual(['it main cancelled', 'it post success'])
    expect(one.steps[0]?.log.filter((line) => line.startsWith('##[error]'))).toEqual([
      '##[error]The operation was canceled.',
    ])
    expect(signals(join(inside.directory, '_work/shop'))).toMatch(/^SIGINT \d+\npost\n$/)
    expect(ends(other)).toEqual(['it main cancelled'])
    expect(other.steps[0]?.log).toContain('told')
  })

  test('before the first step skips them all but those that always run', async () => {
    const started = start('steps: [{ id: a, run: echo }, { id: b, run: echo, if: always() }]')
    started.cancel()
    expect(ends(await started.done)).toEqual(['a main skipped', 'b main success'])
  })

  test('that takes too long for the job ends everything, and no post runs', async () => {
    const started = start(steps, { actions: { 'a/b@v1': acting(stubborn) }, bound: 300 })
    await started.saw('waiting')
    const folder = join(started.directory, '_work/shop')
    started.cancel()
    const done = await started.done
    expect(ends(done)).toEqual(['it main cancelled'])
    expect(done).toMatchObject({
      conclusion: 'cancelled',
      why: 'The job did not end within 0.3 s of its cancellation and was killed',
      outputs: {},
    })
    expect(signals(folder)).toMatch(/^SIGINT \d+\n$/)
    expect(isAlive(pidIn(join(folder, 'child')))).toBe(false)
  })

  test('is what a job gets whose time is up, with the words of GitHub', async () => {
    const started = start(`steps: [{ id: it, run: exec sleep 60 }, { id: b, run: echo, if: cancelled() }]`, {
      timeoutMinutes: 0.02,
    })
    const done = await started.done
    const why = 'The job has exceeded the maximum execution time of 1s'
    expect(done).toMatchObject({ conclusion: 'cancelled', why })
    expect(done.annotations.map(({ text }) => text)).toEqual(['The operation was canceled.', why])
    expect(ends(done)).toEqual(['it main cancelled', 'b main success'])
  })
})

describe.concurrent('a machine that dies', () => {
  test('sends no signal, runs no post, and leaves no process', async () => {
    const started = start(steps, { actions: { 'a/b@v1': acting(waits) } })
    await started.saw('waiting')
    const folder = join(started.directory, '_work/shop')
    const at = Date.now()
    started.kill()
    started.cancel()
    const done = await started.done
    expect(Date.now() - at).toBeLessThan(7_000)
    expect(done).toMatchObject({ conclusion: 'failure', why: LOST, outputs: {} })
    expect(ends(done)).toEqual(['it main cancelled'])
    expect(existsSync(join(folder, 'signals'))).toBe(false)
    expect(isAlive(pidIn(join(folder, 'child')))).toBe(false)
  })

  test('dies in the middle of a post: of those that were to follow, none begins', async () => {
    const slow = action({
      'action.yml': manifest,
      'm.mjs': '',
      'p.mjs': `console.log('cleaning'); setInterval(() => {}, 1000)`,
    })
    const quick = action({ 'action.yml': manifest, 'm.mjs': '', 'p.mjs': '' })
    const outer = action({
      'action.yml': `name: a
description: a
runs: { using: composite, steps: [{ uses: a/quick@v1 }, { uses: a/slow@v1 }] }`,
    })
    const started = start('steps: [{ id: it, uses: a/outer@v1 }]', {
      actions: { 'a/outer@v1': outer, 'a/slow@v1': slow, 'a/quick@v1': quick },
    })
    await started.saw('cleaning')
    const before = started.said.length
    started.kill()
    expect((await started.done).conclusion).toBe('failure')
    expect(started.said.slice(before)).toEqual([])
  })

  test('dies in the middle of a cancel, too', async () => {
    const started = start(steps, { actions: { 'a/b@v1': acting(stubborn) } })
    await started.saw('waiting')
    const folder = join(started.directory, '_work/shop')
    started.cancel()
    await until(() => existsSync(join(folder, 'signals')))
    started.kill()
    const done = await started.done
    expect(ends(done)).toEqual(['it main cancelled'])
    expect(signals(folder)).toMatch(/^SIGINT \d+\n$/)
  })
})

test.concurrent('what a step leaves running with its output open holds it up for 5 s, and lives on for the steps that follow', async () => {
  const started = start(
    `steps: [{ run: 'echo begun; (while [ ! -e ../go ]; do sleep 0.1; done; echo too late; exec sleep 300) & echo $! > ../left' }, { run: 'touch ../go; sleep 0.5; kill -0 $(cat ../left) && echo still there' }]`,
  )
  const done = await started.done
  const [first] = done.steps
  expect((first?.endedAt ?? 0) - (first?.startedAt ?? 0)).toBeGreaterThan(4_900)
  expect(first?.log.at(-1)).toBe('begun')
  expect(done.steps[1]?.log.at(-1)).toBe('still there')
  const left = pidIn(join(started.directory, '_work/shop/left'))
  await until(() => !isAlive(left))
  expect(isAlive(left)).toBe(false)
  expect(started.said.at(-1)).toBe(`Terminate orphan process: pid (${left}) (sleep)`)
})

test.concurrent('a step that is killed takes its own tree with it, not what steps before it left running', async () => {
  const started = start(`steps:
  - run: 'sleep 300 > /dev/null 2>&1 & echo $! > ../left'
  - { id: slow, run: 'trap "" INT TERM; sleep 300 & echo $! > ../own; while :; do sleep 1; done', timeout-minutes: 0.005 }
  - { run: 'kill -0 $(cat ../left) && echo still there; case "$(cut -d" " -f3 /proc/$(cat ../own)/stat)" in ""|Z) echo gone;; esac', if: always() }`)
  const done = await started.done
  expect(ends(done)[1]).toBe('slow main failure')
  expect(done.steps[2]?.log.filter((line) => /^(still there|gone)$/.test(line))).toEqual(['still there', 'gone'])
})

test.concurrent('what a step leaves running is ended with the job, though it has left its parent and its session', async () => {
  const started = start(
    `steps: [{ run: 'setsid sh -c "echo \\$\\$ > ../left; exec sleep 300" > /dev/null 2>&1 & sleep 0.3' }, { run: 'kill -0 $(cat ../left) && echo still there' }]`,
  )
  const done = await started.done
  expect(done.steps[1]?.log.at(-1)).toBe('still there')
  const left = pidIn(join(started.directory, '_work/shop/left'))
  await until(() => !isAlive(left))
  expect(isAlive(left)).toBe(false)
  expect(started.said.at(-1)).toBe(`Terminate orphan process: pid (${left}) (sleep)`)
})

test('a cancel or a death after the end is too late, and keeps nothing waiting', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
  const started = start('steps: [{ run: echo }]')
  await started.done
  const before = timers()
  started.cancel()
  started.kill()
  expect(timers()).toBe(before)
  expect((await started.done).conclusion).toBe('success')
})
