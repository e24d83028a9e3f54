import type { PatchOperation } from '@sluice/kubernetes/cluster'
import { POD_HASH, type ReplicaSet, type Rollout, type RolloutRead } from './argo-rollouts.ts'
import { isIndefinite, type Place, weightAt } from './argo-rollouts-steps.ts'

/**
 * What a Rollout's status says about the spec that stands in it now.
 * `observed`: the controller has taken this template. `index`: of the current step, the number of steps when all are done.
 * `settled`: stable is what the spec asks for, no update is under way. `weight`: percent of the requests that its router gives to the ReplicaSet
 * `weightOf`, without a router the weight that its steps ask for. `atSetWeight`: the controller is still working on a `setWeight`.
 */
export type Standing = {
  readonly observed: boolean
  readonly settled: boolean
  readonly stableHash: string
  readonly currentHash: string
  readonly index: number
  readonly routed: boolean
  readonly weight: number
  readonly weightOf: string
  readonly verified: boolean
  readonly atSetWeight: boolean
  readonly paused: 'by-hand' | 'inconclusive' | 'at-step' | undefined
  readonly aborted: boolean
  readonly promoting: boolean
  readonly phase: string
  readonly message: string
}

/**
 * Reads a Rollout. `observedGeneration` alone proves too little: the controller writes it with a pause that was cleared or a size that changed, before it
 * has looked at the template. So the ReplicaSet that the status calls current must carry the images of the spec, too.
 */
export const standingOf = ({ rollout, sets }: RolloutRead): Standing => {
  const { status = {}, spec } = rollout
  const steps = spec.strategy?.canary?.steps ?? []
  const [stableHash, currentHash] = [status.stableRS ?? '', status.currentPodHash ?? '']
  const current = setOf(sets, currentHash)
  const seen = Number(status.observedGeneration ?? Number.NaN) >= (rollout.metadata.generation ?? 0)
  const observed = seen && current !== undefined && imagesOf(current) === imagesOf(rollout)
  const index = status.currentStepIndex ?? 0
  const routed = spec.strategy?.canary?.trafficRouting !== undefined
  const settled = observed && stableHash !== '' && stableHash === currentHash
  const weights = status.canary?.weights
  const invalid = status.conditions?.find(({ type, status: on }) => type === 'InvalidSpec' && on === 'True')
  return {
    observed,
    settled,
    stableHash,
    currentHash,
    index,
    routed,
    weight: routed
      ? (weights?.canary.weight ?? 0)
      : stableHash === currentHash || status.abort === true
        ? 0
        : weightAt(steps, index),
    weightOf: routed ? (weights?.canary.podTemplateHash ?? '') : currentHash,
    verified: !routed || weights?.verified !== false,
    atSetWeight: steps[index]?.setWeight !== undefined,
    paused: pausedBy(rollout),
    aborted: status.abort === true,
    promoting: status.promoteFull === true,
    phase: invalid === undefined ? (status.phase ?? '') : 'Invalid',
    message: invalid?.message ?? status.message ?? '',
  }
}

/** The ReplicaSet of a pod hash. */
export const setOf = (sets: readonly ReplicaSet[], hash: string): ReplicaSet | undefined =>
  hash === '' ? undefined : sets.find((set) => hashOf(set) === hash)

/**
 * The ReplicaSet that runs this image in this container: the current one where the spec asks for it, else one that still has pods. Templates are not
 * compared: the API server fills in what a Rollout leaves out.
 */
export const setRunning = (
  { rollout, sets }: RolloutRead,
  { container, image }: { readonly container: string; readonly image: string },
): ReplicaSet | undefined => {
  const runs = sets.filter(({ spec }) =>
    spec.template.spec.containers.some((each) => each.name === container && each.image === image),
  )
  const current = runs.find((set) => hashOf(set) === (rollout.status?.currentPodHash ?? ''))
  return current ?? runs.find(({ spec, status }) => (spec.replicas ?? 0) + (status?.replicas ?? 0) > 0) ?? runs[0]
}

/** When Argo Rollouts is to scale a ReplicaSet down that it keeps for a while after it lost its traffic, ms UTC. */
export const keptUntil = (set: ReplicaSet | undefined): number | undefined => {
  const at = Date.parse(set?.metadata.annotations?.['scale-down-deadline'] ?? '')
  return Number.isNaN(at) ? undefined : at
}

/** The pod hash of a ReplicaSet; empty for one that carries none. */
export const hashOf = (set: ReplicaSet | undefined): string => set?.metadata.labels?.[POD_HASH] ?? ''

/** The images of a template, by container: what tells two releases of one Rollout apart. None of a Rollout that takes its template from elsewhere (workloadRef). */
export const imagesOf = ({
  spec,
}: {
  readonly spec: { readonly template?: Partial<Rollout['spec']['template']> }
}): string => (spec.template?.spec?.containers ?? []).map(({ name, image = '' }) => `${name}=${image}`).join(' ')

/**
 * What sends a Rollout to a place of the plan, as `kubectl argo rollouts promote` does: an indefinite pause before it is cleared, one at a time. A Rollout that
 * somebody sent further is set back to the place's `setWeight`. Nothing while its controller is on the way, waits for a time, or was stopped by hand.
 */
export const towards = ({ set, pause }: Place, rollout: Rollout): readonly PatchOperation[] => {
  const { status = {}, spec } = rollout
  const index = status.currentStepIndex ?? 0
  if (status.abort === true || status.promoteFull === true || status.stableRS === status.currentPodHash) return []
  if (index > pause)
    return [
      ...stillThere(rollout),
      { op: 'replace', path: '/status/currentStepIndex', value: set },
      ...without(rollout, 'pauseConditions'),
      ...without(rollout, 'controllerPause'),
    ]
  const waits = pausedBy(rollout) === 'at-step' && isIndefinite(spec.strategy?.canary?.steps?.[index])
  return index < set && waits ? [...stillThere(rollout), { op: 'remove', path: '/status/pauseConditions' }] : []
}

/**
 * What aborts the update that is under way. A full promotion is called off with it: the controller takes an abort back while one is asked for.
 * Nothing when no update is under way.
 */
export const abortion = (rollout: Rollout): readonly PatchOperation[] => {
  const { status = {} } = rollout
  if (status.stableRS === status.currentPodHash || status.abort === true) return []
  return [
    ...sameTemplate(rollout),
    ...without(rollout, 'promoteFull'),
    { op: 'add', path: '/status/abort', value: true },
  ]
}

/** What asks for a full promotion of the update that is under way, as `kubectl argo rollouts promote --full` does. */
export const fullPromotion = (rollout: Rollout): readonly PatchOperation[] => {
  const { status = {} } = rollout
  if (status.stableRS === status.currentPodHash || status.promoteFull === true || status.abort === true) return []
  return [...sameTemplate(rollout), { op: 'add', path: '/status/promoteFull', value: true }]
}

const pausedBy = ({ spec, status = {} }: Rollout): Standing['paused'] => {
  if (spec.paused === true) return 'by-hand'
  const reasons = (status.pauseConditions ?? []).map(({ reason }) => reason)
  if (reasons.some((reason) => reason.startsWith('Inconclusive'))) return 'inconclusive'
  return reasons.length > 0 ? 'at-step' : undefined
}

/** What was decided holds only for the template that it was decided on. */
const sameTemplate = ({ status = {} }: Rollout): readonly PatchOperation[] => [
  { op: 'test', path: '/status/currentPodHash', value: status.currentPodHash },
]

const stillThere = (rollout: Rollout): readonly PatchOperation[] => [
  ...sameTemplate(rollout),
  { op: 'test', path: '/status/currentStepIndex', value: rollout.status?.currentStepIndex },
]

const without = ({ status = {} }: Rollout, field: keyof NonNullable<Rollout['status']>): readonly PatchOperation[] =>
  status[field] === undefined ? [] : [{ op: 'remove', path: `/status/${field}` }]
