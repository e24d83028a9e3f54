import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Debian } from './debian.ts'
import type { KindNode } from './kind.ts'
import type { Paths } from './paths.ts'
import { output, succeed } from './shell.ts'

/**
 * The cluster's own mount, network and process namespaces, held by one init. All that the programs mount, create or start lives inside them, so
 * ending the init ends everything, also after a start that was killed half way.
 */
export type Box = { readonly pid: number; readonly address: string }

/** The box that stands, if its holder is alive. */
export const standing = ({ run }: Paths): Box | undefined => {
  const holder = holderOf(run)
  const address = read(join(run, 'address'))
  return holder === undefined || address === undefined ? undefined : { pid: holder, address }
}

/**
 * Makes the namespaces and waits with the first program until `begin` is written. The machine's end of the link is the only thing outside of them.
 * @param node a node of kind whose network is entered instead of making one
 */
export const enter = async (paths: Paths, debian: Debian, node?: KindNode): Promise<Box> => {
  const { run } = paths
  mkdirSync(run, { recursive: true })
  const log = openSync(join(run, 'box.log'), 'a')
  // The holder writes down who it is before anything else, in the very process that will hold the namespaces.
  const script = `echo "$$ $(cut -d' ' -f22 /proc/$$/stat)" > '${run}/holder' && exec "$@"`
  const unshare = [
    ...(node === undefined ? [] : ['nsenter', '--target', String(node.pid), '--net']),
    'unshare',
    '--mount',
    ...(node === undefined ? ['--net'] : []),
    '--pid',
    '--fork',
    '--kill-child=SIGKILL',
    '--mount-proc',
    '--propagation',
    'private',
  ]
  const init = [join(debian.root, 'usr/bin/tini'), '-s', '--', 'sh', '-c']
  const wait = `while [ ! -e '${run}/begin' ]; do sleep 0.02; done; exec '${process.execPath}' '${join(import.meta.dirname, 'supervisor.ts')}' '${run}'`
  const child = spawn('sh', ['-c', script, 'holder', ...unshare, ...init, wait], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  child.unref()
  closeSync(log)
  const pid = await until(() => holderOf(run), 'the namespaces were not made', run)
  const inside = await until(() => initOf(pid), 'the namespaces have no init', run)
  const address = node?.address ?? link(paths, inside)
  writeFileSync(join(run, 'address'), address)
  return { pid, address }
}

/** Lets the programs start. */
export const begin = ({ run }: Paths): void => writeFileSync(join(run, 'begin'), '')

/** Ends whatever stands under this name and takes away all it left. Nothing there is fine. */
export const leave = async (paths: Paths): Promise<void> => {
  const { run } = paths
  const holder = holderOf(run)
  if (holder !== undefined) {
    const inside = initOf(holder)
    for (const pid of [inside, holder]) if (pid !== undefined) kill(pid)
    await until(() => (holderOf(run) === undefined ? true : undefined), 'the cluster does not end', run)
  }
  // The machine's end of the link goes with the other end; after a start that died between the two it may be left.
  const outer = hostLink(paths)
  if (output('ip', ['link', 'show', outer]) !== undefined) output('ip', ['link', 'delete', outer])
  if (output('ip', ['link', 'show', outer]) !== undefined) throw new Error(`the interface ${outer} does not go away`)
  rmSync(run, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  await groupsGone(groupOf(run))
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was faster.
  }
}

/** The holder's pid while that very process lives: a number that was given to another since does not count. */
const holderOf = (run: string): number | undefined => {
  const [pid, since] = (read(join(run, 'holder')) ?? '').trim().split(' ')
  if (pid === undefined || since === undefined || since === '') return undefined
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is a name in parentheses that may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[19] === since && fields[0] !== 'Z' ? Number(pid) : undefined
}

const initOf = (holder: number): number | undefined => {
  const first = read(`/proc/${holder}/task/${holder}/children`)?.trim().split(' ')[0]
  return first === undefined || first === '' ? undefined : Number(first)
}

/** This machine's end of a cluster's link, which has 15 characters at most. */
export const hostLink = ({ run }: Paths): string => `sl-${markOf(run)}`

/** The control group under which those of a cluster's pods hang. */
export const groupOf = (run: string): string => `sluice-${markOf(run)}`

/** Clusters of one name in two caches are two clusters. */
const markOf = (run: string): string => createHash('sha256').update(run).digest('hex').slice(0, 10)

/** A pair of interfaces, one end here and one inside, on the first free range of this machine. Gives the inner end's address. */
const link = (paths: Paths, inside: number): string => {
  const outer = hostLink(paths)
  const used = output('ip', ['-4', '-brief', 'address']) ?? ''
  const third =
    Array.from({ length: 200 }, (_, index) => index).find((index) => !used.includes(` 10.213.${index}.`)) ?? 0
  const [here, there] = [`10.213.${third}.1`, `10.213.${third}.2`]
  if (output('ip', ['link', 'show', outer]) !== undefined) succeed('ip', ['link', 'delete', outer])
  succeed('ip', ['link', 'add', 'name', outer, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(inside)])
  succeed('ip', ['address', 'add', `${here}/30`, 'dev', outer])
  succeed('ip', ['link', 'set', outer, 'up'])
  const within = (...args: readonly string[]): string =>
    succeed('nsenter', ['--target', String(inside), '--net', 'ip', ...args])
  within('address', 'add', `${there}/30`, 'dev', 'eth0')
  within('link', 'set', 'eth0', 'up')
  within('link', 'set', 'lo', 'up')
  within('route', 'add', 'default', 'via', here)
  return there
}

/** Takes away the control groups of the cluster's pods; the kernel lets them go a moment after their last process. */
const groupsGone = async (group: string): Promise<void> => {
  const root = '/sys/fs/cgroup'
  const controllers = existsSync(root) ? readdirSync(root).map((controller) => join(root, controller)) : []
  const tops = [root, ...controllers].map((folder) => join(folder, group)).filter((folder) => existsSync(folder))
  for (let tries = 0; tries < 100; tries++) {
    for (const top of tops) removeGroup(top)
    if (tops.every((top) => !existsSync(top))) return
    await pause(50)
  }
  throw new Error(`control groups do not go away: ${tops.filter((top) => existsSync(top)).join(', ')}`)
}

const removeGroup = (folder: string): void => {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(folder, entry.name))
  try {
    rmdirSync(folder)
  } catch {
    // Still in use: tried again.
  }
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const until = async <T>(look: () => T | undefined, failure: string, run: string): Promise<T> => {
  const end = performance.now() + 10_000
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`${failure}\n${read(join(run, 'box.log')) ?? ''}`)
    await pause(20)
  }
}
