import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Source } from '../../src/execution.ts'
import { start } from './rig.ts'

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

const standIn = (name: string): Source => ({
  kind: 'folder',
  folder: join(import.meta.dirname, '../../stand-ins', name),
  repository: `actions/${name}`,
  ref: 'v4',
  sha: '0'.repeat(40),
})
const actions = { up: standIn('upload-artifact'), down: standIn('download-artifact') }

/** Runs steps one after the other; `up` and `down` are the stand-ins. Gives what the scripts said. */
const ran = async (...steps: readonly string[]) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-artifacts-'))
  made.push(folder)
  const yaml = `steps:\n${steps.map((step) => `  - ${step.replace('uses: up', 'uses: a/up@v4').replace('uses: down', 'uses: a/down@v4')}`).join('\n')}`
  const started = start(yaml, {
    actions: { 'a/up@v4': actions.up, 'a/down@v4': actions.down },
    env: { SLUICE_ARTIFACTS: folder },
  })
  const done = await started.done
  return {
    ...done,
    said: started.said.filter((line) => line.startsWith('> ')),
    ends: done.steps.map(({ outcome }) => outcome),
  }
}
const make = `run: 'mkdir -p out/in .hid; echo a > out/a.txt; echo b > out/in/b.txt; echo c > out/.c; echo d > .hid/d; chmod 700 out/a.txt'`

describe.concurrent('artifacts', () => {
  test('go from job to job by name, relative to what was named, without hidden files', async () => {
    const done = await ran(
      make,
      '{ id: u, uses: up, with: { name: one, path: out, retention-days: 3 } }',
      '{ uses: up, with: { name: file, path: out/in/b.txt } }',
      '{ uses: up, with: { name: both, path: "out/a.txt\\nout/in/*.txt\\n!out/a.*", include-hidden-files: true } }',
      '{ id: d, uses: down, with: { name: one, path: got } }',
      '{ uses: down, with: { path: all } }',
      '{ uses: down, with: { path: some, pattern: "[of]*e", merge-multiple: true } }',
      `run: 'for d in got all some; do echo "> $d $(cd $d; find . -type f | sort | xargs)"; done; test ! -x got/a.txt && echo "> \${{ steps.d.outputs.download-path == format(''{0}/got'', github.workspace) }} \${{ steps.u.outputs.artifact-id > 0 }}"'`,
    )
    expect(done.annotations).toEqual([])
    expect(done.said).toEqual([
      '> got ./a.txt ./in/b.txt',
      '> all ./both/in/b.txt ./file/b.txt ./one/a.txt ./one/in/b.txt',
      '> some ./a.txt ./b.txt ./in/b.txt',
      '> true true',
    ])
  })

  test('that a pattern takes alone lie in the folder itself, of several each lies in one of its name, unless they are merged', async () => {
    const done = await ran(
      make,
      '{ uses: up, with: { name: leg-1, path: out/a.txt } }',
      '{ uses: down, with: { path: one, pattern: leg-* } }',
      '{ uses: down, with: { path: any } }',
      '{ uses: up, with: { name: leg-2, path: out/in/b.txt } }',
      '{ uses: down, with: { path: two, pattern: leg-* } }',
      '{ uses: down, with: { path: merged, pattern: leg-*, merge-multiple: true } }',
      `run: 'for d in one any two merged; do echo "> $d $(cd $d; find . -type f | sort | xargs)"; done'`,
    )
    expect(done.said).toEqual([
      '> one ./a.txt',
      '> any ./a.txt',
      '> two ./leg-1/a.txt ./leg-2/b.txt',
      '> merged ./a.txt ./b.txt',
    ])
  })

  test('have a name once in a run, unless the second one may take the place of the first', async () => {
    const done = await ran(
      make,
      '{ uses: up, with: { name: one, path: out/a.txt } }',
      '{ uses: up, with: { name: one, path: out/in }, continue-on-error: true }',
      '{ uses: up, with: { name: one, path: out/in, overwrite: true } }',
      '{ uses: down, with: { name: one, path: got } }',
      `run: 'echo "> $(ls got)"'`,
    )
    expect(done.ends).toEqual(['success', 'success', 'failure', 'success', 'success', 'success'])
    expect(done.annotations[0]?.text).toMatch(
      /\(409\) Conflict: an artifact with this name already exists on the workflow run/,
    )
    expect(done.said).toEqual(['> b.txt'])
  })

  test.each([
    ['warn', 'success', 'warning'],
    ['error', 'failure', 'error'],
    ['ignore', 'success', undefined],
  ])('without files: %s', async (word, outcome, level) => {
    const done = await ran(`{ uses: up, with: { name: one, path: none, if-no-files-found: ${word} } }`)
    expect(done.ends).toEqual([outcome])
    expect(done.annotations[0]?.level).toBe(level)
  })

  test('that are not there, or whose name cannot be, fail', async () => {
    const done = await ran(
      '{ uses: down, with: { name: none }, continue-on-error: true }',
      '{ uses: up, with: { name: a/b, path: . } }',
    )
    expect(done.ends).toEqual(['failure', 'failure'])
    expect(done.annotations.map(({ text }) => text)).toEqual([
      expect.stringMatching(/Artifact not found for name: none/),
      'The artifact name is not valid: a/b',
    ])
  })
})
