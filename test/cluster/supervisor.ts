import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import { join } from 'node:path'
import { type Layout, type Program, programsOf } from './processes.ts'
import { succeed } from './shell.ts'

/**
 * Runs inside the cluster's own namespaces as the child of their init: mounts what the programs would else share with the machine, starts them in
 * their order, starts again what ends by itself, and takes orders on a socket. When the namespaces go, all of it goes.
 */
const supervise = (run: string): void => {
  const { layout, path, libraries } = JSON.parse(readFileSync(join(run, 'layout.json'), 'utf8')) as Told
  isolate(layout)
  const env = { ...process.env, PATH: `${path}:${process.env.PATH}`, LD_LIBRARY_PATH: libraries }
  mkdirSync(join(run, 'logs'), { recursive: true })
  const states = new Map(programsOf(layout).map((program) => [program.name, begin(program)]))

  const start = (state: State): void => {
    const { program } = state
    const log = createWriteStream(join(run, 'logs', `${program.name}.log`), { flags: 'a' })
    const own = { ...env, ...program.env }
    const child = spawn(program.command, program.args, { stdio: ['ignore', 'pipe', 'pipe'], env: own, cwd: run })
    child.stdout?.pipe(log, { end: false })
    child.stderr?.pipe(log, { end: false })
    state.child = child
    state.ready = false
    child.once('error', (error) => log.write(`did not start: ${error.message}\n`))
    child.once('close', () => {
      log.end()
      if (state.child !== child) return
      delete state.child
      state.ready = false
      if (state.wanted) setTimeout(() => state.wanted && state.child === undefined && start(state), RESTART).unref()
    })
  }

  const look = async (): Promise<void> => {
    for (const state of states.values()) {
      const { program } = state
      const may = program.after.every((name) => states.get(name)?.ready)
      if (state.child === undefined && state.wanted && !state.begun && may) {
        state.begun = true
        start(state)
      }
      if (state.child !== undefined && !state.ready) state.ready = await isReady(program)
    }
    setTimeout(() => void look(), LOOK)
  }
  void look()

  const socket = join(run, 'control.sock')
  rmSync(socket, { force: true })
  createServer((request, response) => {
    const [, name = '', order = ''] = (request.url ?? '').split('/')
    const state = states.get(name)
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (name === '') {
      const all = [...states.values()].map(({ program, child, ready, wanted }) => ({
        name: program.name,
        pid: child?.pid,
        ready,
        wanted,
      }))
      return answer(200, all)
    }
    if (state === undefined) return answer(404, { error: `no program ${name}` })
    if (order === 'start') {
      state.wanted = true
      if (state.child === undefined) start(state)
      return answer(200, {})
    }
    if (order === 'stop' || order === 'kill') {
      const { child } = state
      state.wanted = false
      if (child === undefined) return answer(200, {})
      child.once('close', () => answer(200, {}))
      child.kill(order === 'kill' ? 'SIGKILL' : 'SIGTERM')
      return
    }
    if (order === 'freeze' || order === 'thaw') {
      state.child?.kill(order === 'freeze' ? 'SIGSTOP' : 'SIGCONT')
      return answer(200, {})
    }
    return answer(404, { error: `no order ${order}` })
  }).listen(socket)
}

/** What `up` leaves for the supervisor to read. */
export type Told = { readonly layout: Layout; readonly path: string; readonly libraries: string }

type State = { readonly program: Program; child?: ChildProcess; ready: boolean; wanted: boolean; begun: boolean }
const begin = (program: Program): State => ({ program, ready: false, wanted: true, begun: false })

const LOOK = 50
const RESTART = 500

/** Folders that the programs write to by fixed names become the cluster's own. */
const isolate = ({ run, group, provider }: Layout): void => {
  // A node of kind has folders and a network of its own; what runs beside it writes to the cluster's folder only.
  if (provider === 'kind') return
  succeed('mount', ['--make-rshared', '/'])
  for (const folder of ['/run', '/var/log', '/var/lib']) {
    if (!existsSync(folder)) continue
    const own = join(run, 'root', folder)
    mkdirSync(own, { recursive: true })
    // The cluster's folder itself may lie under one of them, and must stay in sight.
    if (!run.startsWith(`${folder}/`)) succeed('mount', ['--bind', own, folder])
  }
  for (const folder of ['/run/netns', '/run/lock', '/var/log/containers', '/var/lib/cni', '/var/lib/kubelet'])
    mkdirSync(folder, { recursive: true })
  succeed('ip', ['link', 'set', 'lo', 'up'])
  succeed('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
  // The quality-of-service groups of pods hang under a group of the cluster's own, so that `down` can take them away whole.
  succeed('sh', ['-c', existsSync('/sys/fs/cgroup/cgroup.controllers') ? ONE_TREE : TREE_EACH, group])
}

/** Version 2 has one tree; the kubelet wants every controller of its group to be there. Without those that are in use otherwise it says so by itself. */
const ONE_TREE = `cd /sys/fs/cgroup && mkdir -p "$0" && for c in $(cat cgroup.controllers); do echo "+$c" > cgroup.subtree_control; done 2>/dev/null; true`
/** Version 1 has a tree for each controller; that of processors takes nobody before it is told which it has. */
const TREE_EACH = `for c in /sys/fs/cgroup/*/; do mkdir -p "$c/$0" 2>/dev/null; done; cd /sys/fs/cgroup/cpuset && for f in cpus mems; do cat cpuset.$f > "$0/cpuset.$f"; done 2>/dev/null; true`

const isReady = async ({ ready }: Program): Promise<boolean> => {
  if (ready === undefined) return true
  if ('file' in ready) return existsSync(ready.file)
  return new Promise((resolve) => {
    const get = ready.url.startsWith('https:') ? httpsGet : httpGet
    // On the loopback of its own namespace, and only to see that it answers.
    const call = get(ready.url, { rejectUnauthorized: false, timeout: 1000, agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    call.once('timeout', () => call.destroy(new Error('no answer')))
    call.once('error', () => resolve(false))
  })
}

supervise(process.argv[2] ?? '')
