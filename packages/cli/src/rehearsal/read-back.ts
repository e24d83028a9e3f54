import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import type { ReleaseFacts } from './facts.ts'
import { type Place, type Route, recordedEnd, resourcesOf, type Workload } from './production.ts'
import { type Answer, byRelease, isBeyondService, isFailed } from './traffic.ts'
import { weightOf } from './watch.ts'

/** The route as it is, for comparing later; absent where no route splits the traffic. */
export const routeOf = (cluster: Cluster, { namespace, route }: Place): Promise<Route | undefined> =>
  route === undefined ? Promise.resolve(undefined) : cluster.get<Route>(resourcesOf(namespace).routes, route)

/** Production as the cluster shows it after a release, compared with the route as it was before. */
export const readBack = async (
  cluster: Cluster,
  place: Place,
  routeBefore: Route | undefined,
): Promise<ReleaseFacts['after']> => {
  const { deployments, services, configmaps } = resourcesOf(place.namespace)
  const [live, route, weight, saved, allDeployments, allServices] = await Promise.all([
    cluster.get<Workload>(deployments, place.deployment),
    routeOf(cluster, place),
    weightOf(cluster, place),
    cluster.get<KubernetesObject & { readonly data?: Readonly<Record<string, string>> }>(
      configmaps,
      `sluice-${place.deployment}`,
    ),
    cluster.list(deployments),
    cluster.list(services),
  ])
  const current = live?.status?.observedGeneration === live?.metadata.generation
  // A user's namespace may hold more than this service: ours are known by their names.
  const ours = (kind: string, objects: readonly KubernetesObject[], stable: string): readonly string[] =>
    objects.flatMap(({ metadata }) =>
      [`${stable}-canary`, `${stable}-baseline`].includes(metadata.name) ? [`${kind}/${metadata.name}`] : [],
    )
  return {
    image:
      live?.spec.template.spec.containers
        .find(({ image }) => image.startsWith(`${place.repository}@`))
        ?.image.split('@')[1] ?? '',
    desired: live?.spec.replicas ?? 0,
    updated: current ? (live?.status?.updatedReplicas ?? 0) : 0,
    available: live?.status?.availableReplicas ?? 0,
    routeAsBefore: JSON.stringify(route?.spec) === JSON.stringify(routeBefore?.spec),
    canaryWeight: weight,
    leftovers: [
      ...ours('Deployment', allDeployments, place.deployment),
      ...ours('Service', allServices, place.service),
    ],
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
