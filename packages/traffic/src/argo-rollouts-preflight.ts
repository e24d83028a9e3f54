import type { Finding } from '@sluice/kit/report'
import type { CanaryStep, Rollout, RolloutRead } from './argo-rollouts.ts'
import { hashOf, setOf } from './argo-rollouts-status.ts'
import { placesOf, stepsSnippet } from './argo-rollouts-steps.ts'

/**
 * What of a Rollout's strategy keeps a plan from being carried out by it, and what else in it decides. `weights`: the plan's; `image`: of the release.
 * A finding of level `error` means: refuse.
 */
export const rolloutFindings = (
  read: RolloutRead,
  given: {
    readonly where: string
    readonly weights: readonly number[]
    readonly image: string
    readonly tester: boolean
  },
): readonly Finding[] => {
  const { where, weights, tester } = given
  const canary = read.rollout.spec.strategy?.canary ?? {}
  const steps = canary.steps ?? []
  const most = canary.trafficRouting?.maxTrafficWeight
  return [
    ...stepFindings(weights, steps, where),
    ...(most !== undefined && most !== 100
      ? [
          error(
            'max-traffic-weight',
            `${where} counts weights to ${most}, not to 100`,
            where,
            'Remove maxTrafficWeight: the plan counts percent.',
          ),
        ]
      : []),
    ...(weights.includes(0)
      ? [
          error(
            'mirror',
            'a step of the plan mirrors, which Argo Rollouts does by a step of its own',
            where,
            'Put setMirrorRoute into the Rollout’s steps and leave the mirror step out of the plan.',
          ),
        ]
      : []),
    ...(tester
      ? [
          error(
            'tester',
            'the plan has a tester’s session, which Argo Rollouts makes by a step of its own',
            where,
            'Put setHeaderRoute into the Rollout’s steps and leave `tester` out of the plan.',
          ),
        ]
      : []),
    ...windowFindings(read, given),
    ...(canary.analysis !== undefined || steps.some(({ analysis, experiment }) => analysis ?? experiment)
      ? [
          note(
            'own-analysis',
            `${where} has an analysis of its own: whichever of the two rejects first takes the release back`,
          ),
        ]
      : []),
    ...(canary.trafficRouting === undefined
      ? [
          note(
            'no-traffic-router',
            `${where} has no trafficRouting: a weight comes to the share of pods that is nearest`,
          ),
        ]
      : []),
  ]
}

const stepFindings = (weights: readonly number[], steps: readonly CanaryStep[], where: string): readonly Finding[] => {
  const places = placesOf(weights, steps)
  if (places.kind === 'found') return []
  const text =
    steps.length === 0
      ? `${where} has no steps: a new image would roll out to all pods at once, with nothing to stop it`
      : `the steps of ${where} do not fit the plan: ${places.problems.join('; ')}`
  return [
    error(
      'steps',
      text,
      where,
      `Give the plan the weights of the Rollout, or the Rollout these steps:\n${stepsSnippet(weights)}`,
    ),
  ]
}

/**
 * Within its rollback window Argo Rollouts promotes an older ReplicaSet at once, past all steps. Counted as its controller does: older than stable, with
 * fewer than `revisions` others between the two.
 */
const windowFindings = (
  { rollout, sets }: RolloutRead,
  { where, image }: { readonly where: string; readonly image: string },
): readonly Finding[] => {
  const revisions = rollout.spec.rollbackWindow?.revisions ?? 0
  const stable = setOf(sets, rollout.status?.stableRS ?? '')
  const born = (set: { readonly metadata: { readonly creationTimestamp?: string } } | undefined): number =>
    Date.parse(set?.metadata.creationTimestamp ?? '')
  const older = sets.find((set) => runs(set, image) && born(set) < born(stable))
  if (revisions === 0 || older === undefined) return []
  const between = sets.filter((set) => born(set) > born(older) && born(set) < born(stable)).length
  if (between >= revisions) return []
  return [
    error(
      'rollback-window',
      `${where} ran this image before (ReplicaSet of ${hashOf(older)}), and its rollbackWindow of ${revisions} would promote it at once, without one step`,
      where,
      'Remove rollbackWindow for this release, or go back to that image with the Rollout itself.',
    ),
  ]
}

const runs = ({ spec }: Pick<Rollout, 'spec'> | RolloutRead['sets'][number], image: string): boolean =>
  spec.template.spec.containers.some((each) => each.image === image)

const error = (id: string, text: string, where: string, hint: string): Finding => ({
  id,
  level: 'error',
  text,
  where,
  hint,
})
const note = (id: string, text: string): Finding => ({ id, level: 'note', text })
