import { describe, expect, it } from 'vitest'
import { lookAt, type Needs, type Told } from '../../src/build/builder.ts'

const NEEDS: Needs = { push: true, platforms: ['linux/amd64'] }

/** What buildx 0.29 said of a BuildKit 0.25; of the driver docker, Docker 27's text. */
const inspect = (
  driver = 'remote',
  buildkit = 'BuildKit version: v0.25.0',
  status = 'running',
): string => `Name:          r
Driver:        ${driver}
Last Activity: 2026-11-22 07:11:34 +0000 UTC

Nodes:
Name:             r0
Endpoint:         unix:///run/bk.sock
Status:           ${status}
${buildkit}
Platforms:        linux/amd64, linux/amd64/v2, linux/arm64*, linux/386
Labels:
 org.mobyproject.buildkit.worker.executor:         oci
GC Policy rule#0:
 All:            false
`

const TOLD: Told = {
  docker: 'Docker version 20.10.24+dfsg1, build 297e128\n',
  buildx: 'github.com/docker/buildx v0.29.0 \n',
  inspect: inspect(),
  why: '',
}
const look = (told: Partial<Told>, needs: Partial<Needs> = {}) => lookAt({ ...TOLD, ...told }, { ...NEEDS, ...needs })
const problem = (told: Partial<Told>, needs: Partial<Needs> = {}): string => {
  const { missing, hint } = look(told, needs)
  return missing.length === 0 ? '' : `${missing.join('; ')}. ${hint}`
}

it('reads what docker says of itself', () => {
  expect(look({})).toEqual({
    builder: {
      docker: '20.10.24+dfsg1',
      buildx: '0.29.0',
      name: 'r',
      driver: 'remote',
      buildkit: '0.25.0',
      platforms: ['linux/amd64', 'linux/amd64/v2', 'linux/arm64', 'linux/386'],
    },
    nodes: 1,
    missing: [],
    hint: '',
    doubts: [],
  })
  // Debian's and Docker Desktop's, and the words of buildx 0.12.
  expect(look({ buildx: 'github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3\n' })).toMatchObject({
    missing: [],
    builder: { buildx: '0.13.1+ds1' },
  })
  expect(look({ inspect: inspect('docker-container', 'Buildkit:         v0.12.5') }).builder.buildkit).toBe('0.12.5')
})

describe('what is missing', () => {
  it.each<[string, Partial<Told>, RegExp]>([
    ['Podman', { docker: 'podman version 4.9.3\n', buildx: 'buildah 1.33.7\n' }, /Podman.*Use a runner with Docker/],
    [
      'buildx',
      { buildx: undefined, inspect: undefined, why: "'buildx' is not a docker command." },
      /20\.10\.24\+dfsg1 has no buildx \('buildx' is not a docker command\.\)\. .*setup-buildx-action/,
    ],
    ['a buildx of its own', { buildx: 'buildah 1.33.7\n' }, /not Docker's own: it says "buildah 1\.33\.7"/],
    ['a newer buildx', { buildx: 'github.com/docker/buildx v0.12.1 30feaa1\n' }, /buildx 0\.12\.1 is older than 0\.13/],
    [
      'a builder',
      { inspect: undefined, why: 'no builder "nope" found' },
      /no builder that runs \(no builder "nope" found\)/,
    ],
    ['a builder that runs', { inspect: inspect('docker-container', '', 'stopped') }, /r does not run: it is stopped/],
    ['BuildKit', { inspect: inspect('docker', '') }, /r \(docker\) has no BuildKit/],
    [
      'a newer BuildKit',
      { inspect: inspect('remote', 'BuildKit version: v0.9.3') },
      /BuildKit 0\.9\.3 of the builder r is older than 0\.12/,
    ],
    [
      'a builder that pushes by digest',
      { inspect: inspect('docker', 'BuildKit version: v0.17.3') },
      /driver docker, which cannot push by digest\. Add docker\/setup-buildx-action .*docker-container/,
    ],
  ])('%s', (_name, told, said) => {
    expect(problem(told)).toMatch(said)
  })

  it('is named all at once', () => {
    const { missing } = look(
      { buildx: 'github.com/docker/buildx v0.8.2 x', inspect: inspect('docker', 'Buildkit: 0.8.2') },
      { platforms: ['linux/amd64', 'linux/arm64'] },
    )
    expect(missing).toHaveLength(4)
  })

  it('is not the driver docker for a build that stays, nor a version of no number', () => {
    expect(problem({ inspect: inspect('docker', 'BuildKit version: v0.17.3') }, { push: false })).toBe('')
    expect(problem({ buildx: 'github.com/docker/buildx v0.0.0+unknown \n' })).toBe('')
  })
})

describe('a builder that does not answer', () => {
  // What buildx 0.29 said of a socket that nobody listens on, and of Docker that does not run.
  const unstarted =
    'Name:          r\nDriver:        remote\n\nNodes:\nName:     r0\nEndpoint: tcp://127.0.0.1:1\nStatus:   inactive\n'
  const down =
    'Name:   default\nDriver: \nError:  Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n\nNodes:\n'

  it.each<[string, Partial<Told>, RegExp]>([
    [
      'remote',
      { inspect: undefined, unstarted, why: 'context deadline exceeded' },
      /^the builder r \(remote, tcp:\/\/127\.0\.0\.1:1\) does not answer: context deadline exceeded\. Start it, such as with docker buildx inspect --bootstrap r, or make another/,
    ],
    [
      'of which nothing is known',
      { inspect: undefined, why: 'dial tcp 127.0.0.1:1: connect: connection refused' },
      /^the builder does not answer: dial .* connection refused\. Start it/,
    ],
    ['Docker', { inspect: down }, /^the builder default does not answer: Cannot connect .*--bootstrap default/],
  ])('is not said to be old: %s', (_name, told, said) => {
    expect(problem(told)).toMatch(said)
    expect(problem(told)).not.toMatch(/newer/)
  })

  it('is told in a line that people can read, whatever it says', () => {
    const why = `context deadline exceeded ${'x'.repeat(60_000)}`
    expect(problem({ inspect: undefined, unstarted, why }).length).toBeLessThan(800)
    expect(problem({ inspect: `Name: r\nError: ${'x'.repeat(60_000)}\n` }).length).toBeLessThan(800)
  })
})

it('doubts a platform that nothing runs here, as what only compiles for it needs nothing', () => {
  expect(look({}, { platforms: ['linux/arm64/v8', 'linux/386'] }).doubts).toEqual([])
  const { missing, doubts } = look({}, { platforms: ['linux/amd64', 'linux/s390x'] })
  expect(missing).toEqual([])
  expect(doubts).toEqual([expect.stringMatching(/cannot run programs of linux\/s390x:.*setup-qemu-action/)])
})

it('refuses several nodes for what is pushed for several platforms: the tag latest would be written', () => {
  const two = `${inspect()}\nName:             r1\nEndpoint:         unix:///run/bk1.sock\nStatus:           running\nBuildKit version: v0.25.0\nPlatforms:        linux/arm64\n`
  const both = { platforms: ['linux/amd64', 'linux/arm64'] }
  expect(problem({ inspect: two }, both)).toMatch(/^the builder r has 2 nodes, .*tag latest.*\. .*push: by-digest/)
  expect(problem({ inspect: two })).toBe('')
  expect(problem({ inspect: two }, { ...both, push: false })).toBe('')
})
