import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { expect } from 'vitest'
import { fromData } from '../../actions/canary-promote/src/saved.ts'
import type { Release } from './images.ts'
import type { Real, Site } from './site.ts'
import { until } from './site.ts'

type Deployment = KubernetesObject & {
  readonly spec: {
    readonly replicas: number
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } }
  }
  readonly status?: Readonly<
    Record<'replicas' | 'updatedReplicas' | 'availableReplicas' | 'observedGeneration', number>
  >
}
type Map = KubernetesObject & { readonly data?: Readonly<Record<string, string>> }

/** The release's record as the cluster holds it. */
export const recordOf = async (site: Site) => {
  const map = await site.get<Map>('v1', 'configmaps', 'sluice-shop')
  const read = map === undefined ? undefined : fromData(map.data ?? {})
  return read?.kind === 'record' ? read.record : undefined
}

/** What serves under the stable name, by its image; and how many pods it wants. */
export const stableOf = async (site: Site) => {
  const live = await site.get<Deployment>('apps/v1', 'deployments', 'shop')
  return {
    image: live?.spec.template.spec.containers[0]?.image,
    replicas: live?.spec.replicas,
    available: live?.status?.availableReplicas ?? 0,
    spec: live?.spec,
    status: live?.status,
    generation: live?.metadata.generation,
  }
}

/**
 * The invariants at rest, read back from the cluster: all traffic on one template, that one whole under the stable name, nothing of the release left, the
 * record closed with its verdict, the Lease given back.
 */
export const expectRest = async (real: Real, site: Site, serves: Release, replicas = 2): Promise<void> => {
  await until(async () => (await stableOf(site)).status?.availableReplicas === replicas, 30_000, 'stable whole')
  const { image, status, generation, ...stable } = await stableOf(site)
  expect(image).toBe(real.image(serves))
  expect(stable.replicas).toBe(replicas)
  expect(status).toMatchObject({
    observedGeneration: generation,
    updatedReplicas: replicas,
    availableReplicas: replicas,
  })
  // Objects that were deleted go once their pods have ended.
  await until(async () => (await site.leftovers()).length === 0, 20_000, 'nothing left').catch(() => undefined)
  expect(await site.leftovers()).toEqual([])
  expect(await site.weight()).toBe(0)
  const record = await recordOf(site)
  if (record !== undefined) expect(record.state.phase).toBe('done')
  const lease = await site.get<KubernetesObject & { readonly spec?: { readonly holderIdentity?: string } }>(
    'coordination.k8s.io/v1',
    'leases',
    'sluice-shop',
  )
  expect(lease?.spec?.holderIdentity ?? '').toBe('')
}
