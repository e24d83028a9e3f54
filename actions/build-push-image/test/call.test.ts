import { expect, it } from 'vitest'
import { type Called, call } from '../src/ports/call.ts'

const run = async (script: string, own: Partial<Called> = {}) => {
  const heard: string[] = []
  const ended = await call({
    program: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cancelled: new AbortController().signal,
    heard: (line, stream) => void heard.push(`${stream} ${line}`),
    ...own,
  })
  return { ended, heard }
}

it('gives lines as they were written, the last one without an end too', async () => {
  const { ended, heard } = await run("printf 'a\\n\\n10%%\\r20%%\\r\\nb'; exit 3")
  expect(ended).toEqual({ kind: 'exited', code: 3 })
  expect(heard).toEqual(['stdout a', 'stdout 10%\r20%\r', 'stdout b'])
})

it('gives a program its environment and nothing to read', async () => {
  expect((await run('env | grep -c INPUT; cat; echo end >&2', { env: { A: 'b' } })).heard).toEqual([
    'stdout 0',
    'stderr end',
  ])
})

it('ends a program whose time is up, or that ends by a signal, or never began', async () => {
  const began = performance.now()
  expect((await run('sleep 60', { timeoutMs: 200 })).ended).toEqual({ kind: 'timed-out' })
  expect(performance.now() - began).toBeLessThan(10_000)
  expect((await run('kill -9 $$')).ended).toEqual({ kind: 'signalled', signal: 'SIGKILL' })
  expect((await run('', { program: '/nobody/docker' })).ended).toMatchObject({
    kind: 'not-started',
    problem: expect.stringMatching(/ENOENT/),
  })
  expect((await run('', { env: { A: 'zero\0' } })).ended).toMatchObject({ kind: 'not-started' })
})

it('does not wait for what a program left behind with its pipes', async () => {
  const began = performance.now()
  expect((await run('sleep 60 & echo done')).heard).toEqual(['stdout done'])
  expect(performance.now() - began).toBeLessThan(10_000)
})

it('leaves out a line that is longer than any event, and goes on', async () => {
  const { heard } = await run('head -c 20000000 /dev/zero | tr "\\0" x; echo; echo after')
  expect(heard).toEqual(['stdout after'])
})
