import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { type Change, containersOf, revisionOf } from './change.ts'
import type { Result } from './run.ts'
import type { Shipped } from './summary.ts'

/** What the outputs tell of one Deployment. */
export type Picked = Pick<Shipped, 'image' | 'previousImage' | 'revision'>

/**
 * What of a Deployment the release is known by: one container's image, before and now.
 * @param live undefined: it was deleted again, or is gone
 * @param container the one to show; else the first whose image changed, else the first
 */
export const shippedOf = (
  change: Change,
  live: KubernetesObject | undefined,
  result: Result,
  container?: string,
): readonly Shipped[] => {
  const { target, before, after } = change
  const old = before === undefined ? [] : containersOf(before)
  const asked = containersOf(after)
  const moved = asked.find(({ name, image }) => old.find((each) => each.name === name)?.image !== image)
  const name = asked.find((each) => each.name === container)?.name ?? moved?.name ?? asked[0]?.name
  if (name === undefined || target.namespace === undefined) return []
  const imageIn = (list: readonly { name: string; image: string }[]): string =>
    list.find((each) => each.name === name)?.image ?? ''
  const looks = [...(result.backWaited?.looks ?? []), ...(result.waited?.looks ?? [])]
  const look = looks.find((each) => each.name === target.name && each.namespace === target.namespace)?.look
  return [
    {
      namespace: target.namespace,
      deployment: target.name,
      container: name,
      image: live === undefined ? '' : imageIn(containersOf(live)),
      asked: imageIn(asked),
      previousImage: imageIn(old),
      revision: revisionOf(live),
      rollout: live === undefined ? 'deleted' : (look?.text ?? 'not looked at'),
    },
  ]
}

/** The one that the outputs speak of: the named Deployment, or the only one. */
export const pick = (shipped: readonly Shipped[], deployment: string | undefined): Picked | undefined => {
  if (deployment !== undefined) return shipped.find((each) => each.deployment === deployment)
  return shipped.length === 1 ? shipped[0] : undefined
}
