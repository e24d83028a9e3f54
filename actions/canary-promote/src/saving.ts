import type { Owner, ReleaseRecord } from '@sluice/release/record'
import type { Ports } from './ports.ts'
import { toData } from './saved.ts'

/**
 * Saves what this run holds. A conflict is not always somebody else: the answer to our own save may have been lost and its repetition refused, a
 * person may have annotated the ConfigMap, or deleted it. Whoever finds there what it saved last, what it is about to save, or nothing, holds the only
 * newer version and saves it on top. Anything else is another's, also another job's of the same run.
 * @param last the record as this run saved or loaded it last; absent before its first save
 * @returns the version saved; `conflict` when another's record is there. Decision record: docs/decisions/0002-release-state.md
 */
export const saveOwn = async (
  records: Ports['record'],
  record: ReleaseRecord,
  last: { readonly record: ReleaseRecord; readonly version: string } | undefined,
  version: string | undefined = last?.version,
): Promise<{ readonly version: string } | 'conflict'> => {
  let on = version
  for (let tries = 0; tries < TRIES; tries++) {
    const result = await records.save(record, on)
    if (result !== 'conflict') return result
    const live = await records.load()
    if (live !== undefined && ![record, last?.record].some((known) => known && isEqual(live.record, known)))
      return 'conflict'
    on = live?.version
  }
  return 'conflict'
}

/** Whether both are the same run and attempt. */
export const isSame = (a: Owner, b: Owner): boolean =>
  a.repository === b.repository && a.runId === b.runId && a.attempt === b.attempt

const TRIES = 4

const isEqual = (a: ReleaseRecord, b: ReleaseRecord): boolean => JSON.stringify(toData(a)) === JSON.stringify(toData(b))
