import { afterEach, describe, expect, test } from 'vitest'
import { act, ends, jobIn, type Local, local, workflow } from './local.ts'

let made: Local | undefined
afterEach(async () => {
  await made?.close()
  made = undefined
})
const run = async (jobs: string, files: Readonly<Record<string, string>> = {}) => {
  made = await local({ 'main.yml': workflow('push', jobs), ...files })
  const [started] = made.platform.push()
  if (started === undefined) throw new Error('no run')
  return started.done
}

describe('the order of jobs', () => {
  test('follows needs, and a job sees what those that it needs gave', async () => {
    const trace = await run(`
  a: ${act('output: one')}
  b: { needs: a, ${act("output: '${{ needs.a.result }} ${{ needs.a.outputs.out }}'").slice(1)}
`)
    expect(trace.why + trace.refused).toBe('')
    expect(ends(trace)).toBe('a success; b success')
    expect(jobIn(trace, 'b').outputs.out).toBe('success one')
    expect(trace.conclusion).toBe('success')
  })
})
