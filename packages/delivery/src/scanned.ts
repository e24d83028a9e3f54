import { packageOf } from './built.ts'
import type { Described } from './file.ts'
import { hostOf, isEcr } from './package.ts'
import { joined } from './text.ts'

/** What is looked for before anything is deployed: trivy-gate's inputs by their names, as texts, and which parts there are. Paths are from the repository's root. */
export type PlannedScan = {
  /** Whether any part is on. */
  readonly any: boolean
  readonly source: boolean
  readonly dependencies: boolean
  readonly image: boolean
  /** Whether the image must have an attestation of this repository. */
  readonly verify: boolean
  /** What tells the service's alerts from others; the gate wants no two dashes in a row. */
  readonly category: string
  /** The registry that the image is at, for `docker login`; empty for ECR, which takes no user name: everybody may read the public one. */
  readonly registry: string
  /** A report that stands for the image's scan; empty for none. */
  readonly report: string
  /** The scans of the image, one for each platform that it is built for. */
  readonly legs: readonly ScanLeg[]
  readonly scanners: string
  readonly 'fail-on': string
  /** The mildest severity of `fail-on` in the words of GitHub's dependency review; empty: it only warns. */
  readonly 'review-severity': '' | 'critical' | 'high' | 'moderate' | 'low'
  readonly 'ignore-unfixed': boolean
  readonly 'ignore-file': string
  readonly vex: string
  readonly 'strict-exceptions': boolean
  readonly grace: string
  readonly kev: string
  readonly 'trivy-version': string
  readonly timeout: string
  readonly codeql: { readonly legs: readonly CodeqlLeg[]; readonly queries: string } | null
  readonly semgrep: { readonly config: string } | null
  readonly sonarqube: { readonly 'host-url': string; readonly 'project-key': string } | null
}

/** A scan of one platform of the image, empty for the one that Trivy takes, and its name in names of files and of alerts. */
export type ScanLeg = { readonly platform: string; readonly name: string }

/** One language of CodeQL. */
export type CodeqlLeg = { readonly language: string; readonly 'build-mode': string }

/** What scan.yml needs. Every part is off where the service says nothing of it. */
export const scanOf = (service: string, described: Described): PlannedScan => {
  const { image, folder, scan, sast, package: packaging } = described
  const codeql = sast?.codeql
  const on = {
    source: scan?.source === true,
    dependencies: scan?.dependencies === true,
    image: scan?.image === true,
    verify: packaging?.verify === true,
  }
  const path = (given: string | undefined): string => (given === undefined ? '' : joined(folder, given))
  return {
    any: Object.values(on).includes(true) || sast !== undefined,
    ...on,
    category: service.replace(/-+/g, '-'),
    registry: isEcr(image) ? '' : hostOf(image),
    report: path(scan?.report),
    legs: legsOf(described),
    scanners: scan?.scanners?.join(',') ?? 'vuln',
    'fail-on': [scan?.['fail-on'] ?? 'none'].flat().join(','),
    'review-severity': REVIEWED.find(([severity]) => scan?.['fail-on'].includes(severity))?.[1] ?? '',
    'ignore-unfixed': scan?.['ignore-unfixed'] === true,
    'ignore-file': scan?.['ignore-file'] === 'none' ? 'none' : path(scan?.['ignore-file']),
    vex: scan?.vex.map(path).join('\n') ?? '',
    'strict-exceptions': scan?.['strict-exceptions'] === true,
    grace: Object.entries(scan?.grace ?? {})
      .map(([severity, days]) => `${severity}=${days}`)
      .join(','),
    kev: path(scan?.kev),
    'trivy-version': scan?.['trivy-version'] ?? '',
    timeout: scan?.timeout ?? '',
    codeql:
      codeql === undefined
        ? null
        : {
            legs: codeql.languages.map((language) => ({
              language,
              'build-mode': COMPILED.has(language)
                ? (codeql['build-mode'] ?? (language === 'go' ? 'autobuild' : 'none'))
                : 'none',
            })),
            queries: codeql.queries ?? '',
          },
    semgrep: sast?.semgrep ?? null,
    sonarqube: sast?.sonarqube ?? null,
  }
}

/** Of an image of several platforms Trivy looks at one. A report that is stored stands for all of them. */
const legsOf = (described: Described): readonly ScanLeg[] =>
  (described.scan?.report === undefined ? packageOf(described) : null)?.legs.map(({ platform, name }) => ({
    platform,
    name: `image-${name}`,
  })) ?? [{ platform: '', name: 'image' }]

/** The mildest first. It has no word for severities that are unknown. Source: README of actions/dependency-review-action, fail-on-severity. */
const REVIEWED = [
  ['LOW', 'low'],
  ['MEDIUM', 'moderate'],
  ['HIGH', 'high'],
  ['CRITICAL', 'critical'],
] as const

/** What CodeQL may have to build to read. Source: GitHub, "CodeQL code scanning for compiled languages". */
const COMPILED = new Set(['c-cpp', 'csharp', 'go', 'java-kotlin'])
