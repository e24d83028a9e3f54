import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe as describeFault, Fault } from '@sluice/kit/faults'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { credentialsFor } from '../src/credentials.ts'
import { openDockerConfig } from '../src/docker-config.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-'))
  mkdirSync(join(folder, 'bin'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const HUB = 'https://index.docker.io/v1/'
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const configure = (config: unknown): void => writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
/** A helper that keeps what it is asked, then does as it is told. */
const helper = (name: string, script: string): void =>
  writeFileSync(
    join(folder, 'bin', `docker-credential-${name}`),
    `#!/bin/sh\necho "$1 $(cat)" >> "${folder}/asked"\n${script}\n`,
    {
      mode: 0o755,
    },
  )
const env = () => ({ PATH: `${join(folder, 'bin')}:/usr/bin:/bin` })
const of = (host: string, more = {}) => credentialsFor(folder, host, { ...env(), ...more })
const faultOf = async (work: Promise<unknown>): Promise<string> => {
  const thrown = await work.then(
    (value) => new Error(`no fault, but ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  if (!(thrown instanceof Fault)) throw thrown
  return describeFault(thrown)
}

describe('what docker would show', () => {
  it('is nothing without a configuration', async () => {
    expect(await of('ghcr.io')).toBeUndefined()
    expect(await credentialsFor(join(folder, 'none'), 'ghcr.io', env())).toBeUndefined()
    configure({})
    expect(await of('ghcr.io')).toBeUndefined()
  })

  it('is the login of the host, whatever stands in the password', async () => {
    configure({
      auths: {
        'ghcr.io': { auth: base64('robot:a:b:') },
        [HUB]: { auth: base64('acme:hub\0\0') },
        'https://quay.io/v2/': { auth: base64('q:1') },
        'r.example': { username: 'u', password: 'p' },
        'x.azurecr.io': { auth: base64('0-0-0:'), identitytoken: 'refresh' },
        'empty.example': {},
        'odd.example': { auth: 'bm9jb2xvbg==' },
      },
    })
    expect(await of('ghcr.io')).toEqual({ username: 'robot', password: 'a:b:' })
    expect(await of('docker.io')).toEqual({ username: 'acme', password: 'hub' })
    expect(await of('quay.io')).toEqual({ username: 'q', password: '1' })
    expect(await of('r.example')).toEqual({ username: 'u', password: 'p' })
    expect(await of('x.azurecr.io')).toEqual({ username: '<token>', password: 'refresh' })
    for (const host of ['empty.example', 'odd.example', 'other.example', 'toString', '__proto__'])
      expect(await of(host)).toBeUndefined()
  })

  it('comes from the helper of the host, or of all hosts, and then from nowhere else', async () => {
    helper('cloud', `echo '{"ServerURL":"x","Username":"cloud","Secret":"s1"}'`)
    helper('chain', `echo '{"Username":"<token>","Secret":"s2"}'`)
    configure({
      credsStore: 'chain',
      credHelpers: { 'ghcr.io': 'cloud', 'file.example': '' },
      auths: { 'file.example': { auth: base64('f:1') } },
    })
    expect(await of('ghcr.io')).toEqual({ username: 'cloud', password: 's1' })
    expect(await of('docker.io')).toEqual({ username: '<token>', password: 's2' })
    expect(await of('file.example')).toEqual({ username: 'f', password: '1' })
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe(`get ghcr.io\nget ${HUB}\n`)
  })

  it('is nothing where a helper has none', async () => {
    helper('chain', 'echo "credentials not found in native keychain"; exit 1')
    configure({ credsStore: 'chain', auths: { 'ghcr.io': { auth: base64('f:1') } } })
    expect(await of('ghcr.io')).toBeUndefined()
  })

  it('comes from the variable before all else', async () => {
    configure({ auths: { 'ghcr.io': { auth: base64('file:1') }, 'quay.io': { auth: base64('file:2') } } })
    const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { 'ghcr.io': { auth: base64('variable:1') } } })
    expect(await of('ghcr.io', { DOCKER_AUTH_CONFIG })).toEqual({ username: 'variable', password: '1' })
    expect(await of('quay.io', { DOCKER_AUTH_CONFIG })).toEqual({ username: 'file', password: '2' })
  })

  it('is told to be unknown where a helper fails, without what it may have let out', async () => {
    configure({ credsStore: 'chain' })
    expect(await faultOf(of('ghcr.io'))).toContain('names docker-credential-chain for ghcr.io, which is not on PATH')
    helper('chain', 'echo "the keychain is locked"; exit 2')
    expect(await faultOf(of('ghcr.io'))).toBe(
      'docker-credential-chain gave no credentials for ghcr.io: the keychain is locked. Log in to ghcr.io again',
    )
    helper('chain', `echo '{"Username":"u","Secret":"sesame"}'; exit 3`)
    expect(await faultOf(of('ghcr.io'))).toContain('gave no credentials for ghcr.io: it ended with 3')
    helper('chain', 'echo \'{"Secret":"sesame\'')
    expect(await faultOf(of('ghcr.io'))).not.toContain('sesame')
    helper('chain', 'yes')
    expect(await faultOf(of('ghcr.io'))).toContain('more than 1048576 bytes')
    configure({ credsStore: '../bin/docker-credential-chain' })
    expect(await faultOf(of('ghcr.io'))).toContain('which is not on PATH')
  })

  it('is told to be unknown where the configuration cannot be read, without a word of it', async () => {
    writeFileSync(join(folder, 'config.json'), '{"auths":{"ghcr.io":{"auth":"sesame"}}')
    const said = await faultOf(of('ghcr.io'))
    expect(said).toContain('config.json is not an object of JSON')
    expect(said).not.toContain('sesame')
  })
})

describe('a private configuration of docker', () => {
  const opened = (authConfig?: string) => openDockerConfig(folder, join(folder, 'temporary', 'deep'), authConfig)

  it('has all that the own one has, and the logins', async () => {
    helper('chain', `echo '{"Username":"chain","Secret":"s"}'`)
    configure({ credsStore: 'chain', auths: { 'quay.io': {} }, proxies: { default: {} }, currentContext: 'remote' })
    mkdirSync(join(folder, 'buildx'))
    writeFileSync(join(folder, 'buildx', 'current'), 'builder')
    const before = readFileSync(join(folder, 'config.json'), 'utf8')
    const config = opened(
      JSON.stringify({ auths: { 'ghcr.io': { auth: base64('old:old') }, 'r.example': { auth: base64('r:1') } } }),
    )
    config.set('docker.io', { username: 'acme', password: 'hub' })
    config.set('ghcr.io', { username: 'robot', password: 'sesame' })
    config.set('x.azurecr.io', { username: '<token>', password: 'refresh' })
    expect(JSON.parse(readFileSync(join(config.folder, 'config.json'), 'utf8'))).toEqual({
      credsStore: 'chain',
      auths: {
        'quay.io': {},
        [HUB]: { auth: base64('acme:hub') },
        'ghcr.io': { auth: base64('robot:sesame') },
        'x.azurecr.io': { identitytoken: 'refresh' },
        'r.example': { auth: base64('r:1') },
      },
      credHelpers: { [HUB]: '', 'ghcr.io': '', 'x.azurecr.io': '', 'r.example': '' },
      proxies: { default: {} },
      currentContext: 'remote',
    })
    expect(statSync(config.folder).mode & 0o777).toBe(0o700)
    expect(statSync(join(config.folder, 'config.json')).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(config.folder, 'buildx', 'current'), 'utf8')).toBe('builder')
    const own = (host: string) => credentialsFor(config.folder, host, env())
    expect(await own('docker.io')).toEqual({ username: 'acme', password: 'hub' })
    expect(await own('ghcr.io')).toEqual({ username: 'robot', password: 'sesame' })
    expect(await own('x.azurecr.io')).toEqual({ username: '<token>', password: 'refresh' })
    expect(await own('quay.io')).toEqual({ username: 'chain', password: 's' })
    config.set('ghcr.io', { username: 'robot', password: 'renewed' })
    expect(await own('ghcr.io')).toEqual({ username: 'robot', password: 'renewed' })
    expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe(before)
  })

  it('is removed alone, once and again', () => {
    mkdirSync(join(folder, 'cli-plugins'))
    writeFileSync(join(folder, 'cli-plugins', 'docker-buildx'), 'program')
    const config = opened()
    expect(lstatSync(join(config.folder, 'cli-plugins')).isSymbolicLink()).toBe(true)
    config.remove()
    config.set('ghcr.io', { username: 'robot', password: 'sesame' })
    config.remove()
    expect(existsSync(config.folder)).toBe(false)
    expect(readFileSync(join(folder, 'cli-plugins', 'docker-buildx'), 'utf8')).toBe('program')
  })

  it('needs no own one, and is not made beside one that cannot be read', () => {
    const config = openDockerConfig(join(folder, 'none'), folder, 'no JSON')
    expect(readdirSync(config.folder)).toEqual(['config.json'])
    config.remove()
    writeFileSync(join(folder, 'config.json'), 'no')
    expect(() => opened()).toThrow(Fault)
    expect(existsSync(join(folder, 'temporary'))).toBe(false)
  })
})
