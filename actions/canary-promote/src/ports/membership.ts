import { describe, Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { podsOf } from '@sluice/metrics/membership'
import type { MetricSource } from '@sluice/metrics/pods'
import type { PodReading, Side } from '@sluice/metrics/reading'

/** The pods of both sides with their restarts and nothing counted: what the always-on signals compare where no source reads pods itself. */
export const membershipSource = (
  {
    cluster,
    namespace,
    clock,
  }: { readonly cluster: Cluster; readonly namespace: string; readonly clock: { readonly now: () => number } },
  { deployment, canary }: { readonly deployment: string; readonly canary: string },
): MetricSource => {
  const sideOf = async (side: Side, name: string): Promise<readonly PodReading[]> =>
    ((await podsOf(cluster, namespace, name)) ?? []).map(({ metadata, status }) => ({
      side,
      pod: { name: metadata.name, uid: metadata.uid ?? '' },
      containerId: '',
      restarts: (status?.containerStatuses ?? []).reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
      readAt: clock.now(),
      tookMs: 0,
      counters: {},
      gauges: {},
    }))
  return {
    preflight: async () => [],
    read: async () => {
      try {
        const sides = await Promise.all([sideOf('baseline', deployment), sideOf('canary', canary)])
        return { kind: 'pods', readings: sides.flat(), missing: [] }
      } catch (thrown) {
        if (!(thrown instanceof Fault) || thrown.kind === 'input') throw thrown
        return { kind: 'outage', query: 'API server', text: describe(thrown) }
      }
    },
  }
}
