import { type Evidence, evidenceLimit } from '@sluice/evidence/evidence'
import { limitEvidence } from '@sluice/evidence/limit'
import { ratioEvidence } from '@sluice/evidence/ratio'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { State } from '@sluice/release/record'
import type { Look } from './moments.ts'

/** The names of the example's objects. */
export const NAMES = {
  staging: 'support-staging',
  production: 'support-production',
  deployment: 'support-router',
  route: 'support-router',
  gateway: 'public',
} as const

/** The Deployments of production. */
export const DEPLOYMENTS = { apiVersion: 'apps/v1', resource: 'deployments', namespace: NAMES.production } as const

/** The Services of production. */
export const SERVICES = { apiVersion: 'v1', resource: 'services', namespace: NAMES.production } as const

/** The HTTPRoutes of production. */
export const ROUTES = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  resource: 'httproutes',
  namespace: NAMES.production,
} as const

/** The ConfigMaps of production: a release's record is one of them. */
export const CONFIGMAPS = { apiVersion: 'v1', resource: 'configmaps', namespace: NAMES.production } as const

/** An HTTPRoute, as far as its weights are read. https://gateway-api.sigs.k8s.io/reference/spec/#httproute */
export type Route = KubernetesObject & {
  readonly spec: { readonly rules?: readonly { readonly backendRefs?: readonly Backend[] }[] }
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

/** The canary's share that a route asks for, whole percent: of the backends of its first rule, the one that is not stable. An absent weight is 1. */
export const canaryWeight = (route: Route | undefined): number => {
  const backends = route?.spec.rules?.[0]?.backendRefs ?? []
  const total = backends.reduce((sum, { weight }) => sum + (weight ?? 1), 0)
  const canary = backends.reduce((sum, { name, weight }) => (name === NAMES.deployment ? sum : sum + (weight ?? 1)), 0)
  return total === 0 ? 0 : Math.round((100 * canary) / total)
}

/** The part of a release's saved state that a watcher shows. */
export const lookOf = (
  at: number,
  route: Route | undefined,
  data: Readonly<Record<string, string>> | undefined,
): Look => {
  const state = readJson<State>(data?.state)
  const evidence = readJson<{ readonly evidence?: Evidence }>(data?.evidence)?.evidence
  const why = state !== undefined && 'why' in state ? state.why.text : ''
  return {
    at,
    weight: canaryWeight(route),
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
