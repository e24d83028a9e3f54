import { describe, expect, test } from 'vitest'
import type { JobResult } from '../../src/execution.ts'
import { action, result } from './rig.ts'

const log = ({ steps }: JobResult, name: string): readonly string[] => {
  const lines = steps.find((step) => step.name === name)?.log ?? []
  return lines.filter((line) => line.startsWith('> '))
}
/** A script that prints an expression of its own. */
const print = (expression: string): string => `console.log('> ' + (${expression}))`
const manifest = (runs: string, more = ''): string => `name: a\ndescription: a\n${more}\nruns: { ${runs} }\n`

describe.concurrent('a node action', () => {
  test('has its phases around the steps, with what it kept, posts in reverse and whatever happened', async () => {
    const keeps = action({
      'action.yml': manifest(
        'using: node20, pre: pre.mjs, main: main.mjs, post: post.mjs',
        'inputs: { who: { default: nobody } }',
      ),
      'pre.mjs': `import { appendFileSync as a } from 'node:fs'; a(process.env.GITHUB_STATE, 'n=1\\n'); ${print('process.env.INPUT_WHO')}`,
      'main.mjs': `import { appendFileSync as a } from 'node:fs'; a(process.env.GITHUB_STATE, 'n=' + process.env.STATE_n + '2\\n'); process.exit(1)`,
      'post.mjs': print('process.env.STATE_n + process.env.INPUT_WHO'),
    })
    const bound = action({
      'action.yml': manifest('using: node24, main: main.mjs, post: main.mjs, post-if: success()'),
      'main.mjs': '',
    })
    const done = await result(
      `steps:
  - { run: echo }
  - { uses: a/bound@v1 }
  - { name: keeper, uses: a/keeps@v1, with: { who: me } }
  - { uses: a/keeps@v1, if: failure() }
  - { uses: a/keeps@v1 }`,
      { actions: { 'a/keeps@v1': keeps, 'a/bound@v1': bound } },
    )
    expect(done.steps.map(({ phase, name, conclusion }) => `${phase} ${name} ${conclusion}`)).toEqual([
      'pre Pre keeper success',
      'pre Pre Run a/keeps@v1 success',
      'pre Pre Run a/keeps@v1 success',
      'main Run echo success',
      'main Run a/bound@v1 success',
      'main keeper failure',
      'main Run a/keeps@v1 failure',
      'main Run a/keeps@v1 skipped',
      'post Post Run a/bound@v1 skipped',
      'post Post Run a/keeps@v1 success',
      'post Post Run a/keeps@v1 success',
      'post Post keeper success',
    ])
    expect(log(done, 'Pre keeper')).toEqual(['> me'])
    expect(log(done, 'Post keeper')).toEqual(['> 12me'])
  })

  test('gets inputs with their defaults; unknown and deprecated ones are warned of, a required one is its own affair', async () => {
    const inputs = `inputs:
  a-b: { default: "\${{ github.repository }}/\${{ runner.os }}" }
  two words: { required: true }
  old: { deprecationMessage: use new }`
    const act = action({
      'action.yml': manifest('using: node24, main: m.mjs', inputs),
      'm.mjs': print(
        `JSON.stringify(Object.fromEntries(Object.entries(process.env).filter(([n]) => /^INPUT_|ACTION_/.test(n)).sort()))`,
      ),
    })
    const done = await result(`steps: [{ id: it, uses: a/b/c@v1, with: { OLD: 1, nosuch: true } }]`, {
      actions: { 'a/b/c@v1': act },
    })
    expect(JSON.parse(log(done, 'Run a/b/c@v1')[0]?.slice(2) ?? '')).toEqual({
      GITHUB_ACTION_REF: 'v1',
      GITHUB_ACTION_REPOSITORY: 'octo/actions',
      'INPUT_A-B': 'octo/shop/Linux',
      INPUT_NOSUCH: 'true',
      INPUT_OLD: '1',
      INPUT_TWO_WORDS: '',
    })
    expect(done.steps[0]?.annotations.map(({ text }) => text)).toEqual([
      "Input 'OLD' has been deprecated with message: use new",
      "Unexpected input(s) 'nosuch', valid inputs are ['a-b', 'two words', 'old']",
    ])
  })

  test('of the workspace is there after a checkout, and has no pre phase', async () => {
    const files = {
      'act/action.yml': manifest('using: node24, pre: m.mjs, main: m.mjs, post: m.mjs'),
      'act/m.mjs': print(`process.env.GITHUB_ACTION + process.env.GITHUB_ACTION_REPOSITORY`),
    }
    const done = await result(
      `steps: [{ uses: ./act, continue-on-error: true }, { uses: actions/checkout@v4 }, { name: local, uses: ./act }]`,
      { files },
    )
    expect(done.steps.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'Run ./act failure',
      'Run actions/checkout@v4 success',
      'local success',
      'Post local success',
      'Post Run actions/checkout@v4 success',
    ])
    expect(done.annotations.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^Can't find 'action.yml'.*Did you forget to run actions\/checkout/),
      "`pre` execution is not supported for local action from './act'",
    ])
    expect(log(done, 'local')).toEqual(['> __self_2'])
  })

  test('may be a stand-in, which is no process', async () => {
    const done = await result(
      `outputs: { o: "\${{ steps.it.outputs.o }}" }
steps: [{ id: it, uses: $/act, with: { a: "\${{ github.run_id }}" } }, { uses: $/act, with: { a: bad } }]`,
      {
        actions: {
          '$/act': {
            kind: 'stand-in',
            act: async ({ inputs, job }) => ({
              conclusion: inputs.a === 'bad' ? 'failure' : 'success',
              outputs: { o: `${inputs.a} ${job}` },
              log: ['::error::plain text here'],
              summary: '# S',
            }),
          },
        },
      },
    )
    expect(done).toMatchObject({
      conclusion: 'failure',
      outputs: { o: '7 it' },
      steps: [{ outcome: 'success', summary: '# S', annotations: [] }, { outcome: 'failure' }],
    })
  })
})

describe.concurrent('a composite action', () => {
  const inner = action({
    'action.yml': manifest('using: node24, main: m.mjs, post: p.mjs'),
    'm.mjs': `import { appendFileSync as a } from 'node:fs'; a(process.env.GITHUB_STATE, 'k=' + process.env.GITHUB_ACTION_PATH.split('/').at(-1) + '\\n'); ${print('"main"')}`,
    'p.mjs': print('"post " + process.env.STATE_k'),
  })

  test('has inputs, steps and outputs of its own, $/ of its own repository, and posts at the end of the job', async () => {
    const outer = action({
      'pack/action.yml': `name: a
description: a
inputs: { who: { default: nobody } }
outputs: { said: { description: x, value: "\${{ steps.s.outputs.v }}+\${{ steps.nested.outputs.n }}" } }
runs:
  using: composite
  steps:
    - { id: s, shell: bash, run: 'echo "> \${{ inputs.who }} \${{ github.action_path }}|\${{ steps.outside.outcome }}|\${{ strategy.job-index }}"; echo "v=$X-\${{ env.Y }}" >> "$GITHUB_OUTPUT"; echo sum >> "$GITHUB_STEP_SUMMARY"', env: { X: inner } }
    - { uses: a/inner@v1 }
    - { id: nested, uses: $/other }
`,
      'other/action.yml': `name: a
description: a
outputs: { n: { description: x, value: "\${{ steps.s.outputs.v }}" } }
runs: { using: composite, steps: [{ id: s, shell: sh, run: 'echo v=nested >> $GITHUB_OUTPUT; echo "> [$WHO]"; echo "NEW=1" >> $GITHUB_ENV' }, { shell: bash, run: 'echo "> $NEW"' }] }
`,
    })
    const folder = outer.kind === 'folder' ? outer.folder : ''
    const done = await result(
      `env: { Y: job }
outputs: { o: "\${{ steps.it.outputs.said }}" }
steps:
  - { id: outside, run: echo }
  - { id: it, name: outer, uses: o/r/pack@v1, with: { who: me }, env: { WHO: step } }
  - { id: s, run: 'echo "> $NEW [$WHO] \${{ github.action_path }}"' }`,
      {
        actions: { 'o/r/pack@v1': { ...outer, folder: `${folder}/pack` } as typeof outer, 'a/inner@v1': inner },
        contexts: { strategy: { 'job-index': 3 } },
      },
    )
    expect(done.outputs).toEqual({ o: 'inner-job+nested' })
    expect(log(done, 'outer')).toEqual([`> me ${folder}/pack||3`, '> main', '> [step]', '> 1'])
    expect(done.steps.find(({ id }) => id === 's')?.log.at(-1)).toBe('> 1 [] ')
    expect(done.steps.map(({ name }) => name)).toEqual([
      'Run echo',
      'outer',
      expect.stringMatching(/^Run echo/),
      'Post outer',
    ])
    expect(log(done, 'Post outer')).toEqual(['> post pack'])
    expect(done.steps[1]?.summary).toBe('sum\n')
  })

  test('fails with its steps, asks the others about itself and not about the job', async () => {
    const act = action({
      'action.yml': `name: a
description: a
outputs: { o: { description: x, value: "\${{ steps.b.outcome }} \${{ steps.c.outcome }} \${{ steps.d.outcome }}" } }
runs:
  using: composite
  steps:
    - { id: a, shell: bash, run: 'echo "> \${{ job.status }}"; exit $CODE' }
    - { id: b, shell: bash, run: echo }
    - { id: c, shell: bash, run: echo, if: failure() }
    - { id: d, shell: bash, run: 'echo "> \${{ github.action_status }}"', if: always() }
`,
    })
    const done = await result(
      `steps:
  - { id: bad, name: bad, uses: a/b@v1, env: { CODE: 4 }, continue-on-error: true }
  - { id: good, uses: a/b@v1, env: { CODE: 0 } }
  - { run: exit 1 }
  - { id: late, name: late, uses: a/b@v1, env: { CODE: 0 }, if: always() }`,
      { actions: { 'a/b@v1': act } },
    )
    expect(Object.fromEntries(done.steps.map(({ id, outcome, outputs }) => [id, `${outcome}: ${outputs.o}`]))).toEqual({
      bad: 'failure: skipped success success',
      good: 'success: success skipped success',
      __run: 'failure: undefined',
      late: 'success: success skipped success',
    })
    expect(log(done, 'bad')).toEqual(['> success', '> failure'])
    expect(log(done, 'late')).toEqual(['> failure', '> success'])
  })

  test('has pre phases of the actions in it before the first step of the job, with its inputs', async () => {
    const early = action({
      'action.yml': manifest(
        'using: node24, pre: e.mjs, main: m.mjs, post: p.mjs',
        'inputs: { who: { default: nobody } }',
      ),
      'e.mjs': `import { appendFileSync as a } from 'node:fs'; a(process.env.GITHUB_STATE, 'n=early\\n'); ${print('"pre " + process.env.INPUT_WHO')}`,
      'm.mjs': print('"main " + process.env.STATE_n'),
      'p.mjs': print('"post " + process.env.STATE_n'),
    })
    const steps = `[{ uses: a/early@v1, with: { who: "\${{ inputs.who }}" } }]`
    const middle = action({
      'action.yml': manifest(`using: composite, steps: ${steps}`, 'inputs: { who: { default: x } }'),
    })
    const outer = action({
      'action.yml': manifest(
        'using: composite, steps: [{ shell: bash, run: echo }, { uses: a/middle@v1, with: { who: me } }]',
      ),
    })
    const done = await result('steps: [{ run: echo }, { name: outer, uses: a/outer@v1 }]', {
      actions: { 'a/early@v1': early, 'a/middle@v1': middle, 'a/outer@v1': outer },
    })
    expect(done.steps.map(({ name }) => [name, ...log(done, name)])).toEqual([
      ['Pre outer', '> pre me'],
      ['Run echo'],
      ['outer', '> main early'],
      ['Post outer', '> post early'],
    ])
  })

  test('keeps showing its steps the variables that its own step began with', async () => {
    const act = action({
      'action.yml': manifest(
        `using: composite, steps: [{ shell: bash, run: 'echo OLD=new >> $GITHUB_ENV; echo NEW=new >> $GITHUB_ENV' }, { shell: bash, run: 'echo "> $OLD $NEW"' }]`,
      ),
    })
    const done = await result(
      'env: { OLD: old }\nsteps: [{ name: it, uses: a/b@v1 }, { name: after, run: echo "> $OLD" }]',
      {
        actions: { 'a/b@v1': act },
      },
    )
    expect([log(done, 'it'), log(done, 'after')]).toEqual([['> old new'], ['> new']])
  })

  test('that uses itself is stopped', async () => {
    const files = { 'self/action.yml': manifest('using: composite, steps: [{ uses: ./self }]') }
    const done = await result('steps: [{ uses: actions/checkout@v4 }, { uses: ./self }]', { files })
    expect(done.annotations.map(({ text }) => text)).toEqual(['Composite action depth exceeded max depth 9'])
    expect(done.conclusion).toBe('failure')
  })

  test('is refused when its manifest is wrong, with the line', async () => {
    const act = action({ 'action.yml': manifest('using: composite, steps: [{ run: echo }]') })
    const done = await result('steps: [{ uses: a/b@v1 }]', { actions: { 'a/b@v1': act } })
    expect(done.why).toMatch(/a\/b@v1.*action\.yml: \(Line: 4, Col: \d+\): .*shell/)
  })
})
