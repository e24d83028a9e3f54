import type { ReleaseRecord, Verdict } from './record.ts'

const KEPT = 10

/** The record with this release's end as the newest entry of its history; the last ten are kept. `at` in ms UTC. */
export const remember = (
  record: ReleaseRecord,
  outcome: { readonly verdict: Verdict; readonly at: number },
): ReleaseRecord => ({
  ...record,
  history: [
    ...record.history,
    { image: record.canary.image, hash: record.canary.hash, verdict: outcome.verdict, at: outcome.at },
  ].slice(-KEPT),
})
