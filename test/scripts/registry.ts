import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { folderWith } from './folder.ts'

/** A registry of the test's own: what it was asked, `METHOD path`, in order, and what it holds. */
export type TestRegistry = {
  readonly url: string
  readonly asked: readonly string[]
  readonly blobs: ReadonlyMap<string, Buffer>
  readonly manifests: ReadonlyMap<string, { readonly type: string; readonly bytes: Buffer }>
}

/** How it answers: a login it asks for, a digest it says instead of the true one, failures before an answer, no header with the digest. */
export type Behaviour = {
  readonly login?: { readonly kind: 'basic' | 'bearer'; readonly user: string; readonly password: string }
  readonly says?: string
  readonly silent?: boolean
  readonly failures?: number
}

/** A server that speaks the push half of the distribution spec, with a token server of its own where a login is asked for. */
export const startRegistry = async ({ login, says, silent, failures = 0 }: Behaviour = {}): Promise<TestRegistry> => {
  const asked: string[] = []
  const blobs = new Map<string, Buffer>()
  const manifests = new Map<string, { type: string; bytes: Buffer }>()
  let broken = failures
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const target = new URL(request.url ?? '/', 'http://x')
    const key = `${request.method} ${target.pathname}`
    asked.push(key)
    const end = (status: number, headers: Record<string, string> = {}, body: Buffer | string = ''): void => {
      response.writeHead(status, headers).end(body)
    }
    const basic = login && `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
    if (target.pathname === '/token')
      return request.headers.authorization === basic && target.searchParams.get('scope')?.endsWith(':pull,push')
        ? end(200, {}, JSON.stringify({ token: 'short-lived' }))
        : end(401)
    const wanted = login?.kind === 'bearer' ? 'Bearer short-lived' : basic
    if (wanted !== undefined && request.headers.authorization !== wanted) {
      const challenge = `Bearer realm="http://${request.headers.host}/token",service="test"`
      return end(401, { 'www-authenticate': login?.kind === 'basic' ? 'Basic realm="test"' : challenge })
    }
    if (broken-- > 0) return end(503)
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    const [, last = ''] = /\/([^/]+)$/.exec(target.pathname) ?? []
    if (key.startsWith('HEAD')) return end(blobs.has(last) ? 200 : 404)
    if (key.startsWith('POST')) return end(202, { location: `${target.pathname}a-session?state=1` })
    if (key.startsWith('GET')) {
      const found = manifests.get(last)
      return found === undefined ? end(404) : end(200, { 'content-type': found.type }, found.bytes)
    }
    if (target.pathname.includes('/blobs/')) {
      if (target.searchParams.get('digest') !== digest || target.searchParams.get('state') !== '1') return end(400)
      blobs.set(digest, bytes)
      return end(201)
    }
    const parsed = JSON.parse(bytes.toString())
    const needs = [parsed.config, ...(parsed.layers ?? [])].filter((one) => one !== undefined)
    if (!needs.every((one) => blobs.get(one.digest)?.length === one.size)) return end(400, {}, 'BLOB_UNKNOWN')
    for (const name of [last, digest]) manifests.set(name, { type: request.headers['content-type'] ?? '', bytes })
    return end(201, silent ? {} : { 'docker-content-digest': says ?? digest })
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, blobs, manifests }
}

/** Debian's docker-registry where it is installed: `SLUICE_DOCKER_REGISTRY`, else on PATH. */
export const dockerRegistry = (): string | undefined =>
  [
    process.env.SLUICE_DOCKER_REGISTRY ?? '',
    ...(process.env.PATH ?? '').split(delimiter).map((one) => join(one, 'docker-registry')),
  ].find((path) => path !== '' && existsSync(path))

/** Starts it on a free port with an empty store, and waits until it answers. */
export const startDockerRegistry = async (program: string): Promise<string> => {
  const port = await freePort()
  const folder = folderWith({})
  const config = join(folder, 'config.yml')
  writeFileSync(
    config,
    `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${folder}/store } }\nhttp: { addr: 127.0.0.1:${port} }\n`,
  )
  const child: ChildProcess = spawn(program, ['serve', config], { stdio: 'ignore' })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once('exit', resolve))
  })
  const url = `http://127.0.0.1:${port}`
  for (let left = 100; ; left--) {
    const up = await fetch(`${url}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (up) return url
    if (left === 0) throw new Error(`${program} does not answer on ${url}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
