import { describe } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { isMark, markOf } from '@sluice/kubernetes/fenced'
import { statusBehind } from '@sluice/kubernetes/refusal'
import { claimants } from './claimants.ts'
import type { GatewayGiven } from './gateway-api.ts'
import { mirroredIn, mirrorFindings } from './gateway-mirror.ts'
import { sessionFindings } from './gateway-session.ts'
import { acceptance, type HttpRoute, rulesReaching } from './route.ts'
import { type BackendRef, isOurs, MAX_SPLITTABLE, names, type Sides } from './weights.ts'

/** A route and the indexes of its rules that are split. */
export type Selected = { readonly route: HttpRoute; readonly rules: readonly number[] }

/** Which routes and rules a release would change, and what is wrong with that. Reads only; a finding of level `error` means: refuse. */
export const selectRoutes = async (
  cluster: Cluster,
  given: GatewayGiven,
): Promise<{ readonly selected: readonly Selected[]; readonly findings: readonly Finding[] }> => {
  const found = await everyRoute(cluster, given.namespace)
  if (found.kind === 'refused') return { selected: [], findings: [found.finding] }
  const { routes } = found
  const around = (route: HttpRoute): Sides => sidesFor(given, route)
  const reaching = routes.filter((route) => rulesReaching(route, around(route)).length > 0)
  const wanted = (given.route ?? '')
    .split(',')
    .flatMap((name) => (name.trim() === '' ? [] : [qualified(name.trim(), given.namespace)]))

  const missing = wanted.flatMap((name) => {
    const route = routes.find((each) => nameOf(each) === name)
    if (route === undefined)
      return [fault('route-missing', `HTTPRoute ${name} does not exist`, `There are: ${list(routes.map(nameOf))}`)]
    return rulesReaching(route, around(route)).length > 0 ? [] : [lacksBackend(route, given)]
  })
  const unlisted = reaching.filter((route) => wanted.length > 0 && !wanted.includes(nameOf(route)))
  const ambiguous = wanted.length === 0 && reaching.length > 1 ? reaching : unlisted
  const none = wanted.length === 0 && reaching.length === 0
  const selected = reaching
    .filter((route) => wanted.length === 0 || wanted.includes(nameOf(route)))
    .map((route) => ({ route, rules: rulesReaching(route, around(route), given.rule ?? undefined) }))

  const findings = [
    ...(found.note === undefined ? [] : [found.note]),
    ...missing,
    ...(none ? [nothingReaches(routes, given)] : []),
    ...(ambiguous.length > 0
      ? [
          fault(
            'several-routes',
            `${reaching.length} routes reach Service ${given.namespace}/${given.service}: ${list(reaching.map(nameOf))}`,
            `Traffic through those that are not split would stay on stable; list all that are to be split: route: ${reaching.map(nameOf).join(',')}`,
          ),
        ]
      : []),
    ...selected.flatMap(({ route, rules }) => [
      ...rulesFindings(route, rules, given),
      ...leftElsewhere(route, rules, around(route)),
      ...sessionFindings(route, rules, given.tester ?? undefined),
      ...notAccepted(route, given),
    ]),
    ...(await mirrorFindings(
      cluster,
      selected.map(({ route }) => ({ route, sides: around(route) })),
      given.mirrors ?? [],
    )),
    ...(await claimants(
      cluster,
      given,
      selected.map(({ route }) => route.metadata.namespace ?? given.namespace),
    )),
  ]
  return { selected: selected.filter(({ rules }) => rules.length > 0), findings }
}

const sidesFor = (given: GatewayGiven, { metadata }: HttpRoute): Sides =>
  sidesSeenFrom(given, metadata.namespace ?? given.namespace)

/** The Services on both sides as a route in this namespace sees them. */
export const sidesSeenFrom = (
  { namespace, service, canaryService, baselineService, tester }: GatewayGiven,
  routeNamespace: string,
): Sides => ({
  stable: service,
  canary: canaryService ?? `${service}-canary`,
  ...(baselineService === undefined ? {} : { baseline: baselineService }),
  namespace,
  routeNamespace,
  ...(tester == null ? {} : { tester }),
})

const ROUTES: Resource = { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'httproutes' }

type Found =
  | { readonly kind: 'read'; readonly routes: readonly HttpRoute[]; readonly note?: Finding }
  | { readonly kind: 'refused'; readonly finding: Finding }

/** Routes of other namespaces may name the Service too; who may not list them all is told what was not looked at. */
const everyRoute = async (cluster: Cluster, namespace: string): Promise<Found> => {
  try {
    return { kind: 'read', routes: await cluster.list<HttpRoute>(ROUTES) }
  } catch (thrown) {
    const status = statusBehind(thrown)
    if (status === 404 || status === 501) return { kind: 'refused', finding: notInstalled }
    if (status !== 403) throw thrown
    const routes = await cluster.list<HttpRoute>({ ...ROUTES, namespace })
    const text = `routes of other namespaces were not looked at: ${describe(thrown).split('\n')[0] ?? ''}`
    return { kind: 'read', routes, note: { id: 'routes-elsewhere', level: 'note', text } }
  }
}

const fault = (id: string, text: string, hint?: string): Finding => ({
  id,
  level: 'error',
  text,
  ...(hint ? { hint } : {}),
})

const notInstalled = fault(
  'gateway-api-missing',
  'the cluster does not serve HTTPRoute of gateway.networking.k8s.io/v1',
  'Install the Gateway API and a controller for it, or use router: replicas',
)

const nameOf = ({ metadata }: KubernetesObject): string => `${metadata.namespace}/${metadata.name}`
const qualified = (name: string, namespace: string): string => (name.includes('/') ? name : `${namespace}/${name}`)
const list = (texts: readonly string[]): string => (texts.length === 0 ? 'none' : texts.join(', '))

const backendsOf = (route: HttpRoute): string => {
  const rules = route.spec?.rules ?? []
  const each = rules.map(({ backendRefs = [] }, index) => `rule ${index}: ${list(backendRefs.map(shown))}`)
  return each.length === 0 ? 'it has no rules' : each.join('; ')
}
const shown = ({ kind = 'Service', namespace, name, port }: BackendRef): string =>
  `${kind === 'Service' ? '' : `${kind} `}${namespace === undefined ? '' : `${namespace}/`}${name}${port === undefined ? '' : `:${port}`}`

const lacksBackend = (route: HttpRoute, { service, namespace }: GatewayGiven): Finding =>
  fault(
    'backend-missing',
    `HTTPRoute ${nameOf(route)} sends nothing to Service ${namespace}/${service}`,
    `Its backends: ${backendsOf(route)}`,
  )

const nothingReaches = (routes: readonly HttpRoute[], { service, namespace }: GatewayGiven): Finding =>
  fault(
    'backend-missing',
    `no HTTPRoute sends anything to Service ${namespace}/${service}`,
    routes.length === 0
      ? `There is no HTTPRoute in ${namespace}; use router: replicas for traffic that comes through the Service alone`
      : `There are: ${routes.map((route) => `${nameOf(route)} (${backendsOf(route)})`).join('; ')}`,
  )

const rulesFindings = (route: HttpRoute, rules: readonly number[], given: GatewayGiven): readonly Finding[] => {
  const where = `HTTPRoute ${nameOf(route)}`
  const around = sidesFor(given, route)
  if (rules.length === 0)
    return [
      fault(
        'rule-missing',
        `${where}: rule ${given.rule} sends nothing to Service ${given.service}`,
        `Its backends: ${backendsOf(route)}`,
      ),
    ]
  return rules.flatMap((index) => {
    const refs = route.spec?.rules?.[index]?.backendRefs ?? []
    const stable = refs.filter((ref) => names(ref, given.service, around))
    const largest = Math.max(...refs.map(({ weight = 1 }) => weight))
    return [
      ...left(where, index, refs, around),
      ...(stable.every(({ weight = 1 }) => weight === 0)
        ? [
            fault(
              'no-traffic',
              `${where}: rule ${index} gives Service ${given.service} weight 0, so a canary would get nothing`,
            ),
          ]
        : []),
      ...(largest > MAX_SPLITTABLE
        ? [
            fault(
              'weight-too-large',
              `${where}: rule ${index} has weight ${largest}; whole percents of more than ${MAX_SPLITTABLE} do not fit`,
              'Divide all weights of the rule by the same number',
            ),
          ]
        : []),
      ...('sessionPersistence' in (route.spec?.rules?.[index] ?? {})
        ? [
            {
              id: 'sticky-sessions',
              level: 'warning' as const,
              text: `${where}: rule ${index} keeps sessions on their backend, so the observed share follows the weight slowly`,
            },
          ]
        : []),
    ]
  })
}

const left = (where: string, index: number, refs: readonly BackendRef[], around: Sides): readonly Finding[] => {
  const there = refs.find((ref) => isOurs(ref, around))
  if (there === undefined) return []
  const hint = 'An earlier release or another tool left it; run mode: abort, or take it out'
  return [fault('backend-there', `${where}: rule ${index} already names ${there.name}`, hint)]
}

/** The release's Services are ours alone: a rule that is not split may not name them either, and none may mirror to the canary's. */
const leftElsewhere = (route: HttpRoute, split: readonly number[], around: Sides): readonly Finding[] =>
  (route.spec?.rules ?? []).flatMap((rule, index) => {
    const mirrored = mirroredIn(rule, around) > 0 ? [{ name: around.canary, namespace: around.namespace }] : []
    const refs = [...mirrored, ...(split.includes(index) ? [] : (rule.backendRefs ?? []))]
    return left(`HTTPRoute ${nameOf(route)}`, index, refs, around)
  })

const notAccepted = (route: HttpRoute, { release }: GatewayGiven): readonly Finding[] => {
  const { accepted, behind, text } = acceptance(route)
  if (accepted) return []
  // Another release on this route has written its weight a moment ago: what the gateway says to that comes with the next look.
  const shared = Object.keys(route.metadata.annotations ?? {}).some((key) => isMark(key) && key !== markOf(release))
  if (behind && shared) return []
  return [
    fault('route-not-accepted', `HTTPRoute ${nameOf(route)}: ${text}`, 'A weight written to it would not be followed'),
  ]
}
