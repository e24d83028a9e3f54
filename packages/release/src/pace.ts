import type { ReleaseRecord, State } from './record.ts'
import { askedWeight } from './way.ts'

const SHORTEST_LOOK = 500

/**
 * How long the loop sleeps before its next look, ms: not at all when the state moved on, `plan.interval` while a step is watched,
 * at most half a second while something is being waited for.
 */
export const pauseAfter = (before: ReleaseRecord, after: ReleaseRecord): number => {
  const { interval } = after.plan
  if (isWatched(before.state) && isWatched(after.state)) return interval
  return goalOf(before) === goalOf(after) ? Math.min(interval, SHORTEST_LOOK) : 0
}

const isWatched = ({ phase }: State): boolean => phase === 'analysing' || phase === 'holding'

const goalOf = (record: ReleaseRecord): string => `${record.epoch} ${record.state.phase} ${askedWeight(record)}`
