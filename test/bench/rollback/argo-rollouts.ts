import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { until } from '../../cluster/site.ts'
import { type Contestant, podsOf, shareOf } from './contestant.ts'
import type { Verdict } from './measured.ts'

type Rollout = KubernetesObject & {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } }
  }
  readonly status?: {
    readonly phase?: string
    readonly abort?: boolean
    readonly currentPodHash?: string
    readonly stableRS?: string
    readonly observedGeneration?: string
    readonly availableReplicas?: number
  }
}
type TraefikService = KubernetesObject & {
  readonly spec: { readonly weighted: { readonly services: readonly { name: string; weight?: number }[] } }
}

const GROUP = 'argoproj.io/v1alpha1'

/** Argo Rollouts: its controller is one of the cluster's programs; the user patches the Rollout. The delay is abortScaleDownDelaySeconds of its settings. */
export const argoRollouts: Contestant = {
  delay: 10_000,
  prepare: async (place) => {
    const rollout = () => place.get<Rollout>(GROUP, 'rollouts', 'shop')
    const weights = async () =>
      (await place.get<TraefikService>('traefik.io/v1alpha1', 'traefikservices', 'shop'))?.spec.weighted.services ?? []
    const settled = async () => {
      const { status } = (await rollout()) ?? {}
      // Its controller writes 100 and 0 itself; until then both count as 1.
      return status?.phase === 'Healthy' && status.availableReplicas === 2 && shareOf(await weights(), 'shop') === 100
    }
    await until(settled, 90_000, 'a Rollout that is Healthy (does its controller run?)')
    return {
      weight: async () => shareOf(await weights(), 'shop-canary'),
      release: async (image) => {
        const startedAt = Date.now()
        const target = { apiVersion: GROUP, resource: 'rollouts', namespace: place.namespace }
        const path = '/spec/template/spec/containers/0/image'
        const written = await place.admin.jsonPatch(target, 'shop', [{ op: 'replace', path, value: image }])
        if (written.kind !== 'written') throw new Error(`the Rollout was not patched: ${written.kind}`)
        const generation = String(written.object.metadata.generation)
        const ended = async (): Promise<Verdict | undefined> => wordOf(await rollout(), generation)
        return { startedAt, wroteAt: startedAt, ended, stop: () => undefined }
      },
      left: async (lost) => ({
        passing: [
          ...(await podsOf(place, lost)),
          ...(shareOf(await weights(), 'shop-canary') === 0 ? [] : ['a weight of the canary']),
        ],
        lasting:
          (await rollout())?.spec.template.spec.containers[0]?.image === lost
            ? ['the Rollout still names the rejected image']
            : [],
      }),
    }
  },
}

/** Its word: aborted, or Healthy on the new template. */
const wordOf = (rollout: Rollout | undefined, generation: string): Verdict | undefined => {
  const status = rollout?.status
  if (status === undefined || status.observedGeneration !== generation) return undefined
  if (status.abort === true) return 'stopped'
  return status.phase === 'Healthy' && status.stableRS === status.currentPodHash ? 'promoted' : undefined
}
