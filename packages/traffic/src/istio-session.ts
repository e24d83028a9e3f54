import type { Finding } from '@sluice/kit/report'
import { mirroredRoute } from './istio-mirror.ts'
import type { LocatedRoute } from './istio-places.ts'
import { type Around, forCanary, type IstioRoute, isSplit, sendsTo, type VirtualService } from './istio-route.ts'
import type { Tester } from './router.ts'

/** The name that a tester's route carries; Istio shows it in access logs. */
export const SESSION = 'sluice-tester'

/**
 * The route that sends a tester's session to the canary alone: a copy of the split route, to be put right before it, whose matches ask for the header or
 * cookie too. Earlier routes keep what is theirs, because the first match wins. `undefined` when every match uses the header for something else.
 */
export const sessionRoute = (
  http: IstioRoute,
  located: LocatedRoute,
  around: Around,
  tester: Tester,
): IstioRoute | undefined => {
  const [key, asked] = asHeader(tester)
  const all = http.match === undefined || http.match.length === 0 ? [{}] : http.match
  const match = all.flatMap((each) => {
    const headers = headersOf(each)
    return key in headers ? [] : [{ ...each, headers: { ...headers, [key]: asked } }]
  })
  if (match.length === 0) return undefined
  const canary = located.entries.filter((entry) => isSplit(entry, around)).map((entry) => forCanary(entry, around))
  // A tester's requests are not copied to the canary: it gets them anyway.
  return { ...mirroredRoute(http, located, around, 0), name: SESSION, match, route: canary }
}

/** Whether a route is a tester's of ours: by its name, and because all it sends goes to the canary's Service, which is ours. */
export const isSessionRoute = ({ name, route = [] }: IstioRoute, around: Around): boolean =>
  name === SESSION && route.length > 0 && route.every((entry) => sendsTo(entry, around.canary, around))

/** Why a tester's session cannot be told apart in these routes, and what to do. */
export const istioSessionFindings = (
  service: VirtualService,
  rules: readonly number[],
  tester: Tester | undefined,
): readonly Finding[] => {
  if (tester === undefined) return []
  const where = `VirtualService ${service.metadata.namespace}/${service.metadata.name}`
  const [key] = asHeader(tester)
  if (NO_HEADERS.includes(key))
    return [error(`${where}: Istio does not match ${key} as a header`, 'Choose another header for the tester')]
  return rules.flatMap((index) =>
    (service.spec?.http?.[index]?.match ?? []).some((each) => key in headersOf(each))
      ? [
          error(
            `${where}: http route ${index} matches header ${key} already`,
            'Choose another header for the tester; a cookie is matched in the header cookie',
          ),
        ]
      : [],
  )
}

/** Names are lower case in Istio's matches; a cookie is found among the others of its header. */
const asHeader = (tester: Tester): readonly [key: string, match: object] =>
  'header' in tester
    ? [tester.header.toLowerCase(), { exact: tester.value }]
    : ['cookie', { regex: `^(.*;\\s*)?${literally(tester.cookie)}=${literally(tester.value)}(;.*)?$` }]

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** Keys that Istio ignores among headers. Source: HTTPMatchRequest.headers of the Istio reference. */
const NO_HEADERS = ['uri', 'scheme', 'method', 'authority', 'host']

const headersOf = (match: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  (match.headers ?? {}) as Readonly<Record<string, unknown>>

const error = (text: string, hint: string): Finding => ({ id: 'tester-header', level: 'error', text, hint })
