import type { Finding } from '@sluice/kit/report'

/** One object of the user's that the router changes, with the values to give back; without `value`: was absent. */
export type RouteChange = {
  readonly ref: {
    readonly apiVersion: string
    readonly kind: string
    readonly namespace: string
    readonly name: string
    readonly uid: string
  }
  readonly before: readonly { readonly path: string; readonly value?: unknown }[]
}

/** `fenced`: the object carries a later epoch, a newer run owns the release. */
export type RouteWrite =
  | { readonly kind: 'written' }
  | {
      readonly kind: 'refused'
      readonly cause: 'fenced' | 'forbidden' | 'environment' | 'upstream'
      readonly text: string
    }

/**
 * `written`: the weight that the objects ask for, whole percent, 0 only when none of them sends the canary anything; objects that
 * disagree give a number that is no whole percent. `marked`: an object of the user's still carries something of ours, or one of ours still exists.
 */
export type RouteReading = {
  readonly written: number
  readonly marked: boolean
  /** The percent of requests that are copied to the canary, 0 when none are. */
  readonly mirrored?: number
  /** The fresh baseline's percent of the requests; absent: none. Lists that disagree give a number that is no whole percent. */
  readonly baseline?: number
  readonly text?: string
}

/** `accepted`: every controller that serves the objects has taken this generation of them. `text` says which has not, and why. */
export type RouteAcceptance = { readonly accepted: boolean; readonly text?: string }

/** The routers by the names that `router` takes. */
export type RouterName = 'gateway-api' | 'istio' | 'nginx' | 'traefik' | 'alb' | 'argo-rollouts' | 'replicas'

/**
 * What is asked of a router. `weight`: the canary's percent of the users' requests, whole, 0 … 100. `mirror`: the percent of them that are also copied
 * to the canary, whose answers nobody sees; absent: none. `baseline`: the percent that goes to the fresh baseline, beside the canary's; absent: none. Only
 * routers that were given its Service are asked for it.
 */
export type Split = { readonly weight: number; readonly mirror?: number; readonly baseline?: number }

/** Requests that always reach the canary while it is in the route: a tester's session. */
export type Tester =
  | { readonly header: string; readonly value: string }
  | { readonly cookie: string; readonly value: string }

/**
 * Splits one Deployment's traffic between stable and canary. All writes are idempotent and fenced by the epoch; nothing is kept between calls, so
 * that another run can go on from the cluster and the saved changes alone.
 */
export type Router = {
  readonly name: RouterName
  /** Reads only. A finding of level `error` means: refuse, nothing may be touched. */
  preflight(): Promise<readonly Finding[]>
  /** What the first `set` will change and must be given back. Reads only; saved by the caller before the first write. */
  changes(): Promise<readonly RouteChange[]>
  /** Raises the epoch stamp of objects already touched, so that writes of the previous owner are refused. */
  stamp(changes: readonly RouteChange[], epoch: number): Promise<RouteWrite>
  /** Asks for this split. A tester's session is part of every split but `weight: 0` without a mirror. */
  set(split: Split, changes: readonly RouteChange[], epoch: number): Promise<RouteWrite>
  /** What the objects ask for now. */
  current(changes: readonly RouteChange[]): Promise<RouteReading>
  /** Whether the data plane's controllers have taken what is written. A weight read back proves only a write. */
  verify(changes: readonly RouteChange[]): Promise<RouteAcceptance>
  /** Takes the canary out and gives every `before` value back exactly, our marks and our own objects too. */
  cleanup(changes: readonly RouteChange[], epoch: number): Promise<RouteWrite>
}
