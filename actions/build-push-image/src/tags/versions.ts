import { explain, clean as normal } from '@renovatebot/pep440'
import { parse } from 'semver'

/** How versions are written: https://semver.org, or https://peps.python.org/pep-0440. */
export type Scheme = 'semver' | 'pep440'

/** The expressions of a version, by scheme. */
export const VERSION_NAMES: Readonly<Record<Scheme, readonly string[]>> = {
  semver: ['raw', 'version', 'major', 'minor', 'patch', 'prerelease', 'build'],
  pep440: ['raw', 'version', 'major', 'minor', 'patch', 'prerelease', 'postrelease', 'devrelease', 'local'],
}

/** A version as read. */
export type Version = {
  /** What the expressions stand for. */
  readonly values: ReadonlyMap<string, string>
  /** No pre-, post- or development release: only then a pattern of parts of it is followed. */
  readonly isPlain: boolean
  /** As three numbers, where it is plain and has no more. */
  readonly stable: string | undefined
  /** How many numbers it is written with. */
  readonly parts: number
}

/** The version that a text is, a `v` before it allowed; `undefined` for none. */
export const readVersion = (scheme: Scheme, text: string): Version | undefined =>
  scheme === 'semver' ? readSemver(text) : readPep440(text)

/** The semver that a Git tag is, if it is a stable one. */
export const stableOf = (text: string): string | undefined => readSemver(text)?.stable

const readSemver = (text: string): Version | undefined => {
  const read = parse(text)
  if (read === null) return undefined
  const isPlain = read.prerelease.length === 0
  return {
    values: new Map([
      ['raw', text],
      ['version', read.version],
      ['major', `${read.major}`],
      ['minor', `${read.minor}`],
      ['patch', `${read.patch}`],
      ['prerelease', read.prerelease.join('.')],
      ['build', read.build.join('.')],
    ]),
    isPlain,
    stable: isPlain ? read.version : undefined,
    parts: 3,
  }
}

const readPep440 = (text: string): Version | undefined => {
  const read = explain(text)
  if (read === null) return undefined
  const { epoch, release, pre, post, dev, local } = read
  const isPlain = !pre && !read.is_postrelease && !read.is_devrelease
  const [major = 0, minor = 0, patch = 0] = release
  return {
    values: new Map([
      ['raw', text],
      ['version', normal(text) ?? text],
      ['major', `${major}`],
      ['minor', `${minor}`],
      ['patch', `${patch}`],
      ['prerelease', pre ? pre.join('') : ''],
      ['postrelease', read.is_postrelease ? `post${post}` : ''],
      ['devrelease', read.is_devrelease ? `dev${dev}` : ''],
      ['local', `${local ?? ''}`],
    ]),
    isPlain,
    stable: isPlain && epoch === 0 && release.length <= 3 ? `${major}.${minor}.${patch}` : undefined,
    parts: release.length,
  }
}
