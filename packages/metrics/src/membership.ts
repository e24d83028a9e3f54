import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Side } from './reading.ts'

type Probe = { readonly httpGet?: { readonly path?: string } }
type Container = {
  readonly name: string
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly startupProbe?: Probe
}
/** The parts of a Pod that are read. Source: core/v1. */
export type Pod = KubernetesObject & {
  readonly spec?: { readonly containers?: readonly Container[] }
  readonly status?: {
    readonly phase?: string
    readonly containerStatuses?: readonly {
      readonly name: string
      readonly containerID?: string
      readonly restartCount?: number
      readonly ready?: boolean
      readonly state?: { readonly running?: { readonly startedAt?: string } }
    }[]
  }
}

/** A pod and how its metrics are reached. */
export type Target = {
  readonly side: Side
  readonly pod: Pod
  readonly port: number
  readonly path: string
  readonly scheme: 'http' | 'https'
  readonly containerId: string
  readonly restarts: number
  /** When the container runs since, ms UTC; absent where its status does not say. */
  readonly startedAt?: number
}

/** A side that is one ReplicaSet, by name, where both sides belong to one object, as those of an Argo Rollouts Rollout do. */
export const REPLICA_SET = 'replicaset/'

/**
 * The running pods that belong to a side: to a Deployment by one of its ReplicaSets, or to the ReplicaSet of `replicaset/NAME`; owned, by UID, as labels
 * alone would also find another's pods. Oldest first; `undefined` when the Deployment or ReplicaSet does not exist.
 */
export const podsOf = async (
  cluster: Cluster,
  namespace: string,
  side: string,
): Promise<readonly Pod[] | undefined> => {
  const one = side.startsWith(REPLICA_SET)
  const resource = { apiVersion: 'apps/v1', resource: one ? 'replicasets' : 'deployments', namespace }
  const live = await cluster.get(resource, one ? side.slice(REPLICA_SET.length) : side)
  if (live === undefined) return undefined
  const selector = (live.spec as { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } })
    ?.selector
  const labels = selector?.matchLabels === undefined ? {} : { labels: selector.matchLabels }
  const [sets, pods] = await Promise.all([
    one ? [] : cluster.list({ apiVersion: 'apps/v1', resource: 'replicasets', namespace }, labels),
    cluster.list<Pod>({ apiVersion: 'v1', resource: 'pods', namespace }, labels),
  ])
  const owners = one
    ? new Set([live.metadata.uid])
    : new Set(sets.filter((set) => ownedBy(set, live.metadata.uid)).map(({ metadata }) => metadata.uid))
  return pods
    .filter((pod) => [...owners].some((uid) => ownedBy(pod, uid)))
    .filter(({ metadata, status }) => status?.phase === 'Running' && metadata.deletionTimestamp === undefined)
    .sort((a, b) => age(a).localeCompare(age(b)))
}

const ownedBy = ({ metadata }: KubernetesObject, uid: string | undefined): boolean =>
  uid !== undefined && (metadata.ownerReferences ?? []).some((owner) => owner.uid === uid && owner.controller !== false)
const age = ({ metadata }: Pod): string => `${metadata.creationTimestamp ?? ''} ${metadata.name}`

/** How a pod's metrics are reached: what was given, else its `prometheus.io/…` annotations, else a port named `metrics`, else its only port. */
export const targetOf = (
  pod: Pod,
  side: Side,
  given: { readonly port?: number | string | undefined; readonly path?: string | undefined },
): Target | { readonly kind: 'no-port'; readonly text: string } => {
  const { annotations = {}, name } = pod.metadata
  const containers = pod.spec?.containers ?? []
  const ports = containers.flatMap(({ ports: own = [], name: container }) =>
    own.map((port) => ({ ...port, container })),
  )
  const byName = (wanted: string) => ports.find((port) => port.name === wanted)?.containerPort
  const asked = given.port === undefined || given.port === '' ? undefined : String(given.port)
  const annotated = annotations['prometheus.io/port']
  const only = ports.length === 1 ? ports[0]?.containerPort : undefined
  const found = (annotated === undefined ? undefined : numberOr(annotated, byName)) ?? byName('metrics') ?? only
  // What was asked for by name and is not there is said, not replaced by a guess.
  const port = asked === undefined ? found : numberOr(asked, byName)
  const shown = ports.map(({ name: own, containerPort }) =>
    own === undefined ? `${containerPort}` : `${own} (${containerPort})`,
  )
  if (port === undefined)
    return {
      kind: 'no-port',
      text:
        asked !== undefined
          ? `pod ${name} has no port named ${asked}; it has ${shown.join(', ') || 'none'}`
          : `pod ${name} does not say where its metrics are: no annotation prometheus.io/port, no port named metrics; its ports are ${shown.join(', ') || 'not declared'}`,
    }
  const container = ports.find(({ containerPort }) => containerPort === port)?.container ?? containers[0]?.name
  const statuses = pod.status?.containerStatuses ?? []
  const own = statuses.find((status) => status.name === container)
  const startedAt = Date.parse(own?.state?.running?.startedAt ?? '')
  return {
    side,
    pod,
    port,
    path: given.path || annotations['prometheus.io/path'] || '/metrics',
    scheme: annotations['prometheus.io/scheme'] === 'https' ? 'https' : 'http',
    containerId: own?.containerID ?? '',
    restarts: statuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
    ...(Number.isNaN(startedAt) ? {} : { startedAt }),
  }
}

const numberOr = (port: string, named: (name: string) => number | undefined): number | undefined =>
  /^\d+$/.test(port) ? Number(port) : named(port)

/** The paths that the cluster's probes ask for. */
export const probePaths = ({ spec }: Pod): readonly string[] =>
  (spec?.containers ?? []).flatMap(({ livenessProbe, readinessProbe, startupProbe }) =>
    [livenessProbe, readinessProbe, startupProbe].flatMap((probe) => {
      const path = probe?.httpGet?.path?.split('?')[0]
      return path === undefined ? [] : [path]
    }),
  )
