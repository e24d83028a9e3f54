import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { hostsOf, placeFindings, serviceFindings, subsetFinding } from './istio-findings.ts'
import { type Around, isSplit, routesReaching, subsetsNamed, type VirtualService } from './istio-route.ts'
import { istioSessionFindings } from './istio-session.ts'
import { type DestinationRule, rulesIn, subsetsByPlace, subsetsElsewhere, twinsNeeded } from './istio-twins.ts'
import { type Listed, listEverywhere } from './objects.ts'
import { at, gatewaySenders, ingressSender, sendersPast } from './past.ts'
import type { Tester } from './router.ts'

/** What the selection asks about. `rule`: the index of one http route. */
export type IstioQuestion = {
  readonly namespace: string
  readonly service: string
  readonly canaryService?: string | undefined
  readonly route?: string | null | undefined
  readonly rule?: number | null | undefined
  readonly tester?: Tester | null | undefined
  /** `namespace/name` of the Deployment: subsets that are known to pick other pods than its own are not split; absent: all are. */
  readonly release?: string | undefined
}

/**
 * The VirtualServices that a release would change, each with the indices of its http routes and what in it is split, and the DestinationRules that get a
 * twin.
 */
export type IstioSelection = {
  readonly selected: readonly {
    readonly service: VirtualService
    readonly rules: readonly number[]
    readonly around: Around
  }[]
  readonly twins: readonly DestinationRule[]
  readonly findings: readonly Finding[]
}

/** Which objects a release would change, and what is wrong with that. Reads only; a finding of level `error` means: refuse. */
export const selectIstio = async (cluster: Cluster, asked: IstioQuestion): Promise<IstioSelection> => {
  const { found, apiVersion } = await listVersions<VirtualService>(cluster, 'virtualservices', asked.namespace)
  if (found.kind === 'absent') return nothing('istio-missing', ...MISSING)
  if (found.kind !== 'read')
    return nothing(
      'not-allowed',
      `VirtualServices of ${asked.namespace} may not be listed`,
      'Grant list, get and patch',
    )
  const services = found.items.map((item) => ({ ...item, kind: 'VirtualService' }))
  const rules = await destinationRules(cluster, asked, apiVersion)
  const sides = sidesIn(asked, asked.namespace)
  const pods = await podLabels(cluster, asked)
  const elsewhere = subsetsElsewhere(rules.items, sides, pods)
  const placed = subsetsByPlace(rules.items, sides)
  const around = (service: VirtualService): Around => ({
    ...sidesIn(asked, service.metadata.namespace ?? ''),
    subsets: subsetsNamed(service).filter((subset) => !elsewhere.includes(subset)),
  })
  const reaching = services.filter((service) => routesReaching(service, around(service)).length > 0)
  const wanted = named(asked)
  const selected = reaching
    .filter((service) => wanted.length === 0 || wanted.includes(nameOf(service)))
    .map((service) => ({
      service,
      rules: routesReaching(service, around(service), asked.rule ?? undefined),
      around: around(service),
    }))
  const twins = twinsNeeded(rules.items, sides)
  const bySubset = selected.some(({ service, rules: indices }) => usesSubsets(service, indices, around(service)))
  return {
    selected: selected.filter((each) => each.rules.length > 0),
    twins: twins.needed,
    findings: [
      ...(found.note === undefined ? [] : [found.note]),
      ...choice({ services, reaching, elsewhere: (service) => subsetFinding(service, around(service)) }, wanted, asked),
      ...selected.flatMap(({ service, rules: indices }) => [
        ...serviceFindings(service, indices, around(service), asked.rule),
        ...placeFindings(service, indices, around(service), placed),
        ...istioSessionFindings(service, indices, asked.tester ?? undefined),
      ]),
      ...(rules.unseen === undefined
        ? []
        : [bySubset ? ({ hint: UNSEEN, ...rules.unseen, level: 'error' } as const) : rules.unseen]),
      ...twins.findings,
      ...(await sendersPast(cluster, asked, [ingressSender(), ...gatewaySenders])),
    ],
  }
}

/** The Services on both sides as an object of this namespace names them. */
export const sidesIn = ({ namespace, service, canaryService }: IstioQuestion, home: string): Around => ({
  stable: service,
  canary: canaryService ?? `${service}-canary`,
  namespace,
  home,
})

/** What to do about rules that may not be read, where a route that is split goes by subsets. */
const UNSEEN =
  'Grant list on destinationrules of networking.istio.io in every namespace: a subset that one of those defines would be answered with 503 for the canary'

/** Served since Istio 1.22, and the one before it. */
const VERSIONS = ['networking.istio.io/v1', 'networking.istio.io/v1beta1']

const listVersions = async <T extends KubernetesObject>(
  cluster: Cluster,
  resource: string,
  namespace: string,
): Promise<{ readonly found: Listed<T>; readonly apiVersion: string }> => {
  for (const apiVersion of VERSIONS) {
    const found = await listEverywhere<T>(cluster, { apiVersion, resource }, namespace)
    if (found.kind !== 'absent') return { found, apiVersion }
  }
  return { found: { kind: 'absent' }, apiVersion: '' }
}

/** Those that can be read, and what it means that others cannot. */
const destinationRules = async (
  cluster: Cluster,
  { namespace }: IstioQuestion,
  apiVersion: string,
): Promise<{ readonly items: readonly DestinationRule[]; readonly unseen?: Finding }> => {
  const { resource } = rulesIn(apiVersion)
  const found = await listEverywhere<DestinationRule>(cluster, { apiVersion, resource }, namespace)
  if (found.kind === 'read') return { items: found.items, ...(found.note === undefined ? {} : { unseen: found.note }) }
  if (found.kind === 'absent') return { items: [] }
  const text = 'DestinationRules may not be listed with this credential, so the canary would be called without theirs'
  const hint = 'Grant list on destinationrules of networking.istio.io, and create, patch and delete for the twins'
  return { items: [], unseen: { id: 'rules-unseen', level: 'warning', text, hint } }
}

/** The labels of the Deployment's pods, as its template has them; none where it is not known. */
const podLabels = async (
  cluster: Cluster,
  { release = '' }: IstioQuestion,
): Promise<Readonly<Record<string, string>>> => {
  const [namespace, deployment] = release.split('/')
  if (namespace === undefined || deployment === undefined) return {}
  const found = await cluster.get({ apiVersion: 'apps/v1', resource: 'deployments', namespace }, deployment)
  return (at(at(at(found?.spec, 'template'), 'metadata'), 'labels') ?? {}) as Readonly<Record<string, string>>
}

const fault = (id: string, text: string, hint?: string): Finding => ({
  id,
  level: 'error',
  text,
  ...(hint ? { hint } : {}),
})
const nothing = (id: string, text: string, hint: string): IstioSelection => ({
  selected: [],
  twins: [],
  findings: [fault(id, text, hint)],
})
const MISSING = [
  'the cluster does not serve VirtualService of networking.istio.io',
  'Install Istio, or use another router: gateway-api, nginx, traefik, replicas',
] as const

const nameOf = ({ metadata }: KubernetesObject): string => `${metadata.namespace}/${metadata.name}`
const list = (texts: readonly string[]): string => (texts.length === 0 ? 'none' : texts.join(', '))

const named = ({ route, namespace }: IstioQuestion): readonly string[] =>
  (route ?? '').split(',').flatMap((name) => {
    const trimmed = name.trim()
    return trimmed === '' ? [] : [trimmed.includes('/') ? trimmed : `${namespace}/${trimmed}`]
  })

/** All VirtualServices, those of which something can be split, and why one that names the Service is not among these. */
type Seen = {
  readonly services: readonly VirtualService[]
  readonly reaching: readonly VirtualService[]
  readonly elsewhere: (service: VirtualService) => Finding | undefined
}

/** Whether those that are named are there, and none is forgotten. */
const choice = (
  { services, reaching, elsewhere }: Seen,
  wanted: readonly string[],
  { namespace, service }: IstioQuestion,
): readonly Finding[] => {
  const there = `There are: ${list(services.map((each) => `${nameOf(each)} (${hostsOf(each)})`))}`
  if (wanted.length === 0 && reaching.length === 0) {
    const why = services.flatMap((each) => elsewhere(each) ?? [])
    if (why.length > 0) return why
    return [fault('backend-missing', `no VirtualService sends anything to Service ${namespace}/${service}`, there)]
  }
  const missing = wanted.flatMap((name) => {
    const found = services.find((each) => nameOf(each) === name)
    if (found === undefined) return [fault('route-missing', `VirtualService ${name} does not exist`, there)]
    if (reaching.includes(found)) return []
    const why = elsewhere(found)
    if (why !== undefined) return [why]
    const sends = `Its destinations: ${hostsOf(found)}`
    return [fault('backend-missing', `VirtualService ${name} sends nothing to Service ${namespace}/${service}`, sends)]
  })
  const forgotten = wanted.length === 0 ? reaching.length > 1 : reaching.some((each) => !wanted.includes(nameOf(each)))
  if (!forgotten) return missing
  return [
    ...missing,
    fault(
      'several-routes',
      `${reaching.length} VirtualServices reach Service ${namespace}/${service}: ${list(reaching.map(nameOf))}`,
      `Traffic through those that are not split would stay on stable; list all that are to be split: route: ${reaching.map(nameOf).join(',')}`,
    ),
  ]
}

const usesSubsets = ({ spec }: VirtualService, rules: readonly number[], around: Around): boolean =>
  rules.some((index) =>
    (spec?.http?.[index]?.route ?? []).some(
      (entry) => isSplit(entry, around) && entry.destination.subset !== undefined,
    ),
  )
