import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import { freePort } from '@sluice/sandbox/ports'
import { pause } from './pause.ts'

/** A registry that lets anybody in, as builders and pods name it: `127.0.0.1:5000`. */
export type Registry = { readonly host: string; readonly said: string; close(): Promise<void> }

/** What Debian calls it, and its makers. */
const PROGRAMS = ['docker-registry', 'registry'] as const
/** How long it may take to answer, ms. */
const LIMIT = 15_000

/**
 * The registry that images go to: the one that was named, else one of its own, with all that it holds in the folder.
 * @throws Fault('input') where there is neither, and for one that does not answer or asks for a login
 */
export const openRegistry = async (
  given: string | undefined,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<Registry> => {
  if (given !== undefined) {
    const problem = await answer(given)
    if (problem !== undefined)
      throw new Fault('input', `--registry: ${given} ${problem}`, 'It has to speak plain HTTP and to let anybody in.')
    return { host: given, said: `the registry ${given}`, close: async () => {} }
  }
  const program = registryProgram(env)
  const host = `127.0.0.1:${await freePort()}`
  const own = join(folder, 'registry')
  mkdirSync(own)
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(own, 'data') } },
    http: { addr: host, secret: randomBytes(16).toString('hex') },
  }
  // JSON is YAML as well.
  writeFileSync(join(own, 'config.yml'), JSON.stringify(config))
  const child = spawn(program, ['serve', join(own, 'config.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // It sends nothing anywhere about what it does.
    env: { ...env, OTEL_TRACES_EXPORTER: 'none' },
  })
  const close = ender(child)
  try {
    await ready(host, child)
  } catch (thrown) {
    await close()
    throw thrown
  }
  return { host, said: `a registry of its own at ${host}`, close }
}

/** The program of a registry on this machine. @throws Fault('input') when there is none */
export const registryProgram = (env: NodeJS.ProcessEnv): string => {
  const found = (env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => (folder === '' ? [] : PROGRAMS.map((name) => join(folder, name))))
    .find((path) => existsSync(path))
  if (found !== undefined) return found
  throw new Fault(
    'input',
    `--with-docker: there is no registry to push to: neither ${PROGRAMS.join(' nor ')} is on PATH`,
    'Install the package docker-registry, or start one (docker run --detach --publish 127.0.0.1:5000:5000 registry:2) and give --registry 127.0.0.1:5000.',
  )
}

const ready = async (host: string, child: ChildProcess): Promise<void> => {
  let said = ''
  let over = false
  child.once('error', (problem) => {
    over = true
    said = problem.message
  })
  child.once('close', () => {
    over = true
  })
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    said = (said + part).slice(-2_000)
  })
  const until = Date.now() + LIMIT
  for (let problem = await answer(host); problem !== undefined; problem = await answer(host)) {
    if (over || Date.now() > until) throw new Fault('upstream', `The registry did not start: ${said.trim() || problem}`)
    await pause(50)
  }
}

/** Why a registry cannot be used, as the rest of a sentence; `undefined` when it can. */
const answer = async (host: string): Promise<string | undefined> => {
  try {
    const { status } = await fetch(`http://${host}/v2/`, { signal: AbortSignal.timeout(5_000) })
    if (status === 200) return undefined
    return status === 401 ? 'asks for a login' : `is no registry: /v2/ answered ${status}`
  } catch {
    return 'does not answer'
  }
}

const ender = (child: ChildProcess) => async (): Promise<void> => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.kill('SIGKILL')
  await ended
}

/** The manifest that a registry has under a digest, by the digest of its bytes; what is not there is said. */
export const storedAs = async (image: string, digest: string): Promise<string> => {
  const [, host = '', path = ''] = /^([^/]+)\/(.+)$/.exec(image) ?? []
  const accept = ['oci.image.index.v1', 'oci.image.manifest.v1', 'docker.distribution.manifest.v2']
    .map((type) => `application/vnd.${type}+json`)
    .join(', ')
  if (digest === '') return 'nothing was built'
  const got = await fetch(`http://${host}/v2/${path}/manifests/${digest}`, { headers: { accept } })
  if (!got.ok) return `not there (${got.status})`
  return `sha256:${createHash('sha256')
    .update(Buffer.from(await got.arrayBuffer()))
    .digest('hex')}`
}

/**
 * A port of this machine's loopback interface that leads to a registry elsewhere under the same port: pods know it as their own 127.0.0.1.
 * @param to where it really is
 * @throws Fault('input') when the port is taken
 */
export const forwardTo = async (to: string, port: number): Promise<Registry> => {
  const open = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, to)
    for (const socket of [near, far]) {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      // The other end closes as well: nothing is retried here.
      socket.on('error', () => {
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  const host = `127.0.0.1:${port}`
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new Fault(
          'input',
          `--with-docker: the cluster's registry is to be reached as ${host}, and that port is taken: ${error.message}`,
        ),
      ),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    host,
    said: `the cluster's own registry`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}
