import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { output, succeed } from '../cluster/shell.ts'
import { type Server, serve } from './process.ts'
import { type Programs, programs } from './programs.ts'
import { type FaultyProxy, startFaultyProxy } from './proxy.ts'
import { ACCOUNT, type Door, type RealRegistry, startRegistry } from './registry.ts'
import { startTokenServer, type TokenServer } from './tokens.ts'

/** Everything that images are built and pushed with, real, on the loopback interface and in one temporary folder. */
export type Ground = {
  readonly folder: string
  /** Lets anybody in. */
  readonly open: RealRegistry
  /** Before `open`. */
  readonly proxy: FaultyProxy
  /** Asks for name and password of ACCOUNT. */
  readonly basic: RealRegistry
  /** Asks for a token of `tokens`, which asks for name and password of ACCOUNT. */
  readonly guarded: RealRegistry
  readonly tokens: TokenServer
  /** What commands find Docker's client, buildx, the builder and the daemon by. Nothing else of this process's environment but HOME and PATH. */
  readonly env: Readonly<Record<string, string>>
  /** A proxy before a registry, for one test alone. */
  before(registry: Pick<RealRegistry, 'host'>): Promise<FaultyProxy>
  /** A new folder to build in, with `busybox` and these files; a name may have folders in it. */
  context(files: Readonly<Record<string, string>>): string
  /** Processes, files, mounts: all of it goes. */
  close(): Promise<void>
}

/**
 * Starts it all, side by side: about two seconds once the programs are in the cache.
 * @param parts `daemon`: a Docker daemon to load images into as well, with no network of its own
 * @throws Error when a program cannot be had or does not start; nothing is left then
 */
export const openGround = async ({ daemon = false }: { readonly daemon?: boolean } = {}): Promise<Ground> => {
  const have = programs()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-images-'))
  const ends: (() => Promise<void>)[] = []
  const kept = async <T>(starting: Promise<T>, end: (started: T) => Promise<void>): Promise<T> => {
    const started = await starting
    ends.unshift(() => end(started))
    return started
  }
  const close = async (): Promise<void> => {
    await Promise.all(ends.map((end) => end()))
    rmSync(folder, { recursive: true, force: true })
  }
  const registry = (door: Door) => kept(startRegistry(folder, have, door), ({ stop }) => stop())
  const before = ({ host }: { readonly host: string }) => kept(startFaultyProxy(host), (proxy) => proxy.close())
  const env = environment(folder, have)
  const opened = await Promise.allSettled([
    kept(startBuilder(folder, have, env), ({ stop }) => stop()),
    registry({ kind: 'open' }).then(async (open) => ({
      open,
      proxy: await before(open),
    })),
    registry({ kind: 'basic' }),
    kept(startTokenServer(folder, ACCOUNT), (server) => server.close()).then(async (tokens) => ({
      tokens,
      guarded: await registry({ kind: 'tokens', ...tokens }),
    })),
    ...(daemon ? [kept(startDaemon(folder, have, env), ({ stop }) => stop())] : []),
  ])
  const failed = opened.find(({ status }) => status === 'rejected')
  const [, front, basic, back] = opened
  if (
    failed !== undefined ||
    front.status === 'rejected' ||
    basic.status === 'rejected' ||
    back.status === 'rejected'
  ) {
    await close()
    throw failed?.status === 'rejected' ? failed.reason : new Error('the ground did not open')
  }
  return {
    folder,
    ...front.value,
    basic: basic.value,
    ...back.value,
    env,
    before,
    context: contexts(folder, have),
    close,
  }
}

/** The name of the builder. */
const BUILDER = 'sluice'

const socketIn = (folder: string, name: string): string => join(folder, `${name}.sock`)

const environment = (folder: string, { buildx, debian }: Programs): Readonly<Record<string, string>> => {
  const config = join(folder, 'docker')
  mkdirSync(join(config, 'cli-plugins'), { recursive: true })
  symlinkSync(buildx, join(config, 'cli-plugins/docker-buildx'))
  return {
    PATH: `${debian.path}:${process.env.PATH}`,
    HOME: folder,
    DOCKER_CONFIG: config,
    DOCKER_HOST: `unix://${socketIn(folder, 'docker')}`,
    BUILDX_BUILDER: BUILDER,
  }
}

const startBuilder = async (folder: string, have: Programs, env: Ground['env']): Promise<Server> => {
  const socket = socketIn(folder, 'buildkit')
  const worker = ['--containerd-worker=false', '--oci-worker=true', '--oci-worker-binary', 'runc']
  const server = await serve({
    name: 'buildkitd',
    command: have.buildkitd,
    args: ['--root', join(folder, 'buildkit'), '--addr', `unix://${socket}`, ...worker],
    folder,
    env: { ...process.env, PATH: env.PATH },
    ready: async () => answers(socket),
  })
  const create = ['buildx', 'create', '--name', BUILDER, '--driver', 'remote', `unix://${socket}`]
  try {
    succeed('docker', create, { env })
    return server
  } catch (thrown) {
    await server.stop()
    throw thrown
  }
}

const startDaemon = async (folder: string, { debian }: Programs, env: Ground['env']): Promise<Server> => {
  const own = join(folder, 'daemon')
  mkdirSync(own)
  const [command, config] = [join(debian.root, 'usr/sbin/dockerd'), join(own, 'daemon.json')]
  // Docker 20 keeps a key under /etc unless told otherwise; later ones have none, and end when told.
  const old = output(command, ['--version'])?.includes(' version 20.') ?? false
  writeFileSync(config, JSON.stringify(old ? { 'deprecated-key-path': join(own, 'key.json') } : {}))
  const socket = socketIn(folder, 'docker')
  const folders = ['--data-root', join(own, 'data'), '--exec-root', join(own, 'exec'), '--pidfile', join(own, 'pid')]
  const network = ['--bridge', 'none', '--iptables=false', '--ip6tables=false']
  return serve({
    name: 'dockerd',
    command,
    args: ['--config-file', config, '--host', `unix://${socket}`, '--storage-driver', 'vfs', ...folders, ...network],
    folder: own,
    env: { ...process.env, PATH: env.PATH, LD_LIBRARY_PATH: debian.libraries },
    ready: async () => output('docker', ['version'], { env }) !== undefined,
  })
}

/** Whether somebody listens on a socket. */
const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

const contexts = (folder: string, { busybox }: Programs): Ground['context'] => {
  return (files) => {
    const context = mkdtempSync(join(folder, 'context-'))
    copyFileSync(busybox, join(context, 'busybox'))
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(context, name)), { recursive: true })
      writeFileSync(join(context, name), text)
    }
    return context
  }
}
