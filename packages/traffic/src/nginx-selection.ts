import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { statusBehind } from '@sluice/kubernetes/refusal'
import { meshSender } from './istio-hosts.ts'
import { beside, isMade } from './made.ts'
import {
  anothers,
  CLASS,
  type Ingress,
  type IngressSides,
  isCanary,
  isOwn,
  NGINX,
  reaches,
  reachingPart,
  served,
  servicesOf,
  totalOf,
} from './nginx-ingress.ts'
import { listEverywhere } from './objects.ts'
import { gatewaySenders, sendersPast } from './past.ts'
import type { Tester } from './router.ts'

/** What the selection asks about. `rule`: the index of one rule of the Ingress. `mirrors`: the percents of the plan's steps that mirror. */
export type NginxQuestion = {
  readonly namespace: string
  readonly service: string
  readonly canaryService?: string | undefined
  readonly route?: string | null | undefined
  readonly rule?: number | null | undefined
  readonly tester?: Tester | null | undefined
  readonly mirrors?: readonly number[] | undefined
  /** `namespace/name` of the Deployment: what another's release made is not ours. */
  readonly release?: string | undefined
}

/** Which Ingresses a release would put a canary's beside, and what is wrong with that. Reads only; a finding of level `error` means: refuse. */
export const selectIngresses = async (
  cluster: Cluster,
  asked: NginxQuestion,
): Promise<{ readonly selected: readonly Ingress[]; readonly findings: readonly Finding[] }> => {
  const { namespace, service } = asked
  const found = await listEverywhere<Ingress>(cluster, INGRESSES, namespace)
  if (found.kind !== 'read') {
    const text = `Ingresses of ${namespace} may not be listed`
    return {
      selected: [],
      findings: [fault('not-allowed', text, 'Grant list, get, create, patch and delete on ingresses')],
    }
  }
  const whole: IngressSides = { stable: service, canary: asked.canaryService ?? `${service}-canary` }
  // A backend is always a Service of the Ingress's own namespace.
  const near = found.items.filter(({ metadata }) => metadata.namespace === namespace)
  const reaching = near.filter((each) => !isMade(each) && reaches(each, whole))
  const wanted = (asked.route ?? '').split(',').flatMap((name) => {
    const trimmed = name.trim()
    return trimmed === '' ? [] : [trimmed.startsWith(`${namespace}/`) ? trimmed.slice(namespace.length + 1) : trimmed]
  })
  const selected = reaching.filter(({ metadata }) => wanted.length === 0 || wanted.includes(metadata.name))
  const sides = { ...whole, rule: asked.rule }
  return {
    selected: selected.filter((each) => reaches(each, sides)),
    findings: [
      ...(found.note === undefined ? [] : [found.note]),
      ...choice(near, reaching, wanted, asked),
      ...(await Promise.all(selected.map((each) => classFindings(cluster, each)))).flat(),
      ...selected.flatMap((each) => [
        ...ingressFindings(each, sides),
        ...standing(each, sides, found.items, asked.release),
      ]),
      ...askedFindings(asked),
      ...(await sendersPast(cluster, asked, [...gatewaySenders, meshSender])),
    ],
  }
}

const INGRESSES = { apiVersion: 'networking.k8s.io/v1', resource: 'ingresses' }
const CLASSES = { apiVersion: 'networking.k8s.io/v1', resource: 'ingressclasses' }

const fault = (id: string, text: string, hint?: string): Finding => ({
  id,
  level: 'error',
  text,
  ...(hint ? { hint } : {}),
})
const warning = (id: string, text: string): Finding => ({ id, level: 'warning', text })
const list = (texts: readonly string[]): string => (texts.length === 0 ? 'none' : texts.join(', '))
const nameOf = ({ metadata }: KubernetesObject): string => `${metadata.namespace}/${metadata.name}`

/** Whether those that are named are there, and none is forgotten. */
const choice = (
  near: readonly Ingress[],
  reaching: readonly Ingress[],
  wanted: readonly string[],
  { namespace, service }: NginxQuestion,
): readonly Finding[] => {
  const there = `There are: ${list(near.map((each) => `${nameOf(each)} (${list(servicesOf(each))})`))}`
  if (wanted.length === 0 && reaching.length === 0)
    return [fault('backend-missing', `no Ingress sends anything to Service ${namespace}/${service}`, there)]
  const missing = wanted.flatMap((name) => {
    const found = near.find(({ metadata }) => metadata.name === name)
    if (found === undefined) return [fault('route-missing', `Ingress ${namespace}/${name} does not exist`, there)]
    if (reaching.includes(found)) return []
    const text = `Ingress ${namespace}/${name} sends nothing to Service ${namespace}/${service}`
    return [fault('backend-missing', text, `Its backends: ${list(servicesOf(found))}`)]
  })
  const names = reaching.map(({ metadata }) => metadata.name)
  const forgotten = wanted.length === 0 ? names.length > 1 : names.some((name) => !wanted.includes(name))
  if (!forgotten) return missing
  return [
    ...missing,
    fault(
      'several-routes',
      `${names.length} Ingresses reach Service ${namespace}/${service}: ${names.join(', ')}`,
      `Traffic through those that are not split would stay on stable; list all that are to be split: route: ${names.join(',')}`,
    ),
  ]
}

/**
 * Another controller would take the second Ingress for one like any other, and give it all requests or none. So the class must be known to be
 * ingress-nginx's. Source: IngressClass.spec.controller; `nginx.org/ingress-controller` is another product that knows no canary.
 */
const classFindings = async (cluster: Cluster, ingress: Ingress): Promise<readonly Finding[]> => {
  const where = `Ingress ${nameOf(ingress)}`
  const name = classOf(ingress)
  if (name === undefined)
    return [
      fault(
        'class-missing',
        `${where} names no class, so nobody can tell which controller serves it`,
        'Set ingressClassName',
      ),
    ]
  const other = (who: string): Finding =>
    fault(
      'not-nginx',
      `${where} is of class ${name}, ${who}, and only ingress-nginx knows a canary's Ingress`,
      'Use the router of that controller (traefik, alb, istio, gateway-api), or router: replicas',
    )
  try {
    const found = await cluster.get(CLASSES, name)
    if (found !== undefined) {
      const controller = String((found.spec as { readonly controller?: string } | undefined)?.controller)
      return controller.includes('ingress-nginx') ? [] : [other(`served by ${controller}`)]
    }
    // The annotation needs no IngressClass of that name.
    const isOld = ingress.spec?.ingressClassName === undefined
    if (!isOld) return [fault('class-missing', `${where} is of class ${name}, which does not exist`)]
  } catch (thrown) {
    if (statusBehind(thrown) !== 403) throw thrown
  }
  if (!name.includes('nginx')) return [other('whose controller cannot be read')]
  return [
    warning('class-unseen', `${where} is of class ${name}; that ingress-nginx serves it is taken from the name alone`),
  ]
}

const ingressFindings = (ingress: Ingress, sides: IngressSides): readonly Finding[] => {
  const where = `Ingress ${nameOf(ingress)}`
  const { annotations = {} } = ingress.metadata
  return [
    ...(reaches(ingress, sides)
      ? []
      : [fault('rule-missing', `${where}: rule ${sides.rule} sends nothing to Service ${sides.stable}`)]),
    ...(isCanary(ingress)
      ? [fault('canary-itself', `${where} is a canary of another Service's itself`, 'Name the Ingress beside it')]
      : []),
    ...(totalOf(ingress) === undefined
      ? [
          fault(
            'weight-total',
            `${where}: canary-weight-total is ${annotations[`${NGINX}canary-weight-total`]}, in which whole percents do not fit`,
            'Make it a multiple of 100, or leave it away',
          ),
        ]
      : []),
    ...(servicesOf(ingress).includes(sides.canary)
      ? [
          fault(
            'backend-there',
            `${where} already names ${sides.canary}`,
            'An earlier release or another tool left it; run mode: abort, or take it out',
          ),
        ]
      : []),
    ...(annotations[`${NGINX}affinity`] === 'cookie'
      ? [
          warning(
            'sticky-sessions',
            `${where} keeps sessions on their backend, so the observed share follows the weight slowly`,
          ),
        ]
      : []),
  ]
}

const classOf = ({ spec, metadata }: Ingress): string | undefined =>
  spec?.ingressClassName ?? metadata.annotations?.[CLASS]

/** The controller takes one canary for a host and path, from whatever namespace; of two, one would get nothing. */
const standing = (
  ingress: Ingress,
  sides: IngressSides,
  all: readonly Ingress[],
  release: string | undefined,
): readonly Finding[] => {
  const ours = beside(ingress.metadata.name)
  const { namespace } = ingress.metadata
  const paths = served({ spec: reachingPart(ingress, sides) })
  return all.flatMap((each) => {
    const isNamed = each.metadata.namespace === namespace && each.metadata.name === ours
    const shared = served(each).filter((path) => paths.includes(path))
    const rivals = isCanary(each) && each !== ingress && classOf(each) === classOf(ingress) && shared.length > 0
    if (!isNamed && !rivals) return []
    if (isMade(each) && !isOwn(each, sides, release))
      return [
        fault(
          'canary-of-another',
          anothers(each),
          'Wait until that release has ended: beside one Ingress stands one canary at a time',
        ),
      ]
    const what = isNamed ? 'has the name that the canary’s would have' : `is a canary for ${shared.join(', ')} already`
    return [
      fault(
        'canary-there',
        `Ingress ${nameOf(each)} ${what}`,
        'An earlier release or another tool left it; run mode: abort, or delete it',
      ),
    ]
  })
}

const askedFindings = ({ tester, mirrors = [] }: NginxQuestion): readonly Finding[] => [
  ...(mirrors.length > 0
    ? [
        fault(
          'mirror-unsupported',
          'a canary’s Ingress cannot get copies of requests: ingress-nginx mirrors to a URL, and all of them',
          'Take the mirror steps out of the plan, or use router: istio or gateway-api',
        ),
      ]
    : []),
  ...(tester != null && 'cookie' in tester && tester.value !== 'always'
    ? [
        fault(
          'tester-cookie',
          `ingress-nginx sends a cookie to the canary when its value is always, and never at any other: ${tester.cookie}=${tester.value} would not be matched`,
          `Write tester: { cookie: ${tester.cookie}, value: always }, or give the tester a header`,
        ),
      ]
    : []),
]
