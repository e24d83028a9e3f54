import { type Evidence, evidenceLimit } from '@sluice/evidence/evidence'
import { limitEvidence } from '@sluice/evidence/limit'
import { ratioEvidence } from '@sluice/evidence/ratio'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { State } from '@sluice/release/record'
import type { Look } from './moments.ts'

/** Where the service lives in production. `route` is the HTTPRoute that splits its traffic; absent: its pods do (`router: replicas`). */
export type Place = {
  /** The image's repository: which container's image is read. */
  readonly repository: string
  readonly namespace: string
  readonly deployment: string
  readonly service: string
  readonly servicePort: string
  readonly route: string | undefined
  /** The rule of the route that is split, counted from 0. */
  readonly rule: number
}

/** The resources of a namespace that a rehearsal reads; a release's record is one of its ConfigMaps. */
export const resourcesOf = (namespace: string) =>
  ({
    deployments: { apiVersion: 'apps/v1', resource: 'deployments', namespace },
    services: { apiVersion: 'v1', resource: 'services', namespace },
    configmaps: { apiVersion: 'v1', resource: 'configmaps', namespace },
    routes: { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'httproutes', namespace },
  }) as const

/** An HTTPRoute, as far as its weights are read. https://gateway-api.sigs.k8s.io/reference/spec/#httproute */
export type Route = KubernetesObject & {
  readonly spec: {
    readonly parentRefs?: readonly {
      readonly kind?: string
      readonly name: string
      readonly namespace?: string
      readonly sectionName?: string
      readonly port?: number
    }[]
    readonly hostnames?: readonly string[]
    readonly rules?: readonly { readonly backendRefs?: readonly Backend[] }[]
  }
}
type Backend = { readonly name: string; readonly weight?: number }

/** A Deployment, as far as its rollout is read. */
export type Workload = KubernetesObject & {
  readonly metadata: { readonly generation?: number }
  readonly spec: {
    readonly replicas?: number
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } }
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly availableReplicas?: number
    readonly updatedReplicas?: number
    readonly replicas?: number
  }
}

/** The canary's share that a route asks for, whole percent: of the backends of a rule, the one that is neither stable's Service nor a fresh baseline's. An absent weight is 1. */
export const canaryWeight = (route: Route | undefined, { service, rule }: Pick<Place, 'service' | 'rule'>): number => {
  const backends = route?.spec.rules?.[rule]?.backendRefs ?? []
  const total = backends.reduce((sum, { weight }) => sum + (weight ?? 1), 0)
  const others = [service, `${service}-baseline`]
  const canary = backends.reduce((sum, { name, weight }) => (others.includes(name) ? sum : sum + (weight ?? 1)), 0)
  return total === 0 ? 0 : Math.round((100 * canary) / total)
}

/** The canary's share of the pods that can answer, whole percent: what it gets where no route splits. */
export const canaryShare = (deployments: readonly Workload[], { deployment }: Pick<Place, 'deployment'>): number => {
  const available = (name: string): number =>
    deployments.find(({ metadata }) => metadata.name === name)?.status?.availableReplicas ?? 0
  const canary = available(`${deployment}-canary`)
  const all = canary + available(deployment)
  return all === 0 ? 0 : Math.round((100 * canary) / all)
}

/** The part of a release's saved state that a watcher shows. */
export const lookOf = (at: number, weight: number, data: Readonly<Record<string, string>> | undefined): Look => {
  const state = readJson<State>(data?.state)
  const evidence = readJson<{ readonly evidence?: Evidence }>(data?.evidence)?.evidence
  const why = state !== undefined && 'why' in state ? state.why.text : ''
  return {
    at,
    weight,
    phase: state?.phase ?? 'none',
    step: state !== undefined && 'step' in state ? state.step : undefined,
    reason: why,
    since: state === undefined ? 0 : 'since' in state ? state.since : state.at,
    direction: state !== undefined && 'to' in state ? state.to : undefined,
    evidence: evidence === undefined ? undefined : strongest(evidence),
  }
}

/** The state that was saved last, as `phase, verdict`. */
export const recordedEnd = (data: Readonly<Record<string, string>> | undefined): string => {
  const state = readJson<State>(data?.state)
  if (state === undefined) return 'nothing'
  return state.phase === 'done' ? `done, ${state.verdict}` : state.phase
}

/** The largest evidence of any counted test so far, and m/α; both as plain numbers, not logs. */
const strongest = (evidence: Evidence): Look['evidence'] => {
  const peaks = Object.values(evidence.metrics).flatMap((metric) =>
    metric.kind === 'counted' ? [ratioEvidence(metric.ratio).peak, limitEvidence(metric.limit).peak] : [],
  )
  return peaks.length === 0
    ? undefined
    : { value: Math.exp(Math.max(...peaks)), limit: Math.exp(evidenceLimit(evidence)) }
}

const readJson = <T>(text: string | undefined): T | undefined => {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}
