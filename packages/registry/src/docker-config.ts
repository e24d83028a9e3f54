import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Credentials, configKey, entriesIn, type Fields, IDENTITY_TOKEN, readDockerConfig } from './credentials.ts'

/** A folder for DOCKER_CONFIG that is nobody else's. */
export type DockerConfig = {
  readonly folder: string
  /** Adds a login, or replaces that of the host: for a token that was renewed. Does nothing once the folder is removed. */
  set(host: string, credentials: Credentials): void
  /** Deletes the folder, never what its links point at. Again is no error. */
  remove(): void
}

/**
 * Makes a private DOCKER_CONFIG folder: everything in the user's own is linked (cli-plugins, buildx, contexts), and config.json is a copy, readable by the owner alone,
 * with these logins added. Docker asks no helper for their hosts. The user's own folder may be missing; nothing in it is changed by us.
 * @param from the user's DOCKER_CONFIG
 * @param parent where the folder is made, such as RUNNER_TEMP; made where it is missing
 * @param authConfig the variable DOCKER_AUTH_CONFIG, whose logins docker prefers to those of any folder: they are taken in, and docker is to be started without it
 * @throws Fault('input') when the user's config.json is not an object of JSON
 */
export const openDockerConfig = (from: string, parent: string, authConfig?: string): DockerConfig => {
  let config = Object.entries(entriesIn(authConfig)).reduce(withEntry, readDockerConfig(from))
  mkdirSync(parent, { recursive: true })
  // Made with mode 0700.
  const folder = mkdtempSync(join(resolve(parent), 'docker-config-'))
  let removed = false
  const remove = (): void => {
    removed = true
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (const name of namesIn(from)) symlinkSync(resolve(from, name), join(folder, name))
    write(folder, config)
  } catch (thrown) {
    remove()
    throw thrown
  }
  const set = (host: string, credentials: Credentials): void => {
    if (removed) return
    config = withEntry(config, [configKey(host), entryFor(credentials)])
    write(folder, config)
  }
  return { folder, set, remove }
}

/** The names to link: all but the configuration and what docker left of writing it. */
const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('config.json'))
  } catch {
    return []
  }
}

/** A helper that is named as nothing keeps docker from asking `credsStore` for the host. */
const withEntry = (config: Fields, [key, entry]: readonly [string, unknown]): Fields => ({
  ...config,
  auths: { ...objectIn(config.auths), [key]: entry },
  credHelpers: { ...objectIn(config.credHelpers), [key]: '' },
})

const entryFor = ({ username, password }: Credentials): Fields =>
  username === IDENTITY_TOKEN
    ? { identitytoken: password }
    : { auth: Buffer.from(`${username}:${password}`).toString('base64') }

const objectIn = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}

/** In one step: a build that is running may read it at any time. */
const write = (folder: string, config: Fields): void => {
  const next = join(folder, 'config.json.next')
  writeFileSync(next, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
  renameSync(next, join(folder, 'config.json'))
}
