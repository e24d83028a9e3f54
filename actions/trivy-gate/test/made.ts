import type { Found, Scan, Severity } from '../src/found.ts'
import type { Settings } from '../src/verdict.ts'

/** The clock of these tests. */
export const NOW = new Date('2026-06-15T12:00:00Z')

/** A vulnerability of a package of npm that has a fix. */
export const vulnerability = (over: Partial<Found> = {}): Found => ({
  kind: 'vulnerability',
  id: 'CVE-2026-1000',
  severity: 'HIGH',
  title: 'a parser reads past the end',
  target: 'package-lock.json',
  type: 'lang-pkgs/npm',
  package: { name: 'left', version: '1.0.0', purl: 'pkg:npm/left@1.0.0', fixed: '1.0.1', status: 'fixed' },
  published: '2026-01-01T00:00:00Z',
  ...over,
})

/** A secret, which has no package. */
export const secret = (over: Partial<Found> = {}): Found => ({
  kind: 'secret',
  id: 'aws-access-key-id',
  severity: 'CRITICAL',
  title: 'AWS Access Key ID',
  target: 'deploy.sh',
  type: 'secret',
  lines: { from: 3, to: 3 },
  ...over,
})

/** A scan of a directory with one result. */
export const scanOf = (found: readonly Found[], over: Partial<Scan> = {}): Scan => ({
  artifact: { name: '.', type: 'repository' },
  createdAt: '2026-06-15T11:00:00Z',
  scanner: '0.70.0',
  targets: 1,
  found,
  ...over,
})

/** The settings that the action has by default. */
export const settings = (over: Partial<Settings> = {}): Settings => ({
  failOn: new Set<Severity>(['CRITICAL', 'HIGH']),
  reportSeverity: new Set<Severity>(['UNKNOWN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL']),
  ignoreUnfixed: false,
  exceptions: [],
  strict: false,
  expiringWithinDays: 14,
  grace: { days: {}, from: 'published' },
  problems: [],
  ...over,
})
