import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { actionNamed, entryOf, readActions } from '../src/actions.ts'
import { readCommandFile, stateVariables } from '../src/command-files.ts'
import { startStep } from '../src/runner.ts'

const ACTION = `name: Greeter
description: Says hello
inputs:
  who: { description: whom, default: world }
  times-to-say: { description: how often }
  count: { description: a number, default: 3 }
runs: { using: node24, main: dist/index.js, post: dist/index.js }
`
const MAIN = `import { appendFileSync } from 'node:fs'
if (process.env.STATE_seen === 'yes') {
  console.log('post for ' + process.env.INPUT_WHO)
} else {
  console.log('hello ' + process.env.INPUT_WHO + '|' + process.env['INPUT_TIMES-TO-SAY'] + '|' + process.env.INPUT_COUNT + '|' + process.env.SECRET_OF_THE_SHELL)
  console.error('and to the error stream')
  appendFileSync(process.env.GITHUB_OUTPUT, 'verdict=pass\\ntext<<E\\ntwo\\nlines\\nE\\n')
  appendFileSync(process.env.GITHUB_STATE, 'seen=yes\\n')
  appendFileSync(process.env.GITHUB_STEP_SUMMARY, '# done')
  if (process.env.INPUT_WHO === 'nobody') process.exitCode = 3
  if (process.env.INPUT_WHO === 'forever') setInterval(() => {}, 1000)
}
`

describe('a step', () => {
  let root = ''
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'sluice-runner-'))
    mkdirSync(join(root, 'actions/greeter/dist'), { recursive: true })
    mkdirSync(join(root, 'actions/no-action'))
    writeFileSync(join(root, 'actions/greeter/action.yml'), ACTION)
    writeFileSync(join(root, 'actions/greeter/dist/index.js'), MAIN)
    writeFileSync(join(root, 'actions/greeter/dist/package.json'), '{"type":"module"}')
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const step = (inputs: Record<string, string>, id: string) => {
    const action = actionNamed(readActions(root), 'greeter')
    const heard: string[] = []
    return {
      heard,
      step: {
        action,
        entry: entryOf(action, false),
        inputs,
        directory: join(root, id),
        workspace: root,
        env: { PATH: process.env.PATH },
        say: (line: string) => void heard.push(line),
      },
    }
  }

  test('gets its inputs with the defaults of action.yml, and gives exit code, outputs, summary and log', async () => {
    process.env.SECRET_OF_THE_SHELL = 'never passed on'
    const { step: given, heard } = step({ who: 'you' }, 'plain')
    const result = await startStep(given).done
    expect(result).toMatchObject({ code: 0, outputs: { verdict: 'pass', text: 'two\nlines' }, summary: '# done' })
    expect(heard.toSorted()).toEqual(['and to the error stream', 'hello you||3|undefined'])
  })

  test('its own exit code is what is given', async () => {
    expect((await startStep(step({ who: 'nobody' }, 'red').step).done).code).toBe(3)
  })

  test('its post phase has the state that main saved', async () => {
    const { step: given, heard } = step({}, 'post')
    await startStep(given).done
    await startStep(given, 'post').done
    expect(heard.at(-1)).toBe('post for world')
  })

  test('a signal that ends it is told, and no exit code', async () => {
    const { step: given, heard } = step({ who: 'forever' }, 'killed')
    const running = startStep(given)
    await expect.poll(() => heard.length).toBe(2)
    running.kill('SIGKILL')
    expect(await running.done).toMatchObject({ code: undefined, signal: 'SIGKILL' })
  })

  test('a folder without action.yml is no action; a bundle that is not there is named', () => {
    const actions = readActions(root)
    expect(actions.map(({ name }) => name)).toEqual(['greeter'])
    expect(() => entryOf(actionNamed(actions, 'greeter'), true)).toThrow(/src\/main\.ts is not there/)
    expect(() => actionNamed(actions, 'no-action')).toThrow(/has no action "no-action"/)
  })
})

describe('a command file', () => {
  test.each([
    { name: 'lines', text: 'a=1\nb=x=y\n', values: { a: '1', b: 'x=y' } },
    { name: 'a block', text: 'a<<END\none\nEND2\ntwo\nEND\nb=2', values: { a: 'one\nEND2\ntwo', b: '2' } },
    { name: 'a block that looks like lines', text: 'a<<X\nb=2\nX\n', values: { a: 'b=2' } },
    { name: 'an empty value', text: 'a=\n', values: { a: '' } },
    { name: 'the last of a name', text: 'a=1\na=2', values: { a: '2' } },
    { name: 'a block without an end', text: 'a<<X\nb=2', values: { b: '2' } },
    { name: 'nothing', text: '', values: {} },
  ])('with $name', ({ text, values }) => expect(readCommandFile(text)).toEqual(values))

  test('of state becomes STATE_ variables', () => expect(stateVariables('run=7')).toEqual({ STATE_run: '7' }))
})
