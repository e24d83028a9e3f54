import type { Finding } from '@sluice/kit/report'
import { refusal } from './finding.ts'
import type { Deployment } from './objects.ts'
import type { Snapshot } from './obstacles.ts'

/**
 * Whether the controller has taken what was surveyed as it stands now; until then its status speaks of an earlier state. A Deployment's generation also
 * counts changes of its annotations, the release's own mark among them, so a moment of not being taken says nothing yet.
 */
export const isTaken = ({ deployment, standing }: Pick<Snapshot, 'deployment' | 'standing'>): boolean =>
  standing?.observed ?? (deployment === undefined || isObserved(deployment))

/**
 * A roll-out of the Deployment's own that is under way or hangs: its template is then one that may never have served. Available pods do not tell: with few
 * replicas, or where none may be missing, every old pod stays while new ones fail. That all pods are of one template and only too few, as after an
 * autoscaler's change, is no roll-out.
 * Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
 */
export const rollOutFinding = (deployment: Deployment, where: string): Finding | undefined => {
  const { metadata, spec, status = {} } = deployment
  const named = `deployment/${metadata.name}${metadata.namespace === undefined ? '' : ` -n ${metadata.namespace}`}`
  if (!isObserved(deployment)) {
    const text = `${where} is not at rest: its controller has not taken generation ${metadata.generation} of it yet (observed: ${status.observedGeneration ?? 'none'})`
    const hint = `Wait for it (\`kubectl rollout status ${named}\`), then run this release again. If it stays so, see whether kube-controller-manager runs.`
    return refusal('in-progress', text, { where, hint })
  }
  const { replicas: all = 0, updatedReplicas: updated = 0, conditions = [] } = status
  if (all === updated) return undefined
  const progress = conditions.find(({ type }) => type === 'Progressing')
  const said =
    progress === undefined
      ? ''
      : ` (Progressing is ${progress.status}, ${[progress.reason, progress.message].filter(Boolean).join(': ')})`
  const counts = `${updated} of ${spec.replicas ?? 1} pods ${updated === 1 ? 'has' : 'have'} the template that it asks for, ${all - updated} ${all - updated === 1 ? 'has' : 'have'} an earlier one`
  const end = `take it back with \`kubectl rollout undo ${named}\`, or deploy the fix with the action deploy`
  const hint =
    progress?.status === 'False'
      ? `It does not come to an end by itself: ${end}.`
      : `Wait for its end (\`kubectl rollout status ${named}\`), then run this release again. If it hangs, ${end}.`
  return refusal('in-progress', `${where} is in the middle of a roll-out: ${counts}${said}`, { where, hint })
}

const isObserved = ({ metadata, status }: Deployment): boolean =>
  (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
