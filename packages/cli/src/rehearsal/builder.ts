import { homedir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import { runProgram } from './run-program.ts'

/** The builder of this machine, and the variables that a job finds it by. */
export type Builder = {
  readonly name: string
  readonly driver: string
  /** Such as `linux/amd64`. */
  readonly platform: string
  readonly env: Readonly<Record<string, string>>
}

/** A builder that has to be started may have to be fetched, ms; any other answer comes at once. */
const LIMIT = 120_000

/** What makes a builder that reaches a registry on this machine. */
const MAKE = 'docker buildx create --name sluice --driver docker-container --driver-opt network=host --use'

/**
 * Looks whether images can be built here and pushed to a registry of this machine. Nothing is started but the builder, where it sleeps.
 * @throws Fault('input') that says what is missing, and what to do
 */
export const findBuilder = async (env: NodeJS.ProcessEnv): Promise<Builder> => {
  const docker = await ask(env, ['--version'])
  if (docker.out === undefined)
    throw lacking(
      docker.missing ? 'docker is not on PATH' : `docker does not work: ${docker.why}`,
      'Install Docker with its plugin buildx.',
    )
  const buildx = await ask(env, ['buildx', 'version'])
  if (buildx.out === undefined)
    throw lacking('docker has no buildx', 'Install the package docker-buildx-plugin (docker-buildx at Debian).')
  const inspect = await ask(env, ['buildx', 'inspect', '--bootstrap'])
  if (inspect.out === undefined)
    throw lacking(`there is no builder that answers (${inspect.why})`, `Make one: \`${MAKE}\`.`)
  const found = readBuilder(inspect.out)
  const problem = builderProblem(found)
  if (problem !== undefined) throw lacking(problem, `Make another: \`${MAKE}\`.`)
  return { ...found, env: { ...passed(env), BUILDX_BUILDER: found.name } }
}

const lacking = (what: string, hint: string): Fault =>
  new Fault(
    'input',
    `--with-docker: ${what}`,
    `${hint} Without --with-docker a rehearsal builds no image and needs none of it.`,
  )

/** What `docker buildx inspect` says. Source: https://docs.docker.com/reference/cli/docker/buildx/inspect/ */
export type Inspected = Pick<Builder, 'name' | 'driver' | 'platform'> & {
  readonly hostNetwork: boolean
  readonly running: boolean
}

/** Reads it; of several nodes the first counts. */
export const readBuilder = (text: string): Inspected => {
  const field = (name: string): string => new RegExp(`^${name}:[ \\t]+(.+?)[ \\t]*$`, 'm').exec(text)?.[1] ?? ''
  return {
    name: field('Name'),
    driver: field('Driver'),
    platform:
      field('Platforms').split(',')[0]?.replace('*', '').trim() ||
      `linux/${ARCHITECTURES[process.arch] ?? process.arch}`,
    hostNetwork: /network="?host\b/.test(field('Driver Options')),
    running: field('Status') === 'running',
  }
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm: 'arm/v7', ia32: '386' }

/** Why a builder cannot build here and push to this machine; `undefined` when it can. */
export const builderProblem = ({ name, driver, running, hostNetwork }: Inspected): string | undefined => {
  if (!running) return `the builder ${name} does not run`
  if (driver === 'docker') return `the builder ${name} has the driver docker, which cannot push by digest`
  if (driver === 'docker-container' && !hostNetwork)
    return `the builder ${name} runs in a container with a network of its own, and the registry is on this machine's`
  return undefined
}

/** What docker and buildx find their daemon, logins and builders by. Jobs have a HOME of their own, so the folder is named. */
const passed = (env: NodeJS.ProcessEnv): Readonly<Record<string, string>> => {
  const names = ['DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH', 'BUILDX_CONFIG']
  return {
    ...Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
    DOCKER_CONFIG: env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'),
  }
}

type Answer = { readonly out: string | undefined; readonly missing: boolean; readonly why: string }

const ask = async (env: NodeJS.ProcessEnv, args: readonly string[]): Promise<Answer> => {
  const { code, out, said, problem } = await runProgram('docker', args, { env, timeout: LIMIT })
  if (problem !== undefined) return { out: undefined, missing: problem.code === 'ENOENT', why: problem.message }
  const why = said.trim().split('\n').at(-1) || `exit code ${code}`
  return { out: code === 0 ? out : undefined, missing: false, why }
}
