import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BuildOrder, Output } from '../src/build/order.ts'
import { type Around, openDocker } from '../src/ports/docker.ts'
import { logLine, STARTED, stepLine } from './build/captured.ts'
import { type FakeDocker, fakeDocker } from './fake-docker.ts'
import { PLAIN } from './plain.ts'

const DIGEST = `sha256:${'a1'.repeat(32)}`
const NONE: Output = { kind: 'none' }
const PUSH: Output = { kind: 'by-digest', names: ['r.example/shop'] }

let folder: string
let fake: FakeDocker
let said: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-docker-'))
  fake = fakeDocker(folder)
  said = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const order = (own: Partial<BuildOrder> = {}): BuildOrder => ({
  ...PLAIN,
  context: folder,
  ...own,
})

const docker = (own: Partial<Around> = {}) =>
  openDocker({
    dockerConfig: () => join(folder, 'config'),
    env: { PATH: `${fake.path}:${process.env.PATH}`, HOME: folder },
    cancelled: new AbortController().signal,
    temporary: folder,
    say: (line) => void said.push(line),
    ...own,
  })

/** In a container nobody may take notice of what ended: it is there, and runs no longer. */
const isRunning = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

const faultOf = async (work: Promise<unknown>): Promise<string> => {
  const thrown = await work.catch((error: unknown) => error)
  if (!(thrown instanceof Fault)) throw thrown
  expect(thrown.kind).toBe('input')
  return `${thrown.message}. ${thrown.hint}`
}

describe('a look', () => {
  it('says what builds, asked with the folder of the credentials', async () => {
    expect(await docker().look()).toEqual({
      docker: '28.0.4',
      buildx: '0.29.0',
      name: 'b',
      driver: 'docker-container',
      buildkit: '0.25.0',
      platforms: ['linux/amd64'],
    })
    expect(fake.seen().map(({ argv }) => argv)).toEqual([
      ['--version'],
      ['buildx', 'version'],
      ['buildx', 'inspect', '--bootstrap'],
    ])
    for (const { env } of fake.seen()) expect(env.DOCKER_CONFIG).toBe(join(folder, 'config'))
  })

  it('names what is missing', async () => {
    expect(await faultOf(docker({ env: { PATH: folder } }).look())).toMatch(/^docker is not on PATH\. Use a runner/)
    fake.play({
      'buildx version': { stderr: "docker: 'buildx' is not a docker command.\nSee 'docker --help'\n", code: 1 },
    })
    expect(await faultOf(docker().look())).toMatch(/28\.0\.4 has no buildx \('buildx' is not a docker command\.\)/)
    fake.play({ 'buildx inspect': { stderr: 'ERROR: no builder "nope" found\n', code: 1 } })
    expect(await faultOf(docker().look())).toMatch(/no builder that runs \(no builder "nope" found\)/)
    fake.play({ '--version': { stdout: 'podman version 4.9.3\n' }, 'buildx version': { stdout: 'buildah 1.33.7\n' } })
    expect(await faultOf(docker().look())).toMatch(/Podman/)
    fake.play({ '--version': { stderr: 'libc.so.6: version not found\n', code: 127 } })
    expect(await faultOf(docker().look())).toMatch(/docker does not work: libc\.so\.6/)
  })

  it('says which builder does not answer', async () => {
    fake.play({
      'buildx inspect --bootstrap': {
        stderr: '#1 ERROR: context deadline exceeded\nERROR: context deadline exceeded\n',
        code: 1,
      },
      'buildx inspect': {
        stdout: 'Name: far\nDriver: remote\n\nNodes:\nName: far0\nEndpoint: tcp://h:1\nStatus: inactive\n',
      },
    })
    expect(await faultOf(docker().look())).toMatch(
      /^the builder far \(remote, tcp:\/\/h:1\) does not answer: context deadline exceeded\. Start it, .*--bootstrap far/,
    )
  })

  it('looks at what the builder is wanted for', async () => {
    const needs = { push: true, platforms: ['linux/amd64', 'linux/arm64'] }
    await docker({ needs }).look()
    expect(said).toEqual([expect.stringMatching(/cannot run programs of linux\/arm64/)])
    fake.play({
      'buildx inspect': {
        stdout: 'Name: default\nDriver: docker\n\nNodes:\nStatus: running\nBuildKit version: v0.17.3\n',
      },
    })
    expect(await faultOf(docker({ needs }).look())).toMatch(
      /cannot push by digest; .*one platform only\. Add docker\/setup-buildx-action/,
    )
    expect((await docker().look()).driver).toBe('docker')
  })
})

describe('a build', () => {
  it('gives buildx the secrets by its environment alone, and no inputs, and nothing to read', async () => {
    const env = {
      PATH: `${fake.path}:${process.env.PATH}`,
      'INPUT_REGISTRY-PASSWORD': 'hush',
      input_x: 'hush',
      ACTIONS_RUNTIME_TOKEN: 't',
    }
    const secretFiles = [{ id: 'f', path: join(folder, 'file') }]
    writeFileSync(join(folder, 'file'), 'hush')
    const result = await docker({ env }).run(order({ secrets: [{ id: 's', value: 'hush-1' }], secretFiles }), NONE)
    expect(result.kind).toBe('done')
    const [seen] = fake.seen()
    expect(seen?.argv.slice(0, 2)).toEqual(['buildx', 'build'])
    expect(seen?.argv.slice(-2)).toEqual(['--', folder])
    expect(seen?.argv.join('\n')).not.toContain('hush')
    expect(seen?.stdin).toBe('')
    expect(Object.entries(seen?.env ?? {}).filter(([, value]) => value.includes('hush'))).toEqual([
      ['SLUICE_BUILD_SECRET_0', 'hush-1'],
    ])
    expect(seen?.env).toMatchObject({ DOCKER_CONFIG: join(folder, 'config'), ACTIONS_RUNTIME_TOKEN: 't' })
  })

  it('pushes nothing with a builder that would write a tag', async () => {
    const node = 'Name: b0\nStatus: running\nBuildKit version: v0.25.0\n'
    fake.play({ 'buildx inspect': { stdout: `Name: b\nDriver: remote\n\nNodes:\n${node}\n${node}` } })
    const opened = docker()
    await opened.look()
    const both = order({ platforms: ['linux/amd64', 'linux/arm64'] })
    expect((await opened.run(both, NONE)).kind).toBe('done')
    expect(await faultOf(opened.run(both, PUSH))).toMatch(/tag latest/)
    expect((await opened.run(order({ platforms: ['linux/amd64'] }), PUSH)).kind).toBe('done')
  })

  it.each<[string, string | undefined, string]>([
    ['the digest of a push', DIGEST, JSON.stringify({ 'containerimage.digest': DIGEST })],
    ['no digest that is none', undefined, JSON.stringify({ 'containerimage.digest': 'latest' })],
    ['no digest where there is none', undefined, '{}'],
    ['no digest of what is no JSON', undefined, 'null'],
  ])('reads %s', async (_name, digest, metadata) => {
    fake.play({ 'buildx build': { metadata } })
    expect(await docker().run(order(), PUSH)).toMatchObject({ kind: 'done', digest })
    expect(await docker().run(order(), NONE)).toMatchObject({ kind: 'done', digest: undefined })
  })

  it('logs what is said so that it commands nothing', async () => {
    const lines = [stepLine({ started: STARTED }), logLine('::error::a\n##[error]b\n'), '::warning::c', '']
    fake.play({ 'buildx build': { stderr: lines.join('\n') } })
    await docker().run(order(), NONE)
    expect(said).toEqual(['#1 [1/1] RUN make', '#1 | ::error::a', '#1 | ## [error]b', ': :warning::c'])
  })

  it('that fails says where and why, and whether it may pass', async () => {
    writeFileSync(join(folder, 'left-out.txt'), '')
    const error = 'failed to calculate checksum of ref a::b: "/left-out.txt": not found'
    const place = ['Dockerfile:2', '-'.repeat(20), '   2 | >>> COPY left-out.txt /', '-'.repeat(20)]
    fake.play({ 'buildx build': { stderr: [...place, `ERROR: failed to solve: ${error}`, ''].join('\n'), code: 1 } })
    expect(await docker().run(order(), NONE)).toMatchObject({
      kind: 'failed',
      // The context is not in the folder of the job: no annotation could name it.
      failure: {
        file: '',
        line: 2,
        command: 'COPY left-out.txt /',
        cause: expect.stringMatching(/\.dockerignore leaves it out$/),
      },
      transient: undefined,
    })
    fake.play({
      'buildx build': {
        stderr: 'ERROR: failed to build: failed to solve: failed to push r.example/shop: EOF\n',
        code: 1,
      },
    })
    expect(await docker().run(order(), PUSH)).toMatchObject({ kind: 'failed', transient: { kind: 'eof', text: 'EOF' } })
    fake.play({ 'buildx build': { code: 17 } })
    expect(await docker().run(order(), PUSH)).toMatchObject({
      failure: { cause: 'docker buildx build ended with exit code 17 and said nothing' },
    })
  })

  it('that an outage ended may pass', async () => {
    const error = 'failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF'
    fake.play({ 'buildx build': { stderr: `ERROR: failed to build: ${error}\n`, code: 1 } })
    expect(await docker().run(order(), NONE)).toMatchObject({
      kind: 'failed',
      transient: { kind: 'eof' },
      failure: { hint: expect.stringMatching(/whether the builder still runs/) },
    })
  })

  it('keeps its secrets and the credentials of its context out of all that leaves it', async () => {
    const path = join(folder, 'secret.txt')
    writeFileSync(path, 'FILESECRET99\n')
    const secrets = [{ id: 's', value: 'INLINESECRET77' }]
    const hush = 'INLINESECRET77FILESECRET99 http://u:SECRETPW@h/x.git'
    const name = `[1/1] RUN ${hush}`
    const lines = [
      stepLine({ name, started: STARTED }),
      logLine(`${hush}\n`),
      stepLine({
        name,
        started: STARTED,
        completed: STARTED,
        error: `process "${hush}" did not complete successfully: exit code: 4`,
      }),
      `ERROR: failed to solve: process "${hush}" did not complete successfully: exit code: 4`,
      '',
    ]
    fake.play({ 'buildx build': { stderr: lines.join('\n'), code: 1 } })
    const built = order({ secrets, secretFiles: [{ id: 'f', path }] })
    const result = await docker().run(built, NONE)
    expect(result).toMatchObject({ kind: 'failed', failure: { lastLines: ['****** http://***@h/x.git'] } })
    expect(`${JSON.stringify(result)}${said.join('\n')}`).not.toMatch(/SECRET/)
  })

  it('names the Dockerfile of a warning as it was named', async () => {
    const warning = (filename: string) => ({
      short: Buffer.from('StageNameCasing: x (line 7)').toString('base64'),
      url: 'https://docs.example/x',
      sourceInfo: { filename },
      range: [{ start: { line: 7 } }],
    })
    fake.play({
      'buildx build': { stderr: `${JSON.stringify({ warnings: [warning('shop.Dockerfile'), warning('z')] })}\n` },
    })
    const result = await docker().run(order({ dockerfile: 'docker/shop.Dockerfile' }), NONE)
    expect(result.kind === 'done' && result.progress.warnings.map(({ file, line }) => [file, line])).toEqual([
      ['docker/shop.Dockerfile', 7],
      ['', 7],
    ])
  })

  it('is pushed and loaded from the sources that it took', async () => {
    const sha256 = 'b2'.repeat(32)
    const [uri, context] = ['pkg:docker/alpine@3?platform=linux%2Famd64', 'https://u:p@h/r.git#main']
    const commit = { uri: 'https://xxxxx:xxxxx@h/r.git#main', digest: { sha1: 'c3'.repeat(20) } }
    const metadata = JSON.stringify({ 'buildx.build.provenance': { materials: [{ uri, digest: { sha256 } }, commit] } })
    fake.play({ 'buildx build': { metadata } })
    const opened = docker()
    const built = order({ context })
    await opened.run(built, PUSH)
    await opened.run(built, NONE)
    await opened.run(built, PUSH)
    await opened.run(built, { kind: 'load', names: ['a:1'] })
    const [alone, first, ...others] = fake.seen()
    for (const call of [alone, first]) {
      expect(call?.env.EXPERIMENTAL_BUILDKIT_SOURCE_POLICY).toBeUndefined()
      expect(call?.argv.at(-1)).toBe(context)
    }
    expect([alone, first, ...others].map((call) => call?.env.BUILDX_METADATA_PROVENANCE)).toEqual([
      ...['disabled', 'min', 'disabled', 'disabled'],
    ])
    expect(others).toHaveLength(2)
    for (const { argv, env } of others) {
      expect(readFileSync(env.EXPERIMENTAL_BUILDKIT_SOURCE_POLICY ?? '', 'utf8')).toContain(
        `docker-image://docker.io/library/alpine:3@sha256:${sha256}`,
      )
      expect(argv.at(-1)).toBe(`https://u:p@h/r.git#${'c3'.repeat(20)}`)
    }
  })

  it('that a push did again is told', async () => {
    const opened = docker()
    const play = (at: string) =>
      fake.play({ 'buildx build': { stderr: `${stepLine({ started: at, completed: at })}\n` } })
    play(STARTED)
    expect(await opened.run(order(), NONE)).toMatchObject({ kind: 'done', ranAgain: [] })
    expect(await opened.run(order(), PUSH)).toMatchObject({ kind: 'done', ranAgain: [] })
    const at = '2026-11-22T08:00:00Z'
    fake.play({
      'buildx build': {
        stderr: `${stepLine({ started: at, completed: at })}\nERROR: failed to push x: EOF\n`,
        code: 1,
      },
    })
    expect(await opened.run(order(), PUSH)).toMatchObject({ kind: 'failed', transient: { kind: 'eof' } })
    // It is in the cache now, and still not what was built.
    fake.play({ 'buildx build': { stderr: `${stepLine({ started: at, completed: at, cached: true })}\n` } })
    expect(await opened.run(order(), PUSH)).toMatchObject({ kind: 'done', ranAgain: ['[1/1] RUN make'] })
    expect(await docker().run(order(), PUSH)).toMatchObject({ kind: 'done', ranAgain: [] })
  })

  it('that comes no further is ended where it is pushed, and may pass', async () => {
    fake.play({
      'buildx build': { stderr: `${stepLine({ name: 'exporting to image', started: STARTED })}\n`, hangs: true },
    })
    const result = await docker({ stallMs: 300 }).run(order(), PUSH)
    const text = 'the push came no further for 0.3 s at exporting to image, and was ended'
    expect(result).toMatchObject({ kind: 'failed', failure: { cause: text }, transient: { kind: 'timeout', text } })
    expect(isRunning(fake.seen()[0]?.child ?? 0)).toBe(false)
  })

  it('that says nothing for long is not ended, as a step may take its time', async () => {
    const cancel = new AbortController()
    fake.play({ 'buildx build': { stderr: `${stepLine({ started: STARTED })}\n`, hangs: true } })
    setTimeout(() => cancel.abort(), 1500)
    expect((await docker({ stallMs: 200, cancelled: cancel.signal }).run(order(), NONE)).kind).toBe('cancelled')
  })

  it('is never silent for long', async () => {
    const cancel = new AbortController()
    fake.play({ 'buildx build': { stderr: `${stepLine({ started: STARTED })}\n`, hangs: true } })
    const say = (line: string): void => {
      said.push(line)
      if (said.filter((one) => /^… \d+\.\d s so far: \[1\/1\] RUN make$/.test(one)).length === 2) cancel.abort()
    }
    const result = await docker({ cancelled: cancel.signal, silenceMs: 200, say }).run(order(), NONE)
    expect(result.kind).toBe('cancelled')
  })

  it('that is cancelled leaves no process behind', async () => {
    const cancel = new AbortController()
    fake.play({ 'buildx build': { stderr: `${stepLine({ started: STARTED })}\n`, hangs: true } })
    const say = (): void => cancel.abort()
    const result = await docker({ cancelled: cancel.signal, say }).run(order(), NONE)
    expect(result).toEqual({ kind: 'cancelled' })
    const child = fake.seen()[0]?.child ?? 0
    expect(child).toBeGreaterThan(0)
    expect(isRunning(child)).toBe(false)
    expect(await docker({ cancelled: cancel.signal }).run(order(), NONE)).toEqual({ kind: 'cancelled' })
    expect(fake.seen()).toHaveLength(1)
  })

  it('holds little of what is said, however much it is', async () => {
    const before = process.memoryUsage().rss
    const line = `${stepLine({ started: STARTED })}\n${logLine('x'.repeat(50_000))}\n`
    fake.play({ 'buildx build': { stderr: `${line}${'y'.repeat(100_000)}`, times: 500 } })
    const result = await docker().run(order(), NONE)
    expect(result.kind).toBe('done')
    expect(JSON.stringify(result).length).toBeLessThan(1_000_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024)
  })

  it('does not begin with a secret file that is none', async () => {
    const path = join(folder, 'secret')
    const refusal = () => faultOf(docker().run(order({ secretFiles: [{ id: 'f', path }] }), NONE))
    expect(await refusal()).toMatch(/^Invalid input: secret-files: f: .*secret does not exist/)
    writeFileSync(path, '')
    expect(await refusal()).toMatch(/is empty/)
    writeFileSync(path, Buffer.alloc(500 * 1024 + 1))
    expect(await refusal()).toMatch(/larger than 500 KiB/)
    rmSync(path)
    mkdirSync(path)
    expect(await refusal()).toMatch(/is not a file/)
    expect(fake.seen()).toEqual([])
  })

  it("says when GitHub's cache cannot be used, as buildx does not", async () => {
    const cached = order({ cache: { from: ['type=gha,scope=a'], to: [] } })
    await docker().run(cached, NONE)
    expect(said).toEqual([expect.stringMatching(/cache: gha is not used/)])
    const env = {
      PATH: `${fake.path}:${process.env.PATH}`,
      ACTIONS_RUNTIME_TOKEN: 't',
      ACTIONS_RESULTS_URL: 'https://x',
    }
    await docker({ env }).run(cached, NONE)
    expect(said).toHaveLength(1)
  })
})

describe('a pull', () => {
  const image = `a.example/x@${DIGEST}`

  it('gives the very image each of its names', async () => {
    fake.play({ pull: {}, tag: {} })
    expect(await docker().pull(image, ['a.example/x:1', 'a.example/x:2'])).toBeUndefined()
    expect(fake.seen().map(({ argv }) => argv.join(' '))).toEqual([
      `pull --quiet ${image}`,
      `tag ${image} a.example/x:1`,
      `tag ${image} a.example/x:2`,
    ])
  })

  it('that fails says why, and names nothing', async () => {
    fake.play({ pull: { stderr: 'ERROR: Cannot connect to the Docker daemon\n', code: 1 } })
    expect(await docker().pull(image, ['a.example/x:1'])).toBe(
      `docker pull ${image}: Cannot connect to the Docker daemon`,
    )
    expect(fake.seen()).toHaveLength(1)
  })
})

describe('a copy', () => {
  it('shows no credentials', async () => {
    fake.play({ 'buildx imagetools': { stderr: 'ERROR: http://u:SECRETPW@h/x: not found\n', code: 1 } })
    const { problem } = await docker().copy('a.example/x', 'b.example/x')
    expect([problem, ...said]).toEqual(['http://***@h/x: not found', 'ERROR: http://***@h/x: not found'])
  })

  it('keeps the bytes', async () => {
    fake.play({ 'buildx imagetools': { stderr: '#1 DONE 0.0s\n' } })
    expect(await docker().copy(`a.example/x@${DIGEST}`, 'b.example/x:1')).toEqual({})
    expect(fake.seen()[0]?.argv).toEqual([
      ...['buildx', 'imagetools', 'create', '--prefer-index=false', '--tag', 'b.example/x:1'],
      ...['--', `a.example/x@${DIGEST}`],
    ])
    expect(said).toEqual(['#1 DONE 0.0s'])
  })

  it('that fails says why, and whether it may pass', async () => {
    fake.play({ 'buildx imagetools': { stderr: 'ERROR: a.example/x: not found\n', code: 1 } })
    expect(await docker().copy('a.example/x', 'b.example/x')).toEqual({ problem: 'a.example/x: not found' })
    const text = 'unexpected status from HEAD request to https://a.example/v2/x: 503 Service Unavailable'
    fake.play({ 'buildx imagetools': { stderr: `ERROR: ${text}\n`, code: 1 } })
    expect(await docker().copy('a.example/x', 'b.example/x')).toMatchObject({
      problem: text,
      transient: { kind: 'server' },
    })
  })
})
