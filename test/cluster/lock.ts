import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Paths, say } from './paths.ts'

/**
 * One `up` or `down` of a cluster at a time. The kernel holds the lock for a process that lives as long as its standard input is open, and so never longer
 * than this one: after a crash, a reboot or in another container there is nothing stale to tell from a holder. The empty file stays.
 */
export const locked = async <T>({ cache, name }: Paths, act: () => Promise<T>): Promise<T> => {
  mkdirSync(join(cache, 'run'), { recursive: true })
  const path = join(cache, 'run', `${name}.lock`)
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const waiting = setTimeout(() => say('another start or end of it is going on; waiting'), 1000)
  try {
    await new Promise<void>((resolve, reject) => {
      holder.once('error', reject)
      holder.once('exit', (code) => reject(new Error(`no lock on ${path}: flock ended with ${code}`)))
      holder.stdout.once('data', () => resolve())
    })
    return await act()
  } finally {
    clearTimeout(waiting)
    holder.removeAllListeners('exit')
    await new Promise<void>((resolve) => {
      // Ctrl-C ends it with us.
      if (holder.exitCode !== null || holder.signalCode !== null || holder.pid === undefined) return resolve()
      holder.once('exit', () => resolve())
      holder.stdin.end()
    })
  }
}
