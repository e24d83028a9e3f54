import type { Cluster } from '@sluice/kubernetes/cluster'
import type { FaultName } from '../arguments.ts'
import type { GatewayName } from './gateways.ts'
import type { Release } from './plan.ts'
import type { RecoveredPlace } from './recovery.ts'
import type { Registry } from './registry.ts'

/** What a rehearsal stands on: a cluster, how releases get onto it, who may touch it, and the way in for clients. */
export type Ground = {
  /** As a sentence names it: `an embedded cluster`. */
  readonly title: string
  /** For the rehearsal's own eyes: an administrator's. */
  readonly cluster: Cluster
  /** The image's repository as pods pull it. */
  readonly repository: string
  /** Whole seconds: how long a pod may take to be ready at least, and how long a run may be silent before another may take its release over. */
  readonly patience: { readonly ready: number; readonly lease: number }
  /** Of the Gateways that a platform team sets up here; `port` absent: as the routes name it. */
  readonly gateway: {
    readonly className: string
    readonly port?: number
    /** The host that a Gateway listens for; absent: any. */
    hostname?(at: GatewayName): string
  }
  /** The registry that jobs push images to; absent where they build none. */
  readonly registry?: Registry
  /** Puts a release where pods pull it from, and gives the digest that it has there: none yet where a job is to build it. */
  release(asked: ReleaseAsked): Promise<Release>
  /** A job has built this release: from now on pods can pull it. */
  built(release: Release): void
  /** @throws Fault('input') when somebody else's is there under that name */
  namespace(name: string): Promise<void>
  /** The text of a kubeconfig for the jobs of an environment: those that release, or those that only repair. */
  credential(may: 'release' | 'repair', place: RecoveredPlace): Promise<string>
  gatewayUrl(at: GatewayName): string
  /** A URL that is balanced over a Service's pods. @throws Fault('input') where there is none from outside */
  serviceUrl(namespace: string, service: string, port: string): string
  /** Keeps the canary's pods from being ready until the returned function is called. @throws Fault('input') where that cannot be done */
  neverReady(namespace: string): () => void
  /** Ends or removes all that was made. */
  close(): Promise<void>
}

/** A release to be made: its name in answers, and what is wrong with it. */
export type ReleaseAsked = { readonly label: string; readonly fault: FaultName; readonly seed: number }
