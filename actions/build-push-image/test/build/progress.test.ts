import { describe, expect, it } from 'vitest'
import { reader } from '../../src/build/progress.ts'
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
