import { Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import type { ReleaseRecord } from '@sluice/release/record'
import type { Ports } from '../ports.ts'
import { fromData, toData } from '../saved.ts'

type ConfigMap = KubernetesObject & { readonly data?: Readonly<Record<string, string>> }

/**
 * The record of a Deployment's release in ConfigMap `sluice-<deployment>`. Every save is one conditional write: of two runs that read the same
 * version one gets `conflict`.
 * @throws Fault('input') for a record that a newer version of Sluice wrote, or that cannot be read: it is left as it is
 */
export const recordPort = (cluster: Cluster, namespace: string, deployment: string): Ports['record'] => {
  const maps = { apiVersion: 'v1', resource: 'configmaps', namespace }
  const name = recordName(deployment)
  const where = `ConfigMap ${namespace}/${name}`
  return {
    load: async () => {
      const found = await cluster.get<ConfigMap>(maps, name)
      if (found === undefined) return undefined
      const read = fromData(found.data ?? {})
      if (read.kind === 'record') return { record: read.record, version: found.metadata.resourceVersion ?? '' }
      if (read.kind === 'newer') {
        throw new Fault(
          'input',
          `${where} has schema ${read.schema}, written by Sluice ${read.writer}; this version reads sluice.dev/release/v1`,
          'Use that version or a newer one; nothing was changed.',
        )
      }
      throw new Fault(
        'input',
        `${where} is not a record of a release: ${read.text}`,
        'Look at it; if it is not needed, delete it. Nothing was changed.',
      )
    },
    save: async (record: ReleaseRecord, version?: string) => {
      const object: ConfigMap = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name,
          namespace,
          labels: { 'app.kubernetes.io/managed-by': 'sluice' },
          ...(version === undefined ? {} : { resourceVersion: version }),
        },
        data: toData(record),
      }
      const written = version === undefined ? await cluster.create(maps, object) : await cluster.update(maps, object)
      return written.kind === 'written' ? { version: written.object.metadata.resourceVersion ?? '' } : 'conflict'
    },
  }
}

/** ConfigMap and Lease of a Deployment's release. */
export const recordName = (deployment: string): string => `sluice-${deployment}`
