import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** The commit that a folder's checkout is at; `undefined` where it is none, or Git cannot tell. */
export const headOf = (folder: string, env: NodeJS.ProcessEnv): string | undefined => {
  if (!existsSync(folder)) return undefined
  const { status, stdout } = spawnSync('git', ['-C', folder, 'rev-parse', '--verify', '--quiet', 'HEAD'], {
    encoding: 'utf8',
    timeout: 10_000,
    // Nothing of the inputs, and no other repository than the folder's.
    env: { PATH: env.PATH ?? '', HOME: env.HOME ?? '' },
  })
  const head = status === 0 ? stdout.trim().toLowerCase() : ''
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(head) ? head : undefined
}
