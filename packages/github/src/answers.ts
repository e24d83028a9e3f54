import type { Deployment, Status } from './deployments.ts'

/**
 * What GitHub's JSON says, read as if nothing were known of it: a proxy or an outage may answer 200 with an empty page, and a record must not fail for it.
 * `undefined` for what the documentation does not describe.
 * Source: docs.github.com/en/rest/deployments/deployments#list-deployments
 */
export const deploymentsIn = (data: unknown): readonly Deployment[] | undefined =>
  every(data, (one) => {
    const id = idIn(one)
    const { payload, created_at: made } = fields(one)
    return id === undefined || typeof made !== 'string'
      ? undefined
      : { id, payload: payloadOf(payload), createdAt: Date.parse(made) }
  })

/** The statuses of a deployment, newest first; as `deploymentsIn`. The order is not documented; ids only grow. */
export const statusesIn = (data: unknown): readonly Status[] | undefined =>
  every(data, (one) => {
    const id = idIn(one)
    const { state, description, log_url: log, environment_url: address } = fields(one)
    return id === undefined || typeof state !== 'string'
      ? undefined
      : {
          id,
          state: state as Status['state'],
          description: text(description),
          logUrl: text(log),
          environmentUrl: text(address),
        }
  })
    ?.toSorted((a, b) => b.id - a.id)
    .map(({ id, ...status }) => status)

/** The number of a deployment or status. */
export const idIn = (data: unknown): number | undefined => {
  const { id } = fields(data)
  return typeof id === 'number' && Number.isSafeInteger(id) && id > 0 ? id : undefined
}

const every = <T>(data: unknown, read: (one: unknown) => T | undefined): readonly T[] | undefined => {
  if (!Array.isArray(data)) return undefined
  const all = data.flatMap((one) => read(one) ?? [])
  return all.length === data.length ? all : undefined
}

const fields = (data: unknown): Readonly<Record<string, unknown>> =>
  typeof data === 'object' && data !== null ? (data as Readonly<Record<string, unknown>>) : {}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** GitHub gives back an object as an object, or as its JSON text. */
const payloadOf = (payload: unknown): unknown => {
  if (typeof payload !== 'string') return payload
  try {
    return JSON.parse(payload)
  } catch {
    return payload
  }
}
