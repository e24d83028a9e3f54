import type { Real } from '../../cluster/site.ts'
import type { Verdict } from './measured.ts'
import type { Place } from './place.ts'

/** One tool in one place, ready for a release. */
export type Ready = {
  /** The canary's share in the route, per cent, as the API server has it. */
  weight(): Promise<number>
  /** Begins the release of an image, as a user would. */
  release(image: string): Promise<Begun>
  /** What is still there of the image that lost, one line each; `passing`: what may be on its way out, such as pods. */
  left(lost: string): Promise<{ readonly passing: readonly string[]; readonly lasting: readonly string[] }>
}

/** A release that has begun; times in ms UTC. `ended` gives the tool's own word, as soon as it gives one. `stop` ends what the race started for it. */
export type Begun = {
  readonly startedAt: number
  readonly wroteAt: number
  ended(): Promise<Verdict | undefined>
  stop(): void
}

/** A tool of the race. */
export type Contestant = {
  /** Waits until the tool has taken the place in hand. */
  prepare(place: Place, real: Real): Promise<Ready>
  /** How long after its word the tool's own documents let it keep pods, ms. */
  readonly delay: number
}

type Backend = { readonly name: string; readonly weight?: number }

/** The share of one backend among several, per cent; an absent weight counts 1, as HTTPRoute and TraefikService have it. */
export const shareOf = (backends: readonly Backend[], name: string): number => {
  const weightOf = (backend: Backend | undefined): number => (backend === undefined ? 0 : (backend.weight ?? 1))
  const total = backends.reduce((sum, backend) => sum + weightOf(backend), 0)
  return total === 0 ? 0 : (100 * weightOf(backends.find((backend) => backend.name === name))) / total
}

type Pod = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: { readonly containers: readonly { readonly image: string }[] }
}

/** One line when pods of an image are there. */
export const podsOf = async (place: Place, image: string): Promise<readonly string[]> =>
  (await place.list<Pod>('v1', 'pods')).some(({ spec }) =>
    spec.containers.some((container) => container.image === image),
  )
    ? ['pods of the release that lost']
    : []
