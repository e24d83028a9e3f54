import { readSluiceFile } from '@sluice/delivery/file'
import { describe, expect, test } from 'vitest'
import { choose } from '../src/check.ts'
import { type CheckReport, type Ended, resultOf, wordsFor } from '../src/ended.ts'
import { environmentOf, hidden, secretsIn } from '../src/environment.ts'
import { findings } from '../src/finding.ts'
import { summarize } from '../src/summary.ts'
import { grown, lastOf } from '../src/tail.ts'
import { decide } from '../src/verdict.ts'

const file = readSluiceFile(
  `version: 1
services:
  shop:
    image: registry.example/shop
    folder: apps/shop
    checks:
      - { name: types, run: tsc }
      - { name: test, run: npm test, timeout: 90s, folder: e2e, env: { N: 3, ON: true } }
  bare: { image: registry.example/bare }
`,
  'sluice.yml',
)

describe('the checks that were asked for', () => {
  test('are those of the service, with folders joined and values as text', () => {
    expect(choose(file, 'shop', [])).toEqual({
      service: 'shop',
      checks: [
        { name: 'types', run: 'tsc', folder: 'apps/shop', timeoutMs: 1_800_000, env: {} },
        { name: 'test', run: 'npm test', folder: 'apps/shop/e2e', timeoutMs: 90_000, env: { N: '3', ON: 'true' } },
      ],
    })
    expect(choose(file, 'bare', []).checks).toEqual([])
  })

  test("keep the file's order when named", () => {
    expect(choose(file, 'shop', ['test', 'types']).checks.map(({ name }) => name)).toEqual(['types', 'test'])
    expect(choose(file, 'shop', ['test']).checks.map(({ name }) => name)).toEqual(['test'])
  })

  test.each([
    ['a service that is not there', 'shpo', [], 'unknown service "shpo"; did you mean "shop"?'],
    ['what every object inherits', 'constructor', [], 'unknown service "constructor"'],
    ['no service where there are several', undefined, [], 'the file has several, shop, bare'],
    ['a check that is not there', 'shop', ['tset', 'types'], 'only: unknown check "tset"; did you mean "test"?'],
    ['a check where there is none', 'bare', ['test'], 'there is no check "test"'],
  ])('%s is refused', (_, service, only, message) => {
    expect(() => choose(file, service, only)).toThrow(message)
  })
})

describe('a check sees', () => {
  const files = {
    GITHUB_OUTPUT: '/own/output',
    GITHUB_STATE: '/own/state',
    GITHUB_ENV: '/own/env',
    GITHUB_PATH: '/own/path',
    GITHUB_STEP_SUMMARY: '/own/summary',
  }

  test("the job's environment without what is this action's, and files of its own", () => {
    const job = {
      PATH: '/bin',
      HOME: undefined,
      'INPUT_ON-NOTHING-TO-CHECK': 'pass',
      INPUT_FILE: 'x',
      STATE_phase: 'x',
      ACTIONS_RUNTIME_TOKEN: 'x',
      ACTIONS_RUNTIME_URL: 'x',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x',
      ACTIONS_ID_TOKEN_REQUEST_URL: 'x',
      ACTIONS_CACHE_URL: 'x',
      ACTIONS_RESULTS_URL: 'x',
      GITHUB_SHA: 'abc',
      LOG: 'info',
      ...Object.fromEntries(Object.keys(files).map((name) => [name, `/runner/${name}`])),
    }
    expect(environmentOf(job, { LOG: 'debug', GITHUB_OUTPUT: '/elsewhere' }, files)).toEqual({
      PATH: '/bin',
      GITHUB_SHA: 'abc',
      LOG: 'debug',
      ...files,
    })
  })

  test('what its own env says, whatever it is called: a check may try an action', () => {
    const own = { INPUT_FILE: 'mine', ACTIONS_CACHE_URL: 'http://127.0.0.1:1' }
    expect(environmentOf({ INPUT_FILE: 'x', ACTIONS_CACHE_URL: 'y' }, own, files)).toEqual(own)
  })

  test('none of the runner files where there is no runner', () => {
    expect(environmentOf({ PATH: '/bin' }, {}, files)).toEqual({ PATH: '/bin' })
  })
})

test('secrets are known by their names, and longer ones are hidden first', () => {
  const secrets = secretsIn({
    NPM_TOKEN: 'abcdef',
    DB_PASSWORD: 'abcdef-long',
    KEYBOARD: 'querty',
    API_KEY: 'x',
    PEM_SECRET: 'line-one\nline-two',
  })
  expect(hidden('abcdef-long abcdef querty x line-two', secrets)).toBe('*** *** querty x ***')
})

describe('an end in words', () => {
  const table: readonly (readonly [Ended, string, string])[] = [
    [{ kind: 'exited', code: 0 }, 'passed', 'passed'],
    [{ kind: 'exited', code: 2 }, 'failed', 'exit code 2'],
    [{ kind: 'exited', code: 126 }, 'failed', 'exit code 126 (a command was found but may not be executed)'],
    [
      { kind: 'exited', code: 127 },
      'failed',
      'exit code 127 (a command was not found: is the tool set up in an earlier step?)',
    ],
    [{ kind: 'exited', code: 137 }, 'failed', 'exit code 137 (killed (the machine may have run out of memory))'],
    [{ kind: 'exited', code: 139 }, 'failed', 'exit code 139 (SIGSEGV)'],
    [{ kind: 'signalled', signal: 'SIGTERM' }, 'failed', 'ended by SIGTERM'],
    [{ kind: 'timed-out' }, 'timed-out', 'took longer than 1 min 30 s; all its processes were ended'],
    [{ kind: 'cancelled' }, 'cancelled', 'cancelled; all its processes were ended'],
    [{ kind: 'not-started', text: 'its folder web does not exist' }, 'not-started', 'its folder web does not exist'],
  ]
  test.each(table)('%j is %s', (ended, result, words) => {
    expect(resultOf(ended)).toBe(result)
    expect(wordsFor(ended, 90_000)).toBe(words)
  })
})

describe('the tail of an output', () => {
  test('is its last lines, without colours and what only shapes the log', () => {
    const lines = ['\u001b[31mred\u001b[0m\u0007', '::group::x', 'a'.repeat(600), '::error::kept', '::endgroup::']
    expect(lines.reduce<readonly string[]>(grown, [])).toEqual(['red', `${'a'.repeat(500)}…`, '::error::kept'])
    const many = Array.from({ length: 100 }, (_, n) => `${n}`)
    expect(many.reduce<readonly string[]>(grown, [])).toEqual(many.slice(60))
  })

  test('fits where it must', () => {
    expect(lastOf(['one', 'two', 'three'], 10)).toBe('two\nthree')
    expect(lastOf(['', 'one', ''], 10)).toBe('one')
    expect(lastOf(['long'], 3)).toBe('')
  })
})

const check = (name: string, result: CheckReport['result'], more: Partial<CheckReport> = {}): CheckReport => ({
  name,
  folder: '.',
  result,
  tookMs: 1500,
  text: result === 'failed' ? 'exit code 1' : result,
  tail: [],
  ...more,
})

describe('the verdict', () => {
  test.each([
    ['nothing', [], 'nothing-to-check', 'nothing-to-check', 'The service names no checks, so nothing was proven'],
    ['one that passed', ['passed'], 'pass', 'passed', 'The one check passed in 1.5 s'],
    ['all that passed', ['passed', 'passed'], 'pass', 'passed', 'All 2 checks passed in 3 s'],
    [
      'one of three failed',
      ['passed', 'failed', 'passed'],
      'fail',
      'check-failed',
      '1 of 3 checks failed: 1: exit code 1',
    ],
    ['one took too long', ['timed-out', 'passed'], 'fail', 'timed-out', '1 of 2 checks failed: 0: timed-out'],
    [
      'one failed, one took too long',
      ['timed-out', 'failed'],
      'fail',
      'check-failed',
      '2 of 2 checks failed: 0: timed-out',
    ],
    ['one could not start', ['not-started'], 'fail', 'check-failed', '1 of 1 check failed: 0: not-started'],
    [
      'cancelled in the second',
      ['passed', 'cancelled', 'not-run'],
      'error',
      'cancelled',
      'Cancelled: of 3 checks 1 passed',
    ],
    [
      'cancelled after a failure',
      ['failed', 'cancelled'],
      'error',
      'cancelled',
      'Cancelled: of 2 checks 0 passed, 1 failed: 0: exit code 1',
    ],
    ['cancelled before the first', ['not-run'], 'error', 'cancelled', 'Cancelled: of 1 check 0 passed'],
  ] as const)('of %s', (_, results, verdict, code, text) => {
    const decided = decide(results.map((result, index) => check(`${index}`, result)))
    expect(decided).toMatchObject({ verdict, reason: { code, text } })
  })
})

test('each failing check is one finding, with as much of its last lines as an annotation holds', () => {
  const tail = Array.from({ length: 40 }, (_, n) => `${n}${'x'.repeat(400)}`)
  const [found, ...others] = findings([check('a', 'passed'), check('b', 'failed', { tail }), check('c', 'cancelled')])
  expect(others).toEqual([])
  expect(found).toMatchObject({ id: 'failed', level: 'error', text: expect.stringMatching(/^b: exit code 1\n33x+\n/) })
  expect(found?.text).toMatch(/\n39x+$/)
  expect(found?.text.length).toBeLessThan(4000)
})

test('the summary says the verdict first, then every check, then the last lines, and what checks wrote comes last', () => {
  const reports = [
    check('types', 'passed'),
    check('*test* <b>', 'failed', { folder: 'web', tail: ['a | b', '```', '</details>'] }),
    check('quiet', 'failed'),
  ]
  expect(
    summarize(decide(reports), reports, [
      { name: 'types', markdown: '# mine\n' },
      { name: 'x', markdown: ' \n' },
    ]),
  ).toBe(`### ❌ Checks: fail

**2 of 3 checks failed: \\*test\\* &lt;b>: exit code 1.** See the last lines of each failing check below; the same command in the same folder shows it locally.

| Check | Result | Time | How it ended |
| --- | --- | --- | --- |
| \\*test\\* &lt;b> | ❌ failed | 1.5 s | exit code 1 (in web) |
| quiet | ❌ failed | 1.5 s | exit code 1 |
| types | ✅ passed | 1.5 s |  |

#### ❌ \\*test\\* &lt;b>

\`\`\`\`text
a | b
\`\`\`
</details>
\`\`\`\`

#### ❌ quiet

It printed nothing.

#### Written by types

# mine
`)
})
