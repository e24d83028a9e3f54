import type { Scrape } from '@sluice/evidence/reading'
import { describe, Fault } from '@sluice/kit/faults'
import { describeChange } from '@sluice/release/describe'
import { next } from '@sluice/release/next'
import { pauseAfter } from '@sluice/release/pace'
import type { Event, Reason, ReleaseRecord, World } from '@sluice/release/record'
import { askedWeight } from '@sluice/release/way'
import { beginDrain, type DrainState, isDrained, watchDrain } from './drain.ts'
import { judgeLook, withWatch } from './judgement.ts'
import { progressLine, shortened } from './narration.ts'
import type { Ports, Saved } from './ports.ts'

/** One change of the state, for the timeline. `at` in ms UTC. */
export type Moment = { readonly at: number; readonly text: string }

/** How a run's part in a release ended. `done`: the release is over. The others leave it to whoever comes next. */
export type Driven = {
  readonly kind: 'done' | 'cancelled' | 'fenced' | 'out-of-time' | 'unreachable'
  readonly record: ReleaseRecord
  readonly world: World | undefined
  readonly moments: readonly Moment[]
  readonly drain: DrainState
  /** From the judge's rejection to weight 0 read back, ms; absent when this run did not see both. */
  readonly zeroAfter?: number
  readonly why?: Reason
}

/** `until`: on the monotonic clock, when this run must stop whatever the state. `first`: events to begin with, before the first look. */
export type Drive = { readonly until?: number; readonly first?: readonly Event[]; readonly heedCancel: boolean }

/**
 * Holds a release until it is over: look, decide, save, act, and again. The intended state is saved before anything is done about it; a save that
 * conflicts or a write that is fenced means that somebody else owns the release, and this run touches nothing more.
 * Decision record: docs/decisions/0002-release-state.md.
 */
export const drive = async (held: Saved, ports: Ports, { until, first = [], heedCancel }: Drive): Promise<Driven> => {
  const { clock, say } = ports
  const moments: Moment[] = []
  let { record, version } = held
  let world: World | undefined
  let drain = beginDrain
  let zeroAfter: number | undefined
  let failing = false
  let [renewed, saved, said, reached] = [clock.monotonic(), clock.monotonic(), clock.monotonic(), clock.monotonic()]

  const end = (kind: Driven['kind'], why?: Reason): Driven => ({
    kind,
    record,
    world,
    moments,
    drain,
    ...(zeroAfter === undefined ? {} : { zeroAfter }),
    ...(why === undefined ? {} : { why }),
  })
  const tell = (line: string): void => {
    say(line)
    said = clock.monotonic()
  }
  const save = async (changed: ReleaseRecord): Promise<boolean> => {
    const result = await ports.record.save(changed, version)
    if (result === 'conflict') return false
    record = changed
    version = result.version
    saved = clock.monotonic()
    return true
  }
  /** Feeds one event in; what was asked for is saved before it is done. */
  const feed = async (event: Event): Promise<'going' | 'fenced'> => {
    const moved = next(record, event)
    if (moved.record !== record) {
      const change = describeChange(record, moved.record)
      const line = change === undefined ? undefined : shortened(change, moved.record, record)
      if (!(await save(moved.record))) return 'fenced'
      if (line !== undefined) {
        moments.push({ at: clock.now(), text: line })
        tell(line)
      }
    }
    for (const command of moved.commands) {
      const result = await ports.cluster.perform(command, record)
      if (result.kind === 'done') {
        if (result.touched !== record.touched && !(await save({ ...record, touched: result.touched }))) return 'fenced'
        continue
      }
      tell(`refused: ${result.text}`)
      if (result.cause === 'fenced') return 'fenced'
      return feed({ kind: 'refused', at: clock.now(), command, cause: result.cause, text: result.text })
    }
    return 'going'
  }

  for (const event of first) if ((await feed(event)) === 'fenced') return end('fenced')
  for (;;) {
    const started = clock.monotonic()
    const before = record
    if (record.state.phase === 'done') {
      await ports.lease.release().catch(() => undefined)
      return end('done')
    }
    if (heedCancel && ports.cancelled.aborted) {
      const stopped = (await feed({ kind: 'cancelled', at: clock.now() })) === 'fenced' ? 'fenced' : 'cancelled'
      world = await ports.cluster.observe(record).catch(() => world)
      return end(stopped)
    }
    if (until !== undefined && started >= until) return end('out-of-time')
    try {
      if (started - renewed >= record.plan.lease / 3) {
        if ((await ports.lease.renew()) === 'lost') return end('fenced')
        renewed = started
      }
      const look = await lookAt(record, ports)
      world = {
        ...look.world,
        ...(isDrained(drain, look.world.at, record.plan.interval) ? { drained: true } : {}),
      }
      drain = watchDrain(drain, look.scrape, { at: clock.now(), draining: record.state.phase === 'draining' })
      const rejectedAt = rejection(record)
      if (
        zeroAfter === undefined &&
        rejectedAt !== undefined &&
        askedWeight(record) === 0 &&
        world.weight.written === 0
      ) {
        zeroAfter = Math.max(0, clock.now() - rejectedAt)
      }
      if (isJudged(record) && look.scrape !== undefined) {
        const { watch, judgement } = judgeLook(record, { at: world.at, scrape: look.scrape, world })
        record = withWatch(record, watch)
        if ((await feed({ kind: 'observed', world })) === 'fenced') return end('fenced')
        if ((await feed({ kind: 'judged', at: world.at, judgement })) === 'fenced') return end('fenced')
      } else if ((await feed({ kind: 'observed', world })) === 'fenced') return end('fenced')
      if (clock.monotonic() - saved >= SAVE_EVERY && isJudged(record) && !(await save(record))) return end('fenced')
      reached = clock.monotonic()
      if (failing) tell('the cluster can be read again')
      failing = false
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.kind !== 'upstream') throw thrown
      if (!failing) tell(`the cluster could not be read, trying again: ${describe(thrown)}`)
      failing = true
      if (clock.monotonic() - reached >= record.plan.readyWithin) return end('unreachable', unreachable(thrown))
    }
    if (clock.monotonic() - said >= SAY_EVERY) tell(progressLine(record, world))
    const pause = pauseAfter(before, record) - (isJudged(record) ? clock.monotonic() - started : 0)
    await rest(Math.max(failing ? RETRY_AFTER : 0, pause), ports)
  }
}

const SAVE_EVERY = 5000
const SAY_EVERY = 15_000
const RETRY_AFTER = 500

/** While the release is judged or drained the counters are read in the same moment as the cluster. */
const lookAt = async (
  record: ReleaseRecord,
  ports: Ports,
): Promise<{ readonly world: World; readonly scrape: Scrape | undefined }> => {
  const counted = isJudged(record) || record.state.phase === 'draining'
  const [world, scrape] = await Promise.all([
    ports.cluster.observe(record),
    counted ? ports.metrics.read(record) : undefined,
  ])
  return { world, scrape }
}

const isJudged = ({ state }: ReleaseRecord): boolean =>
  state.phase === 'preparing' || state.phase === 'raising' || state.phase === 'analysing' || state.phase === 'holding'

const rejection = (record: ReleaseRecord): number | undefined => {
  const { rejectedAt } = (record.evidence ?? {}) as { readonly rejectedAt?: number }
  return rejectedAt
}

const unreachable = (fault: Fault): Reason => ({
  code: 'unreachable',
  text: `the cluster could not be read for too long: ${fault.message}`,
  next: 'The release is saved in the cluster: run mode reap or resume once it can be reached.',
})

/** Sleeps in pieces, so that a cancelled run wakes up. */
const rest = async (ms: number, ports: Ports): Promise<void> => {
  if (ms > 0 && !ports.cancelled.aborted) await ports.clock.sleep(ms)
}
