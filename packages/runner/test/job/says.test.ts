import { describe, expect, test } from 'vitest'
import type { JobResult } from '../../src/execution.ts'
import { action, result, start } from './rig.ts'

/** What a step's process wrote, after the head that the runner writes. */
const said = ({ steps }: JobResult, at = 0): readonly string[] => {
  const log = steps[at]?.log ?? []
  return log.slice(log.indexOf('##[endgroup]') + 1)
}
/** A job with one script. */
const script = (...lines: readonly string[]): string =>
  `steps:\n  - id: it\n    run: |\n${lines.map((line) => `      ${line}`).join('\n')}`

describe.concurrent('commands in the output', () => {
  test('become log lines and annotations, from both streams', async () => {
    const done = await result(
      script(
        'echo "::error file=$PWD/a.ts,line=3,title=T::bad%0Aworse"',
        'echo "::warning::careful" >&2; sleep 0.1',
        'echo "::notice::seen"',
        'echo "::debug::hidden"',
        'echo "::add-matcher::x.json"',
        'echo "##[warning]as others write it"',
      ),
    )
    // The two streams are read side by side.
    expect(said(done)).toContain('##[warning]careful')
    expect(said(done).filter((line) => !line.endsWith('careful'))).toEqual([
      '##[error]bad',
      'worse',
      '##[notice]seen',
      '(add-matcher: this runner does not match problems in the log)',
      '##[warning]as others write it',
    ])
    const kept = done.steps[0]?.annotations.filter(({ text }) => text !== 'careful') ?? []
    expect(kept.map(({ level, title, text, file, line }) => [level, title, text, file, line])).toEqual([
      ['error', 'T', 'bad\nworse', 'a.ts', 3],
      ['notice', '', 'seen', '', undefined],
      ['warning', '', 'as others write it', '', undefined],
    ])
    expect(done.conclusion).toBe('success')
  })

  test('stop at stop-commands until its token, for that process alone', async () => {
    const done = await result(
      `${script('echo "::stop-commands::t0ken"', 'echo "::error::not one"', 'echo "::t0ken::"', 'echo "::error::one"', 'echo "::stop-commands::again"')}
  - run: echo "::warning::other process"`,
    )
    expect(said(done)).toEqual([
      '::stop-commands::t0ken',
      '::error::not one',
      '::t0ken::',
      '##[error]one',
      '::stop-commands::again',
    ])
    expect(done.annotations.map(({ text }) => text)).toEqual(['one', 'other process'])
  })

  test('are shown themselves after echo on, but never what they mask', async () => {
    const done = await result(
      script(
        'echo "::echo::on"',
        'echo "::group::G"',
        'echo "::add-mask::hush"',
        'echo "::error::x"',
        'echo "::echo::off"',
        'echo "::endgroup::"',
      ),
    )
    expect(said(done)).toEqual([
      '::group::G',
      '##[group]G',
      '::add-mask::***',
      '##[error]x',
      '::echo::off',
      '##[endgroup]',
    ])
  })

  test.each([
    [
      '::set-env name=A::1',
      "Unable to process command '::set-env name=A::1' successfully.",
      /The `set-env` command is disabled/,
    ],
    [
      '::add-path::/x',
      "Unable to process command '::add-path::/x' successfully.",
      /The `add-path` command is disabled/,
    ],
    [
      '::stop-commands::pause-logging',
      "Unable to process command '::stop-commands::pause-logging' successfully.",
      /You cannot use a endToken/,
    ],
    ['::echo::maybe', "Unable to process command '::echo::maybe' successfully.", /Invalid echo command value/],
  ])('%s fails the step', async (line, first, second) => {
    const done = await result(script(`echo "${line}"`))
    expect(done.steps[0]).toMatchObject({
      outcome: 'failure',
      annotations: [{ text: first }, { text: expect.stringMatching(second) }],
    })
  })

  test('of old still set outputs and state, with a warning; others when a step opts in', async () => {
    const post = action({
      'action.yml': 'name: a\ndescription: a\nruns: { using: node24, main: m.mjs, post: p.mjs }',
      'm.mjs': `console.log('::save-state name=k::kept')`,
      'p.mjs': `console.log('> ' + process.env.STATE_k)`,
    })
    const done = await result(
      `outputs: { o: "\${{ steps.it.outputs.o }}" }
${script('echo "::set-output name=o::1"', 'echo "::set-env name=A::2"', 'echo "::add-path::/x"')}
    env: { ACTIONS_ALLOW_UNSECURE_COMMANDS: true }
  - run: echo $A $PATH | cut -c1-5
  - uses: a/b@v1`,
      { actions: { 'a/b@v1': post } },
    )
    expect(done.outputs).toEqual({ o: '1' })
    expect(said(done)).toEqual([expect.stringMatching(/^##\[warning\]The `set-output` command is deprecated/)])
    expect(said(done, 1)).toEqual(['2 /x:'])
    expect(done.steps.at(-1)?.log.at(-1)).toBe('> kept')
  })
})

describe.concurrent('what is masked', () => {
  test('is hidden from the log, the summary, annotations and names, from the moment it is known', async () => {
    const started = start(
      `${script(
        'echo before hush; echo "::add-mask::hush"; echo after hush',
        'echo "$TOKEN $(printf "$TOKEN" | base64)"; echo "$KEY"',
        'echo "::warning title=hush::of hush"; echo "# hush" >> "$GITHUB_STEP_SUMMARY"',
      )}
    env: { TOKEN: "\${{ secrets.TOKEN }}", KEY: "\${{ secrets.KEY }}" }
  - { run: echo, name: "name of \${{ github.token }}" }`,
      { contexts: { secrets: { TOKEN: 'tok123', KEY: 'line one\n line two\n' } } },
    )
    const done = await started.done
    expect(said(done)).toEqual(['before hush', 'after ***', '*** ***', '***', '***', '', '##[warning]of ***'])
    expect(done.steps[0]?.log).toContain('  TOKEN: ***')
    expect(done.steps[0]).toMatchObject({ summary: '# ***\n', annotations: [{ title: '***', text: 'of ***' }] })
    expect(done.steps[1]?.name).toBe('name of ***')
    expect(started.said.join('\n')).not.toMatch(/tok123|ghs_token|line (one|two)/)
  })

  test('drops the outputs of the job that hold it, and says which; not those of steps', async () => {
    const done = await result(
      `environment: { name: e, url: "https://tok123.example" }
outputs: { clean: a, bad: "x-\${{ steps.it.outputs.v }}", empty: "\${{ steps.it.outputs.none }}" }
${script('echo "v=tok123" >> "$GITHUB_OUTPUT"')}
  - run: test "\${{ steps.it.outputs.v }}" = "$T"
    env: { T: "\${{ secrets.T }}" }`,
      { contexts: { secrets: { T: 'tok123' } } },
    )
    expect(done).toMatchObject({
      conclusion: 'success',
      outputs: { clean: 'a' },
      droppedOutputs: ['bad'],
      environmentUrl: '',
    })
    expect(done.annotations.map(({ level, text }) => `${level} ${text}`)).toEqual([
      "warning Skip output 'bad' since it may contain secret.",
      'warning Skip setting environment url as environment may contain secret.',
    ])
  })
})

describe.concurrent('the files of a step', () => {
  test('count though it fails, up to what is wrong in them, which fails it', async () => {
    const done = await result(
      `${script('printf "a=1\\nb<<EOF\\nx\\n" >> "$GITHUB_OUTPUT"', 'printf "A=1\\nnonsense\\n" >> "$GITHUB_ENV"')}
    continue-on-error: true
  - run: echo "\${{ steps.it.outcome }} \${{ steps.it.outputs.a }}\${{ steps.it.outputs.b }} $A"`,
    )
    expect(said(done, 0)).toEqual([
      "##[error]Unable to process file command 'env' successfully.",
      "##[error]Invalid format 'nonsense'",
      "##[error]Unable to process file command 'output' successfully.",
      "##[error]Invalid value. Matching delimiter not found 'EOF'",
    ])
    expect(said(done, 1)).toEqual(['failure 1 1'])
  })

  test('may hold a summary of 1 MiB and no more; a larger one is an error, not a failure', async () => {
    const done = await result(
      `${script('head -c 1048576 /dev/zero | tr "\\0" a >> "$GITHUB_STEP_SUMMARY"')}
  - run: head -c 1048577 /dev/zero | tr "\\0" a >> "$GITHUB_STEP_SUMMARY"`,
    )
    expect(done.steps.map(({ summary, outcome }) => [summary.length, outcome])).toEqual([
      [1_048_576, 'success'],
      [0, 'success'],
    ])
    expect(done.annotations[0]?.text).toMatch(
      /^\$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got 1024k\./,
    )
  })

  test('ten annotations of each kind are kept, 4,096 characters of each', async () => {
    const done = await result(
      script(
        'for i in 1 2 3 4 5 6 7 8 9 10 11; do echo "::error::$i"; done; echo "::notice::$(head -c 5000 /dev/zero | tr "\\0" a)"',
      ),
    )
    expect(done.annotations.map(({ text }) => text.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4_096])
    expect(said(done)).toContain('##[error]11')
  })

  test('a job gives 1 MB of outputs at most', async () => {
    const many = `outputs: { a: "\${{ steps.it.outputs.v }}", b: "\${{ steps.it.outputs.v }}" }`
    const of = (bytes: number): string =>
      `${many}\n${script(`echo "v=$(head -c ${bytes} /dev/zero | tr "\\0" a)" >> "$GITHUB_OUTPUT"`)}`
    const [fits, over] = await Promise.all([result(of(262_144)), result(of(262_145))])
    expect(fits).toMatchObject({ conclusion: 'success', outputs: { a: expect.any(String) } })
    expect(over).toMatchObject({ conclusion: 'failure', outputs: {}, why: expect.stringMatching(/1 MB is the most/) })
  })
})
