import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { request } from '@sluice/http/request'

const run = promisify(execFile)

/** moto's server without the extras of services that are not used here. */
const PACKAGES = ['moto==5.2.1', 'flask==3.1.2', 'flask-cors==6.0.1']

/** A running server of moto, or why there is none here. */
export type Moto = { readonly url: string; readonly stop: () => Promise<void> } | { readonly absent: string }

/**
 * Starts moto, an implementation of AWS's API that others wrote, from the user's cache, where it is put once; nothing else of this machine is changed.
 * Needs python3 with pip, and the package index the first time. It checks neither signatures nor rights.
 */
export const startMoto = async (): Promise<Moto> => {
  const had = await installed()
  if ('absent' in had) return had
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const code = `import sys; sys.path.insert(0, ${JSON.stringify(had.home)}); from moto.server import main; main(sys.argv[1:])`
  const child = spawn('python3', ['-c', code, '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async (): Promise<void> => {
    child.kill()
    await ended
  }
  for (let tries = 0; tries < 150; tries++) {
    const answer = await request({ url: `${url}/moto-api/data.json`, timeoutMs: 5000 })
    if (answer.kind === 'answered') return { url, stop }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await stop()
  return { absent: 'moto did not start within 30 s' }
}

const installed = async (): Promise<{ readonly home: string } | { readonly absent: string }> => {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sluice')
  const home = join(cache, PACKAGES.join('-').replaceAll('==', '-'))
  if (existsSync(home)) return { home }
  mkdirSync(dirname(home), { recursive: true })
  // Into a folder of its own first: another test run may be doing the same, and one that is killed must leave nothing half there.
  const fresh = mkdtempSync(`${home}.`)
  try {
    const quick = [
      '--quiet',
      '--retries',
      '1',
      '--timeout',
      '10',
      '--disable-pip-version-check',
      '--only-binary',
      ':all:',
    ]
    await run('python3', ['-m', 'pip', 'install', ...quick, '--target', fresh, ...PACKAGES], { timeout: 240_000 })
    if (!existsSync(home)) renameSync(fresh, home)
    return { home }
  } catch (error) {
    if (existsSync(home)) return { home }
    return { absent: `moto cannot be had: ${String(error).split('\n').slice(0, 2).join(' ')}` }
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
