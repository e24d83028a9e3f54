import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Explanation } from './ports.ts'

/** What was seen around a Deployment whose rollout hangs. */
export type Seen = {
  readonly deployment: KubernetesObject
  /** Of its newest template; absent when there is none yet. */
  readonly replicaSet?: KubernetesObject
  readonly pods: readonly KubernetesObject[]
  readonly events: readonly KubernetesObject[]
}

/** A pod whose container's last lines would say more. */
export type Suspect = { readonly pod: string; readonly container: string; readonly previous: boolean }

/** Why one pod is not ready, and whose log to read. */
type Symptom = { readonly text: string; readonly environment: boolean; readonly suspect?: Omit<Suspect, 'pod'> }

/**
 * Why a rollout hangs, worst first, from the states that Kubernetes keeps: pods that could not be created or placed, images that do not come,
 * containers that end or never get ready. Pods with the same symptom are told once.
 */
export const explain = (seen: Seen): readonly { readonly explanation: Explanation; readonly suspect?: Suspect }[] => {
  const refused = creationFailure(seen)
  const found = new Map<string, { explanation: Explanation; suspect?: Suspect; pods: number }>()
  for (const pod of seen.pods) {
    const symptom = symptomOf(pod, seen.events)
    if (symptom === undefined) continue
    const known = found.get(symptom.text)
    if (known !== undefined) {
      known.pods++
      continue
    }
    const { text, environment, suspect } = symptom
    const about = `pod ${pod.metadata.name}`
    found.set(text, {
      explanation: { about, text, environment },
      ...(suspect === undefined ? {} : { suspect: { pod: pod.metadata.name, ...suspect } }),
      pods: 1,
    })
  }
  const pods = [...found.values()].map(({ pods: count, explanation, ...rest }) => ({
    ...rest,
    explanation: count === 1 ? explanation : { ...explanation, about: `${explanation.about} and ${count - 1} more` },
  }))
  return [...(refused === undefined ? [] : [{ explanation: refused }]), ...pods]
}

const creationFailure = ({ replicaSet, deployment, events }: Seen): Explanation | undefined => {
  const failure = conditionsOf(replicaSet).find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
  const uids = [replicaSet?.metadata.uid, deployment.metadata.uid].filter((uid) => uid !== undefined)
  const event = lastEvent(events, uids, 'FailedCreate')
  const text = failure?.message ?? event
  if (text === undefined) return undefined
  return { about: `Deployment ${deployment.metadata.name}`, text: `pods cannot be created: ${text}`, environment: true }
}

const symptomOf = (pod: KubernetesObject, events: readonly KubernetesObject[]): Symptom | undefined => {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined
  const conditions = conditionsOf(pod)
  if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return undefined
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (unscheduled !== undefined) {
    return {
      text: `cannot be placed on a node: ${unscheduled.message ?? unscheduled.reason ?? 'no reason given'}`,
      environment: true,
    }
  }
  for (const status of containersOf(pod)) {
    const symptom = containerSymptom(status)
    if (symptom !== undefined) return { ...symptom, environment: false }
  }
  const unhealthy = lastEvent(events, [pod.metadata.uid ?? ''], 'Unhealthy')
  const running = containersOf(pod).find(({ ready, state }) => !ready && state?.running !== undefined)
  if (running !== undefined) {
    const why = unhealthy ?? 'its readiness probe has not passed'
    const suspect = { container: running.name, previous: false }
    return { text: `container ${running.name} runs but is not ready: ${why}`, environment: false, suspect }
  }
  const warning = lastEvent(events, [pod.metadata.uid ?? ''])
  return {
    text: warning ?? `is ${String((pod.status as { phase?: string } | undefined)?.phase ?? 'not started')}`,
    environment: false,
  }
}

const containerSymptom = (status: ContainerStatus): Omit<Symptom, 'environment'> | undefined => {
  const { name, state, lastState, restartCount = 0 } = status
  const ended = state?.terminated ?? lastState?.terminated
  const restarts = restartCount === 0 ? '' : `, restarted ${restartCount} ${restartCount === 1 ? 'time' : 'times'}`
  const waiting = state?.waiting
  const isPulling = /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull)$/.test(waiting?.reason ?? '')
  if (isPulling)
    return {
      text: `image of container ${name} cannot be pulled (${waiting?.reason}): ${waiting?.message ?? 'no message'}`,
    }
  if (ended !== undefined && (ended.exitCode !== 0 || restartCount > 0)) {
    const how =
      ended.reason === 'OOMKilled'
        ? 'was killed for using more memory than its limit'
        : `ended with exit code ${ended.exitCode}`
    return {
      text: `container ${name} ${how}${restarts}`,
      suspect: { container: name, previous: state?.terminated === undefined },
    }
  }
  if (waiting !== undefined && !/^(ContainerCreating|PodInitializing)$/.test(waiting.reason ?? '')) {
    return {
      text: `container ${name} does not start (${waiting.reason ?? 'waiting'}): ${waiting.message ?? 'no message'}`,
    }
  }
  return undefined
}

type Terminated = { readonly exitCode?: number; readonly reason?: string }
type ContainerStatus = {
  readonly name: string
  readonly ready?: boolean
  readonly restartCount?: number
  readonly state?: {
    readonly waiting?: { reason?: string; message?: string }
    readonly running?: object
    readonly terminated?: Terminated
  }
  readonly lastState?: { readonly terminated?: Terminated }
}

const containersOf = ({ status }: KubernetesObject): readonly ContainerStatus[] => {
  const { initContainerStatuses = [], containerStatuses = [] } = (status ?? {}) as {
    initContainerStatuses?: readonly ContainerStatus[]
    containerStatuses?: readonly ContainerStatus[]
  }
  return [...initContainerStatuses.filter(({ state }) => state?.terminated?.exitCode !== 0), ...containerStatuses]
}

type Condition = { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }

const conditionsOf = (object: KubernetesObject | undefined): readonly Condition[] =>
  (object?.status as { conditions?: readonly Condition[] } | undefined)?.conditions ?? []

const lastEvent = (
  events: readonly KubernetesObject[],
  uids: readonly string[],
  reason?: string,
): string | undefined => {
  const about = events.filter((event) => {
    const { involvedObject } = event as { involvedObject?: { uid?: string } }
    return (
      event.type === 'Warning' &&
      uids.includes(involvedObject?.uid ?? ' ') &&
      (reason === undefined || event.reason === reason)
    )
  })
  const last = [...about].sort((a, b) => whenOf(a).localeCompare(whenOf(b))).at(-1)
  return typeof last?.message === 'string' ? last.message : undefined
}

const whenOf = (event: KubernetesObject): string =>
  String(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '')
