import type { CanaryStep } from '../src/argo-rollouts.ts'
import { POD_HASH, type ReplicaSet, type Rollout, type RolloutRead } from '../src/argo-rollouts.ts'

export const STEPS: readonly CanaryStep[] = [{ setWeight: 20 }, { pause: {} }, { setWeight: 50 }, { pause: {} }]

const template = (image: string) => ({
  metadata: { labels: { app: 'shop' } },
  spec: { containers: [{ name: 'web', image }] },
})

/** A Rollout that has nothing to do: the image `old` on the pod hash `aaa`. */
export const rollout = (
  more: { spec?: Partial<Rollout['spec']>; status?: Rollout['status']; metadata?: object; image?: string } = {},
): Rollout => ({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'shop', namespace: 'shop', uid: 'uid-shop', generation: 1, ...more.metadata },
  spec: {
    replicas: 4,
    selector: { matchLabels: { app: 'shop' } },
    template: template(more.image ?? 'old'),
    strategy: { canary: { steps: STEPS } },
    ...more.spec,
  },
  status: {
    observedGeneration: '1',
    phase: 'Healthy',
    stableRS: 'aaa',
    currentPodHash: 'aaa',
    currentStepIndex: 4,
    ...more.status,
  },
})

export const replicaSet = (
  hash: string,
  image: string,
  pods: number,
  more: { born?: string; annotations?: Record<string, string>; owner?: string } = {},
): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    name: `shop-${hash}`,
    namespace: 'shop',
    uid: `uid-${hash}`,
    labels: { app: 'shop', [POD_HASH]: hash },
    annotations: more.annotations ?? {},
    creationTimestamp: more.born ?? '2030-01-01T00:00:00Z',
    ownerReferences: [
      {
        apiVersion: 'argoproj.io/v1alpha1',
        kind: 'Rollout',
        name: 'shop',
        uid: more.owner ?? 'uid-shop',
        controller: true,
      },
    ],
  },
  spec: { replicas: pods, template: template(image) },
  status: { replicas: pods, readyReplicas: pods, availableReplicas: pods },
})

/** The Rollout in the middle of an update to `new`, on the pod hash `bbb`, paused at its first step. */
export const updating = (
  status: NonNullable<Rollout['status']> = {},
  spec: Partial<Rollout['spec']> = {},
): RolloutRead => ({
  rollout: rollout({
    image: 'new',
    spec,
    status: {
      phase: 'Paused',
      currentPodHash: 'bbb',
      currentStepIndex: 1,
      controllerPause: true,
      pauseConditions: [{ reason: 'CanaryPauseStep' }],
      ...status,
    },
  }),
  sets: [replicaSet('aaa', 'old', 3), replicaSet('bbb', 'new', 1)],
})
