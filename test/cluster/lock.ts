import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Paths, say } from './paths.ts'

/** One `up` or `down` of a cluster at a time. A holder that died is passed over. */
export const locked = async <T>({ cache, name }: Paths, act: () => Promise<T>): Promise<T> => {
  mkdirSync(join(cache, 'run'), { recursive: true })
  const path = join(cache, 'run', `${name}.lock`)
  let told = false
  while (!take(path)) {
    if (!told) say('another start or end of it is going on; waiting')
    told = true
    await pause(200)
  }
  try {
    return await act()
  } finally {
    rmSync(path, { force: true })
  }
}

const take = (path: string): boolean => {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const pid = Number(readOr(path, ''))
    if (pid > 0 && isAlive(pid)) return false
    // Nobody holds it: the next turn takes it, or sees that somebody else did.
    rmSync(path, { force: true })
    return false
  }
}

const readOr = (path: string, fallback: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return fallback
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
