import { describe, expect, it } from 'vitest'
import { pinnedContext, policyOf, sourcesIn } from '../../src/build/sources.ts'

const HEX = 'a1'.repeat(32)
const OTHER = 'b2'.repeat(32)
const COMMIT = 'c3'.repeat(20)

const image = (uri: string, sha256 = HEX) => ({ uri, digest: { sha256 } })
const metadata = (...materials: readonly unknown[]) => ({ 'buildx.build.provenance': { materials } })
const names = (...uris: readonly string[]): readonly string[] => [
  ...sourcesIn(metadata(...uris.map((uri) => image(uri)))).images.keys(),
]

describe('the sources of a build', () => {
  it('are images by the names that BuildKit asks for', () => {
    expect(
      names(
        // As buildx 0.29 with BuildKit 0.25 wrote it.
        'pkg:docker/127.0.0.1%3A5911/drv/base@1?platform=linux%2Famd64',
        'pkg:docker/alpine@3.20?platform=linux%2Famd64',
        'pkg:docker/docker/dockerfile@1',
        'pkg:docker/ghcr.io/acme/base@v1',
        'pkg:docker/localhost/x@1',
      ),
    ).toEqual([
      '127.0.0.1:5911/drv/base:1',
      'docker.io/library/alpine:3.20',
      'docker.io/docker/dockerfile:1',
      'ghcr.io/acme/base:v1',
      'localhost/x:1',
    ])
  })

  it('are none that the Dockerfile pins, or that is no image', () => {
    expect(
      names(
        `pkg:docker/alpine@3?digest=sha256:${HEX}&platform=linux%2Famd64`,
        `pkg:docker/alpine@sha256:${HEX}`,
        'pkg:oci/x',
        'https://x.example/file',
        'pkg:docker/%zz@1',
        'pkg:docker/',
      ),
    ).toEqual([])
    for (const nothing of [
      undefined,
      null,
      [],
      {},
      metadata(null, 1, { uri: 'pkg:docker/a@1' }),
      { 'buildx.build.provenance': 1 },
    ])
      expect(sourcesIn(nothing)).toEqual({ images: new Map(), commits: new Map() })
    expect(sourcesIn(metadata(image('pkg:docker/a@1', 'short'))).images.size).toBe(0)
  })

  it('are those of every platform, without those that they do not agree on', () => {
    const [one, two] = [image('pkg:docker/a@1?platform=linux%2Famd64'), image('pkg:docker/b@1')]
    const all = {
      'buildx.build.provenance/linux/amd64': { materials: [one, two] },
      'buildx.build.provenance/linux/386': {
        materials: [image('pkg:docker/a@1?platform=linux%2F386'), image('pkg:docker/b@1', OTHER)],
      },
    }
    expect([...sourcesIn(all).images]).toEqual([['docker.io/library/a:1', `sha256:${HEX}`]])
  })
})

describe('the policy', () => {
  const sources = sourcesIn(metadata(image('pkg:docker/a@1')))
  const rule = {
    action: 'CONVERT',
    selector: { identifier: 'docker-image://docker.io/library/a:1', matchType: 'EXACT' },
    updates: { identifier: `docker-image://docker.io/library/a:1@sha256:${HEX}` },
  }

  it('pins each image, after what is in force already', () => {
    expect(policyOf(sources)).toEqual({ rules: [rule] })
    const deny = { action: 'DENY', selector: { identifier: 'docker-image://*' } }
    expect(policyOf(sources, { version: 1, rules: [deny] })).toEqual({ version: 1, rules: [deny, rule] })
    expect(policyOf(sources, {})).toEqual({ rules: [rule] })
  })

  it('is none where nothing is to be pinned, or where the one in force cannot be read', () => {
    expect(policyOf(sourcesIn({}))).toBeUndefined()
    expect(policyOf(sources, '')).toBeUndefined()
  })
})

describe('a context in Git', () => {
  const pinned = (context: string, uri: string, buildArgs: readonly string[] = []): string =>
    pinnedContext(context, sourcesIn(metadata({ uri, digest: { sha1: COMMIT } })), buildArgs)

  it('is taken at the commit that was built, with its credentials and its folder', () => {
    expect(pinned('https://h/r.git#main', 'https://h/r.git#main')).toBe(`https://h/r.git#${COMMIT}`)
    expect(pinned('https://h/r.git', 'https://h/r.git')).toBe(`https://h/r.git#${COMMIT}`)
    expect(pinned('http://u:p@h/r.git#v1:sub', 'http://xxxxx:xxxxx@h/r.git#v1')).toBe(
      `http://u:p@h/r.git#${COMMIT}:sub`,
    )
    expect(pinned('https://h/r.git#:sub', 'https://h/r.git')).toBe(`https://h/r.git#${COMMIT}:sub`)
  })

  it('is left as it is where it is another, or no repository, or its history is in the build', () => {
    for (const context of ['.', 'https://h/r.git#v2', 'https://h/other.git#main', 'https://h/r.git?branch=main'])
      expect(pinned(context, 'https://h/r.git#main')).toBe(context)
    expect(pinned('https://h/r#m', 'https://h/r#m', ['BUILDKIT_CONTEXT_KEEP_GIT_DIR=1'])).toBe('https://h/r#m')
  })
})
