import { pointerOf } from '@sluice/kubernetes/json-pointer'
import { mirroredShare } from './istio-mirror.ts'
import { type Around, type IstioRoute, MIRRORS, percentOf, sendsTo, type Weighted } from './istio-route.ts'
import { placesOf } from './places.ts'
import { orderless } from './portions.ts'
import type { RouteChange } from './router.ts'

/** One of the change's routes: its entries and mirrors as they were, and where it is now. */
export type LocatedRoute = {
  readonly entries: readonly Weighted[]
  readonly mirrors: Readonly<Record<string, unknown>>
  readonly at: number | undefined
}

/** Where each of the change's routes is now, by its entries; of two that are alike, the one that names the canary. @param http without testers' routes of ours */
export const locateRoutes = (
  http: readonly IstioRoute[],
  change: RouteChange,
  around: Around,
): readonly LocatedRoute[] => {
  const originals = change.before.flatMap(({ path, value }) => {
    const index = /^\/spec\/http\/(\d+)\/route$/.exec(path)?.[1]
    return index === undefined || !Array.isArray(value) ? [] : [{ index: Number(index), entries: value as Weighted[] }]
  })
  const places = placesOf(
    originals,
    http,
    ({ route = [] }, { entries }) => identity(route, around) === identity(entries, around),
    (now) => namesCanary(now, around),
  )
  return originals.map(({ index, entries }, nth) => ({
    entries,
    mirrors: savedMirrors(change, index),
    at: places[nth],
  }))
}

/** Whether an http route sends the canary something, copies too. */
export const namesCanary = (http: IstioRoute, around: Around): boolean =>
  percentOf(http.route ?? [], around) !== undefined || mirroredShare(http, around) > 0

const identity = (entries: readonly Weighted[], around: Around): string =>
  orderless(entries.filter((entry) => !sendsTo(entry, around.canary, around)).map(({ weight: _, ...entry }) => entry))

const savedMirrors = ({ before }: RouteChange, index: number): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    MIRRORS.flatMap((field) => {
      const saved = before.find(({ path }) => path === pointerOf('spec', 'http', index, field))
      return saved?.value === undefined ? [] : [[field, saved.value]]
    }),
  )
