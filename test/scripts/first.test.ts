import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { installOnce, isInstalled, nodeOf } from '../../scripts/first.mjs'
import { folderWith } from './folder.ts'

const FIRST = join(import.meta.dirname, '../../scripts/first.mjs')

/** What an install has to leave behind: a Node that starts. A launcher of this one stands for it. */
const launcher = `#!/bin/sh\nexec "${process.execPath}" "$@"\n`

const install = (root: string) => (): boolean => {
  mkdirSync(dirname(nodeOf(root)), { recursive: true })
  writeFileSync(nodeOf(root), launcher)
  chmodSync(nodeOf(root), 0o755)
  return true
}

test('the first run installs, the second installs nothing', () => {
  const root = folderWith({ 'pnpm-lock.yaml': 'a' })
  let runs = 0
  const counted = (): boolean => {
    runs += 1
    return install(root)()
  }
  expect(isInstalled(root)).toBe(false)
  expect(installOnce(root, counted)).toBe('installed')
  expect(installOnce(root, counted)).toBe('there')
  expect(runs).toBe(1)
})

test('another lockfile is installed anew', () => {
  const root = folderWith({ 'pnpm-lock.yaml': 'a' })
  installOnce(root, install(root))
  writeFileSync(join(root, 'pnpm-lock.yaml'), 'b')
  expect(isInstalled(root)).toBe(false)
  expect(installOnce(root, install(root))).toBe('installed')
})

test('an install that leaves no Node that starts is done again from nothing', () => {
  const root = folderWith({ 'pnpm-lock.yaml': 'a', 'node_modules/half/package.json': '{}' })
  const seen: boolean[] = []
  const second = (): boolean => {
    seen.push(existsSync(join(root, 'node_modules/half')))
    return seen.length === 1 ? true : install(root)()
  }
  expect(installOnce(root, second)).toBe('installed')
  expect(seen).toEqual([true, false])
})

test('an install that fails twice says so, and leaves neither stamp nor lock', () => {
  const root = folderWith({ 'pnpm-lock.yaml': 'a' })
  expect(() => installOnce(root, () => false)).toThrow('The install failed')
  expect(isInstalled(root)).toBe(false)
  expect(existsSync(join(root, '.cache/install.lock'))).toBe(false)
})

/** A process that installs slowly, and notes when it began and ended. */
const slow = (root: string, ms: number): ChildProcess => {
  const code = `
    import { installOnce, nodeOf } from ${JSON.stringify(FIRST)}
    import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from 'node:fs'
    import { dirname } from 'node:path'
    const root = ${JSON.stringify(root)}
    const log = (word) => appendFileSync(root + '/log', word + '\\n')
    installOnce(root, () => {
      log('begin')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})
      mkdirSync(dirname(nodeOf(root)), { recursive: true })
      writeFileSync(nodeOf(root), ${JSON.stringify(launcher)})
      chmodSync(nodeOf(root), 0o755)
      log('end')
      return true
    })`
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' })
}

test('of four that start at once, one installs and the others wait for it', async () => {
  const root = folderWith({ 'pnpm-lock.yaml': 'a', log: '' })
  const ends = await Promise.all([1, 2, 3, 4].map(async () => (await once(slow(root, 300), 'exit'))[0]))
  expect(ends).toEqual([0, 0, 0, 0])
  expect(readFileSync(join(root, 'log'), 'utf8')).toBe('begin\nend\n')
})

test('after an install that was killed the next runs install again, one at a time', async () => {
  const root = folderWith({ 'pnpm-lock.yaml': 'a', log: '' })
  const killed = slow(root, 60_000)
  while (readFileSync(join(root, 'log'), 'utf8') === '') await new Promise((resolve) => setTimeout(resolve, 20))
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  const ends = await Promise.all([1, 2, 3].map(async () => (await once(slow(root, 200), 'exit'))[0]))
  expect(ends).toEqual([0, 0, 0])
  expect(readFileSync(join(root, 'log'), 'utf8')).toBe('begin\nbegin\nend\n')
})

/** A checkout that is installed, with the real first.mjs and one script. */
const checkout = (script: string): string => {
  const root = folderWith({
    'pnpm-lock.yaml': 'a',
    'scripts/first.mjs': readFileSync(FIRST, 'utf8'),
    'scripts/it.mjs': script,
  })
  installOnce(root, install(root))
  return root
}

const start = (root: string, args: readonly string[]): ChildProcess =>
  spawn(process.execPath, ['scripts/first.mjs', 'scripts/it.mjs', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })

test('arguments, output and exit code pass through', async () => {
  const child = start(checkout('console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7'), [
    '--a',
    'b c',
  ])
  const [output] = await once(child.stdout ?? child, 'data')
  expect(String(output)).toBe('["--a","b c"]\n')
  expect((await once(child, 'exit'))[0]).toBe(7)
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s reaches the script, which ends in its own way',
  async (signal) => {
    const child = start(
      checkout(`process.on('${signal}', () => process.exit(42)); setInterval(() => {}, 1000); console.log('ready')`),
      [],
    )
    await once(child.stdout ?? child, 'data')
    child.kill(signal)
    expect((await once(child, 'exit'))[0]).toBe(42)
  },
)

test('a script that a signal ends gives 128 and the number of the signal', async () => {
  const child = start(checkout(`process.kill(process.pid, 'SIGKILL')`), [])
  expect((await once(child, 'exit'))[0]).toBe(137)
})
