import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import { ruleFor } from '@sluice/kubernetes/refusal'
import { listEverywhere, markBefore, type Owned } from './objects.ts'
import { at, gatewaySenders, ingressSender, records, type Sender, sendersPast } from './past.ts'
import { type Dialect, orderless, type Pair } from './portions.ts'
import type { RouteChange, Tester } from './router.ts'

/** `route`: one TraefikService or several by commas, `namespace/name` when elsewhere; empty: the only one that names the Service. */
export type TraefikGiven = {
  readonly namespace: string
  readonly service: string
  /** Default `<service>-canary`. */
  readonly canaryService?: string | undefined
  readonly route?: string | null | undefined
  readonly tester?: Tester | null | undefined
  /** `runId/attempt`, for the annotation of objects of ours. */
  readonly owner?: string | undefined
  /** `namespace/name` of the Deployment: routes may be shared, so its marks have a key of their own. */
  readonly release?: string | undefined
  readonly owned?: Owned
}

/** One entry of `spec.weighted.services`; fields that are not read here are carried along. */
export type WeightedEntry = {
  readonly name: string
  readonly kind?: string
  readonly namespace?: string
  readonly port?: number | string
  /** Relative to its neighbours; absent means 1. */
  readonly weight?: number
  readonly [field: string]: unknown
}
/** The parts of a TraefikService that are read. Source: traefik.io/v1alpha1, which has no status. */
export type TraefikService = KubernetesObject & {
  readonly spec?: {
    readonly weighted?: { readonly services?: readonly WeightedEntry[]; readonly sticky?: unknown }
    readonly mirroring?: { readonly name: string; readonly kind?: string; readonly [field: string]: unknown }
  }
}

/** The resource of a TraefikService, without its namespace. */
export const SERVICES = { apiVersion: 'traefik.io/v1alpha1', resource: 'traefikservices' }
/** Where the weights stand. */
export const WEIGHTED = pointerOf('spec', 'weighted', 'services')

/** The Services on both sides. */
export const pairOf = ({ service, canaryService }: TraefikGiven): Pair => ({
  stable: service,
  canary: canaryService ?? `${service}-canary`,
})

/** How a TraefikService of this namespace writes its entries. */
export const entriesIn = (
  objectNamespace: string,
  { namespace, service: stable }: TraefikGiven,
): Dialect<WeightedEntry> => ({
  names: (entry, service) =>
    isService(entry.kind) && plainName(entry.name) === service && (entry.namespace ?? objectNamespace) === namespace,
  weight: ({ weight = 1 }) => weight,
  weighted: (entry, weight) => ({ ...entry, weight }),
  // Traefik drops the whole TraefikService, stable with it, while one of its Services has no ready pod; one that is reached by its cluster
  // address is never looked into. Source: providers.kubernetesCRD.allowEmptyServices, false by default, and nativeLB, of Traefik's reference.
  renamed: ({ nativeLB, ...entry }, service) =>
    service === stable ? { ...entry, name: service } : { ...entry, name: service, nativeLB: true },
  identity: ({ weight: _, ...entry }) =>
    orderless({ ...entry, name: plainName(entry.name), kind: isService(entry.kind) ? 'Service' : entry.kind }),
})

/** Whether a reference's kind is a Service of Kubernetes, which is what an absent one means. */
export const isService = (kind: unknown): boolean => kind === undefined || kind === '' || kind === 'Service'
/** A name without the suffix by which it may say that it is of this provider. */
export const plainName = (name: unknown): string => String(name).replace(/@kubernetescrd$/, '')

/** What a release changes in a TraefikService, with the values to give back. */
export const changeOfService = (service: TraefikService, release?: string): RouteChange => {
  const { name, namespace = '', uid = '' } = service.metadata
  return {
    ref: { apiVersion: service.apiVersion ?? SERVICES.apiVersion, kind: 'TraefikService', namespace, name, uid },
    before: [{ path: WEIGHTED, value: service.spec?.weighted?.services }, markBefore(service, release)],
  }
}

/** The saved list of a change. */
export const originalEntries = ({ before }: RouteChange): readonly WeightedEntry[] => {
  const value = before.find(({ path }) => path === WEIGHTED)?.value
  return Array.isArray(value) ? (value as readonly WeightedEntry[]) : []
}

/** Which TraefikServices a release would change, and what is wrong with that. Reads only; a finding of level `error` means: refuse. */
export const selectServices = async (
  cluster: Cluster,
  given: TraefikGiven,
): Promise<{ readonly selected: readonly TraefikService[]; readonly findings: readonly Finding[] }> => {
  const found = await listEverywhere<TraefikService>(cluster, SERVICES, given.namespace)
  if (found.kind !== 'read') return { selected: [], findings: [notThere(found.kind, given)] }
  const reaching = found.items.filter((each) => {
    const dialect = entriesIn(each.metadata.namespace ?? '', given)
    return (each.spec?.weighted?.services ?? []).some((entry) => dialect.names(entry, given.service))
  })
  const wanted = (given.route ?? '').split(',').flatMap((name) => {
    const trimmed = name.trim()
    return trimmed === '' ? [] : [trimmed.includes('/') ? trimmed : `${given.namespace}/${trimmed}`]
  })
  const selected = reaching.filter((each) => wanted.length === 0 || wanted.includes(where(each)))
  const unlisted = wanted.length > 0 ? reaching.filter((each) => !wanted.includes(where(each))) : reaching.slice(1)
  const findings = [
    ...(found.note === undefined ? [] : [found.note]),
    ...wanted
      .filter((name) => !reaching.some((each) => where(each) === name))
      .map((name) => unfit(name, found.items, given)),
    ...(wanted.length === 0 && reaching.length === 0 ? [nothingNames(found.items, given)] : []),
    ...(unlisted.length > 0
      ? [
          fault(
            'several-routes',
            `${reaching.length} TraefikServices send to Service ${given.namespace}/${given.service}: ${list(reaching.map(where))}`,
            `Traffic through those that are not split would stay on stable; list all that are to be split: route: ${reaching.map(where).join(',')}`,
          ),
        ]
      : []),
    ...selected.flatMap((each) => listFindings(each, given)),
    ...(await sendersPast(cluster, given, [
      ...traefikSenders(selected[0]?.metadata.name ?? given.service),
      ingressSender(),
      ...gatewaySenders,
    ])),
  ]
  return { selected, findings }
}

const where = ({ metadata }: KubernetesObject): string => `${metadata.namespace}/${metadata.name}`
const list = (texts: readonly string[]): string => (texts.length === 0 ? 'none' : texts.join(', '))
const fault = (id: string, text: string, hint?: string): Finding => ({
  id,
  level: 'error',
  text,
  ...(hint === undefined ? {} : { hint }),
})

const notThere = (kind: 'absent' | 'forbidden', { namespace }: TraefikGiven): Finding =>
  kind === 'absent'
    ? fault(
        'traefik-missing',
        'the cluster does not serve TraefikService of traefik.io/v1alpha1',
        "Install Traefik's custom resources (2.10 or newer), or choose another router",
      )
    : fault(
        'not-allowed',
        `TraefikServices of ${namespace} may not be listed with this credential`,
        `This rule, bound to the user, would allow it:\n${ruleFor({ verb: 'list', group: 'traefik.io', resource: 'traefikservices', namespace })}`,
      )

const entriesOf = ({ spec }: TraefikService): string => {
  if (spec?.weighted === undefined) return spec?.mirroring === undefined ? 'it has no services' : 'it mirrors'
  const entries = spec.weighted.services ?? []
  return list(
    entries.map(
      ({ kind, name, port }) => `${isService(kind) ? '' : `${kind} `}${name}${port === undefined ? '' : `:${port}`}`,
    ),
  )
}

const unfit = (name: string, all: readonly TraefikService[], { namespace, service }: TraefikGiven): Finding => {
  const found = all.find((each) => where(each) === name)
  if (found === undefined)
    return fault('route-missing', `TraefikService ${name} does not exist`, `There are: ${list(all.map(where))}`)
  const hint =
    found.spec?.mirroring === undefined
      ? `Its services: ${entriesOf(found)}`
      : 'It mirrors: let its own service be a weighted TraefikService that names the Service, and name that one in `route`'
  return fault(
    'backend-missing',
    `TraefikService ${name} has no weighted entry for Service ${namespace}/${service}`,
    hint,
  )
}

const nothingNames = (all: readonly TraefikService[], { namespace, service }: TraefikGiven): Finding => {
  const seen =
    all.length === 0 ? '' : `There are: ${all.map((each) => `${where(each)} (${entriesOf(each)})`).join('; ')}. `
  return fault(
    'backend-missing',
    `no TraefikService has a weighted entry for Service ${namespace}/${service}`,
    `${seen}Make one and let the IngressRoutes name it instead of the Service, { kind: TraefikService, name: ${service} }:\n${snippet(namespace, service)}`,
  )
}

const snippet = (namespace: string, service: string): string =>
  [
    'apiVersion: traefik.io/v1alpha1',
    'kind: TraefikService',
    `metadata: { name: ${service}, namespace: ${namespace} }`,
    'spec:',
    '  weighted:',
    `    services: [{ name: ${service}, port: 80 }] # the port of the Service`,
  ].join('\n')

const listFindings = (found: TraefikService, given: TraefikGiven): readonly Finding[] => {
  const [name, pair] = [`TraefikService ${where(found)}`, pairOf(given)]
  const dialect = entriesIn(found.metadata.namespace ?? '', given)
  const entries = found.spec?.weighted?.services ?? []
  const stable = entries.filter((entry) => dialect.names(entry, pair.stable))
  const largest = Math.max(...entries.map(dialect.weight))
  return [
    ...(entries.some((entry) => dialect.names(entry, pair.canary))
      ? [
          fault(
            'backend-there',
            `${name} already names ${pair.canary}`,
            'An earlier release or another tool left it; run mode: abort, or take it out',
          ),
        ]
      : []),
    ...(stable.every((entry) => dialect.weight(entry) === 0)
      ? [fault('no-traffic', `${name} gives Service ${pair.stable} weight 0, so a canary would get nothing`)]
      : []),
    ...(largest > MOST
      ? [
          fault(
            'weight-too-large',
            `${name} has weight ${largest}; whole percents of more than ${MOST} do not fit`,
            'Divide all its weights by the same number',
          ),
        ]
      : []),
    ...(found.spec?.weighted?.sticky === undefined
      ? []
      : [
          {
            id: 'sticky-sessions',
            level: 'warning' as const,
            text: `${name} keeps clients where they are by a cookie: only new clients follow a weight, so the observed share follows it slowly`,
          },
        ]),
  ]
}

/** A hundred times this is still a whole number that every reader of JSON takes. */
const MOST = 10_000_000

/** What of Traefik's own can send to a Service without weights that are ours to change. Source: traefik.io/v1alpha1. */
const traefikSenders = (name: string): readonly Sender[] => {
  const sender = (kind: string, entries: (spec: unknown) => readonly unknown[], hint: string): Sender => ({
    kind,
    resource: { apiVersion: SERVICES.apiVersion, resource: `${kind.toLowerCase()}s` },
    hint,
    services: ({ spec }) =>
      entries(spec).flatMap((entry) => {
        const namespace = at(entry, 'namespace')
        if (!isService(at(entry, 'kind'))) return []
        return [
          { name: plainName(at(entry, 'name')), namespace: typeof namespace === 'string' ? namespace : undefined },
        ]
      }),
  })
  const ofRoutes = (spec: unknown): readonly unknown[] =>
    records(at(spec, 'routes')).flatMap(({ services }) => records(services))
  const instead = `let it name { kind: TraefikService, name: ${name} } instead`
  return [
    sender('IngressRoute', ofRoutes, instead),
    sender('IngressRouteTCP', ofRoutes, 'a TraefikService splits HTTP requests only'),
    sender(
      'TraefikService',
      (spec) => {
        const mirroring = at(spec, 'mirroring')
        return mirroring === undefined ? [] : [mirroring, ...records(at(mirroring, 'mirrors'))]
      },
      instead,
    ),
  ]
}
