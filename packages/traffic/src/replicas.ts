import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject, PatchOperation, Resource } from '@sluice/kubernetes/cluster'
import { type FencedResult, fencedPatch } from '@sluice/kubernetes/fenced'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import type { Router, RouteWrite } from './router.ts'
import { canaryPods, shareOf } from './shares.ts'

/** `canary`: the canary's Deployment, default `<deployment>-canary`. `weights`: the plan's, to say beforehand what each will come to. */
export type ReplicasGiven = {
  readonly namespace: string
  readonly deployment: string
  readonly service: string
  readonly canary?: string | undefined
  readonly weights?: readonly number[] | undefined
  readonly owned?: ((epoch: number) => Promise<boolean>) | undefined
}

/** The weight that was asked for last, on the canary's Deployment: its pods alone tell only what it came to. */
export const WEIGHT = 'sluice.dev/weight'

type Deployment = KubernetesObject & {
  readonly spec: {
    readonly replicas?: number
    readonly selector: { readonly matchLabels?: Readonly<Record<string, string>> }
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly replicas?: number
    readonly readyReplicas?: number
  }
}

/**
 * Splits by the number of pods behind one Service: the canary's size is its weight. Nothing of the user's is changed.
 * The Service must select the canary's pods too, which is decided by the labels they are made with.
 */
export const replicas = (cluster: Cluster, given: ReplicasGiven): Router => {
  const { namespace, deployment } = given
  const canary = given.canary ?? `${deployment}-canary`
  const deployments: Resource = { apiVersion: 'apps/v1', resource: 'deployments', namespace }
  const stable = (): Promise<Deployment | undefined> => cluster.get<Deployment>(deployments, deployment)

  const write = (
    epoch: number,
    change: (object: Deployment) => readonly PatchOperation[],
  ): Promise<FencedResult<Deployment>> =>
    fencedPatch<Deployment>(
      cluster,
      { resource: deployments, name: canary },
      { epoch, owned: given.owned && (() => given.owned?.(epoch) ?? Promise.resolve(true)) },
      (object) => ({ kind: 'patch', operations: change(object), mark: 'keep' }),
    )

  return {
    name: 'replicas',
    preflight: () => preflight(cluster, given),
    changes: async () => [],
    stamp: async () => ({ kind: 'written' }),
    set: async ({ weight, mirror = 0 }, _changes, epoch) => {
      if (mirror > 0)
        return {
          kind: 'refused',
          cause: 'environment',
          text: 'without a router nothing can copy requests to the canary',
        }
      const live = await stable()
      if (live === undefined)
        return { kind: 'refused', cause: 'environment', text: `Deployment ${namespace}/${deployment} is gone` }
      const pods = canaryPods(weight, live.spec.replicas ?? 1)
      const result = await write(epoch, (object) => sized(object, weight, pods))
      return result.kind === 'absent' && weight === 0 ? { kind: 'written' } : outcome(result, `${namespace}/${canary}`)
    },
    current: async () => {
      const [live, object] = await Promise.all([stable(), cluster.get<Deployment>(deployments, canary)])
      if (object === undefined) return { written: 0, marked: false }
      const pods = object.spec.replicas ?? 1
      const asked = pods === 0 ? 0 : Number(object.metadata.annotations?.[WEIGHT] ?? 0)
      const others = live?.spec.replicas ?? 1
      return {
        // Pods without a weight of ours were scaled by someone else: what they come to is what counts.
        written: pods > 0 && asked === 0 ? Math.max(0.5, shareOf(pods, others)) : asked,
        marked: false,
        text: `${pods} of ${pods + others} pods: ${percent(shareOf(pods, others))} for ${asked} %`,
      }
    },
    verify: async () => {
      const object = await cluster.get<Deployment>(deployments, canary)
      if (object === undefined) return { accepted: true }
      const pods = object.spec.replicas ?? 1
      const { observedGeneration = 0, replicas: running = 0, readyReplicas = 0 } = object.status ?? {}
      const current = observedGeneration >= (object.metadata.generation ?? 0)
      if (current && readyReplicas === pods && running === pods) return { accepted: true }
      return { accepted: false, text: `${readyReplicas} of ${pods} canary pods are ready` }
    },
    cleanup: async () => ({ kind: 'written' }),
  }
}

const sized = (object: Deployment, weight: number, pods: number): readonly PatchOperation[] => [
  ...(object.metadata.annotations?.[WEIGHT] === String(weight) ? [] : [weightMark(weight)]),
  ...(object.spec.replicas === pods ? [] : [{ op: 'add' as const, path: '/spec/replicas', value: pods }]),
]
const weightMark = (weight: number): PatchOperation => ({
  op: 'add',
  path: pointerOf('metadata', 'annotations', WEIGHT),
  value: String(weight),
})

const outcome = (result: FencedResult<Deployment>, name: string): RouteWrite => {
  if (result.kind === 'written') return { kind: 'written' }
  const where = `Deployment ${name}`
  if (result.kind === 'absent') return { kind: 'refused', cause: 'environment', text: `${where} does not exist` }
  if (result.kind === 'fenced') return { kind: 'refused', cause: 'fenced', text: `${where}: ${result.text}` }
  return { kind: 'refused', cause: result.cause, text: `${where}: ${result.text}` }
}

const percent = (share: number): string => `${Math.round(share * 10) / 10} %`

const preflight = async (cluster: Cluster, given: ReplicasGiven): Promise<readonly Finding[]> => {
  const { namespace, deployment, service } = given
  const [live, target] = await Promise.all([
    cluster.get<Deployment>({ apiVersion: 'apps/v1', resource: 'deployments', namespace }, deployment),
    cluster.get({ apiVersion: 'v1', resource: 'services', namespace }, service),
  ])
  if (live === undefined) return [error('deployment-missing', `Deployment ${namespace}/${deployment} does not exist`)]
  if (target === undefined) return [error('service-missing', `Service ${namespace}/${service} does not exist`)]
  const stands = live.spec.replicas ?? 1
  return (given.weights ?? []).map((weight) => achievable(weight, stands))
}

const achievable = (weight: number, stands: number): Finding => {
  const pods = canaryPods(weight, stands)
  const share = shareOf(pods, stands)
  return {
    id: 'achievable-share',
    level: Math.abs(share - weight) > weight / 2 ? 'warning' : 'note',
    text: `${weight} % is asked for; ${pods} canary ${pods === 1 ? 'pod' : 'pods'} beside ${stands} ${pods === 1 ? 'comes' : 'come'} to ${percent(share)}`,
    measured: Math.round(share * 10) / 10,
    limit: weight,
    unit: '%',
  }
}

const error = (id: string, text: string): Finding => ({ id, level: 'error', text })
