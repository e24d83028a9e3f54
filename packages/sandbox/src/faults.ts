import type { LabelSelector, Pod } from './objects.ts'
import { selects } from './selectors.ts'

/** Which requests a fault meets; absent: all. Resources are plurals, `pods/proxy` for a subresource. `times`: only the next so many. */
export type Where = {
  readonly verbs?: readonly string[]
  readonly resources?: readonly string[]
  readonly namespace?: string
  readonly times?: number
}

/** What goes wrong with a call to the API server. Times in ms. */
export type ApiFault =
  /** Answers with this code; `retryAfterSeconds` adds Retry-After. */
  | {
      readonly kind: 'status'
      readonly code: 401 | 403 | 429 | 500 | 503 | 504
      readonly retryAfterSeconds?: number
      readonly message?: string
    }
  | { readonly kind: 'latency'; readonly ms: number }
  /** Closes the connection without an answer. `after`: the request has done its work first. */
  | { readonly kind: 'reset'; readonly after?: boolean }
  /** Never answers. */
  | { readonly kind: 'hang' }

/** What goes wrong with requests through a gateway: a share of them fails, or all take longer (ms). */
export type GatewayFault =
  | { readonly kind: 'errors'; readonly share: number; readonly status?: number }
  | { readonly kind: 'latency'; readonly ms: number }

/** Ends the fault that it was given for. */
export type Clear = () => void

/** Faults on demand. Every one lasts until it is cleared (or has met its `times`). */
export type Faults = {
  api(fault: ApiFault, where?: Where): Clear
  /** Ends all watches now; clients have to start them again. */
  dropWatches(): void
  /** Every token issued so far answers 401 until cleared. */
  expireTokens(): Clear
  /** Pods with these labels never become ready (and lose readiness when they had it). */
  neverReady(namespace: string, labels: Readonly<Record<string, string>>): Clear
  /** A Gateway answers a share of requests by itself, or each of them late. `name` absent: every Gateway. */
  gateway(fault: GatewayFault, name?: { readonly namespace: string; readonly name: string }): Clear
  clear(): void
}

/** The call that a fault is looked up for. */
export type Request = { readonly verb: string; readonly resource: string; readonly namespace: string | undefined }

/** The faults that are on now, as the server, the kubelet and the gateways ask for them. */
export type ActiveFaults = {
  readonly faults: Faults
  /** The faults that meet this request; each call uses up one of their `times`. */
  meeting(request: Request): readonly ApiFault[]
  tokensExpired(): boolean
  heldBack(pod: Pod): boolean
  gateway(namespace: string, name: string): readonly GatewayFault[]
}

/** Keeps the faults that are on; `changed.watches` ends all watches, `changed.readiness` has readiness looked at again. */
export const createFaults = (changed: { watches(): void; readiness(): void }): ActiveFaults => {
  const api = new Map<symbol, { fault: ApiFault; where: Where; left: number }>()
  const held = new Map<symbol, { namespace: string; selector: LabelSelector }>()
  const gateways = new Map<symbol, { fault: GatewayFault; at: { namespace: string; name: string } | undefined }>()
  const expired = new Set<symbol>()
  const faults: Faults = {
    api: (fault, where = {}) => {
      const key = Symbol(fault.kind)
      api.set(key, { fault, where, left: where.times ?? Number.POSITIVE_INFINITY })
      return () => api.delete(key)
    },
    dropWatches: () => changed.watches(),
    expireTokens: () => {
      const key = Symbol('expired')
      expired.add(key)
      return () => expired.delete(key)
    },
    neverReady: (namespace, labels) => {
      const key = Symbol('never ready')
      held.set(key, { namespace, selector: { matchLabels: { ...labels } } })
      changed.readiness()
      return () => {
        held.delete(key)
        changed.readiness()
      }
    },
    gateway: (fault, at) => {
      const key = Symbol(fault.kind)
      gateways.set(key, { fault, at })
      return () => gateways.delete(key)
    },
    clear: () => {
      for (const all of [api, held, gateways, expired]) all.clear()
      changed.readiness()
    },
  }
  return {
    faults,
    meeting: (request) =>
      [...api].flatMap(([key, entry]) => {
        if (!meets(entry.where, request)) return []
        entry.left -= 1
        if (entry.left <= 0) api.delete(key)
        return [entry.fault]
      }),
    tokensExpired: () => expired.size > 0,
    heldBack: (pod) =>
      [...held.values()].some(
        (one) => one.namespace === pod.metadata.namespace && selects(one.selector, pod.metadata.labels),
      ),
    gateway: (namespace, name) =>
      [...gateways.values()]
        .filter(({ at }) => at === undefined || (at.namespace === namespace && at.name === name))
        .map(({ fault }) => fault),
  }
}

const meets = (where: Where, request: Request): boolean =>
  (where.verbs?.includes(request.verb) ?? true) &&
  (where.resources?.includes(request.resource) ?? true) &&
  (where.namespace === undefined || where.namespace === request.namespace)
