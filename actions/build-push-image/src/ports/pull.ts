import { call } from './call.ts'

/** What Docker is asked by. */
export type Around = {
  readonly env: NodeJS.ProcessEnv
  readonly dockerConfig: () => string
  readonly cancelled: AbortSignal
  say(line: string): void
}

/**
 * Brings an image that is at a registry into Docker's own store, under its tags: the very bytes, where a build would make others.
 * @returns what stands in the way
 */
export const pull = async (image: string, names: readonly string[], around: Around): Promise<string | undefined> => {
  for (const args of [['pull', '--quiet', image], ...names.map((name) => ['tag', image, name])]) {
    let last = ''
    const ended = await call({
      program: 'docker',
      args,
      env: {
        PATH: around.env.PATH ?? '',
        HOME: around.env.HOME ?? '',
        DOCKER_CONFIG: around.dockerConfig(),
        ...hostOf(around.env),
      },
      cancelled: around.cancelled,
      heard: (line) => {
        last = line
        around.say(line)
      },
    })
    if (ended.kind !== 'exited' || ended.code !== 0) return `docker ${args[0]} ${image}: ${last || ended.kind}`
  }
  return undefined
}

const hostOf = (env: NodeJS.ProcessEnv): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [
      'DOCKER_HOST',
      'DOCKER_CONTEXT',
      'DOCKER_TLS_VERIFY',
      'DOCKER_CERT_PATH',
      'HTTPS_PROXY',
      'HTTP_PROXY',
      'NO_PROXY',
    ].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  )
