/** Any JSON value that the cluster stores. Stored objects are never changed in place: a write puts a new one. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
/** A JSON object. */
export type Fields = { [key: string]: Json }

/** Who an object belongs to; it is collected when no owner is left. */
export type OwnerReference = {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** One manager's fields (`fieldsV1` as the Kubernetes API writes them). */
export type ManagedFields = {
  manager: string
  operation: 'Apply' | 'Update'
  apiVersion: string
  time: string
  fieldsType: 'FieldsV1'
  fieldsV1: Fields
  subresource?: string
}

/** What the API server keeps about every object. */
export type Metadata = {
  name: string
  namespace?: string
  generateName?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  creationTimestamp?: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  finalizers?: string[]
  ownerReferences?: OwnerReference[]
  managedFields?: ManagedFields[]
}

/** An API object of any kind. */
export type Doc = {
  apiVersion: string
  kind: string
  metadata: Metadata
  spec?: unknown
  status?: unknown
  data?: unknown
  [field: string]: unknown
}

/** One condition of a status. */
export type Condition = {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason?: string
  message?: string
  lastTransitionTime?: string
  lastUpdateTime?: string
  observedGeneration?: number
}

/** A selector of apps/v1: labels that must be equal, and expressions. */
export type LabelSelector = {
  matchLabels?: Record<string, string>
  matchExpressions?: {
    key: string
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
    values?: string[]
  }[]
}

/** A probe of a container; times in seconds. */
export type Probe = {
  httpGet?: {
    path?: string
    port: number | string
    scheme?: string
    host?: string
    httpHeaders?: { name: string; value: string }[]
  }
  tcpSocket?: { port: number | string }
  exec?: { command: string[] }
  initialDelaySeconds?: number
  periodSeconds?: number
  timeoutSeconds?: number
  successThreshold?: number
  failureThreshold?: number
}

/** One variable of a container, given or looked up. */
export type EnvVar = {
  name: string
  value?: string
  valueFrom?: {
    configMapKeyRef?: { name: string; key: string; optional?: boolean }
    secretKeyRef?: { name: string; key: string; optional?: boolean }
    fieldRef?: { fieldPath: string }
    resourceFieldRef?: { resource: string }
  }
}

/** What a container does before it is stopped. */
export type Lifecycle = {
  preStop?: {
    exec?: { command: string[] }
    sleep?: { seconds: number }
    httpGet?: Probe['httpGet']
  }
}

/** A container as its pod asks for it. */
export type Container = {
  name: string
  image: string
  command?: string[]
  args?: string[]
  env?: EnvVar[]
  envFrom?: {
    prefix?: string
    configMapRef?: { name: string; optional?: boolean }
    secretRef?: { name: string; optional?: boolean }
  }[]
  ports?: { name?: string; containerPort: number; protocol?: string }[]
  readinessProbe?: Probe
  livenessProbe?: Probe
  startupProbe?: Probe
  lifecycle?: Lifecycle
  resources?: { limits?: Record<string, string>; requests?: Record<string, string> }
}

/** What the kubelet reads of a pod's spec. */
export type PodSpec = {
  containers: Container[]
  initContainers?: Container[]
  restartPolicy?: 'Always' | 'OnFailure' | 'Never'
  terminationGracePeriodSeconds?: number
  nodeName?: string
  serviceAccountName?: string
}

/** A container waits, runs or has ended. */
export type ContainerState =
  | { waiting: { reason: string; message?: string } }
  | { running: { startedAt: string } }
  | {
      terminated: {
        exitCode: number
        signal?: number
        reason: string
        message?: string
        startedAt: string
        finishedAt: string
        containerID?: string
      }
    }

/** One container's state and how often it was started again. */
export type ContainerStatus = {
  name: string
  image: string
  imageID: string
  containerID?: string
  ready: boolean
  started: boolean
  restartCount: number
  state: ContainerState
  lastState: ContainerState | Record<string, never>
}

/** What the kubelet tells of a pod. */
export type PodStatus = {
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  conditions?: Condition[]
  containerStatuses?: ContainerStatus[]
  podIP?: string
  podIPs?: { ip: string }[]
  hostIP?: string
  startTime?: string
  reason?: string
  message?: string
  qosClass?: string
}

/** A Pod (v1). */
export type Pod = Doc & { spec: PodSpec; status?: PodStatus }

/** What a controller makes pods from. */
export type PodTemplate = {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  spec: PodSpec
}

/** A ReplicaSet (apps/v1). */
export type ReplicaSet = Doc & {
  spec: { replicas: number; minReadySeconds?: number; selector: LabelSelector; template: PodTemplate }
  status?: {
    replicas: number
    fullyLabeledReplicas?: number
    readyReplicas?: number
    availableReplicas?: number
    observedGeneration?: number
    conditions?: Condition[]
  }
}

/** A Deployment (apps/v1). */
export type Deployment = Doc & {
  spec: {
    replicas: number
    selector: LabelSelector
    template: PodTemplate
    strategy: {
      type: 'RollingUpdate' | 'Recreate'
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string }
    }
    minReadySeconds?: number
    progressDeadlineSeconds?: number
    revisionHistoryLimit?: number
    paused?: boolean
  }
  status?: {
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    readyReplicas?: number
    availableReplicas?: number
    unavailableReplicas?: number
    conditions?: Condition[]
  }
}

/** A Service (v1). */
export type Service = Doc & {
  spec: {
    selector?: Record<string, string>
    ports?: { name?: string; port: number; targetPort?: number | string; protocol?: string }[]
    type?: string
    clusterIP?: string
  }
}

/** A deep copy of a JSON value. */
export const copy = <T>(value: T): T => structuredClone(value)

/** Whether two JSON values are equal; an absent field and an undefined one are the same. */
export const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]))
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => same(left[key], right[key]))
}

/** Whether a JSON value is an object with named fields. */
export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A time as the API writes it: RFC 3339, whole seconds, UTC. */
export const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')

/** The conditions with one set; its transition time moves only when its status does. */
export const withCondition = (
  conditions: readonly Condition[] | undefined,
  next: Condition,
  at: number,
): Condition[] => {
  const before = conditions?.find((condition) => condition.type === next.type)
  const moved = before === undefined || before.status !== next.status
  const entry = { ...next, lastTransitionTime: moved ? timestamp(at) : (before.lastTransitionTime ?? timestamp(at)) }
  return before === undefined
    ? [...(conditions ?? []), entry]
    : (conditions ?? []).map((condition) => (condition.type === next.type ? entry : condition))
}
