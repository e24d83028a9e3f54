import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect, createServer as listen } from 'node:net'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BuildOrder, Output } from '../../actions/build-push-image/src/build/order.ts'
import { type Around, openDocker } from '../../actions/build-push-image/src/ports/docker.ts'
import { PLAIN } from '../../actions/build-push-image/test/plain.ts'
import { output } from '../cluster/shell.ts'
import { BASE, counting, step } from './dockerfiles.ts'
import { type Ground, openGround } from './ground.ts'
import { lacking } from './programs.ts'
import { run } from './run.ts'

const NONE: Output = { kind: 'none' }

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = listen().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })

/** Serves the repositories of a folder by Git's own protocol. */
const gitServer = async (folder: string): Promise<{ readonly port: number; readonly stop: () => void }> => {
  const port = await freePort()
  const where = ['--listen=127.0.0.1', `--port=${port}`, '--reuseaddr', '--export-all', `--base-path=${folder}`]
  const server = spawn('git', ['daemon', ...where], { stdio: 'ignore', detached: true })
  const answers = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
    })
  await expect.poll(answers, { timeout: 10_000 }).toBe(true)
  return {
    port,
    stop: () => {
      if (server.pid !== undefined) process.kill(-server.pid)
    },
  }
}

describe.skipIf(lacking().length > 0)('the driver of buildx before the real one', () => {
  let ground: Ground
  const said: string[] = []
  beforeAll(async () => {
    ground = await openGround({ daemon: true })
  }, 900_000)
  afterAll(() => ground?.close(), 60_000)

  const docker = (own: Partial<Around> = {}) =>
    openDocker({
      dockerConfig: () => ground.env.DOCKER_CONFIG ?? '',
      env: ground.env,
      cancelled: new AbortController().signal,
      temporary: ground.folder,
      say: (line) => void said.push(line),
      ...own,
    })
  const order = (files: Readonly<Record<string, string>>, own: Partial<BuildOrder> = {}): BuildOrder => ({
    ...PLAIN,
    context: ground.context(files),
    ...own,
  })
  /** How a build of this Dockerfile failed. */
  const failure = async (
    dockerfile: string,
    own: Partial<BuildOrder> = {},
    files: Readonly<Record<string, string>> = {},
  ) => {
    const result = await docker().run(order({ Dockerfile: dockerfile, ...files }, own), NONE)
    if (result.kind !== 'failed') throw new Error(`it ended as ${result.kind}`)
    return { ...result.failure, transient: result.transient }
  }
  const digestOf = async (built: BuildOrder, names: readonly string[]): Promise<string> => {
    const result = await docker().run(built, { kind: 'by-digest', names })
    if (result.kind !== 'done' || result.digest === undefined) throw new Error(said.slice(-30).join('\n'))
    return result.digest
  }

  test('looks at what builds, and turns away what cannot push', async () => {
    const needs = { push: true, platforms: ['linux/amd64'] }
    const builder = await docker({ needs }).look()
    expect(builder).toMatchObject({
      name: 'sluice',
      driver: 'remote',
      platforms: expect.arrayContaining(['linux/amd64']),
    })
    for (const version of [builder.docker, builder.buildx, builder.buildkit]) expect(version).toMatch(/^\d+\.\d+\.\d+/)
    const env = { ...ground.env, BUILDX_BUILDER: 'default' }
    await expect(docker({ needs, env }).look()).rejects.toThrow(/has the driver docker, which cannot push by digest/)
    await expect(docker({ env: { ...env, BUILDX_BUILDER: 'nobody' } }).look()).rejects.toThrow(
      /no builder "nobody" found/,
    )
  })

  test('what is built is pushed without building it again, under every name, by digest', async () => {
    const built = order(
      { Dockerfile: `${BASE}${counting('driver')}` },
      { platforms: ['linux/amd64', 'linux/386'], provenance: 'max', labels: { a: 'b, "c"' } },
    )
    const first = await docker().run(built, NONE)
    expect(first).toMatchObject({ kind: 'done', digest: undefined, progress: { cachedShare: expect.any(Number) } })
    const names = [`${ground.open.host}/driver/one`, `${ground.open.host}/driver/two`]
    const pushed = await docker().run(built, { kind: 'by-digest', names })
    expect(pushed).toMatchObject({ kind: 'done', progress: { cachedShare: 1 } })
    const digest = pushed.kind === 'done' ? (pushed.digest ?? '') : ''
    for (const repository of ['driver/one', 'driver/two']) {
      expect((await ground.open.stored(repository, digest))?.manifest.manifests).toHaveLength(4)
      expect(await ground.open.tags(repository)).toEqual([])
    }
  })

  test('without the cache a step runs again, once, and that is what is pushed', async () => {
    const Dockerfile = `${BASE}${step('/bin/busybox date +%s%N > /when')}`
    const name = [`${ground.open.host}/driver/fresh`]
    const built = order({ Dockerfile })
    await docker().run(built, NONE)
    const before = await digestOf(built, name)
    const fresh = { ...built, noCache: true }
    await docker().run(fresh, NONE)
    const after = await digestOf(fresh, name)
    expect(after).not.toBe(before)
    expect(await digestOf(fresh, name)).toBe(after)
  })

  test('what a cache elsewhere has is pushed from there: nothing is built again between', async () => {
    const ref = `${ground.open.host}/driver/app:buildcache-x`
    const nowhere = `type=registry,ref=127.0.0.1:1/nobody:x,mode=max,ignore-error=true`
    const built = order(
      { Dockerfile: `${BASE}${step('/bin/busybox date +%s%N > /when')}` },
      {
        cache: {
          from: [`type=registry,ref=${ref}`],
          to: [`type=registry,ref=${ref},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`, nowhere],
        },
      },
    )
    const first = await docker().run(built, NONE)
    expect(first.kind === 'done' && first.progress.cacheProblems).toEqual([
      expect.stringMatching(/^exporting cache to registry: .*connection refused/),
    ])
    await run('docker', ['buildx', 'prune', '--all', '--force'], { env: ground.env })
    const again = await docker().run(built, NONE)
    const pushed = await docker().run(built, { kind: 'by-digest', names: [`${ground.open.host}/driver/app`] })
    for (const result of [again, pushed]) expect(result).toMatchObject({ kind: 'done', progress: { cachedShare: 1 } })
  }, 60_000)

  /** Makes the base image something else. */
  const move = async (base: string, to: string): Promise<void> => {
    const built = order({ Dockerfile: `${BASE}LABEL to=${to}\n${step(`echo ${to} > /to`)}` })
    const output = `type=image,name=${base},push=true`
    await run('docker', ['buildx', 'build', '--provenance=false', '--output', output, built.context], {
      env: ground.env,
    })
  }

  test('a base image that moves after the build is in no push and no load of it', async () => {
    const base = `${ground.open.host}/driver/moves:1`
    const Dockerfile = `FROM ${base} AS one\n${counting('moves')}FROM ${base}\nCOPY --from=one /runs /runs\nCOPY --from=${base} /to /copied\n`
    for (const platforms of [[], ['linux/amd64', 'linux/386']]) {
      await move(base, 'first')
      const opened = docker()
      const built = order(
        { Dockerfile: `${Dockerfile}LABEL platforms=${platforms.length}\n` },
        { platforms, provenance: 'max' },
      )
      expect(await opened.run(built, NONE)).toMatchObject({ kind: 'done' })
      await move(base, 'second')
      said.length = 0
      const pushed = await opened.run(built, { kind: 'by-digest', names: [`${ground.open.host}/driver/moved`] })
      expect(pushed).toMatchObject({ kind: 'done', ranAgain: [], progress: { cachedShare: 1 } })
      expect(said.filter((line) => !/exporting|done, /.test(line))).toEqual([
        expect.stringMatching(/^\d+ steps from the build$/),
      ])
      if (platforms.length > 0) continue
      const loaded = await opened.run(built, { kind: 'load', names: ['moved:1'] })
      expect(loaded).toMatchObject({ kind: 'done', ranAgain: [], progress: { cachedShare: 1 } })
      const format = '{{index .Config.Labels "to"}}'
      const label = await run('docker', ['image', 'inspect', '--format', format, 'moved:1'], { env: ground.env })
      expect(label.said).toBe('first\n')
    }
  }, 60_000)

  test('what a push has to do again, as the builder has dropped it, is told', async () => {
    const opened = docker()
    const built = order({ Dockerfile: `${BASE}ADD http://${ground.open.host}/v2/ /v2\n${counting('dropped')}` })
    expect(await opened.run(built, NONE)).toMatchObject({ kind: 'done', ranAgain: [] })
    const output: Output = { kind: 'by-digest', names: [`${ground.open.host}/driver/dropped`] }
    expect(await opened.run(built, output)).toMatchObject({ kind: 'done', ranAgain: [] })
    await run('docker', ['buildx', 'prune', '--all', '--force'], { env: ground.env })
    const result = await opened.run(built, output)
    expect(result.kind === 'done' && result.ranAgain).toContainEqual(expect.stringMatching(/3\/3\] RUN /))
  }, 60_000)

  test('a context in Git whose branch moves after the build is pushed as it was built', async () => {
    const { context } = order({ Dockerfile: `${BASE}COPY a.txt /\n${counting('git')}`, 'a.txt': 'first' })
    const git = (...args: readonly string[]) =>
      run('git', ['-C', context, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { env: ground.env })
    await git('init', '--quiet', '--initial-branch', 'main')
    await git('add', '.')
    await git('commit', '--quiet', '--message', 'first')
    const served = await gitServer(ground.folder)
    try {
      const opened = docker()
      const built = order({}, { context: `git://127.0.0.1:${served.port}/${basename(context)}#main` })
      expect(await opened.run(built, NONE)).toMatchObject({ kind: 'done' })
      writeFileSync(join(context, 'a.txt'), 'second')
      await git('commit', '--quiet', '--all', '--message', 'second')
      const pushed = await opened.run(built, { kind: 'by-digest', names: [`${ground.open.host}/driver/git`] })
      expect(pushed).toMatchObject({ kind: 'done', ranAgain: [], progress: { cachedShare: 1 } })
    } finally {
      served.stop()
    }
  }, 60_000)

  test('a push that the registry never answers is ended', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    try {
      const built = order({ Dockerfile: `${BASE}LABEL push=stalls\n` })
      const result = await docker({ stallMs: 3000 }).run(built, { kind: 'by-digest', names: [`${host}/driver/stalls`] })
      expect(result).toMatchObject({ kind: 'failed', transient: { kind: 'timeout' } })
    } finally {
      silent.close()
      silent.closeAllConnections()
    }
  }, 30_000)

  test('a registry that fails with a body of its own, and so without a status, may be well the next time', async () => {
    const error = JSON.stringify({ errors: [{ code: 'UNKNOWN', message: 'unknown error' }] })
    const failing = createServer((_request, response) => {
      response.writeHead(503, { 'content-type': 'application/json' }).end(error)
    })
    await new Promise<void>((resolve) => failing.listen(0, '127.0.0.1', resolve))
    const address = failing.address()
    const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    try {
      const built = order({ Dockerfile: `${BASE}LABEL push=unknown\n` })
      const result = await docker().run(built, { kind: 'by-digest', names: [`${host}/driver/unknown`] })
      expect(result).toMatchObject({ kind: 'failed', transient: { kind: 'server' } })
    } finally {
      failing.close()
      failing.closeAllConnections()
    }
  }, 30_000)

  test('a secret reaches the step that asks for it, and nothing else', async () => {
    const secret = 'line one,\n"line" two'
    const path = join(ground.folder, 'a, "file"')
    writeFileSync(path, 'in a file')
    const Dockerfile = `${BASE}${step(
      '/bin/busybox sha256sum /run/secrets/env /run/secrets/file; /bin/busybox test "$(/bin/busybox cat /run/secrets/file)" = "in a file"; echo fits',
      '--mount=type=secret,id=env,required=true --mount=type=secret,id=file,required=true',
    )}`
    said.length = 0
    const own = { secrets: [{ id: 'env', value: secret }], secretFiles: [{ id: 'file', path }] }
    expect(await docker().run(order({ Dockerfile }, own), NONE)).toMatchObject({ kind: 'done' })
    expect(said.join('\n')).toContain('| fits')
    expect(said.join('\n')).not.toContain('line one')
    said.length = 0
    const told = await docker().run(
      order(
        {
          Dockerfile: `${BASE}${step('/bin/busybox cat /run/secrets/env /run/secrets/file; exit 4', '--mount=type=secret,id=env --mount=type=secret,id=file')}`,
        },
        own,
      ),
      NONE,
    )
    expect(said.join('\n')).toContain('| ***')
    expect(`${JSON.stringify(told)}${said.join('\n')}`).not.toMatch(/line one|in a file/)
    expect(await failure(Dockerfile.replace('/bin/busybox sha256sum', 'true'))).toMatchObject({
      cause: 'The build asks for the secret env, and was not given it',
      line: 3,
    })
  })

  test('a failure is told with its line, its cause and what to do', async () => {
    expect(await failure(`${BASE}\n${step('echo one >&2; echo Error: two >&2; exit 3')}`)).toMatchObject({
      line: 4,
      cause: expect.stringMatching(/ended with exit code 3: Error: two$/),
      lastLines: ['one', 'Error: two'],
      transient: undefined,
    })
    expect(await failure(`${BASE}COPY a.txt /\n`, {}, { 'a.txt': 'a', '.dockerignore': '*.txt\n' })).toMatchObject({
      line: 3,
      cause: expect.stringMatching(/^a\.txt is in the folder .* \.dockerignore leaves it out$/),
    })
    expect(await failure(`${BASE}COPY b.txt /\n`)).toMatchObject({
      cause: 'There is no b.txt in the folder of the context',
    })
    expect(await failure(`${BASE}RNU ls\n`)).toMatchObject({
      line: 3,
      command: 'RNU ls',
      cause: expect.stringMatching(/unknown instruction: RNU/),
    })
    expect(await failure('FROM Alpine\n')).toMatchObject({
      line: 1,
      cause: expect.stringMatching(/upper-case letters/),
    })
    expect(await failure(BASE, { target: 'none' })).toMatchObject({
      line: 0,
      cause: 'The Dockerfile has no stage none',
    })
    expect(await failure(`FROM ${ground.open.host}/none:1\n`)).toMatchObject({
      cause: `There is no image ${ground.open.host}/none:1`,
    })
    expect(await failure(`FROM ${ground.guarded.host}/none:1\n`)).toMatchObject({
      hint: expect.stringMatching(/^Log in/),
    })
    expect(await failure(BASE, { dockerfile: join(ground.folder, 'none') })).toMatchObject({
      cause: 'There is no none',
    })
  }, 60_000)

  test("BuildKit's warnings are told with their lines", async () => {
    const result = await docker().run(order({ Dockerfile: `${BASE}MAINTAINER me\n` }), NONE)
    expect(
      result.kind === 'done' && result.progress.warnings.map(({ text, line }) => [text.split(':')[0], line]),
    ).toEqual([['MaintainerDeprecated', 3]])
  })

  test('a push that fails is told apart by whether time may mend it', async () => {
    const proxy = await ground.before(ground.open)
    const built = order({ Dockerfile: `${BASE}LABEL push=fails\n` })
    const push = async (host: string) => {
      const result = await docker().run(built, { kind: 'by-digest', names: [`${host}/driver/fails`] })
      return result.kind === 'failed' ? result.transient?.kind : result.kind
    }
    for (const [fault, kind] of [
      [{ when: /^PUT .*manifests/, status: 503 }, 'server'],
      [{ when: /^PUT .*manifests/, status: 429 }, 'rate-limit'],
      [{ when: /^PUT .*manifests/, drop: 'request' }, 'eof'],
      [{ when: /^PUT .*manifests/, status: 403 }, undefined],
    ] as const) {
      proxy.clear()
      proxy.next(1000, fault)
      expect(await push(proxy.host)).toBe(kind)
    }
    proxy.clear()
    expect(await push(proxy.host)).toBe('done')
    expect(await push(ground.basic.host)).toBeUndefined()
    expect(await push('127.0.0.1:1')).toBe('reset')
  }, 120_000)

  test('an image is loaded under its names, and copied as it is', async () => {
    const built = order({ Dockerfile: `${BASE}LABEL loaded=yes\n` }, { provenance: 'max', sbom: false })
    expect(await docker().run(built, { kind: 'load', names: ['loaded:1', 'loaded:2'] })).toMatchObject({ kind: 'done' })
    const format = '{{index .Config.Labels "loaded"}}'
    for (const name of ['loaded:1', 'loaded:2'])
      expect((await run('docker', ['image', 'inspect', '--format', format, name], { env: ground.env })).said).toBe(
        'yes\n',
      )
    const digest = await digestOf(built, [`${ground.open.host}/driver/from`])
    const from = `${ground.open.host}/driver/from@${digest}`
    expect(await docker().copy(from, `${ground.open.host}/driver/to:1`)).toEqual({})
    expect((await ground.open.stored('driver/to', '1'))?.digest).toBe(digest)
    const none = `${ground.open.host}/driver/none@${digest}`
    expect(await docker().copy(none, `${ground.open.host}/driver/to:2`)).toEqual({
      problem: expect.stringMatching(/not found$/),
    })
  })

  test('a cancelled build ends at once, here and in BuildKit', async () => {
    const cancel = new AbortController()
    const say = (line: string): void => {
      if (line.endsWith('| under way')) cancel.abort()
    }
    const built = order({ Dockerfile: `${BASE}${step('echo under way; exec /bin/busybox sleep 4321')}` })
    const isRunning = (): boolean => (output('ps', ['-eo', 'args']) ?? '').includes('busybox sleep 4321')
    expect(await docker({ cancelled: cancel.signal, say }).run(built, NONE)).toEqual({ kind: 'cancelled' })
    await expect.poll(isRunning, { timeout: 10_000 }).toBe(false)
  }, 30_000)
})
