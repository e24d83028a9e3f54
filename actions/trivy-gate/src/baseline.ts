import { instant } from './feeds.ts'
import type { Found, Judged, Package, Scan } from './found.ts'
import { clip } from './words.ts'

const DAY = 86_400_000

/** A finding and whether it would fail if nothing of it had been there before. `anyhow`: it fails even if it was there. */
export type Candidate = { readonly found: Found; readonly fails: boolean; readonly anyhow?: boolean }

/**
 * Why a scan cannot be compared with this baseline; `undefined` where it can. A gate beside the wrong baseline would be open, or closed for no reason.
 */
export const baselineProblem = (scan: Scan, baseline: Scan): string | undefined => {
  const [is, was] = [scan.artifact, baseline.artifact]
  const [name, base] = [clip(is.name, 200), clip(was.name, 200)]
  if (kindOf(is.type) !== kindOf(was.type))
    return `The baseline is of a ${clip(was.type, 40)} (${base}) and the scan of a ${clip(is.type, 40)} (${name}): give a report of the same kind, of the base branch`
  if (is.type === 'container_image' && repository(is.name) !== repository(was.name))
    return `The baseline is of another image, ${base}, and the scan of ${name}: give a report of the same image, of the base branch`
  if (scan.createdAt !== undefined && scan.createdAt === baseline.createdAt && is.name === was.name)
    return `The baseline is this very report (both were made at ${clip(scan.createdAt, 40)}): give the report of the base branch`
  if (isLater(baseline, scan))
    return `The baseline was made (${clip(baseline.createdAt ?? '', 40)}) after the scan (${clip(scan.createdAt ?? '', 40)}): give a report of what was before`
  return undefined
}

/** What is wrong with a baseline that is, letter by letter, the report itself: everything in it would be known. Reports of older scanners have no date that says so. */
export const SAME_REPORT = 'The baseline is this very report, letter by letter: give the report of the base branch'

/**
 * Which of the findings that would fail are new beside a baseline, by index. A finding is known as often as the baseline has it: first in the same place, then anywhere. A package's
 * finding is of the package without its version, so an update that mends nothing, another tag of the image and a moved lockfile are not new. What has no package is of its file, and a
 * secret of its lines too: no report says which secret it is, so that one in another place may be another one. Where several compete for one that is known, what does not fail is
 * served first, and what fails anyhow last.
 */
export const newOnes = (
  candidates: readonly Candidate[],
  artifact: Scan['artifact'],
  baseline: Scan,
): ReadonlySet<number> => {
  const [now, before] = [keyed(artifact), keyed(baseline.artifact)]
  const told = baseline.found.filter(hasIdentity)
  const places = tally(told.map((found) => placeOf(found, before(found))))
  const keys = tally(told.map(before))
  const turns = candidates
    .map(({ found, fails, anyhow }, index) => {
      const turn = Number(fails) + Number(anyhow === true)
      return { index, fails, turn, key: now(found), place: placeOf(found, now(found)) }
    })
    .sort((a, b) => a.turn - b.turn || (a.place < b.place ? -1 : Number(a.place > b.place)))
  const moved = turns.filter(({ key, place }) => {
    const there = take(places, place)
    if (there) take(keys, key)
    return !there
  })
  return new Set(moved.flatMap(({ index, fails, key }) => (!take(keys, key) && fails ? [index] : [])))
}

/**
 * Who brought a new finding. `disclosed`: its package, in this version, was there before; a report with a list of packages proves that or the contrary, one without proves it only by
 * other findings of the package. Else the date tells: what was made known after the baseline was made could not have been in it. `undefined` where nothing tells.
 */
export const newsOf = (scan: Scan, baseline: Scan): ((found: Found) => Judged['news']) => {
  const listed = baseline.packages !== undefined
  const there = new Set(baseline.packages?.map(withoutQualifiers))
  for (const one of packagesOf(baseline)) there.add(versioned(one))
  const secrets = new Set(baseline.found.flatMap((one) => (one.kind === 'secret' ? [inFile(one)] : [])))
  const made = instant(baseline.createdAt)
  return (found) => {
    if (found.kind === 'end-of-life') return sameSystem(scan, baseline) ? 'disclosed' : 'added'
    // It may be one that has moved within its file.
    if (found.kind === 'secret' && secrets.has(inFile(found))) return undefined
    // With another scanner a rule may be new as well as the file.
    if (found.package === undefined || found.kind === 'license')
      return scan.scanner !== undefined && scan.scanner === baseline.scanner ? 'added' : undefined
    if (there.has(versioned(found.package))) return 'disclosed'
    if (listed && found.package.purl !== undefined) return 'added'
    const published = instant(found.published)
    if (made === undefined || published === undefined) return undefined
    return published > made ? 'disclosed' : 'added'
  }
}

/** Since when, at the earliest, there is a fix: since the baseline, if that knew the vulnerability in the same package and no fix. */
export const fixSinceOf = (baseline: Scan | undefined): ((found: Found) => string | undefined) => {
  if (baseline?.createdAt === undefined) return () => undefined
  const fixed = new Map<string, boolean>()
  const keyOf = keyed(baseline.artifact)
  for (const found of baseline.found) {
    if (found.kind !== 'vulnerability') continue
    const key = keyOf(found)
    fixed.set(key, fixed.get(key) === true || found.package?.fixed !== undefined)
  }
  return (found) =>
    found.package?.fixed !== undefined && fixed.get(keyOf(found)) === false ? baseline.createdAt : undefined
}

/** What a person should know before trusting the comparison. */
export const baselineNotes = (scan: Scan, baseline: Scan): readonly string[] => [
  ...(repository(scan.artifact.name) === repository(baseline.artifact.name)
    ? []
    : [
        `The baseline is of ${clip(baseline.artifact.name, 200)} and the scan of ${clip(scan.artifact.name, 200)}: make sure that they belong together`,
      ]),
  ...(baseline.targets === 0 && scan.targets > 0
    ? ['In the baseline nothing was scanned, so everything counts as new']
    : []),
  ...(baseline.packages === undefined && baseline.found.length > 0
    ? [
        'The baseline lists no packages (--list-all-pkgs), so “added” and “newly disclosed” are told apart by other findings of the package and by dates: a vulnerability that the database learned of late may be called added, a package added together with a fresh vulnerability disclosed',
      ]
    : []),
  ...ageNotes(scan, baseline),
]

const ageNotes = (scan: Scan, baseline: Scan): readonly string[] => {
  const [now, then] = [instant(scan.createdAt), instant(baseline.createdAt)]
  if (then === undefined) return ['The baseline does not say when it was made']
  const days = now === undefined ? 0 : Math.floor((now - then) / DAY)
  return days < 1 ? [] : [`The baseline is ${days === 1 ? '1 day' : `${days} days`} older than the scan`]
}

const isLater = (one: Scan, other: Scan): boolean => {
  const [a, b] = [instant(one.createdAt), instant(other.createdAt)]
  return a !== undefined && b !== undefined && a > b
}

/** The name without tag and digest (a colon after the last slash starts a tag), and without what Docker adds to a short name. */
const repository = (name: string): string => {
  const plain = (name.split('@')[0] ?? name).replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '')
  const colon = plain.indexOf(':', plain.lastIndexOf('/') + 1)
  return colon < 0 ? plain : plain.slice(0, colon)
}

const sameSystem = (scan: Scan, baseline: Scan): boolean =>
  scan.os !== undefined && scan.os.family === baseline.os?.family && scan.os.name === baseline.os.name

const packagesOf = (scan: Scan): readonly Package[] =>
  scan.found.flatMap((found) => (found.package === undefined || found.kind === 'license' ? [] : [found.package]))

/** Trivy calls a directory a repository as soon as it finds Git in it, which depends on how it was checked out. */
const kindOf = (type: string): string => (type === 'repository' ? 'filesystem' : type)

/** A secret without lines has none: it may be any of its file. */
const hasIdentity = ({ kind, lines }: Found): boolean => kind !== 'secret' || lines !== undefined

const inFile = ({ id, target }: Found): string => `${id}\n${target}`

/** What makes two findings the same: kind, id and package, else the place, of a secret with its lines. Where that begins with the name of the image, the tag is no part of it. */
const keyed =
  ({ name, type }: Scan['artifact']): ((found: Found) => string) =>
  (found) => {
    const { kind, id, target, lines } = found
    if (found.package !== undefined) return `${kind}\n${id}\n${identity(found.package, found.type)}`
    if (kind === 'end-of-life') return `${kind}\n${id}`
    const isNamed = type === 'container_image' && target.startsWith(name)
    const line = kind === 'secret' ? `\n${lines?.from} ${lines?.to}` : ''
    return `${kind}\n${id}\n${isNamed ? target.slice(name.length) : target}${line}`
  }

const placeOf = (found: Found, key: string): string => {
  const { name = '', version = '', path = '' } = found.package ?? {}
  return [key, found.type, found.target, name, version, path].join('\n')
}

/** The package without its version: its purl up to there, which is the same in every lockfile; else its name within the type. */
const identity = ({ name, purl }: Package, type: string): string => {
  if (purl === undefined) return `${type} ${name}`
  const plain = withoutQualifiers(purl)
  const at = plain.indexOf('@', plain.lastIndexOf('/') + 1)
  return at < 0 ? plain : plain.slice(0, at)
}

const versioned = ({ name, version, purl }: Package): string =>
  purl === undefined ? `${name} ${version}` : withoutQualifiers(purl)

/** A package URL up to its qualifiers and subpath. Source: https://github.com/package-url/purl-spec */
const withoutQualifiers = (purl: string): string => purl.split(/[?#]/, 1)[0] ?? ''

const tally = (keys: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

/** Whether there was one left to take. */
const take = (counts: Map<string, number>, key: string): boolean => {
  const left = counts.get(key) ?? 0
  if (left > 0) counts.set(key, left - 1)
  return left > 0
}
