import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../packages/sandbox/src/ports.ts'
import { type Server, serve } from './process.ts'
import type { Programs } from './programs.ts'
import { type Account, ISSUER, SERVICE } from './tokens.ts'

/** The one account of every registry here that has any. */
export const ACCOUNT: Account = { username: 'builder', password: 'never-shown-anywhere-7f3a' }
/** Its password as bcrypt has it, made once: the registry takes no other kind, and Node makes none. */
const HTPASSWD = '$2y$05$iKRKuhlodwCc79qPxvVASubgk80ocCmozUtSD4RgxhVStzziCXfX2'

/** How a registry lets people in. `tokens`: where they get theirs, and the certificate of who signs them. */
export type Door =
  | { readonly kind: 'open' }
  | { readonly kind: 'basic' }
  | { readonly kind: 'tokens'; readonly realm: string; readonly certificate: string }

/** What is stored under a tag or digest. `body` is as the registry sent it; `digest` is counted from it. */
export type Stored = {
  readonly digest: string
  readonly mediaType: string
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into manifests freely
  readonly manifest: any
}

/** A real registry, and what tests read of it past everything they test. */
export type RealRegistry = {
  /** As in a reference: `127.0.0.1:port`. */
  readonly host: string
  /** `undefined`: nothing is stored there. */
  stored(repository: string, reference: string): Promise<Stored | undefined>
  /** Sorted; none when there is no such repository. */
  tags(repository: string): Promise<readonly string[]>
  blob(repository: string, digest: string): Promise<Buffer>
  log(): string
  stop(): Promise<void>
}

const TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** Starts a registry on a free port of the loopback interface, with all it stores in a folder of its own under `folder`. */
export const startRegistry = async (folder: string, { debian }: Programs, door: Door): Promise<RealRegistry> => {
  const host = `127.0.0.1:${await freePort()}`
  const own = join(folder, `registry-${door.kind}`)
  mkdirSync(own, { recursive: true })
  writeFileSync(join(own, 'htpasswd'), `${ACCOUNT.username}:${HTPASSWD}\n`)
  const config = {
    version: 0.1,
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(own, 'data') }, delete: { enabled: true } },
    http: { addr: host, secret: randomBytes(16).toString('hex') },
    ...authOf(door, join(own, 'htpasswd')),
  }
  // JSON is YAML as well.
  writeFileSync(join(own, 'config.yml'), JSON.stringify(config))
  const server: Server = await serve({
    name: `registry-${door.kind}`,
    command: join(debian.root, 'usr/bin/docker-registry'),
    args: ['serve', join(own, 'config.yml')],
    folder: own,
    // Nothing is sent anywhere about what it does.
    env: { ...process.env, LD_LIBRARY_PATH: debian.libraries, OTEL_TRACES_EXPORTER: 'none' },
    ready: async () => [200, 401].includes((await fetch(`http://${host}/v2/`)).status),
  })
  return { host, ...readerOf(host, door), log: server.log, stop: server.stop }
}

const authOf = (door: Door, htpasswd: string): object => {
  if (door.kind === 'open') return {}
  if (door.kind === 'basic') return { auth: { htpasswd: { realm: 'test', path: htpasswd } } }
  const { realm, certificate } = door
  return { auth: { token: { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: certificate } } }
}

const readerOf = (host: string, door: Door): Pick<RealRegistry, 'stored' | 'tags' | 'blob'> => {
  const basic = `Basic ${Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')}`
  const authorization = async (repository: string): Promise<string> => {
    if (door.kind !== 'tokens') return basic
    const query = new URLSearchParams({ service: SERVICE, scope: `repository:${repository}:pull` })
    const answer = await fetch(`${door.realm}?${query}`, { headers: { authorization: basic } })
    return `Bearer ${((await answer.json()) as { readonly token: string }).token}`
  }
  const get = async (repository: string, path: string): Promise<Response> => {
    const headers = { accept: TYPES, authorization: await authorization(repository) }
    const answer = await fetch(`http://${host}/v2/${repository}/${path}`, { headers })
    if (answer.status !== 200 && answer.status !== 404) throw new Error(`${path}: ${answer.status}`)
    return answer
  }
  return {
    stored: async (repository, reference) => {
      const answer = await get(repository, `manifests/${reference}`)
      const body = await answer.text()
      if (answer.status === 404) return undefined
      const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
      return { digest, mediaType: answer.headers.get('content-type') ?? '', body, manifest: JSON.parse(body) }
    },
    tags: async (repository) => {
      const { tags } = (await (await get(repository, 'tags/list')).json()) as { readonly tags?: string[] | null }
      return [...(tags ?? [])].sort()
    },
    blob: async (repository, digest) => Buffer.from(await (await get(repository, `blobs/${digest}`)).arrayBuffer()),
  }
}
