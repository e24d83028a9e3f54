import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { DEPLOYMENT } from '@sluice/kubernetes/fenced'
import { isMade, make, type Place, stampMade, unmake, type Wanted } from './made.ts'
import { inTurn, listEverywhere, refusedWrite } from './objects.ts'
import type { RouteChange, RouteWrite, Tester } from './router.ts'
import {
  entriesIn,
  originalEntries,
  pairOf,
  plainName,
  type TraefikGiven,
  type TraefikService,
  type WeightedEntry,
} from './traefik-services.ts'

/** One route of an IngressRoute; what is not read here is carried along. */
type Route = {
  readonly match: string
  readonly kind?: string
  readonly priority?: number
  readonly syntax?: string
  readonly services?: readonly WeightedEntry[]
  readonly [field: string]: unknown
}
/** The parts of an IngressRoute that are read. Source: traefik.io/v1alpha1. */
export type IngressRoute = KubernetesObject & {
  readonly spec?: { readonly routes?: readonly Route[]; readonly [field: string]: unknown }
}

/** Where a TraefikService is. */
type Named = { readonly name: string; readonly namespace?: string | undefined }
const ROUTES = { apiVersion: 'traefik.io/v1alpha1', resource: 'ingressroutes' }
const CLASS = 'kubernetes.io/ingress.class'

/** The IngressRoutes that lead to what is split, each to be given a tester's beside it, and why that cannot be done. None without a tester. */
export const selectTesters = async (
  cluster: Cluster,
  given: TraefikGiven,
  selected: readonly TraefikService[],
): Promise<{ readonly changes: readonly RouteChange[]; readonly findings: readonly Finding[] }> => {
  if (!given.tester || selected.length === 0) return { changes: [], findings: [] }
  const services = selected.map(({ metadata }) => metadata)
  const found = await listEverywhere<IngressRoute>(cluster, ROUTES, given.namespace)
  const all = found.kind === 'read' ? found.items : []
  const leading = all.filter((route) => routesTo(route, services).length > 0 && !isMade(route))
  const findings = [
    ...(leading.length === 0
      ? [
          error(
            'tester-without-route',
            "no IngressRoute that can be read names the TraefikService, so a tester's requests cannot be told apart",
            'Leave `tester` out of the plan, or let an IngressRoute name the TraefikService',
          ),
        ]
      : []),
    ...leading.flatMap((route) => obstacles(route, { all, services, given })),
  ]
  const changes = leading.map(
    ({ apiVersion = ROUTES.apiVersion, metadata: { name, namespace = '', uid = '' } }): RouteChange => ({
      ref: { apiVersion, kind: 'IngressRoute', namespace, name, uid },
      before: [],
    }),
  )
  return { changes, findings }
}

/**
 * A copy of the routes that lead to what is split, for the tester's requests alone, past the weights to the canary's Service. Entry points, TLS,
 * middlewares and all else are the original's; the priority is one above it, so that whatever comes before the original still does.
 * @param entry what stable's is in the TraefikService
 */
export const testerRoute = (
  original: IngressRoute,
  services: readonly Named[],
  { given, entry, tester }: { readonly given: TraefikGiven; readonly entry: WeightedEntry; readonly tester: Tester },
): Wanted => {
  const { namespace, annotations } = original.metadata
  const { weight: _, ...canary } = entriesIn(given.namespace, given).renamed(entry, pairOf(given).canary)
  const service = namespace === given.namespace ? canary : { ...canary, namespace: given.namespace }
  return {
    apiVersion: original.apiVersion ?? ROUTES.apiVersion,
    kind: 'IngressRoute',
    // Without it a Traefik of a class of its own would not look at the copy.
    annotations: annotations?.[CLASS] === undefined ? {} : { [CLASS]: annotations[CLASS] },
    spec: {
      ...original.spec,
      routes: routesTo(original, services).map((route) => ({
        ...route,
        match: `(${route.match}) && ${matcher(tester)}`,
        priority: priorityOf(route) + 1,
        services: [service],
      })),
    },
  }
}

/** The rule, in Traefik's own language, that only the tester's requests fulfil. Source: Traefik 3.5 reference, rules of HTTP routers. */
export const matcher = (tester: Tester): string =>
  'header' in tester
    ? `Header(${quoted(tester.header)}, ${quoted(tester.value)})`
    : `HeaderRegexp(\`Cookie\`, ${quoted(`(^|;\\s*)${literal(tester.cookie)}=${literal(tester.value)}\\s*(;|$)`)})`

/** The writes of the testers' IngressRoutes: ours alone, fenced by the epoch, made and removed as they are needed. */
export const testersOf = (cluster: Cluster, given: TraefikGiven) => {
  const fenceOf = (epoch: number) => ({
    epoch,
    release: given.release,
    owned: given.owned && (() => given.owned?.(epoch) ?? Promise.resolve(true)),
  })
  const originals = (changes: readonly RouteChange[]) => changes.filter(({ ref }) => ref.kind === 'IngressRoute')
  const placeOf = ({ ref }: RouteChange): Place => ({
    resource: { ...ROUTES, namespace: ref.namespace },
    name: testerName(ref.name),
  })

  const standingBy = (change: RouteChange): Promise<IngressRoute | undefined> => {
    const { resource, name } = placeOf(change)
    return cluster.get<IngressRoute>(resource, name)
  }
  /** What is not this release's is left alone. */
  const ifOurs = (changes: readonly RouteChange[], act: (place: Place) => Promise<RouteWrite>) =>
    inTurn(originals(changes), async (change) => {
      const found = await standingBy(change)
      return found !== undefined && isOwn(found, given) ? act(placeOf(change)) : { kind: 'written' }
    })

  const put = async (change: RouteChange, changes: readonly RouteChange[], epoch: number): Promise<RouteWrite> => {
    const { resource } = placeOf(change)
    const original = await cluster.get<IngressRoute>(resource, change.ref.name)
    const split = changes.filter(({ ref }) => ref.kind === 'TraefikService')
    const [entry] = split.flatMap((each) => {
      const dialect = entriesIn(each.ref.namespace, given)
      return originalEntries(each).filter((one) => dialect.names(one, given.service))
    })
    // Without the route that it is a copy of there is nothing to tell a tester's requests from.
    if (original === undefined || !given.tester || entry === undefined) return { kind: 'written' }
    const wanted = testerRoute(
      original,
      split.map(({ ref }) => ref),
      { given, entry, tester: given.tester },
    )
    const found = await standingBy(change)
    if (found !== undefined && isMade(found, given.release) && !isOwn(found, given))
      return refusedWrite(`${anothers(found)}; it is to be waited for`)
    return make(cluster, placeOf(change), wanted, { ...fenceOf(epoch), owner: given.owner ?? '' })
  }

  return {
    put: (changes: readonly RouteChange[], epoch: number) =>
      inTurn(originals(changes), (change) => put(change, changes, epoch)),
    remove: (changes: readonly RouteChange[], epoch: number) =>
      ifOurs(changes, (place) => unmake(cluster, place, fenceOf(epoch))),
    stamp: (changes: readonly RouteChange[], epoch: number) =>
      ifOurs(changes, (place) => stampMade(cluster, place, fenceOf(epoch))),
    exist: async (changes: readonly RouteChange[]): Promise<boolean> => {
      const found = await Promise.all(originals(changes).map(standingBy))
      return found.some((route) => route !== undefined && isOwn(route, given))
    },
  }
}

/** The highest priority that another route may have for one above it to be left. Source: the definition of IngressRoute. */
const HIGHEST = Number.MAX_SAFE_INTEGER - 1

const obstacles = (
  route: IngressRoute,
  {
    all,
    services,
    given,
  }: { readonly all: readonly IngressRoute[]; readonly services: readonly Named[]; readonly given: TraefikGiven },
): readonly Finding[] => {
  const { name, namespace } = route.metadata
  const where = `IngressRoute ${namespace}/${name}`
  const taken = all.find(({ metadata }) => metadata.namespace === namespace && metadata.name === testerName(name))
  const leading = routesTo(route, services)
  const elsewhere = all
    .flatMap((other) => (isMade(other) ? [] : (other.spec?.routes ?? [])))
    .filter((other) => !leading.includes(other))
  const tied = elsewhere.filter((other) => leading.some((own) => priorityOf(other) === priorityOf(own) + 1))
  return [
    ...(taken === undefined
      ? []
      : [
          isMade(taken) && !isOwn(taken, given)
            ? error(
                'tester-of-another',
                anothers(taken),
                'Wait until that release has ended, or leave `tester` out of the plan',
              )
            : error(
                'tester-there',
                `${where}: ${testerName(name)} already exists`,
                'An earlier release left it, or it is yours; run mode: abort, or take it out',
              ),
        ]),
    ...(leading.some(({ syntax }) => syntax === 'v2')
      ? [
          error(
            'tester-syntax',
            `${where} is written in the rules of Traefik 2, which know no Header()`,
            'Write its rules for Traefik 3, or leave `tester` out of the plan',
          ),
        ]
      : []),
    ...(leading.some((own) => priorityOf(own) > HIGHEST)
      ? [
          error(
            'tester-priority',
            `${where} has the highest priority that there is`,
            'Lower it, or leave `tester` out of the plan',
          ),
        ]
      : []),
    ...(tied.length === 0
      ? []
      : [
          {
            id: 'tester-priority-tie',
            level: 'warning' as const,
            text: `the tester's route of ${where} has the same priority as ${tied.length} other routes (${tied[0]?.match}): a tester's request that fits both may go either way`,
            hint: 'Set `priority` on the routes that must come first',
          },
        ]),
  ]
}

const error = (id: string, text: string, hint: string): Finding => ({ id, level: 'error', text, hint })

/**
 * Whether this release made the tester's route. One that does not say whose it is, of an older version, is the release's whose canary it leads to:
 * several Deployments may be behind one IngressRoute, and the tester's beside it has one name.
 */
const isOwn = (route: IngressRoute, given: TraefikGiven): boolean =>
  isMade(route, given.release) &&
  (route.metadata.annotations?.[DEPLOYMENT] !== undefined || servicesOf(route).includes(pairOf(given).canary))

const anothers = (route: IngressRoute): string => {
  const { name, namespace, annotations = {} } = route.metadata
  const deployment = annotations[DEPLOYMENT]
  const whose = deployment === undefined ? '' : `, of Deployment ${deployment}`
  const services = [...new Set(servicesOf(route))].join(', ')
  return `IngressRoute ${namespace}/${name} belongs to another release${whose}: it leads to Service ${services}`
}

const servicesOf = ({ spec }: IngressRoute): readonly string[] =>
  (spec?.routes ?? []).flatMap(({ services = [] }) => services.map(({ name }) => plainName(name)))

const testerName = (name: string): string => `${name}-sluice-tester`

/** The routes that name one of the TraefikServices. */
const routesTo = ({ metadata, spec }: IngressRoute, services: readonly Named[]): readonly Route[] =>
  (spec?.routes ?? []).filter((route) =>
    (route.services ?? []).some(
      (entry) =>
        entry.kind === 'TraefikService' &&
        services.some(
          (service) =>
            service.name === plainName(entry.name) && service.namespace === (entry.namespace ?? metadata.namespace),
        ),
    ),
  )

/** An absent priority, and 0, mean the length of the rule in bytes. Source: Traefik 3.5 reference, priority of HTTP routers. */
const priorityOf = ({ priority = 0, match }: Route): number =>
  priority === 0 ? new TextEncoder().encode(match).length : priority

/** A text of Go: raw between backquotes, unless it has one. */
const quoted = (text: string): string => (text.includes('`') ? JSON.stringify(text) : `\`${text}\``)
/** A text as a regular expression that only it fulfils. */
const literal = (text: string): string => text.replace(/[^A-Za-z0-9_]/g, (character) => `\\${character}`)
