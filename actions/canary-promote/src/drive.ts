import type { Scrape } from '@sluice/evidence/reading'
import { describe, Fault } from '@sluice/kit/faults'
import { describeChange } from '@sluice/release/describe'
import { afterCommand, afterLook, differences, nothingWritten, undone } from '@sluice/release/foreign'
import { next } from '@sluice/release/next'
import { pauseAfter } from '@sluice/release/pace'
import type { Event, Reason, ReleaseRecord, Undone, World } from '@sluice/release/record'
import { askedMirror, askedWeight, isOut, splitTo } from '@sluice/release/way'
import { beginDrain, type DrainState, isDrained, watchDrain } from './drain.ts'
import { judgeLook, withWatch } from './judgement.ts'
import { cancelLine, plannedLines, progressLine, shortened } from './narration.ts'
import { type Standstill, standstill } from './patience.ts'
import { type Planned, plannedOf } from './planned.ts'
import type { Ports, Saved } from './ports.ts'
import { beginRecording, type Recording, recordLook } from './recording.ts'
import { fingerprint, saveOwn } from './saving.ts'

/** One change of the state, for the timeline. `at` in ms UTC. */
export type Moment = { readonly at: number; readonly text: string }

/** How a run's part in a release ended. `done`: the release is over. The others leave it to whoever comes next. */
export type Driven = {
  readonly kind: 'done' | 'cancelled' | 'fenced' | 'out-of-time' | 'unreachable' | 'stuck'
  readonly record: ReleaseRecord
  readonly world: World | undefined
  readonly moments: readonly Moment[]
  readonly drain: DrainState
  readonly recording: Recording
  /** What was said at the start of what the plan can see; absent where too little was measured in time. */
  readonly planned?: Planned
  /** By metric, what it was read by. */
  readonly queries: { readonly [metric: string]: string }
  /** From the judge's rejection to weight 0 read back, ms; absent when this run did not see both. */
  readonly zeroAfter?: number
  readonly why?: Reason
}

/**
 * `until`: on the monotonic clock, when this run must stop whatever the state. `first`: events to begin with, before the first look. `unmarked`: some
 * objects do not carry this run's epoch yet.
 */
export type Drive = {
  readonly until?: number
  readonly first?: readonly Event[]
  readonly heedCancel: boolean
  readonly unmarked?: boolean
}

/**
 * Holds a release until it is over: look, decide, save, act, and again. The intended state is saved before anything is done about it; a save that
 * meets another run's record or a write that is fenced means that somebody else owns the release, and this run touches nothing more.
 * Decision record: docs/decisions/0002-release-state.md.
 */
export const drive = async (held: Saved, ports: Ports, given: Drive): Promise<Driven> => {
  const { until, first = [], heedCancel } = given
  const { clock, say } = ports
  const moments: Moment[] = []
  let { record, version } = held
  let known = [fingerprint(record)]
  let world: World | undefined
  let drain = beginDrain
  let recording = beginRecording
  let planned: Planned | undefined
  let zeroAfter: number | undefined
  let failing = false
  let written = nothingWritten
  let unmarked = given.unmarked === true
  let refusal: Standstill['refusal']
  let still: Standstill = { since: clock.monotonic() }
  let [renewed, saved, said, reached] = [clock.monotonic(), clock.monotonic(), clock.monotonic(), clock.monotonic()]

  const end = (kind: Driven['kind'], why?: Reason): Driven => ({
    kind,
    record,
    world,
    moments,
    drain,
    recording,
    // Who only ends a release reads nothing, and may lack what the sources are made with.
    queries: Object.keys(recording.taken).length === 0 ? {} : ports.metrics.queries(record),
    ...(planned === undefined ? {} : { planned }),
    ...(zeroAfter === undefined ? {} : { zeroAfter }),
    ...(why === undefined ? {} : { why }),
  })
  /** Ends this run's part for good, so that whoever comes next need not wait for the Lease to run out; one that another run holds stays its own. */
  const letGo = async (kind: Driven['kind'], why?: Reason): Promise<Driven> => {
    await ports.lease.release().catch(() => undefined)
    return end(kind, why)
  }
  const tell = (line: string): void => {
    say(line)
    said = clock.monotonic()
  }
  const save = async (changed: ReleaseRecord): Promise<boolean> => {
    const before = known
    // Until an answer says otherwise it may have landed.
    known = [...known, fingerprint(changed)]
    const result = await saveOwn(ports.record, changed, version, before)
    if (result === 'conflict') return false
    record = changed
    version = result.version
    known = known.slice(-1)
    saved = clock.monotonic()
    return true
  }
  /** Feeds one event in; what was asked for is saved before it is done. */
  const feed = async (event: Event): Promise<'going' | 'fenced'> => {
    const moved = next(record, event)
    if (moved.record !== record) {
      const change = describeChange(record, moved.record)
      const line = change === undefined ? undefined : shortened(change, moved.record, record)
      const before = record
      const kept = await save(moved.record).catch(async (thrown: unknown) => {
        if (isWayBack(moved.record) && (await withdraw(before, world, ports))) {
          written = afterCommand(written, splitTo(0), 'done')
          tell(UNSAVED)
        }
        throw thrown
      })
      if (!kept) return 'fenced'
      for (const text of [...newlyForeign(before, moved.record), ...(line === undefined ? [] : [line])]) {
        moments.push({ at: clock.now(), text })
        tell(text)
      }
    }
    for (const command of moved.commands) {
      const result = await ports.cluster.perform(command, record)
      written = afterCommand(written, command, result.kind)
      if (result.kind === 'done') {
        if (result.touched !== record.touched && !(await save({ ...record, touched: result.touched }))) return 'fenced'
        continue
      }
      if (result.text !== (refusal ?? still.refusal)?.text) tell(`refused: ${result.text}`)
      if (result.cause === 'fenced') return 'fenced'
      refusal = { text: result.text, since: still.refusal?.since ?? clock.monotonic() }
      const asked = record
      const event = { kind: 'refused', at: clock.now(), command, cause: result.cause, text: result.text } as const
      if ((await feed(event)) === 'fenced') return 'fenced'
      // The commands of a look do not rest on one another: a size that is refused must not keep the weight from going down.
      if (record !== asked) return 'going'
    }
    return 'going'
  }

  // A look that hangs does not keep a run that was told to stop from its last write.
  const stopped = new Promise<undefined>((resolve) => {
    if (heedCancel) ports.cancelled.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  for (const event of first) if ((await feed(event)) === 'fenced') return letGo('fenced')
  for (;;) {
    const started = clock.monotonic()
    const before = record
    if (record.state.phase === 'done') return letGo('done')
    if (heedCancel && ports.cancelled.aborted) {
      tell(cancelLine(record))
      const fed = await feed({ kind: 'cancelled', at: clock.now() }).catch((thrown: unknown) => {
        if (!(thrown instanceof Fault)) throw thrown
        tell(`the API server failed: ${describe(thrown)}`)
        return 'going'
      })
      world = await ports.cluster.observe(record).catch(() => world)
      return fed === 'fenced' ? letGo('fenced') : end('cancelled')
    }
    if (until !== undefined && started >= until) return letGo('out-of-time')
    try {
      if (started - renewed >= record.plan.lease / 3) {
        if ((await renewal(ports, tell)) === 'lost') return letGo('fenced')
        renewed = started
      }
      refusal = undefined
      if (unmarked && !mayStayUnmarked(record)) {
        const marked = await ports.cluster.stamp(record, 'all')
        if (marked.kind === 'done') {
          unmarked = false
          if (marked.touched !== record.touched && !(await save({ ...record, touched: marked.touched })))
            return letGo('fenced')
        } else if (marked.cause === 'fenced') return letGo('fenced')
        else if (!isDown(record)) throw new Fault('upstream', `the release could not mark its objects: ${marked.text}`)
        else refusal = { text: marked.text, since: still.refusal?.since ?? clock.monotonic() }
      }
      const look = await Promise.race([lookAt(record, ports), stopped])
      if (look === undefined) continue
      const foreign = await Promise.all(
        differences(written, record, look.world).map(async (found) => {
          const by = await ports.cluster.authorOf(record, found.what).catch(() => undefined)
          return by === undefined ? found : { ...found, by }
        }),
      )
      const reverted = await reversal(undone(written, record, look.world), record, ports)
      written = afterLook(written, record, look.world)
      world = {
        ...look.world,
        ...(reverted === undefined ? {} : { undone: reverted }),
        ...(foreign.length === 0 ? {} : { foreign }),
        ...(isDrained(drain, look.world.at, record.plan.interval) ? { drained: true } : {}),
      }
      drain = watchDrain(drain, look.scrape, {
        at: clock.now(),
        draining: record.state.phase === 'draining',
        fresh: record.plan.baseline === 'fresh',
      })
      const rejectedAt = rejection(record)
      if (zeroAfter === undefined && rejectedAt !== undefined && askedWeight(record) === 0 && isOut(world)) {
        zeroAfter = Math.max(0, clock.now() - rejectedAt)
      }
      if (refusal !== undefined) {
        // What is not marked yet could still be written by the run before, and must not be left to it.
      } else if (isJudged(record) && look.scrape !== undefined) {
        const { watch, judgement, judged } = judgeLook(record, { at: world.at, scrape: look.scrape, world })
        recording = recordLook(recording, { record, world, samples: judged.samples })
        record = withWatch(record, watch)
        if (planned === undefined) {
          planned = plannedOf(record, world, recording)
          for (const line of plannedLines(planned)) tell(line)
        }
        if ((await feed({ kind: 'observed', world })) === 'fenced') return letGo('fenced')
        if ((await feed({ kind: 'judged', at: world.at, judgement })) === 'fenced') return letGo('fenced')
      } else {
        recording = recordLook(recording, { record, world })
        if ((await feed({ kind: 'observed', world })) === 'fenced') return letGo('fenced')
      }
      if (clock.monotonic() - saved >= SAVE_EVERY && isJudged(record) && !(await save(record))) return letGo('fenced')
      reached = clock.monotonic()
      if (failing) tell('the cluster answers again')
      failing = false
      still = {
        since: record.state === before.state ? still.since : reached,
        ...(refusal === undefined ? {} : { refusal }),
        ...(world.diverted === true ? { diverted: true } : {}),
        ...(isAlone(world) ? { alone: true } : {}),
      }
      const why = standstill(record, still, reached)
      if (why !== undefined) return letGo('stuck', why)
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.kind !== 'upstream') {
        // A record that can no longer be read, or a bug: whatever ends the run, it leaves no traffic on a canary that nobody watches.
        if (await withdraw(record, world, ports)) tell(UNWATCHED)
        throw thrown
      }
      if (!failing) tell(`the cluster could not be read or written, trying again: ${describe(thrown)}`)
      failing = true
      if (clock.monotonic() - reached >= record.plan.readyWithin) {
        if (await withdraw(record, world, ports)) tell(UNWATCHED)
        return end('unreachable', unreachable(thrown))
      }
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
    counted ? ports.metrics.read(record).catch((thrown: unknown) => unread(record, thrown)) : undefined,
  ])
  return { world, scrape }
}

/** Who only takes a release back, on another machine or in the cluster, has no credentials of the sources: a drain that nothing measures takes its own time. */
const unread = (record: ReleaseRecord, thrown: unknown): undefined => {
  if (isJudged(record) || !(thrown instanceof Fault) || thrown.kind !== 'input') throw thrown
  return undefined
}

/**
 * Takes the traffic from a canary that is still being analysed, without a saved state: for a way back that cannot be saved, and for a run that gives up.
 * Whoever takes the release over finds a canary without traffic, which is safe from every state that was saved before. Not where stable is short.
 * @returns whether the weight was written
 */
const withdraw = async (record: ReleaseRecord, world: World | undefined, ports: Ports): Promise<boolean> => {
  if (!isJudged(record) || (askedWeight(record) === 0 && askedMirror(record) === 0)) return false
  if (world === undefined || world.stable.available < record.stableReplicas) return false
  const result = await ports.cluster.perform({ do: 'weight', to: 0 }, record)
  if (result.kind === 'done') return true
  ports.say(`refused: ${result.text}`)
  return false
}

/** What somebody else changed since the record before, in words for the log. */
const newlyForeign = (before: ReleaseRecord, after: ReleaseRecord): readonly string[] =>
  (after.foreign ?? [])
    .slice(before.foreign?.length ?? 0)
    .map(
      ({ text, by }) => `somebody else${by === undefined ? '' : ` (${by})`} changed what this release wrote: ${text}`,
    )

/** Who put stable's previous template back, once that is certain. */
const reversal = async (
  found: Undone | undefined,
  record: ReleaseRecord,
  { cluster }: Ports,
): Promise<Undone | undefined> => {
  if (found?.sure !== true) return found
  const by = await cluster.authorOf(record, 'stable-template').catch(() => undefined)
  return by === undefined ? found : { ...found, by }
}

/** No pod of stable answers, and the canary has a share: it is all that does. */
const isAlone = ({ stable, canary, weight }: World): boolean =>
  stable.available === 0 && (canary?.ready ?? 0) > 0 && weight.written > 0

const isDown = ({ state }: ReleaseRecord): boolean =>
  state.phase === 'lowering' || state.phase === 'draining' || state.phase === 'cleaning'

// Until the canary has no traffic nothing comes before taking it away; every write of that marks what it writes.
const mayStayUnmarked = ({ state }: ReleaseRecord): boolean => state.phase === 'lowering' || state.phase === 'draining'

const isWayBack = ({ state }: ReleaseRecord): boolean => state.phase === 'lowering' && state.to === 'back'

/** A Lease that cannot be renewed does not keep the run from looking: others may take the release over then, and the epoch tells whose it is. */
const renewal = async ({ lease }: Ports, tell: (line: string) => void): Promise<'held' | 'lost'> => {
  try {
    return await lease.renew()
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.kind !== 'upstream') throw thrown
    tell(`the Lease could not be renewed: ${describe(thrown)}`)
    return 'held'
  }
}

const UNWATCHED = 'nobody watches the canary any more: its weight was set to 0'
const UNSAVED = 'the way back could not be saved; the weight was set to 0 all the same'

const isJudged = ({ state }: ReleaseRecord): boolean =>
  state.phase === 'preparing' || state.phase === 'raising' || state.phase === 'analysing' || state.phase === 'holding'

const rejection = (record: ReleaseRecord): number | undefined => {
  const { rejectedAt } = (record.evidence ?? {}) as { readonly rejectedAt?: number }
  return rejectedAt
}

const unreachable = (fault: Fault): Reason => ({
  code: 'unreachable',
  text: `the cluster could not be read or written for too long: ${fault.message}`,
  next: 'The release is saved in the cluster: run mode reap or resume once it can be reached.',
})

/** Sleeps in pieces, so that a cancelled run wakes up. */
const rest = async (ms: number, ports: Ports): Promise<void> => {
  if (ms > 0 && !ports.cancelled.aborted) await ports.clock.sleep(ms)
}
