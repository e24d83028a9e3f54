import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Look } from './moments.ts'
import { CONFIGMAPS, lookOf, NAMES, ROUTES, type Route } from './production.ts'

type ConfigMap = KubernetesObject & { readonly data?: Readonly<Record<string, string>> }

/** What was seen of production so far, oldest first. */
export type Watch = { readonly looks: readonly Look[]; last(): Look | undefined; stop(): Promise<void> }

/** Looks at route and saved state ten times a second until it is stopped. A look that fails is left out: the next one is near. */
export const watchProduction = (cluster: Cluster, changed: (look: Look, before: Look | undefined) => void): Watch => {
  const looks: Look[] = []
  let going = true
  const loop = async (): Promise<void> => {
    while (going) {
      const started = performance.now()
      const look = await lookAt(cluster).catch(() => undefined)
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

const lookAt = async (cluster: Cluster): Promise<Look> => {
  const [route, saved] = await Promise.all([
    cluster.get<Route>(ROUTES, NAMES.route),
    cluster.get<ConfigMap>(CONFIGMAPS, `sluice-${NAMES.deployment}`),
  ])
  return lookOf(Date.now(), route, saved?.data)
}
