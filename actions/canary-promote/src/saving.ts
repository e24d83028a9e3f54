import type { Owner, ReleaseRecord } from '@sluice/release/record'
import type { Ports } from './ports.ts'

/**
 * Saves what this run holds. A conflict is not always somebody else: the answer to our own save may have been lost and its repetition refused, a
 * person may have annotated the ConfigMap, or deleted it. Whoever finds the record still with its own epoch and run holds the only newer version, and
 * saves it on top of what is there.
 * @returns the version saved; `conflict` when another run's record is there. Decision record: docs/decisions/0002-release-state.md
 */
export const saveOwn = async (
  records: Ports['record'],
  record: ReleaseRecord,
  version?: string,
): Promise<{ readonly version: string } | 'conflict'> => {
  let on = version
  for (let tries = 0; tries < TRIES; tries++) {
    const result = await records.save(record, on)
    if (result !== 'conflict') return result
    const live = await records.load()
    if (live !== undefined && !isHeldBySame(live.record, record)) return 'conflict'
    on = live?.version
  }
  return 'conflict'
}

/** Whether both are the same run and attempt. */
export const isSame = (a: Owner, b: Owner): boolean =>
  a.repository === b.repository && a.runId === b.runId && a.attempt === b.attempt

const TRIES = 4

const isHeldBySame = (live: ReleaseRecord, ours: ReleaseRecord): boolean =>
  live.epoch === ours.epoch && isSame(live.owner, ours.owner)
