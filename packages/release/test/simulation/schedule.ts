import { next as realNext } from '../../src/next.ts'
import type { Next, Plan, ReleaseRecord } from '../../src/record.ts'
import { type SimulatedCluster, simulatedCluster } from './cluster.ts'
import { owner } from './release.ts'
import { type Act, type End, type Mishap, run } from './run.ts'
import { judgeOf, type Scenario } from './scenario.ts'

/** One fault of a schedule, at the n-th save, stamp or command counted over all runs. */
export type Fault = {
  readonly at: number
  /** A zombie wakes up after so many acts of the runs that follow; absent: when they have ended. */
  readonly wake?: number
  readonly kind:
    | 'kill-before'
    | 'kill-after'
    | 'zombie'
    | 'conflict-lost'
    | 'conflict-landed'
    | 'upstream'
    | 'forbidden'
    | 'cancel'
    | 'kill-recovery'
    | 'stable-pod-dies'
    | 'canary-dies'
    | 'baseline-dies'
    | 'human-scales-baseline-to-1'
    | 'human-removes-baseline-service'
    | 'autoscaler-shrinks-stable'
    | 'foreign-deploy'
    | 'human-sets-weight-0'
    | 'human-sets-weight-90'
    | 'human-scales-canary-to-1'
    | 'human-scales-canary-to-0'
    | 'human-scales-canary-up'
    | 'human-scales-stable-to-1'
    | 'human-scales-stable-up'
    | 'human-frees-autoscaler'
    | 'human-undoes-promotion'
}

/** What is played: a scenario, a plan, and what befalls its runs. */
export type Schedule = {
  readonly scenario: Scenario
  readonly plan: Plan
  readonly faults: readonly Fault[]
  readonly recovery: 'resume' | 'reap'
  readonly next?: Next
  readonly fenced?: boolean
  /** Default true. */
  readonly autoscaled?: boolean
  /** After the first weight the route may not be written, until a run has given up over it. Default false. */
  readonly routeForbidden?: boolean
}

/** What was left once everything had ended; `broken` names each invariant that did not hold. */
export type Outcome = {
  readonly broken: readonly string[]
  readonly record: ReleaseRecord | undefined
  /** What the first run saved and performed, in order. */
  readonly acts: readonly Act[]
  /** The record as the first run left it. */
  readonly atFault: ReleaseRecord | undefined
  /** What the canary got, by the route and in fact, when a run gave up over a route that may not be written. */
  readonly stuck?: {
    readonly share: number
    /** What the fresh baseline got. */
    readonly beside: number
    readonly written: number
    readonly record: ReleaseRecord | undefined
  }
  readonly autoscaler: string
}

const MOMENT = 20
const BOUND = 6_000

/** Plays the schedule to its end: the first run, and after it as many recoveries as faults make needed; zombies go on last. */
export const play = (schedule: Schedule): Outcome => {
  const { scenario, plan, next = realNext, fenced = true } = schedule
  const cluster = simulatedCluster({
    split: plan.split === 'replicas' ? 'replicas' : 'weights',
    replicas: 4,
    routerDelay: scenario === 'route-not-taken' ? Number.POSITIVE_INFINITY : 1_800,
    canaryReadyAfter: scenario === 'never-ready' ? Number.POSITIVE_INFINITY : 800,
    baselineReadyAfter: scenario === 'baseline-never-ready' ? Number.POSITIVE_INFINITY : 1_100,
    promotedReadyAfter: scenario === 'stuck-promotion' ? Number.POSITIVE_INFINITY : 500,
    autoscaled: schedule.autoscaled ?? true,
    routeForbidden: schedule.routeForbidden ?? false,
    fenced,
  })
  const signal = { cancelled: false }
  const shared = { next, plan, judge: judgeOf(scenario) }
  const first = { ...shared, owner: owner('1'), mode: 'run', signal } as const
  const acts: Act[] = []
  let atFault: ReleaseRecord | undefined
  const pending = [...schedule.faults]
  const zombies: { readonly actor: Generator<Act, End, Mishap>; readonly wakeAt: number }[] = []
  let stuck: Outcome['stuck']
  let budget = BOUND

  /** Drives one run; `undefined` when a fault stopped it. */
  const drive = (actor: Generator<Act, End, Mishap>, isFirst: boolean): End | undefined => {
    let mishap: Mishap
    for (;;) {
      budget -= 1
      if (budget <= 0) throw new Error(`no end in ${BOUND} acts; state ${JSON.stringify(cluster.record?.state)}`)
      const { value, done } = actor.next(mishap)
      mishap = undefined
      if (done) return value
      cluster.advance(cluster.now + (value.do === 'sleep' ? value.ms : MOMENT))
      if (value.do !== 'save' && value.do !== 'perform' && value.do !== 'stamp') continue
      for (;;) {
        const n = zombies.findIndex((zombie) => zombie.wakeAt <= acts.length)
        const [zombie] = n < 0 ? [] : zombies.splice(n, 1)
        if (!zombie) break
        drive(zombie.actor, false)
      }
      const index = acts.length
      acts.push(value)
      for (;;) {
        const n = pending.findIndex((fault) => fault.at === index)
        const fault = pending[n]
        if (!fault) break
        pending.splice(n, 1)
        const stops = strike(fault, actor, isFirst)
        if (stops === 'stopped') return undefined
        mishap = stops
      }
    }
  }

  const strike = (fault: Fault, actor: Generator<Act, End, Mishap>, isFirst: boolean): Mishap | 'stopped' => {
    switch (fault.kind) {
      case 'kill-after':
        actor.next()
        atFault ??= cluster.record
        return 'stopped'
      case 'kill-before':
      case 'kill-recovery':
        atFault ??= cluster.record
        return 'stopped'
      case 'zombie':
        atFault ??= cluster.record
        zombies.push({ actor, wakeAt: fault.wake === undefined ? Number.POSITIVE_INFINITY : acts.length + fault.wake })
        return 'stopped'
      case 'cancel':
        signal.cancelled ||= isFirst
        return undefined
      case 'stable-pod-dies':
        cluster.crashStablePod()
        return undefined
      case 'canary-dies':
        cluster.crashCanaryPods()
        return undefined
      case 'baseline-dies':
        cluster.crashBaselinePods()
        return undefined
      case 'human-scales-baseline-to-1':
        cluster.scaleBaseline(1)
        return undefined
      case 'human-removes-baseline-service':
        cluster.dropBaseline()
        return undefined
      case 'autoscaler-shrinks-stable':
        cluster.shrinkStable()
        return undefined
      case 'foreign-deploy':
        cluster.deployForeign()
        return undefined
      case 'human-sets-weight-0':
        cluster.setWeight(0)
        return undefined
      case 'human-sets-weight-90':
        cluster.setWeight(90)
        return undefined
      case 'human-scales-canary-to-0':
        cluster.scaleCanary(0)
        return undefined
      case 'human-scales-canary-to-1':
        cluster.scaleCanary(1)
        return undefined
      case 'human-scales-canary-up':
        cluster.scaleCanary(9)
        return undefined
      case 'human-scales-stable-to-1':
        cluster.scaleStable(1)
        return undefined
      case 'human-scales-stable-up':
        cluster.scaleStable(7)
        return undefined
      case 'human-frees-autoscaler':
        cluster.freeAutoscaler()
        return undefined
      case 'human-undoes-promotion':
        cluster.undoPromotion()
        return undefined
      default:
        return fault.kind
    }
  }

  try {
    let end = drive(run(cluster, first), true)
    atFault ??= cluster.record
    // A cancelled run's post step is the same run and attempt, so it may take over at once.
    let n = 0
    while ((end !== 'done' && end !== 'nothing') || zombies.length > 0) {
      if (end === 'done' || end === 'nothing') {
        const zombie = zombies.shift()
        if (zombie) end = drive(zombie.actor, false)
        if (cluster.record === undefined || cluster.record.state.phase === 'done') end = 'done'
        continue
      }
      if (end === 'stuck') {
        stuck = {
          share: cluster.share,
          beside: cluster.besideShare,
          written: cluster.routeWeight,
          record: cluster.record,
        }
        cluster.unlockRoute()
      }
      n += 1
      const post = signal.cancelled && n === 1
      end = drive(
        run(cluster, {
          ...shared,
          owner: post ? owner('1') : owner(`${n + 1}`),
          mode: post ? 'reap' : schedule.recovery,
          signal: { cancelled: false },
        }),
        false,
      )
      if (end === 'busy') cluster.advance(cluster.now + 1_000)
    }
  } catch (thrown) {
    cluster.broken.push(`liveness: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
  cluster.advance(cluster.now + 4_000)
  if (cluster.record) cluster.checkAtRest()
  return {
    broken: cluster.broken,
    record: cluster.record,
    acts,
    atFault,
    autoscaler: cluster.autoscalerPolicy,
    ...(stuck === undefined ? {} : { stuck }),
  }
}

/** The verdict, or where there is none the phase that the release was left in. */
export const verdictIn = ({ record }: Outcome): string =>
  record?.state.phase === 'done' ? record.state.verdict : (record?.state.phase ?? 'nothing')

export type { SimulatedCluster }
