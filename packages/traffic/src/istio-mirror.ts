import { isDeepStrictEqual } from 'node:util'
import { isHost, renamed } from './istio-hosts.ts'
import { type Around, type Destination, type IstioRoute, isSplit, MIRRORS, type Weighted } from './istio-route.ts'

/** One entry of `mirrors`. */
type Mirror = { readonly destination: Destination; readonly percentage?: { readonly value?: number } }

/**
 * The route with `percent` of its requests copied to the canary, other people's mirrors kept. Alone ours is the field `mirror`, which every Istio has;
 * beside others all stand in `mirrors`, because the two forms exclude each other. 0: as `saved`, the fields before the release, unless someone changed
 * them meanwhile; then only ours is taken out. Source: HTTPRoute.mirror, mirrors and mirrorPercentage of the Istio reference.
 */
export const mirroredRoute = (
  http: IstioRoute,
  { entries, mirrors: saved }: { readonly entries: readonly Weighted[]; readonly mirrors: IstioRoute },
  around: Around,
  percent: number,
): IstioRoute => {
  const live = mirrorsOf(http)
  const theirs = live.filter((mirror) => !isOurs(mirror, around))
  if (percent === 0) {
    if (theirs.length === live.length) return http
    if (isDeepStrictEqual(theirs, mirrorsOf(saved))) return { ...bare(http), ...saved }
    return theirs.length === 0 ? bare(http) : { ...bare(http), mirrors: theirs }
  }
  const stable = entries.find((entry) => isSplit(entry, around))
  if (stable === undefined) return http
  const { host, ...where } = stable.destination
  const ours: Mirror = { destination: { ...where, host: renamed(host, around.canary) }, percentage: { value: percent } }
  if (theirs.length > 0) return { ...bare(http), mirrors: [...theirs, ours] }
  return { ...bare(http), mirror: ours.destination, mirrorPercentage: ours.percentage }
}

/** The percent of a route's requests that are copied to the canary. */
export const mirroredShare = (http: IstioRoute, around: Around): number =>
  Math.max(0, ...mirrorsOf(http).flatMap((mirror) => (isOurs(mirror, around) ? [mirror.percentage?.value ?? 100] : [])))

const isOurs = ({ destination }: Mirror, { canary, namespace, home }: Around): boolean =>
  isHost(destination.host, canary, namespace, home)

const mirrorsOf = (http: IstioRoute): readonly Mirror[] => {
  const { mirror, mirrors, mirrorPercentage, mirrorPercent, mirror_percent: older } = http
  if (Array.isArray(mirrors) && mirrors.length > 0) return mirrors as readonly Mirror[]
  if (mirror === undefined || mirror === null) return []
  const whole = mirrorPercent ?? older
  const percentage = mirrorPercentage ?? (whole === undefined ? undefined : { value: whole })
  return [{ destination: mirror as Destination, ...(percentage === undefined ? {} : { percentage }) }]
}

const bare = (http: IstioRoute): IstioRoute =>
  Object.fromEntries(Object.entries(http).filter(([field]) => !MIRRORS.some((mirror) => mirror === field)))
