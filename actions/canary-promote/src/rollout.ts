import type { Finding } from '@sluice/kit/report'
import type { Image } from '@sluice/release/record'
import type { Rollout } from '@sluice/traffic/argo-rollouts'
import type { Standing } from '@sluice/traffic/argo-rollouts-status'
import { note, refusal } from './finding.ts'
import type { Deployment } from './objects.ts'
import { type Snapshot, templateFindings } from './obstacles.ts'
import type { Setup } from './setup.ts'
import { containerFor } from './template.ts'

/** What is asked of an Argo Rollouts Rollout, as far as the Rollout itself decides whether it can be done. */
export type RolloutRequest = {
  readonly namespace: string
  readonly deployment: string
  readonly container: string
  readonly image: Image
}

/**
 * Decides whether this Rollout can be released by: it must hold its own template, be driven by canary steps, and be at rest with stable being what it
 * asks for. An aborted Rollout goes on naming the image that was taken back; only its stable ReplicaSet says what serves. A status that speaks of an earlier
 * template is no rest either.
 * @param snapshot `deployment` is the Rollout, `standing` what its status says about it. Decision record: docs/decisions/0012-argo-rollouts.md
 */
export const decideRollout = (
  request: RolloutRequest,
  snapshot: Snapshot,
): { readonly findings: readonly Finding[]; readonly setup?: Setup } => {
  const where = `Rollout ${request.namespace}/${request.deployment}`
  const rollout = snapshot.deployment as unknown as Rollout | undefined
  if (rollout === undefined) {
    const hint = 'Check `deployment` and `namespace`. For a plain Deployment name its router instead of argo-rollouts.'
    return { findings: [refusal('no-rollout', `${where} does not exist`, { where, hint })] }
  }
  const shape = shapeFinding(rollout, where)
  if (shape !== undefined) return { findings: [shape] }
  const deployment = snapshot.deployment as Deployment
  const { template } = deployment.spec
  const container = containerFor(template.spec.containers, request.container, request.image)
  const findings = [
    ...('problem' in container
      ? [refusal('container', `${where}: ${container.problem}`, { where, hint: 'Set the input `container`.' })]
      : []),
    ...restFindings(rollout, snapshot.standing, where),
    ...templateFindings(template, snapshot.claims, where),
    ...snapshot.unread.map(({ what, why }) => note('unread', `${what} could not be read: ${why}`)),
  ]
  if ('problem' in container || findings.some(({ level }) => level === 'error')) return { findings }
  return {
    findings,
    setup: {
      deployment: request.deployment,
      container: container.name,
      canary: request.deployment,
      label: null,
      service: null,
      canaryService: null,
      rollout: { stable: rollout.status?.stableRS ?? '' },
    },
  }
}

const shapeFinding = ({ spec }: Rollout, where: string): Finding | undefined => {
  if (spec.workloadRef !== undefined) {
    const { kind = 'Deployment', name = '' } = spec.workloadRef
    return refusal('workload-ref', `${where} takes its template from ${kind} ${name} (workloadRef)`, {
      where,
      hint: 'What is analysed must stand in the Rollout itself: move the template into spec.template and remove workloadRef.',
    })
  }
  if (spec.strategy?.blueGreen !== undefined) {
    return refusal('blue-green', `${where} has the strategy blueGreen, which sends all traffic over at once`, {
      where,
      hint: 'Nothing can be compared with a share of the traffic then. Give it the strategy canary with one setWeight and one pause a step, or promote it by its own analysis.',
    })
  }
  if (spec.strategy?.canary === undefined || spec.template?.spec?.containers === undefined) {
    return refusal('no-canary', `${where} has no strategy canary with a template of its own`, { where })
  }
  return undefined
}

/** What of the Rollout as it stands now keeps a release from beginning. */
const restFindings = (
  { metadata, spec, status = {} }: Rollout,
  standing: Standing | undefined,
  where: string,
): readonly Finding[] => {
  const said = status.message === undefined || status.message === '' ? '' : `: ${status.message}`
  if (spec.replicas === 0) {
    return [
      refusal('no-replicas', `${where} has no replicas`, {
        where,
        hint: 'Scale it up: a canary is compared with what serves.',
      }),
    ]
  }
  if (spec.paused === true) {
    return [refusal('paused', `${where} is paused by hand`, { where, hint: 'Set spec.paused to false first.' })]
  }
  if (standing?.observed !== true) {
    const seen = `generation ${metadata.generation ?? '?'}, observed ${status.observedGeneration ?? 'none'}`
    const text = `${where} asks for something that its controller has not taken yet (${seen}; of an earlier state it says ${status.phase ?? 'nothing'}${said})`
    return [
      refusal('in-progress', text, {
        where,
        hint: 'Wait until it has, then run this release again. If it stays so, see whether the controller of Argo Rollouts runs, and what it logs.',
      }),
    ]
  }
  if (status.abort === true) {
    return [
      refusal('aborted', `${where} was aborted${said}: it names an image that its stable pods do not run`, {
        where,
        hint: 'Put the template that stable runs back first: `kubectl argo rollouts undo`, or in the repository that the Rollout comes from.',
      }),
    ]
  }
  if (!standing.settled) {
    return [
      refusal('in-progress', `${where} is in the middle of an update (${status.phase ?? 'no status'}${said})`, {
        where,
        hint: 'Let it end, or abort it and put the previous template back.',
      }),
    ]
  }
  return status.phase === 'Healthy'
    ? []
    : [
        refusal('not-healthy', `${where} is ${status.phase ?? 'without a phase'}${said}`, {
          where,
          hint: 'Stable must be whole to be compared with, and to take everything back. A Rollout without a phase has a controller before 1.0, or none.',
        }),
      ]
}
