import type { Command, Owner, ReleaseRecord, World } from '../../src/record.ts'
import { carries, stableNeed } from '../../src/sizing.ts'
import { type Deployment, isRolledOut, readyPods, reconcile } from './deployment.ts'
import { CANARY, PREVIOUS } from './release.ts'

const replicasCanarySize = (weight: number, stableSize: number): number =>
  weight <= 0 ? 0 : Math.max(1, Math.ceil((weight * stableSize) / (100 - weight)))

const replicasShare = (canarySize: number, stableSize: number): number =>
  canarySize + stableSize === 0 ? 0 : (100 * canarySize) / (canarySize + stableSize)

/** How this cluster behaves. Times in ms; `Infinity`: never ready. */
export type Behaviour = {
  readonly split: 'weights' | 'replicas'
  readonly replicas: number
  readonly routerDelay: number
  readonly canaryReadyAfter: number
  readonly baselineReadyAfter: number
  /** Pods of stable's Deployment with the new template. */
  readonly promotedReadyAfter: number
  /** Stable has an autoscaler that makes it smaller as it gets less traffic, unless it is kept from it. */
  readonly autoscaled: boolean
  /** From the first look that raised a weight on, the route may not be written. */
  readonly routeForbidden: boolean
  /** Off: writes of old epochs land. For showing that the fence is what holds invariant 5. */
  readonly fenced: boolean
}

/** How a simulated write ends. */
export type Answer = 'written' | 'fenced' | 'upstream' | 'forbidden'

/** Who writes, and what it believes. */
export type Writer = {
  readonly epoch: number
  /** The true cluster at the writer's last look, whatever the state machine was told. */
  readonly seen: World | undefined
  readonly cancelled: boolean
}

const TICK = 100
const DRAINED_AFTER = 800
const DELETION = 300
const STABLE_READY_AFTER = 600

/**
 * A simulated cluster: stable, canary, Service, route with a router that follows late, the record with compare-and-set, the Lease.
 * Every landing write and every tick is checked against the invariants; `broken` names the first ones that did not hold.
 */
export const simulatedCluster = (behaviour: Behaviour) => {
  let now = 0
  const broken: string[] = []
  const breaks = (what: string) => broken.push(`${now} ms: ${what}`)

  const stable: Deployment = {
    hash: PREVIOUS,
    desired: behaviour.replicas,
    pods: Array.from({ length: behaviour.replicas }, () => ({ hash: PREVIOUS, readyAt: 0, crashed: false })),
  }
  let canary: Deployment | undefined
  let service = false
  let baseline: Deployment | undefined
  let baselineService = false
  let route:
    | {
        written: number
        mirrored: number
        beside: number
        epoch: number
        human?: boolean
        pending: { weight: number; mirror: number; beside: number; at: number }[]
      }
    | undefined
  let applied = 0
  let copied = 0
  let besides = 0
  let diverted = false
  let routeLocked = false
  const autoscaler: { policy: 'own' | 'disabled' | 'human'; epoch?: number } = { policy: 'own' }
  let stored: { record: ReleaseRecord; version: number } | undefined
  let lease: { holder: string; renewedAt: number } | undefined
  let stamped = 0
  let trafficEndedAt = Number.NEGATIVE_INFINITY
  let partedAt = Number.NEGATIVE_INFINITY
  let lastAvailable = behaviour.replicas
  let lastDesired = behaviour.replicas
  let wholeAt = -1
  let undoneUnseen = false
  let stableShortSince: number | undefined
  const owners = new Map<number, string>()
  const byReplicas = behaviour.split === 'replicas'

  const share = () =>
    byReplicas
      ? replicasShare(readyPods(canary, now), readyPods(stable, now))
      : diverted || (readyPods(canary, now) === 0 && applied === 0)
        ? 0
        : applied
  const besideShare = () => (diverted || (readyPods(baseline, now) === 0 && besides === 0) ? 0 : besides)
  const shareIsZero = () => share() === 0 && besideShare() === 0 && (diverted || copied === 0)

  const autoscale = () => {
    if (!behaviour.autoscaled || autoscaler.policy !== 'own' || now % 500 !== 0) return
    const others = share() + besideShare()
    const target = Math.max(1, Math.ceil(((100 - others) * behaviour.replicas) / 100))
    if (target >= stable.desired) return
    stable.desired = target
    if (others > 0) breaks(`2: an autoscaler shrank stable to ${target} while the canary had ${share()} %`)
  }

  const tick = () => {
    autoscale()
    reconcile(stable, now, (hash) => (hash === CANARY ? behaviour.promotedReadyAfter : STABLE_READY_AFTER))
    if (canary) {
      if (canary.deletingSince === undefined) reconcile(canary, now, () => behaviour.canaryReadyAfter)
      else {
        canary.pods = []
        if (now - canary.deletingSince >= DELETION) canary = undefined
      }
    }
    if (baseline) {
      if (baseline.deletingSince === undefined) reconcile(baseline, now, () => behaviour.baselineReadyAfter)
      else {
        baseline.pods = []
        if (now - baseline.deletingSince >= DELETION) baseline = undefined
      }
    }
    const had = !shareIsZero()
    const parted = besideShare() === 0
    for (const change of route?.pending ?? []) {
      if (change.at > now) continue
      applied = change.weight
      copied = change.mirror
      besides = change.beside
    }
    if (!parted && besideShare() === 0) partedAt = now
    if (route) route.pending = route.pending.filter((change) => change.at > now)
    if (had && shareIsZero()) trafficEndedAt = now
    if (!byReplicas && applied > 0 && !diverted && !canary)
      breaks('1: the router sends traffic to a canary that is gone')
    if (besides > 0 && !diverted && !baseline) breaks('1: the router sends traffic to a baseline that is gone')
    const short = readyPods(stable, now) < Math.max(behaviour.replicas, stable.desired)
    stableShortSince = short ? (stableShortSince ?? now) : undefined
  }

  const writtenWeight = () => {
    if (!byReplicas) return route?.written ?? 0
    return canary && canary.desired > 0 ? (canary.asked ?? 0) : 0
  }

  const isWhole = () =>
    stable.hash === CANARY &&
    isRolledOut(stable, now) &&
    stable.pods.length >= (stored?.record.stableReplicas ?? behaviour.replicas)

  const observe = (): World => {
    undoneUnseen = false
    lastAvailable = readyPods(stable, now)
    lastDesired = stable.desired
    if (isWhole()) wholeAt = now
    return look()
  }

  const look = (): World => ({
    at: now,
    weight: {
      written: writtenWeight(),
      accepted: byReplicas
        ? readyPods(canary, now) === (canary?.desired ?? 0) && (canary?.pods.length ?? 0) === (canary?.desired ?? 0)
        : (route?.pending.length ?? 0) === 0,
      marked: route !== undefined,
      ...(route !== undefined && route.mirrored > 0 ? { mirrored: route.mirrored } : {}),
      ...(route !== undefined && route.beside > 0 ? { baseline: route.beside } : {}),
    },
    stable: {
      desired: stable.desired,
      available: readyPods(stable, now),
      hash: stable.hash,
      rolledOut: isRolledOut(stable, now),
    },
    ...(canary
      ? { canary: { desired: canary.desired, ready: readyPods(canary, now), restarts: 0, hash: canary.hash } }
      : {}),
    service,
    ...(baseline
      ? { baseline: { desired: baseline.desired, ready: readyPods(baseline, now), restarts: 0, hash: baseline.hash } }
      : {}),
    ...(baselineService ? { baselineService } : {}),
    ...(diverted ? { diverted } : {}),
    ...(behaviour.autoscaled
      ? { autoscalers: { frozen: autoscaler.epoch !== undefined, marked: autoscaler.epoch !== undefined } }
      : {}),
    drained: shareIsZero() && now - trafficEndedAt >= DRAINED_AFTER,
    leftovers: [canary, service, baseline, baselineService].filter(Boolean).length,
  })

  const mayWrite = (object: { epoch?: number } | undefined, epoch: number): boolean => {
    if (!behaviour.fenced) return true
    return object?.epoch === undefined ? stored?.record.epoch === epoch : object.epoch <= epoch
  }

  const landed = (epoch: number, command: string) => {
    if (epoch < stamped) breaks(`5: "${command}" of epoch ${epoch} landed after epoch ${stamped} owned the release`)
  }

  const checkWeight = (to: number, writer: Writer, beside = 0) => {
    const before = writtenWeight()
    const besideBefore = route?.beside ?? 0
    const { seen } = writer
    if (!seen) {
      if (!writer.cancelled) breaks('1: a weight was written without a look')
      return
    }
    // What a person takes away between the look and this write is not known to it.
    if (to > Math.max(before, seen.weight.written) && !byReplicas) {
      const ready = seen.canary?.ready ?? 0
      const enough = (ready * 100) / seen.stable.desired
      if (!seen.canary || ready < seen.canary.desired || enough < Math.min(to, 99))
        breaks(`1: weight ${to} for a canary with ${ready} of ${seen.canary?.desired ?? 0} pods ready`)
    }
    if (beside > Math.max(besideBefore, seen.weight.baseline ?? 0)) {
      const { ready = 0, desired = 0 } = seen.baseline ?? {}
      if (ready < desired || (ready * 100) / seen.stable.desired < beside)
        breaks(`1: share ${beside} for a fresh baseline with ${ready} of ${desired} pods ready`)
      if (beside !== to) breaks(`7: the fresh baseline's share ${beside} was raised and the canary's is ${to}`)
    }
    const isCompared = stored?.record.plan.baseline === 'fresh' && stored.record.state.phase === 'raising'
    if (to > before && isCompared && beside !== to)
      breaks(`7: the canary's share was raised to ${to} and the fresh baseline's is ${beside}`)
    // A canary whose Service is led to stable's pods has no share to give back.
    // Neither is what a person gave it between the look and this write known to it.
    const known = Math.min(before + besideBefore, seen.weight.written + (seen.weight.baseline ?? 0))
    if (to + beside >= known || writer.cancelled || !stored || seen.diverted) return
    const { state } = stored.record
    const lost = (seen.canary?.ready ?? 0) === 0
    // Somebody else's template on stable is not waited for.
    const kept = 'restore' in state && state.restore && seen.stable.hash !== 'foreign'
    const waitedFor = stableShortSince === undefined ? 0 : now - stableShortSince
    // Without one pod of stable the canary is all that answers.
    // A route that refused the weight while stable was whole is waited for as long, and stable may become short in that very moment.
    const askedFor = routeLocked && state.phase === 'lowering' ? now - state.since : 0
    const waited = Math.max(waitedFor, askedFor) >= stored.record.plan.readyWithin - 10 * TICK
    const waitedEnough = !kept && waited && seen.stable.available > 0
    const lostBaseline = besideBefore > 0 && (seen.baseline?.ready ?? 0) === 0
    if (
      !lost &&
      !lostBaseline &&
      !waitedEnough &&
      !carries(seen.stable.available, to + beside, stableNeed(stored.record, seen))
    )
      breaks(
        `2: weight lowered to ${to} and ${beside} with ${seen.stable.available} of ${seen.stable.desired} stable pods available`,
      )
    if (kept && !lost && to === 0 && seen.stable.hash === CANARY)
      breaks('2: weight 0 on the way back from a promotion before stable had its template again')
  }

  const checkMirror = (mirror: number, { seen }: Writer) => {
    if (mirror <= (route?.mirrored ?? 0)) return
    const ready = seen?.canary?.ready ?? 0
    const enough = (ready * 100) / (seen?.stable.desired ?? 1)
    if (!seen?.canary || ready < seen.canary.desired || enough < Math.min(mirror, 99))
      breaks(`1: a copy of ${mirror} % for a canary with ${ready} of ${seen?.canary?.desired ?? 0} pods ready`)
  }

  const checkRemoval = (what: string, writer: Writer) => {
    const lost = (writer.seen?.canary?.ready ?? 0) === 0
    const drained = now - trafficEndedAt >= DRAINED_AFTER || now - trafficEndedAt >= (stored?.record.plan.drain ?? 0)
    if (canary && canary.pods.length > 0 && !lost && !byReplicas && !route?.human && !(shareIsZero() && drained))
      breaks(`1: ${what} while the canary still has requests (share ${share()})`)
  }

  const checkParted = (what: string, writer: Writer) => {
    const lost = (writer.seen?.baseline?.ready ?? 0) === 0
    const since = now - partedAt
    const drained = since >= DRAINED_AFTER || since >= (stored?.record.plan.drain ?? 0)
    if (baseline && baseline.pods.length > 0 && !lost && !route?.human && !(besideShare() === 0 && drained))
      breaks(`1: ${what} while the fresh baseline still has requests (share ${besideShare()})`)
  }

  const perform = (command: Command, record: ReleaseRecord, writer: Writer): Answer => {
    const { epoch } = writer
    const land = (object: { epoch?: number } | undefined) => {
      landed(epoch, JSON.stringify(command))
      if (object) object.epoch = epoch
    }
    switch (command.do) {
      case 'freeze-autoscalers':
      case 'restore-autoscalers': {
        if (!mayWrite(autoscaler, epoch)) return 'fenced'
        const [from, to] =
          command.do === 'freeze-autoscalers' ? (['own', 'disabled'] as const) : (['disabled', 'own'] as const)
        landed(epoch, command.do)
        // What a person decided is not ours to change.
        if (autoscaler.policy === from) autoscaler.policy = to
        if (command.do === 'freeze-autoscalers') autoscaler.epoch = epoch
        else delete autoscaler.epoch
        return 'written'
      }
      case 'divert-service':
        if (!service && !baselineService) return 'upstream'
        if (!mayWrite(canary, epoch)) return 'fenced'
        if (copied > 0) breaks('1: copies of requests are led to stable, which answers them twice')
        checkWeight(0, writer)
        land(canary)
        diverted = true
        if (share() === 0) trafficEndedAt = now
        partedAt = now
        return 'written'
      case 'apply':
        if (command.role === 'baseline' || command.role === 'baseline-service') {
          if (!mayWrite(baseline, epoch)) return 'fenced'
          land(baseline)
          if (command.role === 'baseline-service') baselineService = true
          else if (baseline?.deletingSince !== undefined) return 'upstream'
          else {
            baseline ??= { hash: record.stable.hash, desired: 0, pods: [], epoch }
            baseline.hash = record.stable.hash
            baseline.desired = command.replicas ?? baseline.desired
          }
          return 'written'
        }
        if (!mayWrite(canary, epoch)) return 'fenced'
        land(canary)
        if (command.role === 'service') service = true
        else if (canary?.deletingSince !== undefined) return 'upstream'
        else {
          canary ??= { hash: record.canary.hash, desired: 0, pods: [], epoch }
          canary.hash = record.canary.hash
          canary.desired = command.replicas ?? canary.desired
        }
        return 'written'
      case 'weight':
        if (!mayWrite(byReplicas ? canary : route, epoch)) return 'fenced'
        if (byReplicas && (!canary || canary.deletingSince !== undefined))
          return command.to === 0 ? 'written' : 'upstream'
        if (routeLocked) return 'forbidden'
        checkWeight(command.to, writer, command.baseline)
        checkMirror(command.mirror ?? 0, writer)
        land(byReplicas ? canary : route)
        if (byReplicas && canary) {
          canary.asked = command.to
          canary.desired = replicasCanarySize(command.to, stable.desired)
        } else {
          route ??= { written: 0, mirrored: 0, beside: 0, epoch, pending: [] }
          delete route.human
          route.written = command.to
          route.mirrored = command.mirror ?? 0
          route.beside = command.baseline ?? 0
          const at = now + behaviour.routerDelay
          route.pending.push({ weight: command.to, mirror: route.mirrored, beside: route.beside, at })
          routeLocked ||= behaviour.routeForbidden && command.to > 0
        }
        return 'written'
      case 'scale': {
        const object = { stable, canary, baseline }[command.role]
        if (!object) return 'written'
        if (!mayWrite(object, epoch)) return 'fenced'
        // A size that a person raised between the look and this write is not known to it.
        const known = Math.min(object.desired, writer.seen?.[command.role]?.desired ?? object.desired)
        if (command.role === 'canary' && command.to < known) checkRemoval('canary scaled down', writer)
        if (command.role === 'baseline' && command.to < known) checkParted('baseline scaled down', writer)
        land(object)
        object.desired = command.to
        return 'written'
      }
      case 'write-stable':
      case 'restore-stable':
        if (!mayWrite(stable, epoch)) return 'fenced'
        if (stable.hash !== PREVIOUS && stable.hash !== CANARY) return 'upstream'
        if (command.do === 'write-stable' && route && route.beside > 0 && !route.human)
          breaks(`7: stable is promoted while the fresh baseline has ${route.beside} % of the requests`)
        land(stable)
        wholeAt = -1
        stable.hash = command.do === 'write-stable' ? record.canary.hash : record.stable.hash
        stable.desired = Math.max(stable.desired, record.stableReplicas)
        return 'written'
      case 'restore-route':
        if (!route) return 'written'
        if (!mayWrite(route, epoch)) return 'fenced'
        if (routeLocked) return 'forbidden'
        land(route)
        // What a person wrote between the look and this write goes with the rest.
        if (
          !route.human &&
          (applied !== 0 || copied !== 0 || besides !== 0 || route.written !== 0 || route.beside !== 0)
        )
          breaks('1: the route was given back while the canary had weight')
        route = undefined
        return 'written'
      case 'remove-created':
        for (const object of [canary, baseline]) if (object && !mayWrite(object, epoch)) return 'fenced'
        if (!canary && !service && !baseline && !baselineService) return 'written'
        if (!canary && !baseline && !mayWrite(undefined, epoch)) return 'fenced'
        checkRemoval('canary removed', writer)
        checkParted('baseline removed', writer)
        land(canary)
        land(baseline)
        service = false
        baselineService = false
        diverted = false
        if (canary) canary.deletingSince ??= now
        if (baseline) baseline.deletingSince ??= now
        return 'written'
    }
  }

  const checkSaved = (record: ReleaseRecord) => {
    const known = owners.get(record.epoch)
    const owner = `${record.owner.runId}/${record.owner.attempt}`
    if (known !== undefined && known !== owner) breaks(`5: epoch ${record.epoch} belongs to ${known} and to ${owner}`)
    owners.set(record.epoch, owner)
    if (record.epoch < (stored?.record.epoch ?? 0)) breaks('5: a record of an older epoch was saved')
    const { state } = record
    const ours = state.phase === 'done' && state.verdict !== 'error' && stable.hash !== 'foreign'
    // Autoscalers are given back before the end, and then decide.
    const need = behaviour.autoscaled ? Math.min(record.stableReplicas, lastDesired) : record.stableReplicas
    if (ours && lastAvailable < need)
      breaks(`2: the release ended (${state.verdict}) with ${lastAvailable} stable pods available`)
    // A pod may die, or somebody undo it, between the look that saw stable whole and this save, and a run may freeze there.
    const isPrevious = stable.hash === PREVIOUS && !undoneUnseen
    if ('verdict' in state && state.verdict === 'promoted' && (isPrevious || wholeAt < 0))
      breaks('6: success was said before stable was fully available with the analysed template')
  }

  return {
    broken,
    get now() {
      return now
    },
    get record() {
      return stored?.record
    },
    advance: (to: number) => {
      while (now < to) {
        now = Math.min(to, now + TICK)
        tick()
      }
    },
    observe,
    perform,
    load: () => stored,
    save: (record: ReleaseRecord, version: number | undefined): number | 'conflict' => {
      if (stored?.version !== version) return 'conflict'
      checkSaved(record)
      stored = { record, version: (version ?? 0) + 1 }
      return stored.version
    },
    /** Raises the mark on everything that carries one. */
    stamp: (epoch: number): Answer => {
      for (const object of [stable, canary, baseline, route, autoscaler]) {
        if (object?.epoch === undefined) continue
        if (behaviour.fenced && object.epoch > epoch) return 'fenced'
        object.epoch = epoch
      }
      stamped = Math.max(stamped, epoch)
      return 'written'
    },
    takeLease: (owner: Owner, duration: number): boolean => {
      const holder = `${owner.runId}/${owner.attempt}`
      if (lease && lease.holder !== holder && now - lease.renewedAt < duration) return false
      lease = { holder, renewedAt: now }
      return true
    },
    renewLease: (owner: Owner): boolean => {
      if (lease?.holder !== `${owner.runId}/${owner.attempt}`) return false
      lease.renewedAt = now
      return true
    },
    giveLeaseUp: (owner: Owner) => {
      if (lease?.holder === `${owner.runId}/${owner.attempt}`) lease = undefined
    },
    /** Faults of the cluster itself. */
    crashStablePod: () => {
      const pod = stable.pods[0]
      if (pod) stable.pods = stable.pods.filter((other) => other !== pod)
    },
    crashCanaryPods: () => {
      for (const pod of canary?.pods ?? []) pod.crashed = true
    },
    crashBaselinePods: () => {
      for (const pod of baseline?.pods ?? []) pod.crashed = true
    },
    shrinkStable: () => {
      stable.desired = Math.max(1, stable.desired - 1)
    },
    deployForeign: () => {
      stable.hash = 'foreign'
    },
    /** People who work against a release, or just work. */
    setWeight: (weight: number) => {
      if (!route || route.written === weight) return
      route.human = true
      route.written = weight
      const beside = Math.min(route.beside, 100 - weight)
      route.beside = beside
      route.pending.push({ weight, mirror: route.mirrored, beside, at: now + behaviour.routerDelay })
    },
    scaleBaseline: (to: number) => {
      if (baseline && baseline.deletingSince === undefined) baseline.desired = to
    },
    dropBaseline: () => {
      baselineService = false
    },
    scaleCanary: (to: number) => {
      if (canary && canary.deletingSince === undefined) canary.desired = to
    },
    scaleStable: (to: number) => {
      stable.desired = to
    },
    undoPromotion: () => {
      if (stable.hash !== CANARY) return
      stable.hash = PREVIOUS
      undoneUnseen = true
    },
    freeAutoscaler: () => {
      if (autoscaler.policy === 'disabled') stable.desired = Math.max(1, stable.desired - 1)
      autoscaler.policy = 'human'
    },
    /** The route may be written again. */
    unlockRoute: () => {
      routeLocked = false
    },
    get autoscalerPolicy() {
      return autoscaler.policy
    },
    get share() {
      return share()
    },
    get routeWeight() {
      return route?.written ?? 0
    },
    /** The fresh baseline's share, in fact. */
    get besideShare() {
      return besideShare()
    },
    /** What must hold when nobody works on the release any more: invariants 2 and 3. */
    checkAtRest: () => {
      const state = stored?.record.state
      const promoted = state?.phase === 'done' && state.verdict === 'promoted'
      if (copied !== 0) breaks(`3: at rest the router copies ${copied} % to the canary`)
      if (autoscaler.policy === 'disabled') breaks('3: at rest the autoscaler may not make stable smaller')
      if (autoscaler.epoch !== undefined) breaks('3: at rest the autoscaler carries a mark of ours')
      if (applied !== 0) breaks(`2: at rest the router sends ${applied} % to the canary`)
      if (besides !== 0) breaks(`2: at rest the router sends ${besides} % to the fresh baseline`)
      if (canary || service) breaks('3: at rest an object of the canary is left')
      if (baseline || baselineService) breaks('3: at rest an object of the fresh baseline is left')
      if (route) breaks('3: at rest the route still carries something of ours')
      if (stable.pods.some((pod) => pod.hash !== stable.hash)) breaks('2: at rest stable runs two templates')
      if (stable.hash !== 'foreign' && stable.hash !== (promoted ? CANARY : PREVIOUS))
        breaks(`2: at rest stable runs ${stable.hash} after ${state?.phase === 'done' ? state.verdict : 'no end'}`)
      if (readyPods(stable, now) < stable.desired) breaks('2: at rest stable cannot carry all traffic')
    },
  }
}

/** A cluster with one Deployment, its canary, a route and a record. */
export type SimulatedCluster = ReturnType<typeof simulatedCluster>
