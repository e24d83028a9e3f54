import type { Severity } from '../../../actions/trivy-gate/src/found.ts'
import type { Settings } from '../../../actions/trivy-gate/src/verdict.ts'

/** Everything that costs something: grace for each severity, both feeds, and 200 exceptions. */
export const SETTINGS: Settings = {
  failOn: new Set<Severity>(['CRITICAL', 'HIGH']),
  reportSeverity: new Set<Severity>(['UNKNOWN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL']),
  ignoreUnfixed: true,
  exceptions: Array.from({ length: 200 }, (_, index) => ({
    id: `CVE-${2015 + (index % 12)}-${10_000 + index}`,
    source: 'trivyignore.yaml' as const,
    where: `.trivyignore.yaml:${index + 1}`,
    kinds: ['vulnerability' as const],
    paths: ['services/**'],
    reason: 'accepted',
    expires: '2026-12-31',
  })),
  strict: true,
  expiringWithinDays: 14,
  grace: { days: { CRITICAL: 2, HIGH: 14 }, from: 'published' },
  kev: new Set(Array.from({ length: 1500 }, (_, index) => `CVE-${2015 + (index % 12)}-${10_000 + index * 3}`)),
  epss: new Map(
    Array.from({ length: 60_000 }, (_, index) => [
      `CVE-${2015 + (index % 12)}-${10_000 + index}`,
      (index % 1000) / 1000,
    ]),
  ),
  problems: [],
}
