import { afterCommand, afterLook, differences, nothingWritten, undone } from '../../src/foreign.ts'
import { pauseAfter } from '../../src/pace.ts'
import type { Command, Event, Judgement, Next, Owner, ReleaseRecord, World } from '../../src/record.ts'
import { startRelease } from '../../src/start.ts'
import type { Answer, SimulatedCluster } from './cluster.ts'
import { start, template } from './release.ts'

/** Something a run is about to do. `sleep` takes `ms`, everything else a moment. The scheduler may stop the run here for good or for a while. */
export type Act =
  | { readonly do: 'lease' | 'load' | 'save' | 'stamp' | 'look'; readonly phase?: string }
  | { readonly do: 'perform'; readonly command: Command; readonly phase?: string }
  | { readonly do: 'sleep'; readonly ms: number }

/** What befalls the act: `conflict-lost` and `conflict-landed` for saves, the refusals for commands and looks. */
export type Mishap = 'conflict-lost' | 'conflict-landed' | 'upstream' | 'forbidden' | undefined

/** One run of the action, as the simulation plays it. */
export type Run = {
  readonly owner: Owner
  readonly mode: 'run' | 'resume' | 'reap'
  readonly next: Next
  readonly plan: ReleaseRecord['plan']
  readonly judge: (record: ReleaseRecord, world: World) => Judgement
  readonly signal: { cancelled: boolean }
}

/** How a run ended. `stopped`: fenced, or told to stop. `stuck`: writes of the way down were refused for twice `readyWithin`. */
export type End = 'done' | 'stopped' | 'busy' | 'nothing' | 'stuck'

/** The loop of a run, as docs/decisions/0002-release-state.md says it, with a pause before every act. */
export function* run(cluster: SimulatedCluster, me: Run): Generator<Act, End, Mishap> {
  const owned = yield* own(cluster, me)
  if (!owned) return 'stopped'
  if (owned === 'busy') return 'busy'
  if (owned === 'nothing') {
    cluster.giveLeaseUp(me.owner)
    return 'nothing'
  }
  let { record, version } = owned
  let seen: World | undefined
  let handledSignal = false
  let written = nothingWritten
  let refusedSince: number | undefined
  let refusedNow = false

  /** Saves what the event changed, then performs; false when the run is fenced. */
  function* feed(event: Event): Generator<Act, boolean, Mishap> {
    const before = record
    const moved = me.next(record, event)
    let { commands } = moved
    if (moved.record !== before) {
      const saved: Saved = yield* save(cluster, moved.record, version)
      if (saved === 'fenced') return false
      // Whatever the conflict left in the cluster is where this run goes on.
      if (saved.record !== moved.record) commands = []
      record = saved.record
      version = saved.version
    }
    for (const command of commands) {
      const mishap: Mishap = yield { do: 'perform', command, phase: record.state.phase }
      const writer = { epoch: record.epoch, seen, cancelled: me.signal.cancelled }
      const answer: Answer =
        mishap === 'upstream' || mishap === 'forbidden' ? mishap : cluster.perform(command, record, writer)
      written = afterCommand(written, command, answer === 'written' ? 'done' : 'refused')
      if (answer === 'written') continue
      refusedNow = true
      const refusal = yield* feed({ kind: 'refused', at: cluster.now, command, cause: answer, text: 'simulated' })
      return answer === 'fenced' ? false : refusal
    }
    return true
  }

  for (;;) {
    const before = record
    refusedNow = false
    if (me.signal.cancelled && !handledSignal) {
      handledSignal = true
      if (!(yield* feed({ kind: 'cancelled', at: cluster.now }))) return 'stopped'
      return 'stopped'
    }
    const mishap: Mishap = yield { do: 'look', phase: record.state.phase }
    if (!cluster.renewLease(me.owner)) return 'stopped'
    if (mishap !== 'upstream') {
      const looked = cluster.observe()
      const reverted = undone(written, record, looked)
      seen = {
        ...looked,
        foreign: differences(written, record, looked),
        ...(reverted === undefined ? {} : { undone: reverted }),
      }
      written = afterLook(written, record, looked)
      if (!(yield* feed({ kind: 'observed', world: seen }))) return 'stopped'
      if (isJudged(record) && !me.signal.cancelled) {
        const judgement = me.judge(record, seen)
        if (!(yield* feed({ kind: 'judged', at: cluster.now, judgement }))) return 'stopped'
      }
    }
    if (record.state.phase === 'done') {
      cluster.giveLeaseUp(me.owner)
      return 'done'
    }
    refusedSince = refusedNow ? (refusedSince ?? cluster.now) : undefined
    const isDown = ['lowering', 'draining', 'cleaning'].includes(record.state.phase)
    if (isDown && refusedSince !== undefined && cluster.now - refusedSince >= 2 * record.plan.readyWithin) {
      cluster.giveLeaseUp(me.owner)
      return 'stuck'
    }
    const ms = pauseAfter(before, record)
    if (ms > 0 && !me.signal.cancelled) yield { do: 'sleep', ms }
  }
}

type Owned = { readonly record: ReleaseRecord; readonly version: number }
type Saved = Owned | 'fenced'

const isJudged = ({ state }: ReleaseRecord): boolean =>
  state.phase === 'analysing' ||
  state.phase === 'holding' ||
  state.phase === 'raising' ||
  (state.phase === 'preparing' && state.step > 0)

function* own(cluster: SimulatedCluster, me: Run): Generator<Act, Owned | 'nothing' | 'busy' | undefined, Mishap> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    yield { do: 'lease' }
    if (!cluster.takeLease(me.owner, me.plan.lease)) return 'busy'
    yield { do: 'load' }
    const loaded = cluster.load()
    if (!loaded || loaded.record.state.phase === 'done') {
      if (me.mode === 'reap' || (loaded && me.mode === 'resume')) return 'nothing'
      const live = cluster.observe().stable
      const started = startRelease(
        start({
          owner: me.owner,
          plan: me.plan,
          at: cluster.now,
          stable: template(live.hash, 'a'),
          stableReplicas: live.desired,
          ...(loaded ? { previous: loaded.record } : {}),
        }),
      )
      if (started.kind === 'refused') return 'nothing'
      const version = yield* write(cluster, started.record, loaded?.version)
      if (version !== 'conflict') return { record: started.record, version }
      const found = cluster.load()
      // The answer was lost, the write was not.
      if (found?.record.epoch === started.record.epoch && found.record.owner.runId === me.owner.runId) return found
      continue
    }
    const mode = me.mode === 'run' ? 'reap' : me.mode
    const { record } = me.next(loaded.record, { kind: 'taken-over', at: cluster.now, mode, owner: me.owner })
    const version = yield* write(cluster, record, loaded.version)
    if (version === 'conflict') continue
    yield { do: 'stamp' }
    if (cluster.stamp(record.epoch) === 'fenced') return undefined
    return { record, version }
  }
  return undefined
}

function* save(cluster: SimulatedCluster, record: ReleaseRecord, version: number): Generator<Act, Saved, Mishap> {
  const saved = yield* write(cluster, record, version)
  if (saved !== 'conflict') return { record, version: saved }
  yield { do: 'load' }
  const loaded = cluster.load()
  return loaded && loaded.record.epoch === record.epoch ? loaded : 'fenced'
}

function* write(
  cluster: SimulatedCluster,
  record: ReleaseRecord,
  version: number | undefined,
): Generator<Act, number | 'conflict', Mishap> {
  const mishap: Mishap = yield { do: 'save', phase: record.state.phase }
  if (mishap === 'conflict-lost') return 'conflict'
  const saved = cluster.save(record, version)
  return mishap === 'conflict-landed' ? 'conflict' : saved
}
