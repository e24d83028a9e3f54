import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createRaw } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import { afterAll, describe, expect, test } from 'vitest'
import { builderProblem, findBuilder, readBuilder } from '../src/rehearsal/builder.ts'
import { forwardTo, openRegistry, registryProgram, storedAs } from '../src/rehearsal/registry.ts'

const made: string[] = []
const ends: (() => void)[] = []
afterAll(() => {
  for (const end of ends) end()
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})
const folderOf = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-builder-'))
  made.push(folder)
  return folder
}

const REMOTE = `Name:          here
Driver:        remote
Last Activity: 2026-11-22 07:46:17 +0000 UTC

Nodes:
Name:             here0
Endpoint:         unix:///run/buildkit.sock
Status:           running
Platforms:        linux/arm64*, linux/amd64
`
const CONTAINER = `Name:          boxed
Driver:        docker-container

Nodes:
Name:           boxed0
Driver Options: network="host" image="moby/buildkit:v0.25.0"
Status:         running
Platforms:      linux/amd64, linux/386
`

describe('a builder', () => {
  test('is read as docker buildx inspect shows it', () => {
    expect(readBuilder(REMOTE)).toEqual({
      name: 'here',
      driver: 'remote',
      platform: 'linux/arm64',
      hostNetwork: false,
      running: true,
    })
    expect(readBuilder(CONTAINER)).toMatchObject({ name: 'boxed', platform: 'linux/amd64', hostNetwork: true })
  })

  test.each([
    { why: undefined, text: REMOTE },
    { why: undefined, text: CONTAINER },
    { why: 'has the driver docker', text: REMOTE.replace('remote', 'docker') },
    { why: 'a network of its own', text: CONTAINER.replace('network="host" ', '') },
    { why: 'does not run', text: CONTAINER.replace('running', 'inactive') },
  ])('that $why', ({ why, text }) => {
    const problem = builderProblem(readBuilder(text))
    if (why === undefined) expect(problem).toBeUndefined()
    else expect(problem).toContain(why)
  })
})

describe('looking for a builder', () => {
  /** A machine where docker is this script. */
  const machine = (script?: string): NodeJS.ProcessEnv => {
    const folder = folderOf()
    if (script !== undefined) {
      writeFileSync(join(folder, 'docker'), `#!/bin/sh\n${script}\n`)
      chmodSync(join(folder, 'docker'), 0o755)
    }
    return {
      PATH: script === undefined ? folder : `${folder}:/usr/bin:/bin`,
      HOME: '/home/me',
      DOCKER_HOST: 'unix:///d',
    }
  }

  test('finds the current one, and what jobs with a home of their own need to find it', async () => {
    const builder = await findBuilder(machine(`case "$2" in inspect) cat <<'END'\n${REMOTE}END\n;; esac`))
    expect(builder).toMatchObject({
      name: 'here',
      env: { DOCKER_HOST: 'unix:///d', DOCKER_CONFIG: '/home/me/.docker', BUILDX_BUILDER: 'here' },
    })
    expect(Object.keys(builder.env).sort()).toEqual(['BUILDX_BUILDER', 'DOCKER_CONFIG', 'DOCKER_HOST'])
  })

  test.each([
    { says: 'docker is not on PATH', script: undefined },
    { says: 'docker does not work: broken', script: 'echo broken >&2; exit 1' },
    { says: 'docker has no buildx', script: '[ "$1" = --version ] || exit 1' },
    {
      says: 'no builder that answers (ERROR: no builder "x" found)',
      script: '[ "$2" != inspect ] || { echo "ERROR: no builder \\"x\\" found" >&2; exit 1; }',
    },
    { says: 'driver docker', script: 'echo "Name: default"; echo "Driver: docker"; echo "Status: running"' },
  ])('says: $says, and what to do', async ({ says, script }) => {
    const thrown = await findBuilder(machine(script)).catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(Fault)
    expect(thrown).toMatchObject({ kind: 'input', message: expect.stringContaining(says) })
    expect((thrown as Fault).hint).toMatch(/Install|docker buildx create/)
  })
})

describe('the registry of a rehearsal', () => {
  /** Answers every request so. */
  const answering = async (status: number, body = ''): Promise<string> => {
    const server = createServer((_, answer) => answer.writeHead(status).end(body))
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    ends.push(() => server.close())
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('is the one that was named, when it lets anybody in', async () => {
    const host = await answering(200)
    expect(await openRegistry(host, folderOf(), {})).toMatchObject({ host })
  })

  test.each([
    { status: 401, says: 'asks for a login' },
    { status: 404, says: 'is no registry' },
  ])('is not one that answers $status', async ({ status, says }) => {
    await expect(openRegistry(await answering(status), folderOf(), {})).rejects.toThrow(says)
  })

  test('is none that does not answer', async () => {
    await expect(openRegistry('127.0.0.1:1', folderOf(), {})).rejects.toThrow('does not answer')
  })

  test('needs a program where none was named', () => {
    const folder = folderOf()
    expect(() => registryProgram({ PATH: folder })).toThrow('there is no registry to push to')
    writeFileSync(join(folder, 'registry'), '')
    expect(registryProgram({ PATH: `/nowhere:${folder}` })).toBe(join(folder, 'registry'))
  })

  test('that ends at once is told with its words, and nothing stays', async () => {
    const folder = folderOf()
    writeFileSync(join(folder, 'registry'), '#!/bin/sh\necho no room >&2; exit 1\n')
    chmodSync(join(folder, 'registry'), 0o755)
    await expect(openRegistry(undefined, folderOf(), { PATH: folder })).rejects.toThrow(
      'The registry did not start: no room',
    )
  })

  test('is read by the bytes that it gives, whatever it says of them', async () => {
    const host = await answering(200, '{}')
    const digest = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'
    expect(await storedAs(`${host}/rehearsal/shop`, 'sha256:00')).toBe(digest)
    expect(await storedAs(`${await answering(404)}/rehearsal/shop`, 'sha256:00')).toBe('not there (404)')
    expect(await storedAs(`${host}/rehearsal/shop`, '')).toBe('nothing was built')
  })

  test('of a cluster is reached as its pods name it: a port here that leads there', async () => {
    const server = createRaw((socket) => void socket.end('there'))
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.2', resolve))
    ends.push(() => server.close())
    const { port } = server.address() as AddressInfo
    const near = await forwardTo('127.0.0.2', port)
    expect(near.host).toBe(`127.0.0.1:${port}`)
    await expect(forwardTo('127.0.0.2', port)).rejects.toThrow('that port is taken')
    const heard = await new Promise<string>((resolve) => {
      let said = ''
      connect(port, '127.0.0.1')
        .on('data', (chunk) => {
          said += chunk
        })
        .on('close', () => resolve(said))
    })
    expect(heard).toBe('there')
    await near.close()
  })
})
