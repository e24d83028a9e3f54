import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { DEPLOYMENT } from '@sluice/kubernetes/fenced'
import { beside, isMade, type Place, type Wanted } from './made.ts'
import type { RouteChange, Tester } from './router.ts'

type Backend = {
  readonly service?: { readonly name: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}
type Path = { readonly path?: string; readonly backend: Backend; readonly [field: string]: unknown }
type Rule = {
  readonly host?: string
  readonly http?: { readonly paths?: readonly Path[] }
  readonly [field: string]: unknown
}
/** The parts of an Ingress that are read. Source: networking.k8s.io/v1. */
export type Ingress = KubernetesObject & {
  readonly spec?: {
    readonly ingressClassName?: string
    readonly defaultBackend?: Backend
    readonly tls?: readonly unknown[]
    readonly rules?: readonly Rule[]
  }
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly unknown[] } }
}

/** Annotations of ingress-nginx. Source: its user guide, Annotations. */
export const NGINX = 'nginx.ingress.kubernetes.io/'
/** The older way to name an Ingress's class. */
export const CLASS = 'kubernetes.io/ingress.class'

/** The Services on both sides, and the one rule that is split when one is chosen. */
export type IngressSides = {
  readonly stable: string
  readonly canary: string
  readonly rule?: number | null | undefined
}

/** The rules and paths of an Ingress that send to the stable Service, and its default backend when that does. */
export const reachingPart = (
  { spec }: Ingress,
  { stable, rule }: IngressSides,
): { readonly rules: readonly Rule[]; readonly defaultBackend?: Backend } => {
  const rules = (spec?.rules ?? []).flatMap((each, index): readonly Rule[] => {
    if (rule != null && rule !== index) return []
    const paths = (each.http?.paths ?? []).filter(({ backend }) => backend.service?.name === stable)
    return paths.length === 0 ? [] : [{ ...each, http: { ...each.http, paths } }]
  })
  const whole = rule == null && spec?.defaultBackend?.service?.name === stable ? spec.defaultBackend : undefined
  return { rules, ...(whole === undefined ? {} : { defaultBackend: whole }) }
}

/** Whether an Ingress sends anything to the stable Service. */
export const reaches = (ingress: Ingress, sides: IngressSides): boolean => {
  const { rules, defaultBackend } = reachingPart(ingress, sides)
  return rules.length > 0 || defaultBackend !== undefined
}

/** Whether an Ingress is a canary for ingress-nginx. */
export const isCanary = ({ metadata }: Ingress): boolean => metadata.annotations?.[`${NGINX}canary`] === 'true'

/**
 * Whether this release made the Ingress. One that does not say whose it is, of an older version, is the release's whose canary it sends to: several
 * Deployments may be behind one Ingress, and what stands beside it has one name.
 */
export const isOwn = (ingress: Ingress, { canary }: IngressSides, release: string | undefined): boolean =>
  isMade(ingress, release) &&
  (ingress.metadata.annotations?.[DEPLOYMENT] !== undefined || servicesOf(ingress).includes(canary))

/** Another release's Ingress as a message names it: whose it is, and what it sends to. */
export const anothers = (ingress: Ingress): string => {
  const { name, namespace, annotations = {} } = ingress.metadata
  const deployment = annotations[DEPLOYMENT]
  const whose = deployment === undefined ? '' : `, of Deployment ${deployment}`
  const services = [...new Set(servicesOf(ingress))].join(', ')
  return `Ingress ${namespace}/${name} belongs to another release${whose}: it sends to Service ${services}`
}

/** The Services that an Ingress sends to. */
export const servicesOf = ({ spec }: Ingress): readonly string[] => [
  ...(spec?.rules ?? []).flatMap(({ http }) =>
    (http?.paths ?? []).flatMap(({ backend }) => (backend.service === undefined ? [] : [backend.service.name])),
  ),
  ...(spec?.defaultBackend?.service === undefined ? [] : [spec.defaultBackend.service.name]),
]

/** What an Ingress serves, one text for each host and path; `default` for its default backend. */
export const served = ({ spec }: Pick<Ingress, 'spec'>): readonly string[] => [
  ...(spec?.rules ?? []).flatMap(({ host = '*', http }) =>
    (http?.paths ?? []).map(({ path = '/' }) => `${host}${path}`),
  ),
  ...(spec?.defaultBackend === undefined ? [] : ['default']),
]

/** The number that `canary-weight` counts to: the user's own, or 100. @returns undefined for one that whole percents do not fit in */
export const totalOf = ({ metadata }: KubernetesObject): number | undefined => {
  const total = Number(metadata.annotations?.[`${NGINX}canary-weight-total`] ?? 100)
  return Number.isInteger(total) && total > 0 && total % 100 === 0 ? total : undefined
}

/** Where the canary's Ingress of a change stands. */
export const canaryPlace = ({ ref }: Pick<RouteChange, 'ref'>): Place => ({
  resource: { apiVersion: ref.apiVersion, resource: 'ingresses', namespace: ref.namespace },
  name: beside(ref.name),
})

/**
 * The Ingress beside stable's: what of it sends to the stable Service, with the canary's. The controller takes almost every annotation of a canary from
 * the Ingress beside it; those that make its upstream (sessions, load balancing) it reads on the canary itself, and they alone are copied.
 * @param weight whole percent; @param tester in effect whatever the weight
 */
export const canaryIngress = (
  stable: Ingress,
  sides: IngressSides,
  weight: number,
  tester: Tester | undefined,
): Wanted => {
  const { rules, defaultBackend } = reachingPart(stable, sides)
  const { ingressClassName, tls } = stable.spec ?? {}
  const own = Object.entries(stable.metadata.annotations ?? {}).filter(([key]) => isCopied(key))
  return {
    apiVersion: stable.apiVersion,
    kind: 'Ingress',
    annotations: {
      ...Object.fromEntries(own),
      [`${NGINX}canary`]: 'true',
      [`${NGINX}canary-weight`]: String((weight * (totalOf(stable) ?? 100)) / 100),
      ...sessionOf(tester),
    },
    spec: {
      ...(ingressClassName === undefined ? {} : { ingressClassName }),
      ...(defaultBackend === undefined ? {} : { defaultBackend: forCanary(defaultBackend, sides) }),
      ...(tls === undefined ? {} : { tls }),
      ...(rules.length === 0
        ? {}
        : {
            rules: rules.map((rule) => ({
              ...rule,
              http: {
                ...rule.http,
                paths: (rule.http?.paths ?? []).map((path) => ({ ...path, backend: forCanary(path.backend, sides) })),
              },
            })),
          }),
    },
  }
}

/** The same Ingress when nobody is to reach the canary through it: weight 0, no tester. */
export const silenced = ({ apiVersion, metadata, spec }: Ingress): Wanted => ({
  apiVersion,
  kind: 'Ingress',
  annotations: {
    ...Object.fromEntries(
      Object.entries(metadata.annotations ?? {}).filter(
        ([key]) => key.startsWith(NGINX) && !SESSION.some((name) => key === `${NGINX}${name}`),
      ),
    ),
    [`${NGINX}canary-weight`]: '0',
  },
  spec,
})

/** What a canary's Ingress asks for: the percent, and whether a tester's session reaches it too. */
export const askedOf = (ingress: Ingress): { readonly percent: number; readonly tested: boolean } => {
  const { annotations = {} } = ingress.metadata
  // Without the mark it is an Ingress like any other, and what it then gets of its paths is anybody's guess.
  if (!isCanary(ingress)) return { percent: 99.5, tested: false }
  const total = Number(annotations[`${NGINX}canary-weight-total`] ?? 100)
  const percent = (100 * Number(annotations[`${NGINX}canary-weight`] ?? 0)) / total
  return { percent, tested: SESSION.some((name) => annotations[`${NGINX}${name}`] !== undefined) }
}

const SESSION = ['canary-by-header', 'canary-by-header-value', 'canary-by-header-pattern', 'canary-by-cookie']

const sessionOf = (tester: Tester | undefined): Readonly<Record<string, string>> => {
  if (tester === undefined) return {}
  if ('cookie' in tester) return { [`${NGINX}canary-by-cookie`]: tester.cookie }
  return { [`${NGINX}canary-by-header`]: tester.header, [`${NGINX}canary-by-header-value`]: tester.value }
}

const COPIED = [
  'affinity',
  'affinity-mode',
  'affinity-canary-behavior',
  'load-balance',
  'service-upstream',
  'upstream-hash-by',
  'upstream-hash-by-subset',
  'upstream-hash-by-subset-size',
  'canary-weight-total',
]
const isCopied = (key: string): boolean =>
  key === CLASS || key.startsWith(`${NGINX}session-cookie-`) || COPIED.some((name) => key === `${NGINX}${name}`)

const forCanary = (backend: Backend, { canary }: IngressSides): Backend => ({
  ...backend,
  ...(backend.service === undefined ? {} : { service: { ...backend.service, name: canary } }),
})
