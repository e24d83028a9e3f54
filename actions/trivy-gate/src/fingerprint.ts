import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { Found, Judged, Scan } from './found.ts'

/**
 * Where a thing was found, as a path that is the same in the next run: within a repository the file from the directory that was scanned, within an image the
 * image's name without tag and digest, and the file behind it. Never absolute, never outside, never empty.
 */
export const placeOf = (found: Pick<Found, 'target' | 'type'>, artifact: Scan['artifact']): string => {
  const ofSystem = found.type.startsWith('os-pkgs')
  const target = ofSystem ? withoutTag(found.target.replace(/ \([^()]*\)$/, '')) : found.target
  if (artifact.type !== 'container_image')
    return relative(IN_FILES.includes(artifact.type) ? inFiles(artifact.name, target) : target)
  const image = withoutTag(artifact.name)
  if (ofSystem) return relative(image)
  const inner = artifact.name !== '' && target.startsWith(artifact.name) ? target.slice(artifact.name.length) : target
  return relative(`${image}/${inner}`)
}

const IN_FILES = ['filesystem', 'repository']

/** Trivy names files from the directory that it was given; one that was given by itself it names by its last part. */
const inFiles = (given: string, target: string): string => {
  if (given === '' || given.startsWith('/') || given.includes('://') || given === target) return target
  return posix.basename(given) === target ? given : `${given}/${target}`
}

const relative = (path: string): string => {
  const parts = path.slice(0, LONGEST_PATH).toWellFormed().split('/')
  return parts.filter((part) => part !== '' && part !== '.' && part !== '..').join('/') || 'unknown'
}

const LONGEST_PATH = 1000

/** An image's name without `:tag` and `@sha256:…`; a port stays. */
const withoutTag = (name: string): string => name.replace(/@sha\d+:[0-9a-f]+$/i, '').replace(/:[\w.-]+$/, '')

/**
 * What tells two findings apart over runs, for each of `wanted`. It holds what the finding is and where, not the package's version, the image's tag, a line or a digest
 * in a path; of `all`, those that are the same by this get a number, in an order that is their own and not the report's. Form: 32 hex digits, colon, number.
 */
export const fingerprints = (
  all: readonly Judged[],
  wanted: readonly Judged[],
  artifact: Scan['artifact'],
): ReadonlyMap<Judged, string> => {
  const identity = identityIn(artifact)
  const names = new Set(wanted.map(({ found }) => identity(found)))
  const groups = Map.groupBy(all, ({ found }) => identity(found))
  return new Map(
    [...names].flatMap((name) => {
      const hash = createHash('sha256').update(name).digest('hex').slice(0, 32)
      return [...(groups.get(name) ?? [])].sort(byContent).map((one, index) => [one, `${hash}:${index + 1}`] as const)
    }),
  )
}

/** The text that is hashed. Thousands of findings are of few targets, whose places are worked out once. */
const identityIn = (artifact: Scan['artifact']): ((found: Found) => string) => {
  const places = new Map<string, string>()
  return (found) => {
    const key = `${found.type}\n${found.target}`
    const place = places.get(key) ?? placeOf(found, artifact).replace(/[0-9a-f]{32,}/gi, '*')
    places.set(key, place)
    return JSON.stringify([found.kind, found.id, packageKey(found), place])
  }
}

const packageKey = ({ package: of }: Found): string =>
  of?.purl === undefined ? (of?.name ?? '') : unversioned(of.purl)

/** A package URL without version, qualifiers (a distribution's release is one) and subpath. */
const unversioned = (purl: string): string => {
  const path = purl.replace(/[?#].*$/s, '')
  const at = path.lastIndexOf('@')
  return at > path.lastIndexOf('/') ? path.slice(0, at) : path
}

const byContent = ({ found: a }: Judged, { found: b }: Judged): number =>
  byText(a.package?.path ?? '', b.package?.path ?? '') ||
  byText(a.package?.version ?? '', b.package?.version ?? '') ||
  (a.lines?.from ?? 0) - (b.lines?.from ?? 0) ||
  (a.lines?.to ?? 0) - (b.lines?.to ?? 0) ||
  byText(a.title, b.title)

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
