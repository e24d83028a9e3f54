import { describe, Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject, PatchOperation, Resource } from '@sluice/kubernetes/cluster'
import { type Change, causeOf, EPOCH, type FencedResult, fencedPatch } from '@sluice/kubernetes/fenced'
import { pointerOf } from '@sluice/kubernetes/json-pointer'

/** A pod template as a Rollout and its ReplicaSets carry it; what is not named travels along. */
type PodTemplate = {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>>; readonly [field: string]: unknown }
  readonly spec: {
    readonly containers: readonly {
      readonly name: string
      readonly image?: string
      readonly [field: string]: unknown
    }[]
    readonly [field: string]: unknown
  }
}

/** A step of `spec.strategy.canary.steps`. A pause without a duration ends only when somebody promotes. */
export type CanaryStep = {
  readonly setWeight?: number
  readonly pause?: { readonly duration?: number | string }
  readonly [kind: string]: unknown
}

/** What is read of a Rollout (argoproj.io/v1alpha1). Source: pkg/apis/rollouts/v1alpha1/types.go of argo-rollouts 1.8.3. */
export type Rollout = KubernetesObject & {
  readonly spec: {
    readonly replicas?: number
    readonly selector: { readonly matchLabels?: Readonly<Record<string, string>> }
    readonly template: PodTemplate
    readonly paused?: boolean
    readonly workloadRef?: { readonly kind?: string; readonly name?: string }
    readonly rollbackWindow?: { readonly revisions?: number }
    readonly strategy?: {
      readonly canary?: {
        readonly steps?: readonly CanaryStep[]
        readonly trafficRouting?: { readonly maxTrafficWeight?: number; readonly [router: string]: unknown }
        readonly analysis?: unknown
        readonly [field: string]: unknown
      }
      readonly blueGreen?: unknown
    }
    readonly [field: string]: unknown
  }
  readonly status?: RolloutStatus
}

/** `observedGeneration` is a text. `weights` only with a traffic router. */
export type RolloutStatus = {
  readonly abort?: boolean
  readonly promoteFull?: boolean
  readonly controllerPause?: boolean
  readonly pauseConditions?: readonly { readonly reason: string; readonly startTime?: string }[]
  readonly currentPodHash?: string
  readonly stableRS?: string
  readonly currentStepIndex?: number
  readonly observedGeneration?: string
  readonly phase?: string
  readonly message?: string
  readonly conditions?: readonly {
    readonly type: string
    readonly status: string
    readonly reason?: string
    readonly message?: string
  }[]
  readonly canary?: {
    readonly weights?: {
      readonly canary: { readonly weight: number; readonly podTemplateHash?: string }
      readonly verified?: boolean
    }
  }
}

/** What is read of a ReplicaSet (apps/v1). */
export type ReplicaSet = KubernetesObject & {
  readonly spec: { readonly replicas?: number; readonly template: PodTemplate }
  readonly status?: {
    readonly replicas?: number
    readonly readyReplicas?: number
    readonly availableReplicas?: number
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason?: string
      readonly message?: string
    }[]
  }
}

/** The label by which a Rollout's ReplicaSets, their pods and the selectors of its Services are told apart. */
export const POD_HASH = 'rollouts-pod-template-hash'

/** A Rollout and the ReplicaSets that it owns, read in the same moment. */
export type RolloutRead = { readonly rollout: Rollout; readonly sets: readonly ReplicaSet[] }

/** Reads of one Rollout, and writes to it that a later epoch refuses. */
export type ArgoRollout = {
  read(): Promise<RolloutRead | undefined>
  /** A write to spec or metadata. */
  write(epoch: number, change: (rollout: Rollout) => Change): Promise<FencedResult<Rollout>>
  /** A write to the status, which is what `kubectl argo rollouts promote` and `abort` do. Needs `get` of it, too: to tell a test that failed from a bad patch. */
  writeStatus(epoch: number, change: (rollout: Rollout) => readonly PatchOperation[]): Promise<FencedResult<Rollout>>
}

/**
 * One Rollout by name. `owned` says whether an epoch still is the saved record's; it is asked before an object without our mark is written.
 * @throws from `read` only: Fault('upstream') for an API server that fails, refuses, or does not serve Rollouts
 */
export const argoRollout = (
  cluster: Cluster,
  given: {
    readonly namespace: string
    readonly name: string
    readonly owned?: ((epoch: number) => Promise<boolean>) | undefined
  },
): ArgoRollout => {
  const { namespace, name } = given
  const resource: Resource = { apiVersion: 'argoproj.io/v1alpha1', resource: 'rollouts', namespace }
  const write: ArgoRollout['write'] = (epoch, change) =>
    fencedPatch<Rollout>(
      cluster,
      { resource, name },
      { epoch, owned: given.owned && (() => given.owned?.(epoch) ?? Promise.resolve(true)) },
      change,
    )
  return {
    read: async () => {
      const rollout = await cluster.get<Rollout>(resource, name)
      if (rollout === undefined) return undefined
      const sets = await cluster.list<ReplicaSet>(
        { apiVersion: 'apps/v1', resource: 'replicasets', namespace },
        { labels: rollout.spec.selector?.matchLabels ?? {} },
      )
      return { rollout, sets: sets.filter((set) => isOwned(set, rollout.metadata.uid)) }
    },
    write,
    writeStatus: async (epoch, change) => {
      try {
        for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
          // A write to the status leaves metadata as it is: the mark that it tests has to be there before.
          const marked = await write(epoch, () => ({ kind: 'patch', operations: [], mark: 'keep' }))
          if (marked.kind !== 'written') return marked
          const operations = change(marked.object)
          if (operations.length === 0) return marked
          const fenced: readonly PatchOperation[] = [
            { op: 'test', path: '/metadata/uid', value: marked.object.metadata.uid },
            { op: 'test', path: MARK, value: String(epoch) },
            ...operations,
          ]
          const written = await cluster.jsonPatch<Rollout>({ ...resource, resource: 'rollouts/status' }, name, fenced)
          if (written.kind !== 'conflict') return written
        }
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
        return { kind: 'refused', cause: causeOf(thrown), text: describe(thrown) }
      }
      const text = `the status of Rollout ${name} was changed by others ${ATTEMPTS} times while it was being written`
      return { kind: 'refused', cause: 'upstream', text }
    },
  }
}

const ATTEMPTS = 5
const MARK = pointerOf('metadata', 'annotations', EPOCH)

const isOwned = ({ metadata }: KubernetesObject, uid: string | undefined): boolean =>
  uid !== undefined && (metadata.ownerReferences ?? []).some((owner) => owner.uid === uid && owner.controller !== false)
