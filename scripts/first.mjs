// Makes `npm test` and `npm run rehearse` work as the first command on a clean checkout. Plain JavaScript without dependencies, for any
// Node from 20 on: it installs what the lockfile names into the checkout, then runs the script on the Node 24 that came with it.
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const LONGEST_INSTALL = 15 * 60_000
const WINDOWS = process.platform === 'win32'

/** Where the Node that the actions run on lies in a checkout. */
export const nodeOf = (root) => join(root, 'node_modules/node/bin', WINDOWS ? 'node.exe' : 'node')

/** True when the last install that ended well was of this very lockfile, on this platform. */
export const isInstalled = (root) => existsSync(nodeOf(root)) && readOr(stampOf(root), '') === fingerprint(root)

/**
 * Runs `install` unless it is done already; one process at a time, and again from nothing when what it left does not start.
 * The stamp goes first and comes back last, so an install that was killed is seen by the next run.
 */
export const installOnce = (root, install) => {
  if (isInstalled(root)) return 'there'
  const release = lock(join(root, '.cache/install.lock'))
  try {
    if (isInstalled(root)) return 'there'
    rmSync(stampOf(root), { force: true })
    const starts = () => spawnSync(nodeOf(root), ['--version']).status === 0
    if (!install() || !starts()) {
      console.error('The install is incomplete; starting again from an empty node_modules.')
      rmSync(join(root, 'node_modules'), { recursive: true, force: true })
      if (!install() || !starts())
        throw new Error('The install failed: its own words are above. Is the npm registry in reach?')
    }
    writeFileSync(stampOf(root), fingerprint(root))
    return 'installed'
  } finally {
    release()
  }
}

const stampOf = (root) => join(root, 'node_modules/.sluice-installed')

const fingerprint = (root) =>
  createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex')

const readOr = (path, fallback) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return fallback
  }
}

/**
 * Takes a lock file, waiting for its owner to end. A dead owner's lock is renamed away; as two may do that at once, and the second may
 * hit the first one's new lock, a lock counts only when it is still ours a moment after it was made.
 */
const lock = (path) => {
  mkdirSync(dirname(path), { recursive: true })
  const mine = `${process.pid} ${randomUUID()}`
  for (let told = false; ; ) {
    try {
      writeFileSync(path, mine, { flag: 'wx' })
      pause(50)
      if (readOr(path, '') === mine) return () => readOr(path, '') === mine && rmSync(path, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST' && error.code !== 'EPERM') throw error
    }
    const owner = Number(readOr(path, '').split(' ')[0])
    if (owner > 0 && (!isAlive(owner) || ageOf(path) > LONGEST_INSTALL)) {
      const aside = `${path}.${randomUUID()}`
      try {
        renameSync(path, aside)
        rmSync(aside, { force: true })
      } catch {
        // Somebody else was faster: the loop looks again.
      }
      continue
    }
    if (!told)
      console.error(`Another install is running in this checkout (process ${owner || 'starting'}); waiting for it.`)
    told = true
    pause(100)
  }
}

const ageOf = (path) => {
  try {
    return Date.now() - statSync(path).mtimeMs
  } catch {
    return 0
  }
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/** `pnpm install` by the lockfile, pnpm itself fetched by npm into its cache: nothing is installed globally. */
const pnpmInstall = (root) => () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devEngines.packageManager
  const args = ['--yes', `pnpm@${version}`, 'install', '--frozen-lockfile']
  const npm = process.env.npm_execpath ?? ''
  const viaNpm = basename(npm) === 'npm-cli.js'
  const [command, all] = viaNpm ? [process.execPath, [npm, 'exec', '--yes', '--', ...args.slice(1)]] : ['npx', args]
  // CI: pnpm must not ask whether it may replace what a killed install left.
  const env = { ...process.env, CI: 'true' }
  const { status, error } = spawnSync(command, all, {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: !viaNpm && WINDOWS,
  })
  if (error) console.error(`${command} did not start: ${error.message}`)
  return status === 0
}

const run = (root, args) => {
  const path = [dirname(nodeOf(root)), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  const child = spawn(nodeOf(root), args, { stdio: 'inherit', env: { ...process.env, PATH: path } })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal gives Ctrl-C to the whole group: the child has it already, and a second one would mean "at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => {
    console.error(`${nodeOf(root)} did not start: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

const main = () => {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..')
  const [script, ...args] = process.argv.slice(2)
  if (Number(process.versions.node.split('.')[0]) < 20) {
    console.error(`Node 20 or newer is needed to install; this is ${process.version}.`)
    process.exit(1)
  }
  if (script === undefined) {
    console.error('usage: node scripts/first.mjs SCRIPT [ARGUMENT…]')
    process.exit(1)
  }
  try {
    installOnce(root, pnpmInstall(root))
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
  run(root, [join(root, script), ...args])
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) main()
