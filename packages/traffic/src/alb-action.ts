import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import { at } from './past.ts'
import {
  baseOf,
  type Dialect,
  fitting,
  orderless,
  type Pair,
  portioned,
  reduced,
  withoutTheCanary,
} from './portions.ts'

/** An object of an action's JSON. The controller reads its keys in any case, so a key is found by its lower-case form and written as it stands. */
type Fields = Readonly<Record<string, unknown>>
/** One of `forwardConfig.targetGroups`. */
export type TargetGroup = Fields

/** What the annotation of one action says. `document` is all of it; `groups` its target groups, in order. */
export type Action =
  | {
      readonly kind: 'forward'
      readonly document: Fields
      readonly groups: readonly TargetGroup[]
      readonly sticky: boolean
    }
  | { readonly kind: 'other'; readonly what: string }
  | { readonly kind: 'malformed'; readonly text: string }

/** What the annotations of actions begin with; the rest of the key is the name by which a backend calls the action. */
export const ACTIONS = 'alb.ingress.kubernetes.io/actions.'
/** The name of a backend's port that means: the action of this name. */
export const BY_ANNOTATION = 'use-annotation'
/** The largest weight of a target group. Source: Elastic Load Balancing API, TargetGroupTuple. */
export const MOST_WEIGHT = 999
/** How many target groups one action may have. Source: quotas of Application Load Balancers. */
export const MOST_GROUPS = 5

/** The names of an Ingress's actions. */
export const actionsOf = ({ metadata }: KubernetesObject): readonly string[] =>
  Object.keys(metadata.annotations ?? {}).flatMap((key) => (key.startsWith(ACTIONS) ? [key.slice(ACTIONS.length)] : []))

/** Where the text of an action stands in an Ingress. */
export const actionPath = (name: string): string => pointerOf('metadata', 'annotations', `${ACTIONS}${name}`)

/** Reads an action as AWS Load Balancer Controller does. Source: its guide, Ingress annotations, actions. */
export const readAction = (text: string): Action => {
  const document = parsed(text)
  if (typeof document === 'string') return { kind: 'malformed', text: document }
  const type = field(document, 'type')
  if (type !== 'forward') return { kind: 'other', what: `an action of type ${JSON.stringify(type)}` }
  const config = field(document, 'forwardConfig')
  if (config === undefined) return { kind: 'other', what: 'a target group given by its ARN' }
  const groups = field(config, 'targetGroups')
  if (!Array.isArray(groups) || groups.some((group) => typeof group !== 'object' || group === null))
    return { kind: 'malformed', text: 'forwardConfig.targetGroups is not a list of objects' }
  const sticky = field(field(config, 'targetGroupStickinessConfig'), 'enabled') === true
  return { kind: 'forward', document, groups, sticky }
}

/** The text of the action with other target groups; all else as it is. */
export const withGroups = (
  { document }: Extract<Action, { kind: 'forward' }>,
  groups: readonly TargetGroup[],
): string =>
  JSON.stringify(
    set(document, 'forwardConfig', set(asFields(field(document, 'forwardConfig')), 'targetGroups', groups)),
  )

/** How an action writes its target groups: the Service by name, always of the Ingress's namespace. An absent weight is one of a single group. */
export const groupDialect: Dialect<TargetGroup> = {
  names: (group, service) => field(group, 'serviceName') === service,
  weight: (group) => Number(field(group, 'weight') ?? 1),
  weighted: (group, weight) => set(group, 'weight', weight),
  renamed: (group, service) => set(group, 'serviceName', service),
  identity: (group) =>
    orderless(
      Object.fromEntries(
        Object.entries(group).flatMap(([key, value]) => {
          const name = key.toLowerCase()
          if (name === 'weight') return []
          // The port of a Service may be written as a number or as its digits.
          return [[name, name === 'serviceport' ? String(value) : value]]
        }),
      ),
    ),
}

/** The groups at this weight in the smallest whole numbers that a load balancer takes; `undefined` where they come to more than its largest. */
export const groupsAt = (
  original: readonly TargetGroup[],
  pair: Pair,
  weight: number,
): readonly TargetGroup[] | undefined => {
  const groups = reduced(portioned(original, groupDialect, pair, weight), groupDialect, MOST_WEIGHT)
  return groups.every((group) => groupDialect.weight(group) <= MOST_WEIGHT) ? groups : undefined
}

/** The saved groups with the weights that somebody gave other groups meanwhile. @param live the same groups as they are now */
export const groupsSince = (
  original: readonly TargetGroup[],
  live: readonly TargetGroup[],
  pair: Pair,
): readonly TargetGroup[] =>
  fitting(
    baseOf(original, live, pair, { dialect: groupDialect, split: (weight) => groupsAt(original, pair, weight) }),
    groupDialect,
    MOST_WEIGHT,
  )

/** The groups without the canary's, whose portion goes back to stable. */
export const groupsWithout = (groups: readonly TargetGroup[], pair: Pair): readonly TargetGroup[] =>
  fitting(withoutTheCanary(groups, groupDialect, pair), groupDialect, MOST_WEIGHT)

/** A field by its name in any case; the last of several, as in Go's encoding/json. */
export const field = (value: unknown, name: string): unknown => {
  const key = keyIn(asFields(value), name)
  return key === undefined ? undefined : at(value, key)
}

const asFields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}

const keyIn = (fields: Fields, name: string): string | undefined =>
  Object.keys(fields).findLast((key) => key.toLowerCase() === name.toLowerCase())

const set = (fields: Fields, name: string, value: unknown): Fields => ({
  ...fields,
  [keyIn(fields, name) ?? name]: value,
})

const parsed = (text: string): Fields | string => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : 'it is no JSON object'
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown)
  }
}
