import type { Cluster } from '@sluice/kubernetes/cluster'
import { REPLICA_SET } from '@sluice/metrics/membership'
import type { Json, ReleaseRecord } from '@sluice/release/record'
import { argoRollout } from '@sluice/traffic/argo-rollouts'
import { setOf } from '@sluice/traffic/argo-rollouts-status'
import { type Settings, settingsOf } from '../plan.ts'
import type { Ports } from '../ports.ts'

/**
 * Readings of a release whose sides are two ReplicaSets of one Rollout: stable's, known from the start, and the one that the Rollout is being updated to,
 * known once its controller has made it. Until then the canary side is one that does not exist. Every other release is read as it was.
 */
export const sidesOfRollouts = (
  port: Ports['metrics'],
  { cluster, namespace }: { readonly cluster: Cluster; readonly namespace: string },
): Ports['metrics'] => {
  const sided = (settings: Settings, canary: string): Settings => {
    const { deployment, rollout } = settings.setup
    const baseline = `${REPLICA_SET}${deployment}-${rollout?.stable ?? ''}`
    return { ...settings, setup: { ...settings.setup, deployment: baseline, canary } }
  }
  /** The ReplicaSet of the update that is under way; by the image, so that a template that somebody else wrote meanwhile is nobody's side. */
  const canaryOf = async (record: ReleaseRecord): Promise<string> => {
    const { setup } = settingsOf(record)
    const read = await argoRollout(cluster, { namespace, name: setup.deployment }).read()
    const hash = read?.rollout.status?.currentPodHash ?? ''
    const set = read === undefined || hash === setup.rollout?.stable ? undefined : setOf(read.sets, hash)
    return `${REPLICA_SET}${set?.metadata.name ?? `${setup.deployment}-`}`
  }
  let last: ReleaseRecord | undefined
  return {
    preflight: (settings, interval) =>
      port.preflight(
        settings.setup.rollout === undefined
          ? settings
          : sided(settings, `${REPLICA_SET}${settings.setup.deployment}-`),
        interval,
      ),
    read: async (record) => {
      const settings = settingsOf(record)
      if (settings.setup.rollout === undefined) return port.read(record)
      const both = sided(settings, await canaryOf(record))
      last = { ...record, plan: { ...record.plan, metrics: both as unknown as Json } }
      return port.read(last)
    },
    queries: (record) => port.queries(settingsOf(record).setup.rollout === undefined ? record : (last ?? record)),
  }
}
