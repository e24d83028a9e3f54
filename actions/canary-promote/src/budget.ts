import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { type Marks, metadataOf } from './canary.ts'
import { note, warning } from './finding.ts'
import { shortened } from './label.ts'
import { type Labels, picks, type Selector } from './objects.ts'

/** The PodDisruptionBudget that stands for the canary's pods, or a fresh baseline's: whose twin it is, its name, and how many may be taken at once. */
export type Budget = { readonly of: string; readonly name: string; readonly maxUnavailable: string }

/**
 * Which PodDisruptionBudget gets a twin: the one that picks stable pods and would not pick canary ones. None where the plan allows its loss, where
 * another budget picks canary pods already, or where two would: the API server refuses every eviction of a pod that two budgets pick.
 * @param pods `replicas`: stable's, what an absolute number of the budget is a share of. `beside`: whose pods `canary` are the labels of; default the canary's
 */
export const budgetFor = (
  budgets: readonly KubernetesObject[],
  pods: {
    readonly stable: Labels
    readonly canary: Labels
    readonly replicas: number
    readonly beside?: 'canary' | 'baseline'
  },
  allow: readonly string[],
): { readonly budget?: Budget; readonly findings: readonly Finding[] } => {
  const covering = (labels: Labels) =>
    budgets.filter(({ spec }) => {
      const { selector } = (spec ?? {}) as { selector?: Selector }
      return selector !== undefined && picks(selector, labels)
    })
  const names = (found: readonly KubernetesObject[]) => found.map(({ metadata }) => metadata.name).join(', ')
  const { beside = 'canary' } = pods
  const [lost, kept] = [covering(pods.stable), covering(pods.canary)]
  const left = lost.filter((each) => !kept.includes(each))
  const [only, ...more] = left
  if (only === undefined) return { findings: [] }
  const id = `poddisruptionbudget/${only.metadata.name}`
  if (allow.includes(id))
    return { findings: [note('policy', `${id} does not cover ${beside} pods; allowed by the plan`)] }
  if (more.length > 0 || kept.length > 0) {
    return {
      findings: [
        warning('policy', `PodDisruptionBudget ${names(left)} would not cover ${beside} pods, and gets no twin`, {
          where: id,
          hint: `A pod that two budgets pick cannot be evicted at all (stable: ${names(lost)}; ${beside}: ${names(kept) || 'none'}). Leave one budget for these pods.`,
        }),
      ],
    }
  }
  const name = shortened(`${only.metadata.name}-${beside}`)
  const budget = { of: only.metadata.name, name, maxUnavailable: shareOf(only, pods.replicas) }
  const text = `PodDisruptionBudget ${budget.of} gets the twin ${name} for ${beside} pods: at most ${budget.maxUnavailable} of them may be taken at once`
  return { budget, findings: [note('budget-twin', text)] }
}

/**
 * The twin. It says how many pods may go, never how many must stay: a share that is rounded up, so that a budget that lets one stable pod go lets one of a
 * small canary go, too, and no node waits for a release to end. A canary that never becomes ready keeps no node either.
 * Source: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
 */
export const canaryBudget = (
  { name, maxUnavailable }: Budget,
  given: { readonly stable: KubernetesObject; readonly selector: Selector; readonly marks: Marks },
): KubernetesObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadataOf(given.stable.metadata.labels ?? {}, name, given.stable.metadata.namespace, given.marks),
  spec: { maxUnavailable, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: given.selector },
})

/** What may go of stable, as whole percent. A budget without numbers lets nothing go, as `minAvailable: 100%` does. */
const shareOf = ({ spec }: KubernetesObject, replicas: number): string => {
  const { minAvailable, maxUnavailable } = (spec ?? {}) as { [key: string]: number | string | undefined }
  const percent = (value: number | string): number =>
    typeof value === 'string' ? Number.parseInt(value, 10) : (100 * value) / Math.max(1, replicas)
  const may =
    maxUnavailable !== undefined
      ? percent(maxUnavailable)
      : minAvailable !== undefined
        ? 100 - percent(minAvailable)
        : 0
  return `${may <= 0 ? 0 : Math.min(100, Math.max(1, Math.floor(may)))}%`
}
