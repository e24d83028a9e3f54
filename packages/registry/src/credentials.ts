import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import { endGroup, POLITELY } from '@sluice/process/group'
import { foldersOf, programIn } from '@sluice/process/program'

/** What a registry is shown. The username `<token>` says that the password is an identity token, as docker's credential helpers have it. */
export type Credentials = { readonly username: string; readonly password: string }

/** The username that stands for an identity token. Source: docs.docker.com/reference/cli/docker/login/#credential-helper-protocol */
export const IDENTITY_TOKEN = '<token>'

/** A helper may have to ask a cloud. */
const HELPER_MS = 60_000
/** What a helper writes is a name and a secret. */
const HELPER_BYTES = 1024 * 1024

/** The name that docker's configuration has for a registry. */
export const configKey = (host: string): string => (host === 'docker.io' ? 'https://index.docker.io/v1/' : host)

/** One object of JSON, its fields not looked at. */
export type Fields = Readonly<Record<string, unknown>>

/**
 * What docker itself would show a registry: the variable DOCKER_AUTH_CONFIG, the helper of `credHelpers`, that of `credsStore`, else `auths`.
 * Source: github.com/docker/cli (cli/config/configfile/file.go)
 * @param folder DOCKER_CONFIG
 * @param env PATH to find helpers, which get all of it
 * @returns `undefined` where docker has none for this host
 * @throws Fault('input') for a configuration that is no JSON, and for a helper that is not there or fails
 */
export const credentialsFor = async (
  folder: string,
  host: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Credentials | undefined> => {
  const key = configKey(host)
  const given = entriesIn(env.DOCKER_AUTH_CONFIG)
  const ofVariable = Object.hasOwn(given, key) ? entryOf(given[key]) : undefined
  if (ofVariable !== undefined) return ofVariable
  const config = readDockerConfig(folder)
  const helpers = fields(config.credHelpers)
  const helper = Object.hasOwn(helpers, key) ? helpers[key] : config.credsStore
  return typeof helper === 'string' && helper !== '' ? askHelper(helper, key, env) : storedIn(fields(config.auths), key)
}

/** The logins in the variable DOCKER_AUTH_CONFIG, by host; none where it is no JSON, which docker passes over as well. */
export const entriesIn = (authConfig: string | undefined): Fields => fields(fields(parsed(authConfig ?? '')).auths)

/**
 * The object in a folder's config.json; empty where there is no such file, or nothing in it.
 * @throws Fault('input') when it is not an object of JSON, or cannot be read. What it holds is never part of the message.
 */
export const readDockerConfig = (folder: string): Fields => {
  const file = join(folder, 'config.json')
  const text = textOf(file)
  if (text.trim() === '') return {}
  const config = parsed(text)
  if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config as Fields
  throw new Fault('input', `${file} is not an object of JSON`, 'Mend it, or log in again with docker login')
}

const textOf = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown'
    if (code === 'ENOENT' || code === 'ENOTDIR') return ''
    throw new Fault('input', `${file} cannot be read (${code})`, "Let the runner's user read it")
  }
}

/** The key itself, or else one that is an address of the same host, such as https://ghcr.io/v2/. */
const storedIn = (auths: Fields, key: string): Credentials | undefined => {
  const own = Object.hasOwn(auths, key) ? key : Object.keys(auths).find((other) => hostOf(other) === key)
  return own === undefined ? undefined : entryOf(auths[own])
}

const hostOf = (key: string): string => key.replace(/^https?:\/\//, '').split('/')[0] ?? ''

const entryOf = (entry: unknown): Credentials | undefined => {
  const { auth, identitytoken: token, username, password } = fields(entry)
  if (typeof token === 'string' && token !== '') return { username: IDENTITY_TOKEN, password: token }
  if (typeof auth === 'string' && auth !== '') return decoded(auth)
  return typeof username === 'string' && typeof password === 'string' && username !== ''
    ? { username, password }
    : undefined
}

const decoded = (auth: string): Credentials | undefined => {
  const text = Buffer.from(auth, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  // Docker of old filled it up with zero bytes.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}

const askHelper = async (
  helper: string,
  key: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Credentials | undefined> => {
  const name = `docker-credential-${helper}`
  const program = /^[\w.-]+$/.test(helper) ? programIn(foldersOf(env.PATH), name) : undefined
  if (program === undefined) {
    const hint = `Install ${name}, or log in to ${key} in this job with a username and a password`
    throw new Fault('input', `Docker's configuration names ${name} for ${key}, which is not on PATH`, hint)
  }
  const { code, out } = await run(program, key, env)
  if (code === 0) return answerOf(parsed(out), { name, key })
  if (NOT_FOUND.test(out)) return undefined
  throw new Fault('input', `${name} gave no credentials for ${key}: ${reasonIn(out, code)}`, `Log in to ${key} again`)
}

/** How helpers say that they have none. Source: github.com/docker/docker-credential-helpers (credentials/error.go) */
const NOT_FOUND =
  /credentials not found in native keychain|no credentials (server URL|username)|credentials? not found/i

const answerOf = (answer: unknown, { name, key }: { name: string; key: string }): Credentials | undefined => {
  const { Username: username, Secret: password } = fields(answer)
  if (typeof username === 'string' && typeof password === 'string')
    return username === '' && password === '' ? undefined : { username, password }
  const what = `${name} did not answer with credentials for ${key}, but with something else`
  throw new Fault('input', what, `Run "echo ${key} | ${name} get" on the runner to see what it says`)
}

/** A helper that fails writes why; one that writes JSON has written a secret. */
const reasonIn = (out: string, code: number | string): string => {
  const line = out.trim().split('\n')[0] ?? ''
  return line === '' || line.includes('{') ? `it ended with ${code}` : line.slice(0, 200)
}

type Ended = { readonly code: number | string; readonly out: string }

const run = (program: string, input: string, env: Readonly<Record<string, string | undefined>>): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(program, ['get'], { env: { ...env }, stdio: ['pipe', 'pipe', 'ignore'], detached: true })
    const chunks: Buffer[] = []
    let size = 0
    const end = (code: number | string): void => {
      clearTimeout(timer)
      resolve({ code, out: Buffer.concat(chunks).toString('utf8') })
    }
    const stop = (why: string): void => {
      if (child.pid !== undefined) void endGroup(child.pid, POLITELY)
      child.stdout.destroy()
      chunks.splice(0)
      end(why)
    }
    const timer = setTimeout(() => stop(`no answer within ${HELPER_MS / 1000} s`), HELPER_MS)
    child.on('error', () => end('an error when it was started'))
    // One that ends without reading what it is given has said all it will.
    child.stdin.on('error', () => {})
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > HELPER_BYTES) stop(`more than ${HELPER_BYTES} bytes`)
      else chunks.push(chunk)
    })
    child.on('close', (code, signal) => end(code ?? signal ?? 'no exit code'))
    child.stdin.end(input)
  })

/** JSON.parse tells what it could not read, which may be a secret: `undefined` instead. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
