import type { Api } from './api.ts'
import { type Image, type LiveContainer, startContainer } from './container.ts'
import { environmentOf } from './environment.ts'
import { tell } from './events.ts'
import { PODS } from './kinds.ts'
import {
  type Condition,
  type ContainerStatus,
  type Pod,
  type PodStatus,
  same,
  timestamp,
  withCondition,
} from './objects.ts'
import type { Processes } from './processes.ts'
import { isRefusal } from './refusals.ts'

/** Runs the cluster's pods as processes and writes their status. */
export type Kubelet = {
  /** The real loopback port of a pod's port; undefined when the pod or the port is not there. */
  port(pod: Pod, wanted: number | string): number | undefined
  container(pod: Pod, name: string | undefined): LiveContainer | undefined
  /** Writes all statuses anew, after something outside of the pods changed what they show. */
  refresh(): void
  stop(): void
}

/** What the kubelet needs: processes, the images by digest, and which pods are held back from ready. */
export type KubeletWorld = {
  readonly processes: Processes
  image(digest: string): Image | undefined
  /** Pods that must not become ready, whatever their probes say. */
  heldBack(pod: Pod): boolean
}

type Work = {
  readonly uid: string
  readonly containers: readonly LiveContainer[]
  ending: boolean
  readonly sync: () => void
}

/** Runs the pods of the store as processes and writes what becomes of them into their status. */
export const createKubelet = (api: Api, world: KubeletWorld): Kubelet => {
  const work = new Map<string, Work>()
  const start = (pod: Pod): void => {
    const uid = pod.metadata.uid ?? ''
    const at = { namespace: pod.metadata.namespace, name: pod.metadata.name }
    const live = (): Pod | undefined => {
      const found = api.store.get<Pod>(PODS, at.namespace, at.name)
      return found?.metadata.uid === uid ? found : undefined
    }
    let _turn: NodeJS.Immediate | undefined
    const write = (): void => {
      _turn = undefined
      const current = live()
      const mine = work.get(uid)
      if (current === undefined || mine === undefined) return
      const status = statusOf(current, mine, world.heldBack(current), Date.now())
      if (same(status, current.status)) return
      const written = api.update(PODS, { ...current, status }, { manager: 'kubelet', subresource: 'status' })
      if (isRefusal(written)) throw new Error(`Status of pod ${at.name}: ${written.message}`)
    }
    const sync = (): void => {
      _turn ??= setImmediate(write)
    }
    const containers = pod.spec.containers.map((spec) =>
      startContainer(
        spec,
        {
          processes: world.processes,
          image: world.image,
          environment: () => environmentOf(api, live() ?? pod, spec),
          restartPolicy: pod.spec.restartPolicy ?? 'Always',
          graceMs: (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000,
          id: uid,
        },
        {
          changed: sync,
          event: (type, reason, message) =>
            tell(api, live() ?? pod, { type, reason, message, component: 'kubelet' }, Date.now()),
        },
      ),
    )
    work.set(uid, { uid, containers, ending: false, sync })
    sync()
  }
  const end = async (pod: Pod): Promise<void> => {
    const mine = work.get(pod.metadata.uid ?? '')
    if (mine === undefined || mine.ending) return
    mine.ending = true
    mine.sync()
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000
    tell(
      api,
      pod,
      {
        type: 'Normal',
        reason: 'Killing',
        message: `Stopping container ${pod.spec.containers[0]?.name}`,
        component: 'kubelet',
      },
      Date.now(),
    )
    await Promise.all(mine.containers.map((container) => container.terminate(graceMs)))
    work.delete(mine.uid)
    const left = api.store.get<Pod>(PODS, pod.metadata.namespace, pod.metadata.name)
    if (left?.metadata.uid === mine.uid)
      api.remove(PODS, { namespace: left.metadata.namespace, name: left.metadata.name }, { gracePeriodSeconds: 0 })
  }
  const unsubscribe = api.store.subscribe((change) => {
    if (change.kind !== PODS) return
    const pod = change.object as Pod
    if (change.type === 'ADDED') start(pod)
    else if (change.type === 'MODIFIED' && pod.metadata.deletionTimestamp !== undefined) void end(pod)
    else if (change.type === 'DELETED') {
      const mine = work.get(pod.metadata.uid ?? '')
      work.delete(pod.metadata.uid ?? '')
      for (const container of mine?.containers ?? []) container.kill()
    }
  })
  return {
    port: (pod, wanted) => {
      for (const container of work.get(pod.metadata.uid ?? '')?.containers ?? []) {
        const port = container.port(wanted)
        if (port !== undefined) return port
      }
      return undefined
    },
    container: (pod, name) => {
      const mine = work.get(pod.metadata.uid ?? '')
      const index = name === undefined ? 0 : pod.spec.containers.findIndex((container) => container.name === name)
      return mine?.containers[index]
    },
    refresh: () => {
      for (const mine of work.values()) mine.sync()
    },
    stop: () => {
      unsubscribe()
      for (const mine of work.values()) for (const container of mine.containers) container.kill()
      work.clear()
    },
  }
}

const statusOf = (pod: Pod, mine: Work, heldBack: boolean, now: number): PodStatus => {
  const containerStatuses = mine.containers.map((container): ContainerStatus => {
    const status = container.status()
    return heldBack || mine.ending ? { ...status, ready: false } : status
  })
  const ready = containerStatuses.every((status) => status.ready)
  const unready = containerStatuses.filter((status) => !status.ready).map((status) => status.name)
  const verdict: Pick<Condition, 'status' | 'reason' | 'message'> = ready
    ? { status: 'True' }
    : {
        status: 'False',
        reason: 'ContainersNotReady',
        message: `containers with unready status: [${unready.join(' ')}]`,
      }
  let conditions = pod.status?.conditions ?? []
  for (const type of ['PodReadyToStartContainers', 'Initialized', 'PodScheduled'])
    conditions = withCondition(conditions, { type, status: 'True' }, now)
  for (const type of ['ContainersReady', 'Ready']) conditions = withCondition(conditions, { type, ...verdict }, now)
  return {
    phase: phaseOf(pod, containerStatuses),
    conditions,
    hostIP: '127.0.0.1',
    podIP: '127.0.0.1',
    podIPs: [{ ip: '127.0.0.1' }],
    startTime: pod.status?.startTime ?? timestamp(now),
    qosClass: 'BestEffort',
    containerStatuses,
  }
}

const phaseOf = (pod: Pod, statuses: readonly ContainerStatus[]): PodStatus['phase'] => {
  const ended = statuses.flatMap((status) => ('terminated' in status.state ? [status.state.terminated.exitCode] : []))
  const policy = pod.spec.restartPolicy ?? 'Always'
  if (ended.length === statuses.length && policy !== 'Always' && pod.metadata.deletionTimestamp === undefined) {
    return ended.every((code) => code === 0) ? 'Succeeded' : 'Failed'
  }
  const begun = statuses.some((status) => !('waiting' in status.state) || Object.keys(status.lastState).length > 0)
  return begun ? 'Running' : 'Pending'
}
