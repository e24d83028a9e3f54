import type { ReleaseRecord } from '@sluice/release/record'
import { POD_HASH, type ReplicaSet, type Rollout } from '@sluice/traffic/argo-rollouts'
import { objectServer } from '../../../packages/kubernetes/test/object-server.ts'
import { rolloutPort } from '../src/ports/rollout.ts'
import type { Ports } from '../src/ports.ts'
import { toData } from '../src/saved.ts'
import { withImage } from '../src/template.ts'
import { DIGEST, podTemplate } from './objects.ts'
import { image, simulate } from './simulation.ts'

const PATH = '/apis/argoproj.io/v1alpha1/namespaces/prod/rollouts/shop'
const SETS = '/apis/apps/v1/namespaces/prod/replicasets'
const RECORD = '/api/v1/namespaces/prod/configmaps/sluice-shop'
const STEPS = [{ setWeight: 10 }, { pause: {} }, { setWeight: 50 }, { pause: {} }]
const REPLICAS = 4

/** The pod hash that stands for a template here: one for each image. */
const hashOf = ({ spec }: Rollout): string =>
  spec.template.spec.containers.map((each) => /sha256:(.)/.exec(each.image ?? '')?.[1] ?? 'x').join('')

/**
 * A Rollout with a traffic router behind a real socket, and a controller that does with it what that of argo-rollouts 1.8.3 does at each of its looks, as
 * far as a canary's steps, pauses, aborts and full promotions go. It looks once for each time that the run sleeps. `weights`: all it gave the canary, in order.
 */
export const rolloutStage = async (start: Parameters<typeof simulate>[0] = {}) => {
  const server = await objectServer()
  const sim = simulate(start)
  const weights: number[] = []
  let ready = start.ready ?? true
  let alive = true
  const live = (): Rollout => server.at(PATH) as Rollout
  const write = (change: Partial<Rollout['status']>): void =>
    server.put(PATH, { ...live(), status: { ...live().status, ...change } })
  const scale = (hash: string, pods: number): void => {
    const up = hash === STABLE || ready ? pods : 0
    const { spec } = (server.at(`${SETS}/shop-${hash}`) as ReplicaSet | undefined) ?? {
      spec: { template: live().spec.template },
    }
    server.put(`${SETS}/shop-${hash}`, replicaSet(hash, { ...spec, replicas: pods }, up))
  }
  const weigh = (weight: number): void => {
    if (weights.at(-1) !== weight) weights.push(weight)
    sim.cluster.weight = weight
    write({ canary: { weights: { canary: { weight, podTemplateHash: live().status?.currentPodHash ?? '' } } } })
  }

  const look = (): void => {
    const { spec, metadata, status = {} } = live()
    // A template that is taken from elsewhere does not change here.
    const hash = spec.workloadRef === undefined ? hashOf(live()) : (status.currentPodHash ?? '')
    const seen = { observedGeneration: String(metadata.generation) }
    const others = [STABLE, 'b', 'c'].filter((each) => each !== hash && server.at(`${SETS}/shop-${each}`) !== undefined)
    if (hash !== status.currentPodHash) {
      if (server.at(`${SETS}/shop-${hash}`) === undefined) scale(hash, 0)
      const {
        abort: _abort,
        promoteFull: _full,
        pauseConditions: _conditions,
        controllerPause: _pause,
        ...rest
      } = status
      const index = hash === status.stableRS ? STEPS.length : 0
      server.put(PATH, {
        ...live(),
        status: { ...rest, ...seen, currentPodHash: hash, currentStepIndex: index, phase: 'Progressing', message: '' },
      })
      return
    }
    // A template that somebody wrote over another leaves the other's pods to nobody.
    for (const each of others) if (each !== status.stableRS) scale(each, 0)
    if (spec.paused === true && status.abort !== true) {
      write({ ...seen, phase: 'Paused', message: 'manually paused' })
      return
    }
    if (hash === status.stableRS) {
      weigh(0)
      scale(hash, spec.replicas ?? REPLICAS)
      for (const each of others) scale(each, 0)
      write({ ...seen, phase: 'Healthy', message: '' })
      return
    }
    if (status.promoteFull === true) {
      scale(hash, spec.replicas ?? REPLICAS)
      if (!ready) return
      const {
        promoteFull: _full,
        pauseConditions: _conditions,
        controllerPause: _pause,
        abort: _abort,
        ...rest
      } = live().status ?? {}
      server.put(PATH, {
        ...live(),
        status: { ...rest, ...seen, stableRS: hash, currentStepIndex: STEPS.length, phase: 'Progressing' },
      })
      return
    }
    if (status.abort === true) {
      weigh(0)
      write({
        ...seen,
        phase: 'Degraded',
        message: status.message || 'RolloutAborted: Rollout aborted update to revision 2',
      })
      return
    }
    const index = status.currentStepIndex ?? 0
    const step = STEPS[index]
    if (step?.setWeight !== undefined) {
      scale(hash, Math.ceil((step.setWeight * REPLICAS) / 100))
      if (!ready) {
        write({ ...seen, phase: 'Progressing' })
        return
      }
      weigh(step.setWeight)
      write({ ...seen, currentStepIndex: index + 1, phase: 'Progressing' })
      return
    }
    if (step === undefined) {
      write({ promoteFull: true })
      return
    }
    const waits = (status.pauseConditions ?? []).length > 0
    if (!waits && status.controllerPause === true) {
      const { controllerPause: _pause, ...rest } = live().status ?? {}
      server.put(PATH, { ...live(), status: { ...rest, ...seen, currentStepIndex: index + 1 } })
    } else if (!waits) {
      write({
        ...seen,
        controllerPause: true,
        pauseConditions: [{ reason: 'CanaryPauseStep' }],
        phase: 'Paused',
        message: 'CanaryPauseStep',
      })
    }
  }

  server.put(PATH, {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'shop', namespace: 'prod', uid: 'uid-shop' },
    spec: {
      replicas: REPLICAS,
      selector: { matchLabels: { app: 'shop', tier: 'web' } },
      template: podTemplate(),
      strategy: { canary: { steps: STEPS, trafficRouting: { traefik: {} } } },
    },
    status: { stableRS: STABLE, currentPodHash: STABLE, currentStepIndex: STEPS.length },
  })
  scale(STABLE, REPLICAS)
  look()
  weights.length = 0

  const mirror = (record: ReleaseRecord): void =>
    server.put(RECORD, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'sluice-shop' }, data: toData(record) })
  const ports = (planned: readonly number[] = [10, 50]): Ports => {
    const base = sim.ports()
    const clock = {
      ...base.clock,
      sleep: async (ms: number) => {
        await base.clock.sleep(ms)
        // A side without pods counts nothing.
        const pods = (server.at(`${SETS}/shop-b`) as ReplicaSet | undefined)?.status?.readyReplicas ?? 0
        sim.cluster.canary = pods > 0 ? { replicas: pods, hash: 'b', since: 0 } : undefined
        if (alive) look()
      },
    }
    return {
      ...base,
      clock,
      record: {
        ...base.record,
        save: async (record, version) => {
          const saved = await base.record.save(record, version)
          if (saved !== 'conflict') mirror(record)
          return saved
        },
      },
      cluster: rolloutPort({
        cluster: server.cluster,
        namespace: 'prod',
        deployment: 'shop',
        clock,
        weights: planned,
      }),
    }
  }
  return {
    sim,
    server,
    ports,
    weights,
    live,
    /** Somebody writes the Rollout's status, or its template. */
    write,
    setTemplate: (digit: string) =>
      server.put(PATH, {
        ...live(),
        spec: { ...live().spec, template: withImage(podTemplate(), 'web', { ...image, digest: DIGEST(digit) }) },
      }),
    setSpec: (more: Partial<Rollout['spec']>) => server.put(PATH, { ...live(), spec: { ...live().spec, ...more } }),
    setReady: (now: boolean) => {
      ready = now
    },
    kill: () => {
      alive = false
    },
    look,
    pods: (hash: string) => (server.at(`${SETS}/shop-${hash}`) as ReplicaSet | undefined)?.spec.replicas ?? 0,
    stop: () => server.stop(),
  }
}

/** The pod hash of the image that serves before a release. */
const STABLE = 'a'

const replicaSet = (hash: string, spec: ReplicaSet['spec'], up: number): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    name: `shop-${hash}`,
    namespace: 'prod',
    uid: `uid-${hash}`,
    labels: { app: 'shop', tier: 'web', [POD_HASH]: hash },
    ownerReferences: [
      { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'shop', uid: 'uid-shop', controller: true },
    ],
  },
  spec,
  status: { replicas: spec.replicas ?? 0, readyReplicas: up, availableReplicas: up },
})
