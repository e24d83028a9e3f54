import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { JobResult } from '../../src/execution.ts'
import { action, result, start } from './rig.ts'

/** A script for YAML: each line a step of its own. */
const steps = (...lines: readonly string[]): string => `steps:\n${lines.map((line) => `  - ${line}`).join('\n')}`
const said = ({ steps: all }: JobResult, id: string): readonly string[] => {
  const log = all.find((step) => step.id === id)?.log ?? []
  return log.slice(log.indexOf('##[endgroup]') + 1)
}
const ends = ({ steps: all }: JobResult): Readonly<Record<string, string>> =>
  Object.fromEntries(all.map((step) => [step.id, `${step.outcome} ${step.conclusion}`]))

describe.concurrent('the variables of a step', () => {
  test('a step goes over its job, a job over its workflow, and what a step adds over both, but not over later steps', async () => {
    const done = await result(
      `env: { B: job, C: job, D: "\${{ github.ref_name }}" }
steps:
  - { id: one, run: 'echo $A $B $C $D; echo "B=added" >> "$GITHUB_ENV"; echo "b=small" >> "$GITHUB_ENV"', env: { C: "\${{ env.B }} step" } }
  - { id: two, run: 'echo $A $B $C $b', env: { C: step } }
  - { id: three, run: 'echo \${{ env.B }} \${{ env.b }} $C', env: { B: own } }`,
      { workflow: 'env: { A: workflow, B: workflow }' },
    )
    expect(['one', 'two', 'three'].map((id) => said(done, id))).toEqual([
      ['workflow job job step main'],
      ['workflow added step small'],
      ['own small job'],
    ])
  })

  test('GITHUB_* and RUNNER_* cannot be changed; CI can; NODE_OPTIONS is refused without failing the step', async () => {
    const done = await result(
      steps(
        `{ id: set, run: 'printf "GITHUB_SHA=x\\nRUNNER_OS=x\\nCI=no\\nNODE_OPTIONS=--x\\nGITHUB_MINE=yes\\n" >> "$GITHUB_ENV"', env: { GITHUB_JOB: x } }`,
        `{ id: read, run: 'echo $GITHUB_SHA $RUNNER_OS $CI [$NODE_OPTIONS] $GITHUB_MINE $GITHUB_JOB $GITHUB_ACTIONS' }`,
      ),
      { env: { GITHUB_WORKSPACE: 'x' } },
    )
    expect(said(done, 'read')).toEqual([`${'0'.repeat(40)} Linux no [] yes it true`])
    expect(ends(done).set).toBe('success success')
    expect(said(done, 'set')).toEqual([
      "##[error]Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.",
    ])
  })

  test('the last folder of GITHUB_PATH comes first', async () => {
    const done = await result(
      steps(
        `run: 'printf "/one\\n/two\\n" >> "$GITHUB_PATH"'`,
        `run: 'echo /one >> "$GITHUB_PATH"'`,
        `{ id: read, run: 'echo $PATH | cut -d: -f1-2' }`,
      ),
    )
    expect(said(done, 'read')).toEqual(['/one:/two'])
  })

  test('the contexts say what GitHub says', async () => {
    const done = await result(
      `environment: { name: production, url: "https://\${{ steps.all.outputs.host }}/" }
outputs: { host: "\${{ steps.all.outputs.host }}" }
${steps(
  `{ id: all, run: 'echo "host=a.example" >> "$GITHUB_OUTPUT"; echo "\${{ vars.V }} \${{ inputs.i }} \${{ needs.b.outputs.o }} \${{ matrix.m }} \${{ strategy.fail-fast }}"' }`,
  `{ id: job, run: 'echo "\${{ job.status }} \${{ job.workflow_ref }} \${{ job.container.id }}|\${{ steps.all.outcome }} \${{ steps.all.outputs.host }} \${{ steps.none.outputs.x }}|\${{ github.event.after == github.sha }} \${{ github.action }}"' }`,
  `{ id: machine, run: 'test "\${{ runner.temp }}" = "$RUNNER_TEMP" -a "\${{ github.workspace }}" = "$PWD" -a -s "$GITHUB_EVENT_PATH" && echo "\${{ runner.os }} \${{ secrets.S }}"' }`,
)}`,
      {
        contexts: {
          vars: { V: 'v' },
          inputs: { i: true },
          needs: { b: { outputs: { o: 'out' } } },
          matrix: { m: 2 },
          strategy: { 'fail-fast': true },
          secrets: { S: 'hidden' },
        },
      },
    )
    expect(said(done, 'all')).toEqual(['v true out 2 true'])
    expect(said(done, 'job')).toEqual([
      'success octo/shop/.github/workflows/a.yml@refs/heads/main |success a.example |true job',
    ])
    expect(said(done, 'machine')).toEqual(['Linux ***'])
    expect(done).toMatchObject({ outputs: { host: 'a.example' }, environmentUrl: 'https://a.example/' })
  })
})

describe.concurrent('how a script runs', () => {
  test('in the folder of the step or the default one, by the shell of the step or the default one', async () => {
    const done = await result(
      `defaults: { run: { working-directory: sub } }
${steps(
  `{ run: mkdir -p sub other, working-directory: . }`,
  `{ id: a, run: 'basename $PWD; false | true; echo on' }`,
  `{ id: b, run: 'basename $PWD; false | true; echo on', shell: bash, working-directory: other, continue-on-error: true }`,
  `{ id: c, run: 'import os; print(os.path.basename(os.getcwd()))', shell: 'python3 {0}' }`,
  `{ id: d, run: 'echo $0', shell: 'sh -c "echo given; exec sh {0}"' }`,
)}`,
      { workflow: 'defaults: { run: { shell: python } }' },
    )
    expect(said(done, 'a')).toEqual(['sub', 'on'])
    expect(said(done, 'b')).toEqual(['other', '##[error]Process completed with exit code 1.'])
    expect(said(done, 'c')).toEqual(['sub'])
    expect(said(done, 'd')[0]).toEqual('given')
  })

  test('a folder that is not there and a shell that is none fail the step and say so', async () => {
    const done = await result(
      steps(
        `{ id: a, run: echo, working-directory: nowhere, continue-on-error: true }`,
        `{ id: b, run: echo, shell: cobol, continue-on-error: true }`,
        `{ id: c, run: echo, shell: 'no-such-program {0}' }`,
      ),
    )
    expect(said(done, 'a')[0]).toMatch(
      /An error occurred trying to start process '.*bash' with working directory '.*nowhere'/,
    )
    expect(said(done, 'b')[0]).toMatch(/Invalid shell option/)
    expect(said(done, 'c')).toEqual(['##[error]no-such-program: command not found'])
    expect(done.conclusion).toBe('failure')
  })
})

describe.concurrent('which steps run', () => {
  test('success() is implied, failure() and always() are not bound by it, continue-on-error forgives', async () => {
    const done = await result(
      steps(
        `{ id: forgiven, run: exit 3, continue-on-error: true }`,
        `{ id: on, run: 'echo \${{ steps.forgiven.outcome }} \${{ steps.forgiven.conclusion }}' }`,
        `{ id: early, run: echo, if: failure() }`,
        `{ id: broken, run: exit 1 }`,
        `{ id: skipped, run: echo }`,
        `{ id: also, run: echo, if: "github.ref_name == 'main'" }`,
        `{ id: late, run: 'echo \${{ job.status }}', if: failure() }`,
        `{ id: always, run: echo, if: "\${{ always() && steps.skipped.outcome == 'skipped' }}" }`,
        `{ id: cancelled, run: echo, if: cancelled() }`,
      ),
    )
    expect(ends(done)).toEqual({
      forgiven: 'failure success',
      on: 'success success',
      early: 'skipped skipped',
      broken: 'failure failure',
      skipped: 'skipped skipped',
      also: 'skipped skipped',
      late: 'success success',
      always: 'success success',
      cancelled: 'skipped skipped',
    })
    expect(said(done, 'on')).toEqual(['failure success'])
    expect(said(done, 'late')).toEqual(['failure'])
    expect(done).toMatchObject({ conclusion: 'failure', why: '' })
  })

  test('a condition or an env that cannot be evaluated fails its step', async () => {
    const done = await result(
      steps(
        `{ id: a, run: echo, if: "fromJSON('{') == 1" }`,
        `{ id: b, run: echo, if: always(), env: { X: "\${{ fromJSON('{') }}" }, continue-on-error: true }`,
      ),
    )
    expect(ends(done)).toEqual({ a: 'failure failure', b: 'failure failure' })
  })

  test('text is neither a boolean nor a number, and no mapping is a variable', async () => {
    const done = await result(
      steps(
        `{ id: forgiven, run: exit 1, continue-on-error: "\${{ github.ref_name == 'main' }}" }`,
        `{ id: timed, run: echo, timeout-minutes: "\${{ github.run_id }}" }`,
        `{ id: mapping, run: echo, env: { EVENT: "\${{ github.event }}" }, continue-on-error: true }`,
        `{ id: text, run: exit 1, if: always(), continue-on-error: "\${{ github.event_name }}" }`,
      ),
    )
    expect(ends(done)).toEqual({
      forgiven: 'failure success',
      timed: 'success success',
      mapping: 'failure failure',
      text: 'failure failure',
    })
    expect(done.steps[1]?.log.slice(0, 2)).toEqual([
      '##[error]An error occurred when attempting to determine the step timeout.',
      expect.stringMatching(/: Unexpected value '7'/),
    ])
    expect(said(done, 'mapping')[0]).toMatch(/: A mapping was not expected/)
    expect(said(done, 'text')[1]).toMatch(/determine whether to continue on error/)
    expect(said(done, 'text')[2]).toMatch(/: Unexpected value 'push'/)
  })

  test('of outputs whose names differ by case alone the last one counts', async () => {
    const done = await result(
      steps(
        `{ id: a, run: 'printf "x=1\\nX=2\\n" >> "$GITHUB_OUTPUT"' }`,
        `{ id: b, run: 'echo \${{ steps.a.outputs.x }}' }`,
      ),
    )
    expect(said(done, 'b')).toEqual(['2'])
  })

  test('a step that takes too long fails, its later steps are asked', async () => {
    const done = await result(
      steps(`{ id: slow, run: exec sleep 30, timeout-minutes: 0.01 }`, `{ id: late, run: echo, if: failure() }`),
    )
    expect(ends(done)).toEqual({ slow: 'failure failure', late: 'success success' })
    expect(said(done, 'slow')).toEqual(['##[error]The action has timed out.'])
  })
})

describe.concurrent('what is given up before the first step', () => {
  test.each([
    ['container: node:24', /asks for a container, which this local runner does not start/],
    ['services: { db: { image: postgres } }', /asks for services/],
    [`env: { A: "\${{ fromJSON('{') }}" }`, /fromJSON/],
  ])('%s', async (line, why) => {
    const done = await result(`${line}\nsteps: [{ run: echo }]`)
    expect(done).toMatchObject({ conclusion: 'failure', steps: [], why: expect.stringMatching(why) })
  })

  test('an action that cannot be found or runs in a container, inside another action too', async () => {
    const docker = action({ 'action.yml': 'name: a\ndescription: a\nruns: { using: docker, image: Dockerfile }' })
    const outer = action({
      'action.yml': 'name: a\ndescription: a\nruns: { using: composite, steps: [{ uses: a/docker@v1 }] }',
    })
    const done = await result('steps: [{ run: echo }, { uses: a/none@v1 }, { uses: a/outer@v1 }]', {
      actions: { 'a/docker@v1': docker, 'a/outer@v1': outer },
    })
    expect(done.steps).toEqual([])
    expect(done.annotations.map(({ text }) => text)).toEqual([
      'Unable to resolve action `a/none@v1`, repository not found',
      expect.stringContaining('a/docker@v1 runs in a container, which this local runner does not do'),
    ])
  })
})

test('a machine has folders of its own, and a log as a person reads it', async () => {
  const started = start(
    steps(
      `{ name: "Say \${{ github.ref_name }}", run: 'echo "::group::G"; echo in; echo "::endgroup::"; echo $HOME' }`,
      `{ run: echo, if: false }`,
    ),
  )
  await started.done
  expect(started.said.map((line) => line.replace(started.directory, '…'))).toEqual([
    '▸ Set up job',
    expect.stringMatching(/^Machine: /),
    '▸ Say main',
    '##[group]Run echo "::group::G"; echo in; echo "::endgroup::"; echo $HOME',
    'echo "::group::G"; echo in; echo "::endgroup::"; echo $HOME',
    expect.stringMatching(/^shell: .*bash -e \{0\}$/),
    '##[endgroup]',
    '##[group]G',
    'in',
    '##[endgroup]',
    '…/home',
    '▸ Run echo (skipped)',
    '▸ Complete job',
  ])
  expect(readdirSync(join(started.directory, '_work')).sort()).toEqual(['_temp', '_tool', 'shop'])
  expect(existsSync(join(started.directory, '_work/shop/shop'))).toBe(true)
})
