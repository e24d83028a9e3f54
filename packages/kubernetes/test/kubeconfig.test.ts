import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { connect } from '../src/connect.ts'
import { loadKubeconfig } from '../src/kubeconfig.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-kubeconfig-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text, { mode: 0o700 })
  return path
}

const yaml = (user: string, more = ''): string => `apiVersion: v1
kind: Config
current-context: prod
clusters:
  - name: main
    cluster: { server: 'https://10.1.2.3:6443' }
contexts:
  - name: prod
    context: { cluster: main, user: ci, namespace: shop }
  - name: lost
    context: { cluster: gone, user: ci }
users:
  - name: ci
    user: ${user}
${more}`
const good = yaml('{ token: secret-word }')

describe('a kubeconfig that cannot be used is said to lack', () => {
  test.each([
    ['its file', { kubeconfig: join(folder, 'nowhere') }, /nowhere does not exist/],
    ['everything', { kubeconfig: file('empty', '\n') }, /empty is empty/],
    ['YAML', { kubeconfig: 'apiVersion: v1\nclusters: [' }, /the given kubeconfig is not a kubeconfig/],
    ['a mapping', { kubeconfig: file('text', 'just a word') }, /is not a kubeconfig/],
    ['clusters', { kubeconfig: 'apiVersion: v1\nkind: Config\n' }, /it has no clusters/],
    ['its own form', { kubeconfig: file('base64', Buffer.from(good).toString('base64')) }, /is base64: keep the YAML/],
    ['the context', { kubeconfig: good, context: 'prdo' }, /no context "prdo".*prod, lost/],
    ['the cluster of the context', { kubeconfig: good, context: 'lost' }, /names a cluster "gone"/],
    ['a current context', { kubeconfig: good.replace('current-context: prod', '') }, /no current context.*prod, lost/],
    ['a credential', { kubeconfig: yaml('{ token: "" }') }, /user "ci" has no credential/],
    ['an https address', { kubeconfig: good.replace('https://10', 'http://10') }, /in the clear/],
    ['everything, anywhere', { kubeconfig: '' }, /No kubeconfig: none was given/],
  ])('%s', (_, source, text) => {
    const env = { HOME: join(folder, 'no-home') }
    const fault = (() => {
      try {
        return loadKubeconfig({ ...source, env })
      } catch (thrown) {
        return thrown
      }
    })()
    expect(fault).toMatchObject({ name: 'Fault', kind: 'input' })
    const { message, hint = '' } = fault as { message: string; hint?: string }
    expect(`${message} ${hint}`).toMatch(text)
    expect(`${message} ${hint}`).not.toContain('secret-word')
  })
})

describe('a kubeconfig is found', () => {
  test('as text, as a path, by KUBECONFIG and in the home folder', () => {
    const path = file('good', good)
    const home = mkdtempSync(join(folder, 'home-'))
    const sources = [
      { kubeconfig: good, env: {} },
      { kubeconfig: path, env: {} },
      { env: { KUBECONFIG: path, HOME: home } },
    ]
    for (const source of sources)
      expect(loadKubeconfig(source)).toMatchObject({ server: 'https://10.1.2.3:6443', namespace: 'shop', user: 'ci' })
  })

  test('in several files, of which the first to name a thing wins', () => {
    const other = good.replace('10.1.2.3', '10.9.9.9').replace('name: lost', 'name: other').replace('gone', 'main')
    const list = `${file('one', good)}:${join(folder, 'missing')}:${file('two', other)}`
    expect(loadKubeconfig({ env: { KUBECONFIG: list }, context: 'other' }).server).toBe('https://10.1.2.3:6443')
  })
})

/** A real server that knows only one token; tells how often it was asked. */
const keeper = async (token: () => string) => {
  const seen: string[] = []
  const server = createServer((incoming, outgoing) => {
    seen.push(incoming.headers.authorization ?? '')
    const allowed = incoming.headers.authorization === `Bearer ${token()}`
    outgoing.writeHead(allowed ? 200 : 401, { 'content-type': 'application/json' })
    outgoing.end(JSON.stringify({ kind: allowed ? 'ConfigMap' : 'Status', metadata: { name: 'x' } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { seen, close, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
const maps = { apiVersion: 'v1', resource: 'configmaps', namespace: 'shop' }

describe('a credential that dies during a hold', () => {
  test('is read again from its file after a 401', async () => {
    let valid = 'first'
    const server = await keeper(() => valid)
    file('token', 'first\n')
    const path = file('by-file', yaml('{ tokenFile: token }').replace('https://10.1.2.3:6443', server.url))
    const cluster = await connect({ kubeconfig: path, env: {} })
    expect(await cluster.get(maps, 'x')).toBeDefined()
    valid = 'second'
    file('token', 'second\n')
    expect(await cluster.get(maps, 'x')).toBeDefined()
    expect(server.seen).toEqual(['Bearer first', 'Bearer first', 'Bearer second'])
    server.close()
  })

  test('is asked of its exec plugin again after a 401', async () => {
    let valid = 'run-1'
    const server = await keeper(() => valid)
    const runs = file('runs', '')
    const plugin = file(
      'plugin.sh',
      `#!/bin/sh\necho x >> ${runs}\nn=$(wc -l < ${runs} | tr -d ' ')\necho '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"run-'$n'"}}'\n`,
    )
    const user = `{ exec: { apiVersion: client.authentication.k8s.io/v1, command: ${plugin} } }`
    const cluster = await connect({ kubeconfig: yaml(user).replace('https://10.1.2.3:6443', server.url), env: {} })
    expect(await cluster.get(maps, 'x')).toBeDefined()
    expect(await cluster.get(maps, 'x')).toBeDefined()
    valid = 'run-2'
    expect(await cluster.get(maps, 'x')).toBeDefined()
    expect(server.seen).toEqual(['Bearer run-1', 'Bearer run-1', 'Bearer run-1', 'Bearer run-2'])
    server.close()
  })

  test('names the exec plugin that is not installed', async () => {
    const user = '{ exec: { apiVersion: client.authentication.k8s.io/v1, command: no-such-login } }'
    const cluster = await connect({ kubeconfig: yaml(user), env: {} })
    await expect(cluster.get(maps, 'x')).rejects.toThrow('logs in with "no-such-login", which is not installed')
  })
})
