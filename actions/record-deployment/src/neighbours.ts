/** Another release of the same service to the same environment; statuses newest first, times ms UTC. */
export type Neighbour = { readonly id: number; readonly createdAt: number; readonly statuses: readonly Past[] }

/** A status that was written before. */
export type Past = {
  readonly state: string
  readonly description: string
  readonly logUrl: string
  readonly environmentUrl: string
}

/** A status to write to a deployment that is not this release's. */
export type Correction = { readonly id: number; readonly state: 'inactive' | 'success'; readonly status: Past }

/** GitHub keeps statuses for 90 days (docs.github.com/en/rest/deployments/statuses#data-retention). */
const RETENTION_MS = 90 * 24 * 3600 * 1000

/** The newer release that has succeeded already, if there is one: what reports late is then not what serves. */
export const successor = (id: number, neighbours: readonly Neighbour[]): number | undefined =>
  neighbours.find((one) => one.id > id && one.statuses[0]?.state === 'success')?.id

/**
 * What a success of deployment `id` ends: all earlier ones that GitHub shows as active. One that is so old that GitHub has forgotten its statuses may
 * be, so it is ended as well.
 * @param now ms UTC
 */
export const ended = (id: number, neighbours: readonly Neighbour[], now: number): readonly Correction[] =>
  neighbours
    .filter((one) => one.id < id)
    .filter(({ statuses, createdAt }) =>
      statuses[0] === undefined ? now - createdAt > RETENTION_MS : statuses[0].state === 'success',
    )
    .map(({ id: earlier, statuses }) => ({
      id: earlier,
      state: 'inactive',
      status: { state: 'inactive', description: replacedBy(id), logUrl: statuses[0]?.logUrl ?? '', environmentUrl: '' },
    }))

/**
 * What serves again once deployment `id` was rolled back: the newest earlier one, if it was this deployment that ended it. Only a success of ours ends
 * another, so there is none unless the rollback came after a promotion.
 */
export const restored = (id: number, neighbours: readonly Neighbour[]): Correction | undefined => {
  const [previous] = neighbours
    .filter((one) => one.id < id && one.statuses[0]?.description === replacedBy(id))
    .sort((a, b) => b.id - a.id)
  if (previous === undefined || successor(id, neighbours) !== undefined) return undefined
  const before = previous.statuses.find(({ state }) => state === 'success')
  return {
    id: previous.id,
    state: 'success',
    status: {
      state: 'success',
      description: `Serves again: deployment ${id} was rolled back`,
      logUrl: before?.logUrl ?? '',
      environmentUrl: before?.environmentUrl ?? '',
    },
  }
}

const replacedBy = (id: number): string => `Replaced by deployment ${id}`
