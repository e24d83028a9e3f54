import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { ruleFor, statusBehind } from '@sluice/kubernetes/refusal'
import {
  ACTIONS,
  type Action,
  actionPath,
  actionsOf,
  BY_ANNOTATION,
  groupDialect,
  groupsAt,
  MOST_GROUPS,
  MOST_WEIGHT,
  readAction,
} from './alb-action.ts'
import { markBefore, type Owned } from './objects.ts'
import { at, gatewaySenders, ingressBackends, ingressSender, sendersPast } from './past.ts'
import type { Pair } from './portions.ts'
import type { RouteChange } from './router.ts'

/** `route`: one Ingress or several by commas, of the release's namespace; empty: the only one with an action that forwards to the Service. */
export type AlbGiven = {
  readonly namespace: string
  readonly service: string
  /** Default `<service>-canary`. */
  readonly canaryService?: string | undefined
  readonly route?: string | null | undefined
  /** `namespace/name` of the Deployment: routes may be shared, so its marks have a key of their own. */
  readonly release?: string | undefined
  readonly owned?: Owned
}

/** An Ingress and the names of its actions that are split. */
export type Selected = { readonly ingress: KubernetesObject; readonly actions: readonly string[] }

/** The resource of an Ingress, without its namespace. */
export const INGRESSES = { apiVersion: 'networking.k8s.io/v1', resource: 'ingresses' }

/** The Services on both sides. */
export const pairOf = ({ service, canaryService }: AlbGiven): Pair => ({
  stable: service,
  canary: canaryService ?? `${service}-canary`,
})

/** What a release changes in an Ingress, with the exact texts to give back. */
export const changeOfIngress = ({ ingress, actions }: Selected, release?: string): RouteChange => {
  const { name, namespace = '', uid = '' } = ingress.metadata
  return {
    ref: { apiVersion: INGRESSES.apiVersion, kind: 'Ingress', namespace, name, uid },
    before: [
      ...actions.map((action) => ({ path: actionPath(action), value: textOf(ingress, action) })),
      markBefore(ingress, release),
    ],
  }
}

/** The text of an action in an Ingress; empty when there is none. */
export const textOf = ({ metadata }: KubernetesObject, action: string): string =>
  metadata.annotations?.[`${ACTIONS}${action}`] ?? ''

/** Which Ingresses and actions a release would change, and what is wrong with that. Reads only; a finding of level `error` means: refuse. */
export const selectIngresses = async (
  cluster: Cluster,
  given: AlbGiven,
): Promise<{ readonly selected: readonly Selected[]; readonly findings: readonly Finding[] }> => {
  const { namespace, service } = given
  const ingresses = await ingressesOf(cluster, namespace)
  if (ingresses === 'forbidden') return { selected: [], findings: [notAllowed(namespace)] }
  const reaching = ingresses.flatMap((ingress): readonly Selected[] => {
    const actions = actionsOf(ingress).filter((action) => forwardsTo(readAction(textOf(ingress, action)), service))
    return actions.length === 0 ? [] : [{ ingress, actions }]
  })
  const wanted = (given.route ?? '').split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]))
  const selected = reaching.filter(({ ingress }) => wanted.length === 0 || wanted.includes(ingress.metadata.name))
  const unlisted = wanted.length > 0 ? reaching.filter((each) => !selected.includes(each)) : reaching.slice(1)
  const names = reaching.map(({ ingress }) => ingress.metadata.name)
  const missing = wanted.filter((name) => !names.includes(name))
  const findings = [
    ...missing.map((name) => unfit(name, ingresses, given)),
    ...(wanted.length === 0 && reaching.length === 0 ? [nothingForwards(ingresses, given)] : []),
    ...(unlisted.length > 0
      ? [
          error(
            'several-routes',
            `${reaching.length} Ingresses have actions that forward to Service ${namespace}/${service}: ${names.join(', ')}`,
            `Traffic through those that are not split would stay on stable; list all that are to be split: route: ${names.join(',')}`,
          ),
        ]
      : []),
    ...selected.flatMap((each) => [...each.actions.flatMap((action) => actionFindings(each.ingress, action, given))]),
    ...(selected.length === 0 ? [] : await serviceFindings(cluster, given, selected)),
    // The controller's word for "the action of this name" is no port of the Service.
    ...(reaching.length === 0
      ? []
      : await sendersPast(cluster, given, [ingressSender(BY_ANNOTATION), ...gatewaySenders])),
  ]
  return { selected, findings }
}

const error = (id: string, text: string, hint?: string): Finding => ({
  id,
  level: 'error',
  text,
  ...(hint === undefined ? {} : { hint }),
})

const ingressesOf = async (cluster: Cluster, namespace: string): Promise<readonly KubernetesObject[] | 'forbidden'> => {
  try {
    return await cluster.list<KubernetesObject>({ ...INGRESSES, namespace })
  } catch (thrown) {
    if (statusBehind(thrown) === 403) return 'forbidden'
    throw thrown
  }
}

const notAllowed = (namespace: string): Finding =>
  error(
    'not-allowed',
    `Ingresses of ${namespace} may not be listed with this credential`,
    `This rule, bound to the user, would allow it:\n${ruleFor({ verb: 'list', group: 'networking.k8s.io', resource: 'ingresses', namespace })}`,
  )

const forwardsTo = (action: Action, service: string): boolean =>
  action.kind === 'forward' && action.groups.some((group) => groupDialect.names(group, service))

const directly = (ingress: KubernetesObject, service: string): boolean =>
  ingressBackends(ingress).some(({ name, port }) => name === service && port !== BY_ANNOTATION)

/** What stands in the way of an Ingress that was named, or may have been meant: an action that cannot be read, or none. */
const unfit = (name: string, all: readonly KubernetesObject[], given: AlbGiven): Finding => {
  const { namespace, service } = given
  const ingress = all.find(({ metadata }) => metadata.name === name)
  if (ingress === undefined) {
    const names = all.map(({ metadata }) => metadata.name).join(', ')
    return error(
      'route-missing',
      `Ingress ${namespace}/${name} does not exist`,
      `There are: ${names === '' ? 'none' : names}`,
    )
  }
  const text = `Ingress ${namespace}/${name} has no action that forwards to Service ${service}`
  const malformed = unreadable(ingress)
  if (malformed !== undefined) return error('malformed-action', `${text}, and ${malformed}`, snippet(service))
  return error('backend-missing', text, directly(ingress, service) ? toChange(service) : actionsShown(ingress, service))
}

const nothingForwards = (all: readonly KubernetesObject[], given: AlbGiven): Finding => {
  const { namespace, service } = given
  const direct = all.find((ingress) => directly(ingress, service))
  if (direct !== undefined) return unfit(direct.metadata.name, all, given)
  const malformed = all.flatMap((ingress) => unreadable(ingress) ?? [])
  const text = `no Ingress of ${namespace} has an action that forwards to Service ${service}`
  if (malformed.length > 0) return error('malformed-action', `${text}, and ${malformed.join('; ')}`, snippet(service))
  return error('backend-missing', text, toChange(service))
}

const unreadable = (ingress: KubernetesObject): string | undefined => {
  const bad = actionsOf(ingress).flatMap((action) => {
    const read = readAction(textOf(ingress, action))
    return read.kind === 'malformed' ? [`${ACTIONS}${action} of ${ingress.metadata.name}: ${read.text}`] : []
  })
  return bad.length === 0 ? undefined : `this annotation cannot be read: ${bad.join('; ')}`
}

const actionsShown = (ingress: KubernetesObject, service: string): string => {
  const shown = actionsOf(ingress).map((action) => {
    const read = readAction(textOf(ingress, action))
    return `${action} (${read.kind === 'forward' ? read.groups.map((group) => JSON.stringify(group)).join(', ') : read.kind === 'other' ? read.what : read.text})`
  })
  return `${shown.length === 0 ? '' : `Its actions: ${shown.join('; ')}. `}${toChange(service)}`
}

const toChange = (service: string): string =>
  `Add the annotation, and let the rules name the action instead of the Service's port:\n${snippet(service)}`
const snippet = (service: string): string =>
  [
    'metadata:',
    '  annotations:',
    `    ${ACTIONS}${service}: '{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"${service}","servicePort":80}]}}'`,
    '# and in the rules:',
    `backend: { service: { name: ${service}, port: { name: ${BY_ANNOTATION} } } }`,
  ].join('\n')

const actionFindings = (ingress: KubernetesObject, action: string, given: AlbGiven): readonly Finding[] => {
  const where = `Ingress ${given.namespace}/${ingress.metadata.name}, action ${action}`
  const read = readAction(textOf(ingress, action))
  if (read.kind !== 'forward') return []
  const pair = pairOf(given)
  const stable = read.groups.filter((group) => groupDialect.names(group, pair.stable))
  const used = ingressBackends(ingress).some(({ name, port }) => name === action && port === BY_ANNOTATION)
  const whole = read.groups.every(
    (group) => Number.isInteger(groupDialect.weight(group)) && groupDialect.weight(group) >= 0,
  )
  return [
    ...(used
      ? []
      : [
          error(
            'action-unused',
            `${where}: no rule names it with port ${BY_ANNOTATION}, so a weight in it would be nobody's`,
            `Let the rules name it: backend: { service: { name: ${action}, port: { name: ${BY_ANNOTATION} } } }`,
          ),
        ]),
    ...(read.groups.some((group) => groupDialect.names(group, pair.canary))
      ? [
          error(
            'backend-there',
            `${where} already names ${pair.canary}`,
            'An earlier release or another tool left it; run mode: abort, or take it out',
          ),
        ]
      : []),
    ...(stable.every((group) => groupDialect.weight(group) === 0)
      ? [error('no-traffic', `${where} gives Service ${pair.stable} weight 0, so a canary would get nothing`)]
      : []),
    ...(read.groups.length + stable.length > MOST_GROUPS
      ? [
          error(
            'too-many-groups',
            `${where} has ${read.groups.length} target groups; with the canary's they come to more than the ${MOST_GROUPS} that one action may have`,
          ),
        ]
      : []),
    ...(whole && WEIGHTS.every((weight) => groupsAt(read.groups, pair, weight) !== undefined)
      ? []
      : [
          error(
            'weight-too-large',
            `${where}: stable's part of ${read.groups.map((group) => groupDialect.weight(group)).join(' : ')} cannot be divided into whole percents with weights of at most ${MOST_WEIGHT}, and the other parts kept`,
            'Give the target groups weights whose ratio has no number above 9, such as 9 : 1',
          ),
        ]),
    ...(read.sticky
      ? [
          {
            id: 'sticky-sessions',
            level: 'warning' as const,
            text: `${where} keeps clients on their target group by a cookie: only new clients follow a weight, so the observed share follows it slowly`,
          },
        ]
      : []),
  ]
}

/** A release may have to stand at any of these on its way back. */
const WEIGHTS = Array.from({ length: 99 }, (_, index) => index + 1)

/** What the controller takes from the Service or the Ingress for its target group that the canary's would not have, or could not stand with. */
const serviceFindings = async (
  cluster: Cluster,
  { namespace, service }: AlbGiven,
  selected: readonly Selected[],
): Promise<readonly Finding[]> => {
  const found = await cluster.get({ apiVersion: 'v1', resource: 'services', namespace }, service)
  const own = Object.keys(found?.metadata.annotations ?? {}).filter((key) => key.startsWith(PREFIX))
  const exposed = at(found?.spec, 'type') ?? 'ClusterIP'
  return [
    ...(own.length === 0
      ? []
      : [
          error(
            'service-annotations',
            `Service ${namespace}/${service} has annotations that its target group alone would get: ${own.join(', ')}`,
            // One that forwards to a single Service is also given that Service's login rules, and loses them beside a second one.
            "Move them to the Ingress: the canary's Service has none, and a rule with two target groups no longer heeds the login settings of either",
          ),
        ]),
    ...selected.flatMap(({ ingress, actions }) => {
      const annotations = ingress.metadata.annotations ?? {}
      const where = `Ingress ${namespace}/${ingress.metadata.name}`
      const byAddress = annotations[`${PREFIX}target-type`] === 'ip' || exposed === 'ClusterIP'
      const sticky = /(^|,)\s*stickiness\.enabled\s*=\s*true/.test(
        annotations[`${PREFIX}target-group-attributes`] ?? '',
      )
      const loose = actions.filter((action) => {
        const read = readAction(textOf(ingress, action))
        return read.kind === 'forward' && !read.sticky
      })
      return [
        ...(byAddress
          ? []
          : [
              error(
                'target-type',
                `${where} registers nodes (target-type is not ip), which needs a Service of type ${exposed}; the canary's is ClusterIP`,
                `Set ${PREFIX}target-type: ip`,
              ),
            ]),
        ...(sticky && loose.length > 0
          ? [
              error(
                'stickiness',
                `${where} has sticky targets but no sticky target groups (action ${loose.join(', ')}): a load balancer refuses two groups in one rule that way`,
                'Add "targetGroupStickinessConfig":{"enabled":true,"durationSeconds":3600} to the forwardConfig',
              ),
            ]
          : []),
      ]
    }),
  ]
}

const PREFIX = 'alb.ingress.kubernetes.io/'
