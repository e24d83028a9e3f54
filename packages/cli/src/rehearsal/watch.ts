import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Look } from './moments.ts'
import { canaryShare, canaryWeight, lookOf, type Place, type Route, resourcesOf, type Workload } from './production.ts'

type ConfigMap = KubernetesObject & { readonly data?: Readonly<Record<string, string>> }

/** What was seen of production so far, oldest first. */
export type Watch = { readonly looks: readonly Look[]; last(): Look | undefined; stop(): Promise<void> }

/** Looks at the split of the traffic and the saved state ten times a second until it is stopped. A look that fails is left out: the next one is near. */
export const watchProduction = (
  cluster: Cluster,
  place: Place,
  changed: (look: Look, before: Look | undefined) => void,
): Watch => {
  const looks: Look[] = []
  let going = true
  const loop = async (): Promise<void> => {
    while (going) {
      const started = performance.now()
      const look = await lookAt(cluster, place).catch(() => undefined)
      if (look !== undefined) {
        const before = looks.at(-1)
        looks.push(look)
        changed(look, before)
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(10, EVERY - (performance.now() - started))))
    }
  }
  const running = loop()
  return {
    looks,
    last: () => looks.at(-1),
    stop: async () => {
      going = false
      await running
    },
  }
}

const EVERY = 100

const lookAt = async (cluster: Cluster, place: Place): Promise<Look> => {
  const { configmaps } = resourcesOf(place.namespace)
  const [weight, saved] = await Promise.all([
    weightOf(cluster, place),
    cluster.get<ConfigMap>(configmaps, `sluice-${place.deployment}`),
  ])
  return lookOf(Date.now(), weight, saved?.data)
}

/** The canary's share of the traffic now, whole percent. */
export const weightOf = async (cluster: Cluster, place: Place): Promise<number> => {
  const { routes, deployments } = resourcesOf(place.namespace)
  return place.route === undefined
    ? canaryShare(await cluster.list<Workload>(deployments), place)
    : canaryWeight(await cluster.get<Route>(routes, place.route), place)
}
