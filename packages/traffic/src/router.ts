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
 * disagree give a number that is no whole percent. `accepted`: their controllers have taken this generation.
 * `marked`: an object of the user's still carries something of ours.
 */
export type RouteReading = {
  readonly written: number
  readonly accepted: boolean
  readonly marked: boolean
  readonly text?: string
}

/** Splits one Deployment's traffic between stable and canary. All writes are idempotent and fenced by the epoch. */
export type Router = {
  readonly name: 'gateway-api' | 'replicas'
  /** Reads only. A finding of level `error` means: refuse, nothing may be touched. */
  preflight(): Promise<readonly Finding[]>
  /** What the first `set` will change and must be given back. Reads only; saved by the caller before the first write. */
  changes(): Promise<readonly RouteChange[]>
  /** Raises the epoch stamp of objects already touched, so that writes of the previous owner are refused. */
  stamp(changes: readonly RouteChange[], epoch: number): Promise<RouteWrite>
  set(weight: number, changes: readonly RouteChange[], epoch: number): Promise<RouteWrite>
  read(changes: readonly RouteChange[]): Promise<RouteReading>
  /** Takes the canary out and gives every `before` value back exactly, our marks too. */
  restore(changes: readonly RouteChange[], epoch: number): Promise<RouteWrite>
}
