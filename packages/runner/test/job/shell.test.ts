import { expect, test } from 'vitest'
import { argumentsOf, shellFor } from '../../src/job/shell.ts'
import { inputVariables, ownVariables } from '../../src/job/variables.ts'

test.each([
  ['', 'bash', ['-e', '/s']],
  ['bash', 'bash', ['--noprofile', '--norc', '-e', '-o', 'pipefail', '/s']],
  ['sh', 'sh', ['-e', '/s']],
  ['python', 'python', ['/s']],
  ['pwsh', 'pwsh', ['-command', ". '/s'"]],
  ['bash -x {0} more', 'bash', ['-x', '/s', 'more']],
  ['perl "-w -T" {0}', 'perl', ['-w -T', '/s']],
])('shell %j runs %s', (given, program, words) => {
  const shell = shellFor(given, () => true)
  expect(shell?.program).toBe(program)
  expect(argumentsOf(shell?.format ?? '', '/s')).toEqual(words)
})

test('without bash the shell that is not given is sh', () => {
  expect(shellFor('', () => false)).toEqual({ program: 'sh', format: '-e {0}', extension: '.sh' })
})

test.each(['perl', 'bash -e'])('shell %j has no place for the script', (given) => {
  expect(shellFor(given, () => true)).toBeUndefined()
})

test('inputs become variables: upper case, spaces as underscores, dashes kept', () => {
  expect(inputVariables({ 'who-to greet': 'a', X: '' })).toEqual({ 'INPUT_WHO-TO_GREET': 'a', INPUT_X: '' })
})

test('of the github context a step has what the runner allows, never the token or the event', () => {
  const github = { token: 't', event: { a: 1 }, ref_protected: true, sha: 'abc', run_number: 3 }
  expect(ownVariables(github, { os: 'Linux', tool_cache: '/t' })).toEqual({
    GITHUB_REF_PROTECTED: 'true',
    GITHUB_RUN_NUMBER: '3',
    GITHUB_SHA: 'abc',
    RUNNER_OS: 'Linux',
    RUNNER_TOOL_CACHE: '/t',
  })
})
