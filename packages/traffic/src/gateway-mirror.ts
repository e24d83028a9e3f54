import { describe, Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { statusBehind } from '@sluice/kubernetes/refusal'
import type { HttpRoute, Rule } from './route.ts'
import { type BackendRef, names, type Sides } from './weights.ts'

/** A rule's filter, as far as mirrors are told from others. */
type Filter = {
  readonly type?: string
  readonly requestMirror?: {
    readonly backendRef?: BackendRef
    readonly percent?: number
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/**
 * The rule with `percent` of its requests copied to the canary, more than 0. Filters of others, their mirrors too, keep their places; ours is the last.
 * All of them are asked for without `percent`, which older CRDs do not have. @param refs the rule's backends before the release, for the port
 */
export const mirroring = (rule: Rule, refs: readonly BackendRef[], sides: Sides, percent: number): Rule => {
  const others = filtersOf(rule).filter((filter) => !isOurs(filter, sides))
  const stable = refs.find((ref) => names(ref, sides.stable, sides))
  if (stable === undefined) return rule
  const { namespace, port } = stable
  const backendRef = {
    group: '',
    kind: 'Service',
    name: sides.canary,
    ...(namespace === undefined ? {} : { namespace }),
    ...(port === undefined ? {} : { port }),
  }
  const requestMirror = { backendRef, ...(percent === 100 ? {} : { percent }) }
  return withFilters(rule, [...others, { type: 'RequestMirror', requestMirror }])
}

/** The rule without our mirror, and without a list of filters when none is left, unless the rule began with an empty one. @param saved the filters before */
export const unmirrored = (rule: Rule, sides: Sides, saved: unknown): Rule => {
  if (!filtersOf(rule).some((filter) => isOurs(filter, sides))) return rule
  const others = filtersOf(rule).filter((filter) => !isOurs(filter, sides))
  return others.length === 0 && Array.isArray(saved) ? { ...rule, filters: [] } : withFilters(rule, others)
}

/** The percent of a rule's requests that are copied to the canary. */
export const mirroredIn = (rule: Rule, sides: Sides): number =>
  Math.max(
    0,
    ...filtersOf(rule).flatMap((filter) => (isOurs(filter, sides) ? [filter.requestMirror?.percent ?? 100] : [])),
  )

/**
 * Whether the steps that mirror can be: what the gateways' classes say they support, and whether the CRD keeps `percent`, which is asked by a dry run
 * of a server-side apply (it needs no right that the release does not need). Traefik 3.5 answers every request of a rule with a mirror with 500 and
 * still reports the route as accepted, so a class that says nothing is at least a warning. Source: GatewayClass.status.supportedFeatures.
 */
export const mirrorFindings = async (
  cluster: Cluster,
  routes: readonly { readonly route: HttpRoute; readonly sides: Sides }[],
  percents: readonly number[],
): Promise<readonly Finding[]> => {
  if (percents.length === 0) return []
  const partial = percents.some((percent) => percent < 100)
  const found = await Promise.all(
    routes.map(async ({ route, sides }) => [
      ...(await classFindings(cluster, route, partial)),
      ...(partial ? await schemaFindings(cluster, route, sides) : []),
    ]),
  )
  return found.flat()
}

const filtersOf = ({ filters }: Rule): readonly Filter[] => (Array.isArray(filters) ? (filters as Filter[]) : [])

const isOurs = ({ type, requestMirror }: Filter, sides: Sides): boolean =>
  type === 'RequestMirror' &&
  requestMirror?.backendRef !== undefined &&
  names(requestMirror.backendRef, sides.canary, sides)

const withFilters = ({ filters: _, ...rule }: Rule, wanted: readonly Filter[]): Rule =>
  wanted.length === 0 ? rule : { ...rule, filters: wanted }

const finding = (level: 'error' | 'warning', id: string, text: string, hint: string): Finding => ({
  id,
  level,
  text,
  hint,
})
const INSTEAD = 'Take the mirror step out of the plan, or begin with a small weight instead'

const classFindings = async (cluster: Cluster, route: HttpRoute, partial: boolean): Promise<readonly Finding[]> => {
  const seen = new Set<string>()
  const findings = (route.spec?.parentRefs ?? [])
    .filter(({ kind = 'Gateway' }) => kind === 'Gateway')
    .map(async ({ name, namespace = route.metadata.namespace ?? '' }) => {
      const gateway = await readable(cluster, { resource: 'gateways', namespace }, name)
      const named = (gateway?.spec as { readonly gatewayClassName?: string } | undefined)?.gatewayClassName
      const kept = named === undefined ? undefined : await readable(cluster, { resource: 'gatewayclasses' }, named)
      const key = named ?? `of gateway ${name}`
      if (seen.has(key)) return []
      seen.add(key)
      return ofClass(key, kept, partial)
    })
  return (await Promise.all(findings)).flat()
}

const ofClass = (name: string, kept: KubernetesObject | undefined, partial: boolean): readonly Finding[] => {
  const { supportedFeatures } = (kept?.status ?? {}) as { readonly supportedFeatures?: readonly unknown[] }
  const { controllerName } = (kept?.spec ?? {}) as { readonly controllerName?: string }
  const features = (supportedFeatures ?? []).map((each) =>
    typeof each === 'object' && each !== null && 'name' in each ? each.name : each,
  )
  const needed = ['HTTPRouteRequestMirror', ...(partial ? ['HTTPRouteRequestPercentageMirror'] : [])]
  const lacking = needed.filter((feature) => !features.includes(feature))
  if (features.length > 0)
    return lacking.map((feature) =>
      finding(
        'error',
        'mirror-unsupported',
        `gateway class ${name} does not list ${feature} among its features`,
        INSTEAD,
      ),
    )
  if (controllerName === TRAEFIK)
    return [
      finding(
        'error',
        'mirror-unsupported',
        `Traefik answers a route that mirrors with 500 (gateway class ${name})`,
        INSTEAD,
      ),
    ]
  const text = `gateway class ${name} does not say whether it can mirror: one that cannot may answer every request with 500`
  return [finding('warning', 'mirror-unproven', text, 'Try a mirror on a route that nobody needs first')]
}
const TRAEFIK = 'traefik.io/gateway-controller'

const readable = async (
  cluster: Cluster,
  where: { readonly resource: string; readonly namespace?: string },
  name: string,
): Promise<KubernetesObject | undefined> => {
  try {
    return await cluster.get({ apiVersion: 'gateway.networking.k8s.io/v1', ...where }, name)
  } catch (thrown) {
    if (statusBehind(thrown) === 403) return undefined
    throw thrown
  }
}

const schemaFindings = async (cluster: Cluster, route: HttpRoute, sides: Sides): Promise<readonly Finding[]> => {
  const { name, namespace = '' } = route.metadata
  const where = `HTTPRoute ${namespace}/${name}`
  const requestMirror = { backendRef: { name: sides.canary, namespace: sides.namespace, port: 80 }, percent: 1 }
  const probe: HttpRoute = {
    apiVersion: route.apiVersion,
    kind: 'HTTPRoute',
    metadata: { name, namespace },
    spec: { rules: [{ filters: [{ type: 'RequestMirror', requestMirror }] }] },
  }
  const old = finding(
    'error',
    'mirror-percent',
    `${where}: the installed Gateway API has no percent in RequestMirror, so only all requests can be mirrored`,
    'Write mirror: 100, or install Gateway API 1.3 or later',
  )
  try {
    const resource = { apiVersion: route.apiVersion, resource: 'httproutes', namespace }
    const written = await cluster.apply<HttpRoute>(resource, probe, {
      fieldManager: 'sluice-preflight',
      force: true,
      dryRun: true,
    })
    if (written.kind !== 'written') return [old]
    const kept = written.object.spec?.rules?.some((rule) =>
      filtersOf(rule).some((filter) => filter.requestMirror?.percent === 1),
    )
    return kept ? [] : [old]
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    const said = describe(thrown)
    if (/not declared in schema|unknown field/.test(said)) return [old]
    const text = `${where}: whether percent of a mirror is kept could not be asked: ${said.split('\n')[0]}`
    return [finding('error', 'mirror-percent', text, 'Write mirror: 100, which needs no percent')]
  }
}
