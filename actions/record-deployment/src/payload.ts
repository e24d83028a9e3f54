/**
 * What a deployment carries, and what it is found again by. `run` and `attempt` are those of the workflow run: every attempt is a deployment
 * of its own, however many steps and jobs of it report.
 */
export type Payload = {
  readonly sluice: 1
  readonly run: string
  readonly attempt: number
  readonly service: string
  readonly environment: string
  readonly digest: string
}

/** Whether a payload that GitHub has is this one. */
export const isSame = (given: unknown, payload: Payload): boolean =>
  Object.entries(payload).every(([name, value]) => fieldOf(given, name) === value)

/** Whether a payload is of another release of the same service to the same environment. */
export const isSibling = (given: unknown, { sluice, service, environment }: Payload): boolean =>
  fieldOf(given, 'sluice') === sluice &&
  fieldOf(given, 'service') === service &&
  fieldOf(given, 'environment') === environment

const fieldOf = (given: unknown, name: string): unknown =>
  typeof given === 'object' && given !== null ? Object.entries(given).find(([key]) => key === name)?.[1] : undefined
