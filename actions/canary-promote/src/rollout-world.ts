import type { Reason, ReleaseRecord, World } from '@sluice/release/record'
import type { ReplicaSet, Rollout } from '@sluice/traffic/argo-rollouts'
import type { Standing } from '@sluice/traffic/argo-rollouts-status'
import type { Pod, PodTemplate } from './objects.ts'
import { settingsOf } from './plan.ts'
import { canonical } from './template.ts'
import { podFailure } from './world.ts'

/** Marks a Rollout from the moment that the release's template stands in it until the release is over; its value tells releases apart. */
export const RELEASE = 'sluice.dev/release'

/** The value of the mark: the moment the release began. */
export const releaseMark = ({ startedAt }: ReleaseRecord): string => String(startedAt)

/**
 * One look at a Rollout. `stable`, `canary`: the ReplicaSets of what serves and of the analysed template, absent where there is none.
 * `pods`: the canary's. `keptUntil`: when Argo Rollouts is to scale a ReplicaSet down that it keeps for now, ms UTC.
 */
export type RolloutLook = {
  readonly at: number
  readonly rollout: Rollout | undefined
  readonly standing: Standing | undefined
  readonly stable: ReplicaSet | undefined
  readonly canary: ReplicaSet | undefined
  readonly canaryHash: string
  readonly keptUntil: number | undefined
  readonly pods: readonly Pod[]
}

/** What the Rollout's template is to the release: the one before it, the analysed one, or somebody else's. */
export type Asks = 'previous' | 'analysed' | 'foreign'

/** Compares the Rollout's template in canonical form with those of the release. */
export const asksFor = (record: ReleaseRecord, rollout: Rollout): Asks => {
  const { hash } = templateIn(record, rollout)
  if (hash === record.stable.hash) return 'previous'
  return hash === record.canary.hash ? 'analysed' : 'foreign'
}

/** Whether the stable ReplicaSet carries the template before the release, the analysed one, or another. */
export const serves = (record: ReleaseRecord, { standing, canaryHash }: RolloutLook): Asks => {
  const stable = standing?.stableHash ?? ''
  if (stable === settingsOf(record).setup.rollout?.stable) return 'previous'
  return stable !== '' && stable === canaryHash ? 'analysed' : 'foreign'
}

/**
 * What one look saw, in the state machine's terms. Stable is what the stable ReplicaSet runs, except that a template of somebody else in the Rollout makes
 * that one stable's: nothing of it is to be judged or overwritten. A Rollout that was aborted or reverted by others has a canary that failed.
 */
export const rolloutWorld = (record: ReleaseRecord, look: RolloutLook): World => {
  const { rollout, standing, at } = look
  if (rollout === undefined || standing === undefined) return goneWorld(at)
  const asks = asksFor(record, rollout)
  const serving = serves(record, look)
  const canary = canaryWorld(record, look, { asks, serving })
  return {
    at,
    weight: weightWorld(record, look, { asks, serving }),
    stable: stableWorld(record, look, { asks, serving }),
    ...(canary === undefined ? {} : { canary }),
    service: true,
    leftovers: 0,
  }
}

type Both = { readonly asks: Asks; readonly serving: Asks }

const goneWorld = (at: number): World => ({
  at,
  weight: { written: 0, accepted: true, marked: false },
  stable: { desired: 0, available: 0, hash: '', rolledOut: false },
  service: true,
  leftovers: 0,
})

const templateIn = (record: ReleaseRecord, { spec }: Rollout) =>
  canonical(spec.template as PodTemplate, settingsOf(record).setup.container)

const stableWorld = (record: ReleaseRecord, look: RolloutLook, { asks, serving }: Both): World['stable'] => {
  const { rollout, standing, stable } = look
  if (rollout === undefined || standing === undefined) return goneWorld(look.at).stable
  const desired = rollout.spec.replicas ?? 1
  const running = stable?.status?.availableReplicas ?? 0
  const short = Math.max(0, (stable?.spec.replicas ?? desired) - running)
  // During an update the controller may have made stable smaller on purpose, and makes it whole before it takes the canary's share away.
  const available = standing.settled ? running : Math.max(0, desired - short)
  return {
    desired,
    available,
    hash: stableHash(record, look, { asks, serving }),
    rolledOut: standing.settled && !standing.aborted && standing.phase === 'Healthy' && running >= desired,
  }
}

const stableHash = (record: ReleaseRecord, { rollout, standing }: RolloutLook, { asks, serving }: Both): string => {
  if (asks === 'foreign' && rollout !== undefined) return templateIn(record, rollout).hash
  if (serving === 'previous') return record.stable.hash
  return serving === 'analysed' ? record.canary.hash : `of ReplicaSet ${standing?.stableHash ?? ''}`
}

const weightWorld = (record: ReleaseRecord, look: RolloutLook, both: Both): World['weight'] => {
  const { rollout, standing } = look
  const marked = rollout?.metadata.annotations?.[RELEASE] !== undefined
  if (standing === undefined || both.asks === 'foreign') return { written: 0, accepted: true, marked }
  const written = weightOf(look, both)
  const taken = standing.observed && standing.verified
  // Once promotion was asked for the weight is the controller's alone.
  if (record.state.phase === 'promoting')
    return { written: record.plan.steps.at(-1)?.weight ?? written, accepted: taken, marked }
  const accepted = taken && (written === 0 || !standing.atSetWeight)
  return { written, accepted, marked, ...(standing.routed ? {} : { byPods: true }) }
}

/** Percent of the requests that reach the analysed template. */
const weightOf = (look: RolloutLook, { asks, serving }: Both): number => {
  const { standing, canary, stable, canaryHash } = look
  if (standing === undefined) return 0
  // Back from a promotion: for the Rollout the previous template is the canary now.
  if (serving === 'analysed') return asks === 'previous' ? 100 - standing.weight : 0
  if (standing.routed) return standing.weightOf === canaryHash ? standing.weight : 0
  const pods = canary?.status?.replicas ?? 0
  if (pods === 0) return 0
  if (asks === 'analysed' && standing.observed && !standing.aborted) return standing.weight
  // Without a router the pods that are still there go on answering.
  return Math.max(1, Math.round((100 * pods) / (pods + (stable?.status?.replicas ?? 0))))
}

const canaryWorld = (record: ReleaseRecord, look: RolloutLook, { asks, serving }: Both): World['canary'] => {
  const { canary, pods, rollout } = look
  const [size, ready] = [canary?.spec.replicas ?? 0, canary?.status?.readyReplicas ?? 0]
  const restarts = pods
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .reduce((sum, { restartCount }) => sum + restartCount, 0)
  const seen = { restarts, hash: record.canary.hash }
  if (serving === 'analysed') {
    // It is stable now. While that is not whole yet its pods still count as the canary's, which must not be missed.
    return record.state.phase === 'promoting' || asks === 'previous' ? { ...seen, desired: size, ready } : undefined
  }
  if (asks === 'analysed') {
    const failed = failure(look)
    return { ...seen, desired: Math.max(1, size), ready, ...(failed === undefined ? {} : { failed }) }
  }
  const ours = rollout?.metadata.annotations?.[RELEASE] === releaseMark(record)
  if (asks === 'previous' && ours && isClimbing(record))
    return { ...seen, desired: Math.max(1, size), ready, failed: REVERTED }
  return isStillThere(record, look) ? { ...seen, desired: size, ready } : undefined
}

const isClimbing = ({ state }: ReleaseRecord): boolean =>
  state.phase === 'preparing' || state.phase === 'raising' || state.phase === 'analysing' || state.phase === 'holding'

// What its owner lets Argo Rollouts keep for longer than anything is waited for has no traffic and is not ours to wait for.
const isStillThere = (record: ReleaseRecord, { canary, at, keptUntil }: RolloutLook): boolean =>
  ((canary?.spec.replicas ?? 0) > 0 || (canary?.status?.replicas ?? 0) > 0) &&
  (keptUntil === undefined || keptUntil - at <= record.plan.readyWithin)

const REVERTED: Reason = {
  code: 'rollout-reverted',
  text: 'somebody put the previous template back into the Rollout while it was being analysed',
  next: 'See who writes it: a GitOps tool that syncs by itself undoes every release that does not come from its repository.',
}

/** Why canary pods do not come, or no longer: what Argo Rollouts decided by itself first. */
const failure = ({ standing, rollout, canary, pods }: RolloutLook): Reason | undefined => {
  if (standing?.observed === true && standing.aborted) {
    // Its pods end at once, which must not be taken for the release's errors; why comes from the controller a moment later.
    const why = standing.phase === 'Degraded' ? standing.message : 'its controller has not said why yet'
    return {
      code: 'rollout-aborted',
      text: `the Rollout was aborted by hand, by its own analysis or deadline, or by a run that gave it up: ${why || 'no message'}`,
      next: "Look at the Rollout's events and AnalysisRuns.",
    }
  }
  if (standing?.phase === 'Invalid') {
    return {
      code: 'environment',
      text: `Argo Rollouts finds the Rollout invalid: ${standing.message}`,
      next: 'Mend what the message names.',
    }
  }
  const found = podFailure(canary?.status?.conditions ?? [], pods)
  if (found !== undefined) return found
  if (standing?.observed === false) {
    return {
      code: 'environment',
      text: `Argo Rollouts has not taken generation ${rollout?.metadata.generation ?? '?'} of the Rollout yet`,
      next: 'See whether its controller runs, and what it logs.',
    }
  }
  if (standing?.paused === 'by-hand' || standing?.paused === 'inconclusive') {
    return {
      code: 'environment',
      text: `the Rollout stands still: ${standing.paused === 'by-hand' ? 'it was paused by hand' : 'its own analysis came to no conclusion'}`,
      next: 'Resume it, or see its AnalysisRuns.',
    }
  }
  if (standing?.phase === 'Degraded' && standing.message.startsWith('ProgressDeadlineExceeded')) {
    return {
      code: 'not-ready',
      text: `the Rollout is degraded: ${standing.message}`,
      next: "Look at the canary pods' events and logs.",
    }
  }
  return undefined
}
