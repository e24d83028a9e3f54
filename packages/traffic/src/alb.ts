import type { Cluster, KubernetesObject, PatchOperation } from '@sluice/kubernetes/cluster'
import { type Change, epochOf } from '@sluice/kubernetes/fenced'
import { statusBehind } from '@sluice/kubernetes/refusal'
import {
  type Action,
  actionPath,
  actionsOf,
  groupDialect,
  groupsAt,
  groupsSince,
  groupsWithout,
  readAction,
  type TargetGroup,
  withGroups,
} from './alb-action.ts'
import { type AlbGiven, changeOfIngress, INGRESSES, pairOf, selectIngresses, textOf } from './alb-ingresses.ts'
import { agreed, inTurn, liveObjects, refusedWrite, withoutMark, writeObject, writeOutcome } from './objects.ts'
import { at } from './past.ts'
import { percentIn, sameEntries } from './portions.ts'
import { refuseWrong } from './reading.ts'
import type { RouteChange, Router, RouteWrite } from './router.ts'

/**
 * Splits by the target groups of forward actions, which AWS Load Balancer Controller reads from annotations of an Ingress. The groups are always
 * computed from the saved text, of which all else stays as it is; at the end it is given back to the letter. The rules of the Ingress are never changed.
 * Source: AWS Load Balancer Controller's guide, Ingress annotations, actions; Elastic Load Balancing API, ForwardActionConfig.
 */
export const alb = (cluster: Cluster, given: AlbGiven): Router => {
  const pair = pairOf(given)

  const each = (
    changes: readonly RouteChange[],
    epoch: number,
    decide: (object: KubernetesObject, change: RouteChange) => Change,
    absent: 'fine' | 'refused',
  ): Promise<RouteWrite> =>
    inTurn(changes, async (change) => {
      const target = { ref: change.ref, plural: INGRESSES.resource }
      const fence = { epoch, owned: given.owned, release: given.release }
      const result = await writeObject<KubernetesObject>(cluster, target, fence, (object) => decide(object, change))
      // One that is gone sends nothing to anybody: there is nothing to keep others from, and nothing to give back.
      return result.kind === 'absent' && absent === 'fine' ? { kind: 'written' } : writeOutcome(result, change.ref)
    })

  const known = (live: Forward, original: Forward): boolean =>
    sameEntries(live.groups, original.groups, groupDialect, pair)

  /** The text without the canary: the saved one to the letter when nobody else changed anything, else the live one with stable's groups again. */
  const freed = (text: string, saved: string): string => {
    const [live, original] = [readAction(text), readAction(saved)]
    if (live.kind !== 'forward' || original.kind !== 'forward') return text
    if (!known(live, original)) {
      const hasCanary = live.groups.some((group) => groupDialect.names(group, pair.canary))
      return hasCanary ? withGroups(live, groupsWithout(live.groups, pair)) : text
    }
    const given = withGroups(live, groupsSince(original.groups, live.groups, pair))
    return given === withGroups(original, original.groups) ? saved : given
  }

  /** Actions that are none of the change's, and name the canary none the less: somebody renamed or copied one. It leaves them with the others. */
  const freedElsewhere = (object: KubernetesObject, change: RouteChange): readonly PatchOperation[] => {
    const saved = savedTexts(change).map(({ name }) => name)
    return actionsOf(object).flatMap((name) => {
      const text = textOf(object, name)
      const read = readAction(text)
      if (saved.includes(name) || read.kind !== 'forward' || percentOf(read) === undefined) return []
      return replaced(name, text, withGroups(read, groupsWithout(read.groups, pair)))
    })
  }

  const textAt = (text: string, saved: string, weight: number): string | undefined => {
    const [live, original] = [readAction(text), readAction(saved)]
    // A client that was given to the canary's group keeps to it, at weight 0 too, for as long as the group is in the rule.
    if (weight === 0 && (live.kind !== 'forward' || live.sticky)) return freed(text, saved)
    if (live.kind !== 'forward' || original.kind !== 'forward') return undefined
    if (weight === 0 && (!known(live, original) || percentOf(live) === undefined)) return freed(text, saved)
    const groups = known(live, original)
      ? groupsAt(groupsSince(original.groups, live.groups, pair), pair, weight)
      : undefined
    return groups === undefined ? undefined : sameGroups(live.groups, groups) ? text : withGroups(live, groups)
  }

  const percentOf = ({ groups }: Forward): number | undefined => percentIn(groups, groupDialect, pair)
  /** The canary's percent in the actions of the change; in others only where they name the canary. */
  const percentsIn = (object: KubernetesObject, change: RouteChange): readonly (number | undefined)[] =>
    actionsOf(object).flatMap((action) => {
      const read = readAction(textOf(object, action))
      const percent = read.kind === 'forward' ? percentOf(read) : undefined
      return percent === undefined && !savedTexts(change).some(({ name }) => name === action) ? [] : [percent]
    })

  return {
    name: 'alb',
    preflight: async () => (await selectIngresses(cluster, given)).findings,

    changes: async () => {
      const { selected, findings } = await selectIngresses(cluster, given)
      refuseWrong(findings)
      return selected.map((each) => changeOfIngress(each, given.release))
    },

    stamp: (changes, epoch) => each(changes, epoch, () => ({ kind: 'patch', operations: [], mark: 'keep' }), 'fine'),

    set: ({ weight, mirror = 0 }, changes, epoch) => {
      if (mirror > 0) return Promise.resolve(refusedWrite('a load balancer of AWS cannot copy requests'))
      return each(
        changes,
        epoch,
        (object, change) => {
          const texts = savedTexts(change).map(({ name, text }) => {
            const live = textOf(object, name)
            return { name, live, wanted: textAt(live, text, weight) }
          })
          const lost = texts.find(({ wanted }) => wanted === undefined)
          if (lost !== undefined)
            return {
              kind: 'refuse',
              text: `the action ${lost.name} is not the one that the release began with: someone else changed it`,
            }
          return {
            kind: 'patch',
            operations: [
              ...texts.flatMap(({ name, live, wanted = live }) => replaced(name, live, wanted)),
              ...(weight === 0 ? freedElsewhere(object, change) : []),
            ],
            mark: 'keep',
          }
        },
        weight === 0 ? 'fine' : 'refused',
      )
    },

    current: async (changes) => {
      const live = await liveObjects<KubernetesObject>(cluster, changes, INGRESSES.resource)
      const percents = live.flatMap(({ object, change }) => percentsIn(object, change))
      const marked =
        percents.some((percent) => percent !== undefined) ||
        live.some(({ object }) => epochOf(object, given.release) !== undefined)
      return agreed(
        percents.map((percent) => percent ?? 0),
        marked,
      )
    },

    verify: async (changes) => {
      const live = await liveObjects<KubernetesObject>(cluster, changes, INGRESSES.resource)
      const sends = live
        .flatMap(({ object, change }) => percentsIn(object, change))
        .some((percent) => (percent ?? 0) > 0)
      if (!sends) return { accepted: true, ...(live.length === 0 ? {} : { text: UNSEEN }) }
      const bound = await boundServices(cluster, given.namespace)
      // Where stable's binding shows, the controller keeps one for each group that it has made: none yet, no group yet.
      if (bound?.includes(pair.stable) === true && !bound.includes(pair.canary))
        return { accepted: false, text: `the controller has not made a target group for Service ${pair.canary} yet` }
      return { accepted: true, text: UNSEEN }
    },

    cleanup: (changes, epoch) =>
      each(
        changes,
        epoch,
        (object, change) => {
          const { operations, mark } = withoutMark(object, change, given.release)
          const texts = savedTexts(change).flatMap(({ name, text }) =>
            replaced(name, textOf(object, name), freed(textOf(object, name), text)),
          )
          return { kind: 'patch', operations: [...texts, ...freedElsewhere(object, change), ...operations], mark }
        },
        'fine',
      ),
  }
}

type Forward = Extract<Action, { kind: 'forward' }>

const UNSEEN =
  'written; neither the rule of the load balancer nor the health of its targets can be seen from the cluster'

const savedTexts = ({ before }: RouteChange): readonly { readonly name: string; readonly text: string }[] =>
  before.flatMap(({ path, value }) => {
    const prefix = actionPath('')
    const name = path.startsWith(prefix) ? path.slice(prefix.length).replaceAll('~1', '/').replaceAll('~0', '~') : ''
    return name === '' || typeof value !== 'string' ? [] : [{ name, text: value }]
  })

const sameGroups = (a: readonly TargetGroup[], b: readonly TargetGroup[]): boolean => {
  const plain = (groups: readonly TargetGroup[]) =>
    groups.map((group) => [groupDialect.identity(group), groupDialect.weight(group)])
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b))
}

/** An annotation that somebody took out is not put back: the rules that named it are theirs to mend. */
const replaced = (name: string, live: string, wanted: string): readonly PatchOperation[] =>
  live === '' || live === wanted ? [] : [{ op: 'replace', path: actionPath(name), value: wanted }]

/** The Services that target groups are bound to; `undefined` where that cannot be seen. Source: elbv2.k8s.aws/v1beta1, TargetGroupBinding. */
const boundServices = async (cluster: Cluster, namespace: string): Promise<readonly string[] | undefined> => {
  try {
    const bindings = await cluster.list({
      apiVersion: 'elbv2.k8s.aws/v1beta1',
      resource: 'targetgroupbindings',
      namespace,
    })
    return bindings.map(({ spec }) => String(at(at(spec, 'serviceRef'), 'name')))
  } catch (thrown) {
    if ([403, 404, 405, 501].includes(statusBehind(thrown) ?? 0)) return undefined
    throw thrown
  }
}
