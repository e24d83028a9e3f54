import type { Described } from './file.ts'
import { hostOf } from './package.ts'
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
  /** The registry that the image is at, for `docker login`. */
  readonly registry: string
  /** A report that stands for the image's scan; empty for none. */
  readonly report: string
  readonly scanners: string
  readonly 'fail-on': string
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

/** One language of CodeQL. */
export type CodeqlLeg = { readonly language: string; readonly 'build-mode': string }

/** What scan.yml needs. Every part is off where the service says nothing of it. */
export const scanOf = (service: string, { image, folder, scan, sast, package: packaging }: Described): PlannedScan => {
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
    registry: hostOf(image),
    report: path(scan?.report),
    scanners: scan?.scanners?.join(',') ?? 'vuln',
    'fail-on': [scan?.['fail-on'] ?? 'none'].flat().join(','),
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

/** What CodeQL may have to build to read. Source: GitHub, "CodeQL code scanning for compiled languages". */
const COMPILED = new Set(['c-cpp', 'csharp', 'go', 'java-kotlin'])
