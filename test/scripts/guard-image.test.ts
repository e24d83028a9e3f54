import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { guardImage } from '../../scripts/guard-image.ts'
import { folderWith } from './folder.ts'
import { startRegistry } from './registry.ts'

const ROOT = join(import.meta.dirname, '../..')
const REGISTRY = { login: { kind: 'bearer', user: 'octocat', password: 'a-token' } } as const

/** The script as a workflow runs it, its password on stdin. */
const push = async (args: readonly string[], password: string, env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/guard-image.ts'), ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
  })
  const [out, err]: [string[], string[]] = [[], []]
  child.stdout.on('data', (part) => out.push(String(part)))
  child.stderr.on('data', (part) => err.push(String(part)))
  child.stdin.end(password)
  const code = await new Promise((resolve) => child.on('close', resolve))
  return { code, out: out.join(''), err: err.join('') }
}

test('the image that is pushed starts in a root of its own, as nobody, with the defaults of all inputs', async () => {
  const registry = await startRegistry(REGISTRY)
  const to = ['--registry', registry.url, '--repository', 'Acme/Sluice/guard', '--username', 'octocat']
  const outputs = join(folderWith({ outputs: '' }), 'outputs')
  const pushed = await push(['push', ...to, '--output', 'amd64'], 'a-token', { GITHUB_OUTPUT: outputs })
  expect(pushed, pushed.err).toMatchObject({ code: 0, out: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) })
  expect(pushed.err).not.toContain('a-token')
  expect(registry.asked.at(-1)).toMatch(/^PUT \/v2\/acme\/sluice\/guard\/manifests\/sha256:/)
  const digest = pushed.out.trim()
  expect(readFileSync(outputs, 'utf8')).toBe(`amd64=${digest}\n`)
  const read = (blob: Buffer | undefined) => JSON.parse(blob?.toString() ?? '{}')
  const manifest = read(registry.manifests.get(digest)?.bytes)
  const { config } = read(registry.blobs.get(manifest.config.digest))
  expect(config).toMatchObject({ User: '65534:65534', Entrypoint: ['/usr/local/bin/node', '/sluice/index.js'] })

  const root = folderWith({})
  chmodSync(root, 0o755)
  for (const layer of manifest.layers) {
    const archive = join(root, 'layer.tar')
    writeFileSync(archive, gunzipSync(registry.blobs.get(layer.digest) ?? Buffer.alloc(0)))
    execFileSync('tar', ['-xf', archive, '-C', root])
  }
  const environment = Object.fromEntries(
    (config.Env as readonly string[]).map((entry) => [
      entry.slice(0, entry.indexOf('=')),
      entry.slice(entry.indexOf('=') + 1),
    ]),
  )
  expect(environment['INPUT_PLAN-DEFAULTS']).toMatch(/^steps:/)
  // Without root there is no chroot: the same files are started where they lie.
  const chroot = process.getuid?.() === 0
  const [program = '', ...rest] = chroot
    ? ['chroot', '--userspec=65534:65534', root, ...config.Entrypoint]
    : [process.execPath, join(root, 'sluice/index.js')]
  const started = spawnSync(program, rest, { env: { PATH: process.env.PATH, ...environment }, encoding: 'utf8' })
  expect(started.status, started.stderr).toBe(1)
  // All inputs are there and good, but for the one that its CronJob names.
  expect(started.stdout).toMatch(/^verdict=error$/m)
  expect(started.stdout).toMatch(/deployment is required and is empty/)
  expect(started.stdout).not.toMatch(/plan-defaults|mode is required|router is required/)

  const both = await push(['index', `amd64=${digest}`, ...to, '--tag', 'v1.2.3'], 'a-token')
  expect(both, both.err).toMatchObject({ code: 0 })
  expect(registry.manifests.has('v1.2.3')).toBe(true)
}, 180_000)

test.each([
  [['push'], /usage: /],
  [
    ['index', '--registry', 'http://127.0.0.1:1', '--repository', 'a/guard', 'amd64=latest'],
    /amd64=latest is no ARCHITECTURE=DIGEST/,
  ],
])('%j is answered with what it should be', async (args, message) => {
  expect(await push(args, '')).toMatchObject({ code: 1, out: '', err: expect.stringMatching(message) })
})

test('no image is made of a folder without a bundle', () => {
  expect(() => guardImage(folderWith({}))).toThrow(/holds no bundle. Build it: npm run build/)
})
