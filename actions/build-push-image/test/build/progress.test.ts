import { describe, expect, it } from 'vitest'
import { reader } from '../../src/build/progress.ts'
import { cleaner } from '../../src/build/redact.ts'
import { COMPLETED, captured, heard, logLine, STARTED, stepLine } from './captured.ts'

describe('a build that failed', () => {
  const { logged, progress } = heard(captured('failed-run'))

  it('is logged step by step, with what the steps wrote as people read it', () => {
    expect(logged).toContain('#2 [build 2/3] COPY st.sh /st.sh')
    expect(logged).toContain('#1 [build 1/3] COPY busybox /bin/busybox: cached')
    const run = logged.indexOf('#3 [build 3/3] RUN ["/bin/busybox", "sh", "/st.sh"]')
    expect(logged.slice(run + 1, run + 5)).toEqual(['#3 | ::error::evil', '#3 | red', '#3 | 100%', '#3 | test 1 ok'])
    expect(logged.slice(-11, -9)).toEqual([
      '#3 | no newline',
      '#3 failed: process "/bin/busybox sh /st.sh" did not complete successfully: exit code: 3',
    ])
    expect(logged.some((line) => line.includes('[internal]'))).toBe(false)
  })

  it('keeps the last twenty lines of the step, and its error', () => {
    const step = progress.steps.find(({ error }) => error !== undefined)
    expect(step?.name).toBe('[build 3/3] RUN ["/bin/busybox", "sh", "/st.sh"]')
    expect(step?.log).toHaveLength(20)
    expect(step?.log.slice(-4)).toEqual([
      'test 30 ok',
      'not ok: Error: expected 1, got 2',
      'Tests: 1 failed',
      'no newline',
    ])
    expect(progress.said.at(-1)).toMatch(/^ERROR: failed to build: failed to solve: process /)
  })
})

it('tells what a push did: all of it cached, and how long the layers took', () => {
  const { logged, progress } = heard(captured('push'))
  expect(progress.cachedShare).toBe(1)
  expect(progress.steps.map(({ name }) => name.slice(0, 13))).toEqual([
    '[build 1/2] C',
    '[build 2/2] R',
    '[stage-1 1/3]',
    '[stage-1 2/3]',
    '[stage-1 3/3]',
  ])
  expect(progress.stages.map(({ name, steps, cached }) => [name, steps, cached])).toEqual([
    ['build', 2, 2],
    ['stage-1', 3, 3],
  ])
  expect(progress.exportingMs).toBe(141)
  expect(progress.pushingMs).toBeGreaterThan(0)
  expect(progress.pushingMs).toBeLessThanOrEqual(progress.exportingMs)
  expect(logged).toContain('#7 done, 0.1 s')
})

it('says why a cache was not read or written, without a word on one that is not there yet', () => {
  const { logged, progress } = heard(captured('cache'))
  expect(progress.cacheProblems).toEqual([
    expect.stringMatching(/^exporting cache to registry: error writing layer blob: .*connection refused$/),
    expect.stringMatching(/^importing cache manifest from 127\.0\.0\.1:5999.*connection refused$/),
  ])
  expect(logged).toContainEqual(expect.stringMatching(/^#\d+ left out: .*buildcache-x: not found$/))
  expect(progress.cacheMs).toBe(544)
  expect(progress.steps.every(({ error }) => error === undefined)).toBe(true)
})

it("reads BuildKit's warnings with their place", () => {
  const warnings = heard(captured('checks')).progress.warnings
  expect(warnings).toHaveLength(3)
  expect(warnings).toContainEqual({
    text: 'MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label',
    url: 'https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/',
    file: 'Dockerfile',
    line: 3,
  })
  expect(heard([...captured('checks'), ...captured('checks')]).progress.warnings).toEqual(warnings)
})

it('tells platforms apart', () => {
  const names = heard(captured('two-platforms')).progress.stages.map(({ name }) => name)
  expect(names).toContain('linux/386 build')
  expect(names).toContain('linux/amd64 stage-1')
})

describe('one step', () => {
  it('is told once when it begins and once when it ends, and is under way between', () => {
    const read = reader()
    expect(read.heard(stepLine({}))).toEqual([])
    expect(read.current()).toBe('')
    expect(read.heard(stepLine({ started: STARTED }))).toEqual(['#1 [1/1] RUN make'])
    expect(read.heard(stepLine({ started: STARTED }))).toEqual([])
    expect(read.current()).toBe('[1/1] RUN make')
    expect(read.heard(stepLine({ started: STARTED, completed: COMPLETED }))).toEqual(['#1 done, 4.5 s'])
    expect(read.heard(stepLine({ started: STARTED, completed: COMPLETED }))).toEqual([])
    expect(read.current()).toBe('')
    expect(read.soFar().steps).toEqual([{ name: '[1/1] RUN make', cached: false, ms: 4500, log: [] }])
    expect(read.soFar().cachedShare).toBe(0)
  })

  it('that was only looked up, and then begins, is under way', () => {
    const from = { name: '[build 1/2] FROM docker.io/library/node:24' }
    const read = reader()
    read.heard(stepLine({ ...from, started: STARTED, completed: STARTED }))
    read.heard(stepLine({ ...from, started: STARTED }))
    expect(read.current()).toBe('[build 1/2] FROM docker.io/library/node:24')
    expect(read.heard(stepLine({ ...from, started: STARTED, completed: '2026-11-22T07:12:30Z' }))).toEqual([
      '#1 done, 1 min 3 s',
    ])
    // A base image is nothing that is built.
    expect(read.soFar().cachedShare).toBeUndefined()
  })

  it('may write a letter in two parts, and a line in many', () => {
    const letter = Buffer.from('é!\n')
    const read = reader()
    read.heard(stepLine({ started: STARTED }))
    expect(read.heard(logLine(letter.subarray(0, 1)))).toEqual([])
    expect(read.heard(logLine(letter.subarray(1)))).toEqual(['#1 | é!'])
  })

  it('that is broken off with another is not what failed', () => {
    const { logged } = heard([stepLine({ started: STARTED, completed: COMPLETED, error: 'context canceled' })])
    expect(logged).toEqual(['#1 [1/1] RUN make', '#1 broken off: context canceled'])
  })
})

describe('a build that was built before', () => {
  const step = (digest: string, name: string, own: Readonly<Record<string, unknown>>) =>
    stepLine({ digest, name, started: STARTED, ...own })
  const again = () => reader({ again: true })

  it('is logged without what comes from the cache', () => {
    const read = again()
    const lines = [
      step('a', '[a 1/2] FROM x', {}),
      step('a', '[a 1/2] FROM x', { completed: STARTED }),
      step('i', '[linux/arm64 internal] load metadata for x', { completed: STARTED }),
      step('j', '[c 1/1] FROM z', { cached: true, completed: STARTED }),
      step('f', 'FROM y@sha256:00', {}),
      step('f', 'FROM y@sha256:00', { completed: STARTED }),
      step('b', '[a 2/2] RUN make', {}),
      step('b', '[a 2/2] RUN make', { cached: true, completed: STARTED }),
      step('b', '[a 2/2] RUN make', { cached: true, completed: STARTED }),
      step('c', '[b 1/1] COPY a /', { cached: true, completed: STARTED }),
      step('d', 'exporting to image', {}),
      step('d', 'exporting to image', { completed: COMPLETED }),
    ].flatMap((line) => read.heard(line))
    expect([...lines, ...read.end()]).toEqual(['2 steps from the build', '#1 exporting to image', '#1 done, 4.5 s'])
    expect(heard(captured('push')).logged.length).toBeGreaterThan(5)
  })

  it('is logged where it is done again, and in the end where nothing is exported', () => {
    const read = again()
    read.heard(step('c', '[1/3] COPY a /', { cached: true, completed: STARTED }))
    expect(read.heard(step('b', '[2/3] RUN make', {}))).toEqual([])
    expect(read.heard(logLine('made\n', 'b'))).toEqual(['#1 [2/3] RUN make', '#1 | made'])
    expect(read.heard(step('b', '[2/3] RUN make', { completed: COMPLETED }))).toEqual(['#1 done, 4.5 s'])
    expect(read.heard(step('e', '[3/3] RUN x', { completed: COMPLETED }))).toEqual(['#2 [3/3] RUN x', '#2 done, 4.5 s'])
    expect([read.end(), read.end()].flat()).toEqual(['1 step from the build'])
  })

  it('tells which steps were done again, and not those that another build had under way', () => {
    const first = reader()
    first.heard(step('b', '[2/3] RUN make', { completed: COMPLETED }))
    const own = { name: 'resolving provenance for metadata file', completed: '2027-01-01T00:00:00Z' }
    expect(first.heard(stepLine({ digest: 'p', started: '2026-12-31T23:59:59Z', ...own }))).toEqual([])
    expect(first.lastEnd()).toBe(Date.parse(COMPLETED))
    const later = '2026-11-22T07:12:00Z'
    const read = again()
    for (const line of [
      step('a', '[1/3] FROM x', { started: later, completed: later }),
      step('b', '[2/3] RUN make', { completed: COMPLETED }),
      step('c', '[3/3] RUN test', { started: later, completed: later }),
      // The address of an ADD is looked at under the name of the step.
      step('d', '[4/4] ADD http://x /', { started: later, completed: later }),
      step('e', '[4/4] ADD http://x /', { started: later, completed: later, cached: true }),
      step('f', '[internal] load build context', { started: later, completed: later }),
      step('g', '[5/5] RUN late', { started: later }),
      step('h', 'exporting to image', { started: later, completed: later }),
    ])
      read.heard(line)
    expect(read.ranSince(first.lastEnd() ?? 0)).toEqual(['[3/3] RUN test'])
  })
})

it('moves with what is done, and not with what is only still under way', () => {
  const read = reader()
  const moved = (line: string): boolean => {
    const before = read.moves()
    read.heard(line)
    return read.moves() > before
  }
  const status = (current: number, own: Readonly<Record<string, unknown>> = {}): string =>
    JSON.stringify({ statuses: [{ id: 'pushing layers', vertex: 'd', current, total: 9, started: STARTED, ...own }] })
  const lines = [
    stepLine({ started: STARTED }),
    status(1),
    status(2),
    status(2, { completed: COMPLETED }),
    logLine('a\n'),
  ]
  expect(lines.map(moved)).toEqual([true, true, true, true, true])
  expect(
    [stepLine({ started: STARTED }), status(2, { completed: COMPLETED, timestamp: COMPLETED })].map(moved),
  ).toEqual([false, false])
  expect(moved(stepLine({ started: STARTED, completed: COMPLETED }))).toBe(true)
})

it('keeps secrets out of all that it tells, however they come', () => {
  const read = reader({ clean: cleaner(['hush-hush']) })
  const secret = 'hush-hush http://u:pw@h/x'
  const logged = [
    stepLine({ name: `[1/1] RUN ${'x'.repeat(150)} ${secret}`, started: STARTED }),
    logLine('a hush-'),
    logLine(`hush ${secret}\n`),
    logLine(secret),
    stepLine({ name: `[1/1] RUN ${secret}`, started: STARTED, completed: COMPLETED, error: secret }),
    JSON.stringify({ warnings: [{ short: Buffer.from(secret).toString('base64'), url: secret }] }),
    `ERROR: ${secret}`,
  ].flatMap((line) => read.heard(line))
  for (const text of [logged.join('\n'), JSON.stringify(read.soFar()), read.current()])
    expect(text).not.toMatch(/hush|pw@/)
  expect(logged).toContain('#1 | a *** *** http://***@h/x')
})

it('names a quiet step that writes something', () => {
  const { logged } = heard([stepLine({ name: '[internal] load x', started: STARTED }), logLine('a\nb\n')])
  expect(logged).toEqual(['#1 [internal] load x', '#1 | a', '#1 | b'])
})

describe('what anybody may write', () => {
  it('is no event: it is told as it is', () => {
    for (const line of ['{"vertexes":1}', '{"logs":', '{"a":[]}', '[]', 'null', 'WARNING: No output specified'])
      expect(heard([line])).toMatchObject({ logged: [line], progress: { steps: [], said: [line] } })
    expect(heard(['{"vertexes":[1,null,{"digest":7,"started":"yesterday"}]}']).progress.steps).toEqual([])
  })

  it('is read in little time', () => {
    const began = performance.now()
    const bad = [
      '\r'.repeat(500_000),
      '\u001b['.repeat(500_000),
      '\u001b[0;'.repeat(200_000),
      ' '.repeat(500_000),
      '('.repeat(500_000),
    ]
    const { progress } = heard([
      stepLine({ started: STARTED }),
      ...bad.map((text) => logLine(`${text}x\n`)),
      ...bad.map((text) => `${text}x`),
    ])
    expect(progress.steps).toEqual([])
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it('is never held: not a line without end, not a log without end, not ever new steps', () => {
    const read = reader()
    read.heard(stepLine({ started: STARTED }))
    for (let part = 0; part < 50; part++) read.heard(logLine('x'.repeat(100_000)))
    let logged = 0
    for (let part = 0; part < 60; part++) logged += read.heard(logLine('line\n'.repeat(1000))).length
    for (let step = 0; step < 4000; step++)
      read.heard(stepLine({ digest: `sha256:x${step}`, started: STARTED, completed: COMPLETED }))
    for (let line = 0; line < 10_000; line++) read.heard(`${line} ${'y'.repeat(10_000)}`)
    expect(logged).toBe(5001)
    expect(JSON.stringify(read.soFar()).length).toBeLessThan(1_000_000)
    expect(read.soFar().steps).toHaveLength(2999)
  })
})
