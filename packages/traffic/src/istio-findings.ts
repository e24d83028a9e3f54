import type { Finding } from '@sluice/kit/report'
import { mirroredShare } from './istio-mirror.ts'
import { type Around, isSplit, MOST_WEIGHT, sendsTo, type VirtualService } from './istio-route.ts'
import { isSessionRoute } from './istio-session.ts'

/**
 * What is wrong with splitting these http routes of one VirtualService, or would be missed by it.
 * @param rules the indices of its routes that reach the Service; none when the one that was chosen does not
 */
export const serviceFindings = (
  service: VirtualService,
  rules: readonly number[],
  around: Around,
  chosen: number | null | undefined,
): readonly Finding[] => {
  const where = `VirtualService ${nameOf(service)}`
  const { hosts = [], gateways, http = [], tcp = [], tls = [] } = service.spec ?? {}
  const left = http.flatMap((each, index) => {
    const names = (each.route ?? []).some((entry) => sendsTo(entry, around.canary, around))
    if (!names && mirroredShare(each, around) === 0 && !isSessionRoute(each, around)) return []
    return [
      fault(
        'backend-there',
        `${where}: http route ${index} already names ${around.canary}`,
        'An earlier release or another tool left it; run mode: abort, or take it out',
      ),
    ]
  })
  const past = [...tcp, ...tls].some(({ route = [] }) => route.some((entry) => isSplit(entry, around)))
  const whole = subsetsLeft(service, around)
  return [
    ...(hosts.length === 0
      ? [
          fault(
            'delegate',
            `${where} is a delegate: it has no hosts, and what reaches it is decided by the VirtualServices that name it`,
            'Move its routes into the VirtualService that delegates to it, or use router: gateway-api or replicas',
          ),
        ]
      : []),
    ...(rules.length === 0
      ? [
          subsetFinding(service, around, chosen) ??
            fault(
              'rule-missing',
              `${where}: http route ${chosen} sends nothing to Service ${around.stable}`,
              `Its destinations: ${hostsOf(service)}`,
            ),
        ]
      : []),
    ...(rules.length === 0 || whole.length === 0
      ? []
      : [
          {
            id: 'subset-whole',
            level: 'note' as const,
            text: `${where}: what it sends to ${list(whole)} of Service ${around.stable} stays as it is: that picks other pods than the Deployment's`,
          },
        ]),
    ...left,
    ...rules.flatMap((index) => weightFindings(`${where}: http route ${index}`, http[index]?.route ?? [], around)),
    ...(past
      ? [warning('reached-by-tcp', `${where}: its tcp or tls routes also reach ${around.stable}; they stay on stable`)]
      : []),
    ...(gateways === undefined || gateways.includes('mesh')
      ? []
      : [
          warning(
            'outside-mesh',
            `${where} holds for gateways ${gateways.join(', ')} only: calls from inside the mesh to ${around.stable} stay on stable`,
          ),
        ]),
  ]
}

/**
 * Why the portions of subsets that pick pods by where they run cannot be shared with a canary.
 * @param rules the indices of the http routes that are split; @param placed such subsets of the stable Service, each with its label
 */
export const placeFindings = (
  service: VirtualService,
  rules: readonly number[],
  around: Around,
  placed: ReadonlyMap<string, string>,
): readonly Finding[] =>
  rules.flatMap((index) => {
    const entries = (service.spec?.http?.[index]?.route ?? []).filter((entry) => isSplit(entry, around))
    const subsets = new Set(
      entries.map(({ destination: { subset = '' } }) => subset).filter((each) => placed.has(each)),
    )
    return [...subsets].map((subset) =>
      fault(
        'subset-by-place',
        `VirtualService ${nameOf(service)}: http route ${index} sends to subset ${subset} of Service ${around.stable}, which picks pods by where they run (${placed.get(subset)}): in a place without a canary pod its share would be answered with 503`,
        'Send to the Service without this subset, and prefer a place by localityLbSetting of its DestinationRule; or use router: replicas',
      ),
    )
  })

const weightFindings = (
  where: string,
  entries: readonly Parameters<typeof sendsTo>[0][],
  around: Around,
): readonly Finding[] => {
  if (entries.length < 2) return []
  const sum = entries.reduce((total, { weight = 0 }) => total + weight, 0)
  const split = entries.filter((entry) => isSplit(entry, around))
  return [
    ...(split.every(({ weight = 0 }) => weight === 0)
      ? [fault('no-traffic', `${where} gives Service ${around.stable} weight 0, so a canary would get nothing`)]
      : []),
    ...(sum > MOST_WEIGHT
      ? [
          fault(
            'weight-too-large',
            `${where} has weights that add up to ${sum}; whole percents of more than ${MOST_WEIGHT} do not fit`,
            'Divide all weights of the route by the same number',
          ),
        ]
      : []),
  ]
}

/**
 * Why nothing of a VirtualService, or of its one http route that was chosen, can be split although it names the Service: all it sends there goes to
 * subsets of other pods. `undefined` when it does not name it.
 */
export const subsetFinding = (
  service: VirtualService,
  around: Around,
  chosen?: number | null | undefined,
): Finding | undefined => {
  const subsets = subsetsLeft(service, around, chosen)
  if (subsets.length === 0) return undefined
  const where = `VirtualService ${nameOf(service)}${chosen == null ? '' : `: http route ${chosen}`}`
  return fault(
    'subset-elsewhere',
    `${where} sends to ${list(subsets)} of Service ${around.stable}, which picks other pods than the Deployment's: of those there is no canary`,
    "Release the Deployment whose pods the subset picks, or let a DestinationRule define it by labels that this Deployment's pods have",
  )
}

/** The subsets of the stable Service that are not split, as a message names them. */
const subsetsLeft = ({ spec }: VirtualService, around: Around, chosen?: number | null): readonly string[] => {
  const entries = (spec?.http ?? []).flatMap(({ route = [] }, index) =>
    chosen == null || chosen === index ? route : [],
  )
  const left = entries.filter((entry) => sendsTo(entry, around.stable, around) && !isSplit(entry, around))
  return [...new Set(left.map(({ destination }) => `subset ${destination.subset}`))]
}

/** The hosts that a VirtualService sends to, for a message. */
export const hostsOf = ({ spec }: VirtualService): string =>
  list((spec?.http ?? []).flatMap(({ route = [] }) => route.map(({ destination }) => destination.host)))

const fault = (id: string, text: string, hint?: string): Finding => ({
  id,
  level: 'error',
  text,
  ...(hint ? { hint } : {}),
})
const warning = (id: string, text: string): Finding => ({ id, level: 'warning', text })
const nameOf = ({ metadata }: VirtualService): string => `${metadata.namespace}/${metadata.name}`
const list = (texts: readonly string[]): string => (texts.length === 0 ? 'none' : texts.join(', '))
