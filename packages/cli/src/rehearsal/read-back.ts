import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { ReleaseFacts } from './claims.ts'
import {
  CONFIGMAPS,
  canaryWeight,
  DEPLOYMENTS,
  NAMES,
  ROUTES,
  type Route,
  recordedEnd,
  SERVICES,
  type Workload,
} from './production.ts'
import type { Stage } from './stage.ts'
import { type Answer, byRelease, isBeyondService, isFailed } from './traffic.ts'

/** Production as the cluster shows it after a release, compared with the route as it was before. */
export const readBack = async ({ cluster }: Stage, routeBefore: Route | undefined): Promise<ReleaseFacts['after']> => {
  const [live, route, saved, deployments, services] = await Promise.all([
    cluster.get<Workload>(DEPLOYMENTS, NAMES.deployment),
    cluster.get<Route>(ROUTES, NAMES.route),
    cluster.get<KubernetesObject & { readonly data?: Readonly<Record<string, string>> }>(
      CONFIGMAPS,
      `sluice-${NAMES.deployment}`,
    ),
    cluster.list(DEPLOYMENTS),
    cluster.list(SERVICES),
  ])
  const current = live?.status?.observedGeneration === live?.metadata.generation
  const names = (kind: string, objects: readonly KubernetesObject[]): readonly string[] =>
    objects
      .map(({ metadata }) => metadata.name)
      .filter((found) => found !== NAMES.deployment)
      .map((found) => `${kind}/${found}`)
  return {
    image: live?.spec.template.spec.containers[0]?.image.split('@')[1] ?? '',
    desired: live?.spec.replicas ?? 0,
    updated: current ? (live?.status?.updatedReplicas ?? 0) : 0,
    available: live?.status?.availableReplicas ?? 0,
    routeAsBefore: JSON.stringify(route?.spec) === JSON.stringify(routeBefore?.spec),
    canaryWeight: canaryWeight(route),
    leftovers: [...names('Deployment', deployments), ...names('Service', services)],
    recorded: recordedEnd(saved?.data),
  }
}

/** What the clients counted while a release with this label was on its way. */
export const countsOf = (
  answers: readonly Answer[],
  label: string,
): Omit<ReleaseFacts['clients'], 'settled' | 'settledFailed'> => {
  const beyondService = answers.filter(isBeyondService).length
  return {
    sent: answers.length,
    beyondService,
    byService: answers.filter(isFailed).length - beyondService,
    fromCanary: byRelease(answers).get(label)?.total ?? 0,
  }
}

/** How many answers each release gave, by label. */
export const settledOf = (answers: readonly Answer[]): Readonly<Record<string, number>> =>
  Object.fromEntries([...byRelease(answers)].map(([label, { total }]) => [label, total]))
