import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where everything of one cluster lies. `cache`: what several clusters and checkouts share. `run`: what goes when the cluster goes. */
export type Paths = {
  readonly name: string
  readonly cache: string
  readonly run: string
  readonly modules: string
}

/** The cluster that is meant when none is named. */
export const DEFAULT_NAME = 'sluice'

/** @param name a word of a-z, 0-9 and -: clusters of different names stand side by side */
export const pathsOf = (name = process.env.SLUICE_CLUSTER ?? DEFAULT_NAME): Paths => {
  if (!/^[a-z][a-z0-9-]{0,15}$/.test(name))
    throw new Error(`a cluster's name is 1 to 16 characters of a-z, 0-9 and -, and begins with a letter, not "${name}"`)
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sluice', 'cluster')
  return { name, cache, run: join(cache, 'run', name), modules: join(import.meta.dirname, 'modules') }
}

/** `modules`: all of it built here, in namespaces of its own. `kind`: the node is a container of Docker, and what a node lacks runs in its network. */
export type Provider = 'modules' | 'kind'

/** One line for whoever waits. On stderr, since `kubeconfig` prints on stdout what others read. */
export const say = (line: string): void => {
  process.stderr.write(`cluster: ${line}\n`)
}
