/** A Deployment's pods over time, as far as a release can tell them apart. Times in ms. */
export type Pod = { readonly hash: string; readonly readyAt: number; crashed: boolean }

/** A simulated Deployment. It changes in place. */
export type Deployment = {
  hash: string
  desired: number
  pods: Pod[]
  /** The highest epoch that wrote or stamped it; absent: never touched. */
  epoch?: number
  deletingSince?: number
  /** The weight asked for when the split is by replicas. */
  asked?: number
}

/** Whether a pod serves at this time, ms. */
export const isReady = (pod: Pod, now: number): boolean => !pod.crashed && pod.readyAt <= now

/** How many pods serve at this time, ms. */
export const readyPods = (deployment: Deployment | undefined, now: number): number =>
  deployment?.pods.filter((pod) => isReady(pod, now)).length ?? 0

/** Whether all pods are of the template that is wanted, and serve. */
export const isRolledOut = (deployment: Deployment, now: number): boolean =>
  deployment.pods.length === deployment.desired &&
  deployment.pods.every((pod) => pod.hash === deployment.hash && isReady(pod, now))

/** One round of the Deployment controller: a rolling update with 25 % surge and 25 % unavailable, as is Kubernetes' default. */
export const reconcile = (deployment: Deployment, now: number, readyAfter: (hash: string) => number): void => {
  const { desired, hash } = deployment
  const surge = Math.ceil(desired / 4)
  const unavailable = Math.floor(desired / 4)
  const current = () => deployment.pods.filter((pod) => pod.hash === hash)
  const old = () => deployment.pods.filter((pod) => pod.hash !== hash)
  while (current().length > desired) remove(deployment, now, (pod) => pod.hash === hash)
  while (old().length > 0 && readyPods(deployment, now) - desired + unavailable > 0)
    remove(deployment, now, (pod) => pod.hash !== hash)
  for (const pod of old()) if (!isReady(pod, now)) remove(deployment, now, (other) => other === pod)
  const room = old().length === 0 ? desired : desired + surge
  while (current().length < desired && deployment.pods.length < room)
    deployment.pods.push({ hash, readyAt: now + readyAfter(hash), crashed: false })
}

// Pods that are not ready go first, as the ReplicaSet controller ranks them.
const remove = (deployment: Deployment, now: number, which: (pod: Pod) => boolean): void => {
  const candidates = deployment.pods.filter(which)
  const victim = candidates.find((pod) => !isReady(pod, now)) ?? candidates[0]
  deployment.pods = deployment.pods.filter((pod) => pod !== victim)
}
