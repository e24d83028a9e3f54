import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { tar } from '../../scripts/image/tar.ts'
import { buildImage, type ImageSpec, nodeFiles, pushImage, pushIndex, staticFiles } from '../../scripts/image.ts'
import { folderWith } from './folder.ts'
import { dockerRegistry, startDockerRegistry, startRegistry } from './registry.ts'

const SPEC: ImageSpec = {
  layers: [
    [{ from: Buffer.from('one'), to: '/app/deep/one.txt' }],
    [{ from: Buffer.from('#!/x'), to: '/bin/run', mode: 0o755 }],
  ],
  entrypoint: ['/bin/run'],
  env: { B: '2', A: '1' },
  user: '65534:65534',
  ports: [8080],
  architecture: 'amd64',
}

test('the same files are the same bytes, whatever their order and their times', async () => {
  const folder = folderWith({ a: 'first', b: 'second' })
  const files = [
    { from: join(folder, 'a'), to: '/x/a' },
    { from: join(folder, 'b'), to: '/x/b' },
  ]
  const before = await buildImage({ ...SPEC, layers: [files] })
  utimesSync(join(folder, 'a'), 1, 1)
  const after = await buildImage({ ...SPEC, layers: [[...files].reverse()], env: { A: '1', B: '2' } })
  expect(after.manifest.digest).toBe(before.manifest.digest)
  writeFileSync(join(folder, 'a'), 'First')
  expect((await buildImage({ ...SPEC, layers: [files] })).manifest.digest).not.toBe(before.manifest.digest)
})

test('an image has this digest on every machine', async () => {
  const { manifest, config } = await buildImage(SPEC)
  expect(config.digest).toMatchInlineSnapshot(
    `"sha256:175e539b0f9694d1bc9689486cea1ae180478b491dd4bd6bde9883285e270f4a"`,
  )
  expect(manifest.digest).toMatchInlineSnapshot(
    `"sha256:2f2adbd12f292bf62820134e8425fa17db3816951ae3e3e8d79829fe76de5c93"`,
  )
})

test('tar itself reads what is written: paths, long ones too, permissions, owner, time and bytes', () => {
  const long = `/${'folder-of-some-length/'.repeat(7)}file.txt`
  const archive = tar([
    { path: long, mode: 0o644, bytes: Buffer.from('x'.repeat(1000)) },
    { path: '/bin/run', mode: 0o755, bytes: Buffer.alloc(512) },
  ])
  const listed = execFileSync('tar', ['-tv', '--numeric-owner', '--full-time', '--utc', '-f', '-'], {
    input: archive,
    encoding: 'utf8',
  })
  const lines = listed
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/))
  expect(lines.find(([, , , , , name]) => name === 'bin/run')).toEqual([
    '-rwxr-xr-x',
    '0/0',
    '512',
    '1970-01-01',
    '00:00:00',
    'bin/run',
  ])
  expect(lines.find(([, , size]) => size === '1000')).toEqual([
    '-rw-r--r--',
    '0/0',
    '1000',
    '1970-01-01',
    '00:00:00',
    long.slice(1),
  ])
  expect(lines.find(([, , , , , name]) => name === 'bin/')?.[0]).toBe('drwxr-xr-x')
  const out = execFileSync('tar', ['-xO', '-f', '-', long.slice(1)], { input: archive, encoding: 'utf8' })
  expect(out).toBe('x'.repeat(1000))
})

test.each([
  ['a relative path', ['etc/passwd'], /"etc\/passwd"/],
  ['a path with ..', ['/a/../etc/passwd'], /\.\./],
  ['a folder', ['/a/'], /"\/a\/"/],
  ['one path twice', ['/a', '/a'], /Two files of one layer lie at \/a/],
  ['a file that is a folder too', ['/a', '/a/b'], /\/a is a file and a folder/],
  ['a name of 101 bytes', [`/${'n'.repeat(101)}`], /too long/],
])('no archive with %s', (_, paths, message) => {
  expect(() => tar(paths.map((path) => ({ path, mode: 0o644, bytes: Buffer.alloc(0) })))).toThrow(message)
})

test('a file that is not there is named, with where it was to lie', async () => {
  const spec = { ...SPEC, layers: [[{ from: '/nowhere/at-all', to: '/app/x' }]] }
  await expect(buildImage(spec)).rejects.toThrow(
    '/nowhere/at-all, which is to lie at /app/x in the image, cannot be read',
  )
})

test('a compressed layer is kept, and found again by what it holds', async () => {
  const cache = folderWith({})
  const first = await buildImage(SPEC, cache)
  const kept = readdirSync(cache)
  expect(kept).toHaveLength(2)
  const times = kept.map((name) => statSync(join(cache, name)).mtimeMs)
  const again = await buildImage(SPEC, cache)
  expect(again.manifest.digest).toBe(first.manifest.digest)
  expect(readdirSync(cache).map((name) => statSync(join(cache, name)).mtimeMs)).toEqual(times)
})

test('an image is pushed by digest and by tag, and what is there is not sent again', async () => {
  const registry = await startRegistry()
  const { digest } = await pushImage(registry.url, 'acme/guard', SPEC, { tags: ['v1'] })
  expect(registry.manifests.get('v1')?.bytes.equals(registry.manifests.get(digest)?.bytes ?? Buffer.alloc(0))).toBe(
    true,
  )
  expect(registry.manifests.get(digest)?.type).toBe('application/vnd.oci.image.manifest.v1+json')
  const uploads = registry.asked.filter((one) => one.startsWith('POST')).length
  expect(uploads).toBe(3)
  expect((await pushImage(registry.url, 'acme/guard', SPEC)).digest).toBe(digest)
  expect(registry.asked.filter((one) => one.startsWith('POST'))).toHaveLength(uploads)
})

test.each(['basic', 'bearer'] as const)('a registry that asks for a %s login gets it', async (kind) => {
  const registry = await startRegistry({ login: { kind, user: 'someone', password: 'secret' } })
  const credentials = { username: 'someone', password: 'secret' }
  const { digest } = await pushImage(registry.url, 'acme/guard', SPEC, { credentials })
  expect(registry.manifests.has(digest)).toBe(true)
})

test.each([
  [
    'no login where one is asked for',
    { login: { kind: 'basic', user: 'u', password: 'p' } },
    undefined,
    /asks who pushes/,
  ],
  ['a wrong password', { login: { kind: 'bearer', user: 'u', password: 'p' } }, 'q', /answered GET \/token with 401/],
  [
    'a registry that keeps other bytes',
    { says: `sha256:${'0'.repeat(64)}` },
    undefined,
    /keeps acme\/guard:sha256:\w+ as sha256:0{64}/,
  ],
  ['a registry that stays broken', { failures: 9 }, undefined, /answered HEAD .* with 503/],
] as const)('%s is an error that says so', async (_, behaviour, password, message) => {
  const registry = await startRegistry(behaviour)
  const credentials = password === undefined ? {} : { credentials: { username: 'u', password } }
  await expect(pushImage(registry.url, 'acme/guard', SPEC, credentials)).rejects.toThrow(message)
})

test('a registry that says no digest is asked for the bytes, and one that is busy for a moment is asked again', async () => {
  const registry = await startRegistry({ silent: true, failures: 1 })
  const { digest } = await pushImage(registry.url, 'acme/guard', SPEC)
  expect(registry.asked).toContain(`GET /v2/acme/guard/manifests/${digest}`)
})

test.each([
  ['registry.example.com', /no address of a registry/],
  ['https://user:secret@ghcr.io', /no address of a registry/],
])('%s is not spoken to', async (url, message) => {
  await expect(pushImage(url, 'acme/guard', SPEC)).rejects.toThrow(message)
})

test('credentials are not sent over plain http to another machine', async () => {
  const credentials = { username: 'ci', password: 'x' }
  const pushed = pushImage('http://registry.example.com', 'acme/guard', SPEC, { credentials })
  await expect(pushed).rejects.toThrow(/Credentials are sent without TLS to a registry on this machine only/)
})

test('an index names images of both architectures by the bytes that are there', async () => {
  const registry = await startRegistry()
  const arm = await pushImage(registry.url, 'acme/guard', { ...SPEC, architecture: 'arm64' })
  const amd = await pushImage(registry.url, 'acme/guard', SPEC)
  const platforms = [
    { digest: arm.digest, architecture: 'arm64' },
    { digest: amd.digest, architecture: 'amd64' },
  ]
  const index = await pushIndex(registry.url, 'acme/guard', platforms, { tags: ['v1'] })
  const kept = JSON.parse(registry.manifests.get('v1')?.bytes.toString() ?? '{}')
  expect(kept.manifests.map((one: { platform: unknown; digest: string }) => [one.platform, one.digest])).toEqual([
    [{ architecture: 'amd64', os: 'linux' }, amd.digest],
    [{ architecture: 'arm64', os: 'linux' }, arm.digest],
  ])
  expect(kept.manifests[0].size).toBe(registry.manifests.get(amd.digest)?.bytes.length)
  expect(await pushIndex(registry.url, 'acme/guard', [...platforms].reverse())).toEqual(index)
})

test('the files of Node are all it needs: in a root of their own it starts', async () => {
  const { layers } = await buildImage({ ...SPEC, layers: [nodeFiles()] })
  const root = folderWith({})
  const archive = join(root, 'layer.tar')
  writeFileSync(archive, gunzipSync(layers[0]?.bytes ?? Buffer.alloc(0)))
  execFileSync('tar', ['-xf', archive, '-C', root])
  const started = spawnSync('chroot', [root, '/usr/local/bin/node', '-p', 'process.version'], { encoding: 'utf8' })
  // Without root there is no chroot: what is named must at least be there.
  if (process.getuid?.() === 0) expect(started.stdout.trim()).toBe(process.version)
  else expect(nodeFiles().some(({ to }) => /ld-linux/.test(to))).toBe(true)
}, 60_000)

test('a program that stands alone lies at the root under its own name', () => {
  expect(staticFiles('/build/bin/busybox')).toEqual([{ from: '/build/bin/busybox', to: '/busybox', mode: 0o755 }])
})

const program = dockerRegistry()
test.skipIf(program === undefined)(
  "Debian's docker-registry takes the image, and gives back what was pushed",
  async () => {
    const url = await startDockerRegistry(program ?? '')
    const { digest } = await pushImage(url, 'acme/guard', SPEC, { tags: ['v1'] })
    const index = await pushIndex(url, 'acme/guard', [{ digest, architecture: 'amd64' }], { tags: ['all'] })
    for (const [tag, expected] of [
      ['v1', digest],
      ['all', index.digest],
    ]) {
      const answer = await fetch(`${url}/v2/acme/guard/manifests/${tag}`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json' },
      })
      expect(answer.headers.get('docker-content-digest')).toBe(expected)
    }
    const { layers } = await buildImage(SPEC)
    const blob = await fetch(`${url}/v2/acme/guard/blobs/${layers[0]?.digest}`)
    expect(Buffer.from(await blob.arrayBuffer()).equals(layers[0]?.bytes ?? Buffer.alloc(0))).toBe(true)
  },
)
