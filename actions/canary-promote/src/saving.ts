import { createHash } from 'node:crypto'
import type { Owner, ReleaseRecord } from '@sluice/release/record'
import type { Ports } from './ports.ts'
import { toData } from './saved.ts'

/**
 * Saves what this run holds. A conflict is not always somebody else: the answer to our own save may have been lost and its repetition refused, a
 * person may have annotated the ConfigMap, or deleted it. Whoever finds there what it left there itself, what it is about to save, or nothing, holds
 * the only newer version and saves it on top. Anything else is another's, also another job's of the same run.
 * @param known fingerprints of what this run may have left there: what it loaded or saved last, and saves since whose answers were lost
 * @returns the version saved; `conflict` when another's record is there. Decision record: docs/decisions/0002-release-state.md
 */
export const saveOwn = async (
  records: Ports['record'],
  record: ReleaseRecord,
  version: string | undefined,
  known: readonly string[],
): Promise<{ readonly version: string } | 'conflict'> => {
  const ours = new Set([...known, fingerprint(record)])
  let on = version
  for (let tries = 0; tries < TRIES; tries++) {
    const result = await records.save(record, on)
    if (result !== 'conflict') return result
    const live = await records.load()
    if (live !== undefined && !ours.has(fingerprint(live.record))) return 'conflict'
    on = live?.version
  }
  return 'conflict'
}

/** Tells records apart by all that is saved of them. */
export const fingerprint = (record: ReleaseRecord): string =>
  createHash('sha256')
    .update(JSON.stringify(toData(record)))
    .digest('hex')

/** Whether both are the same run and attempt. */
export const isSame = (a: Owner, b: Owner): boolean =>
  a.repository === b.repository && a.runId === b.runId && a.attempt === b.attempt

const TRIES = 4
