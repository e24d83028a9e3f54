import type { Cluster } from '@sluice/kubernetes/cluster'

/** One look at a Deployment's rollout. `text` is for people: `2 of 3 updated pods are available`. */
export type Look =
  | { readonly kind: 'done' | 'waiting'; readonly text: string }
  /** Kubernetes itself gave up (its progress deadline ended), or the Deployment is gone. */
  | {
      readonly kind: 'failed'
      readonly text: string
      /** When Kubernetes wrote that its progress deadline had ended; absent for other ends. */
      readonly deadlineAt?: string
    }

/** One reason why a rollout hangs, worst first. `environment`: the cluster stops it, not the release (quota, scheduling). */
export type Explanation = {
  readonly about: string
  readonly text: string
  readonly environment: boolean
  /** The container's last words, most recent last. */
  readonly log?: readonly string[]
}

/** Which Deployment, by namespace and name. */
export type DeploymentName = {
  readonly namespace: string
  readonly name: string
  /** `deadlineAt` of an earlier rollout, which Kubernetes leaves there until the next one moves: it says nothing of that one. */
  readonly knownDeadline?: string
}

/** What a deploy needs of the world. */
export type Ports = {
  readonly cluster: Pick<Cluster, 'get' | 'list' | 'apply' | 'jsonPatch' | 'remove'>
  readonly rollout: {
    look(deployment: DeploymentName): Promise<Look>
    explain(deployment: DeploymentName): Promise<readonly Explanation[]>
  }
  readonly clock: {
    monotonic(): number
    /** Ends early, without throwing, when the run is cancelled. */
    sleep(ms: number): Promise<void>
  }
  readonly cancelled: AbortSignal
  /** A line for the log. */
  say(line: string): void
}
