/** The states a status may have. Source: docs.github.com/en/rest/deployments/statuses#create-a-deployment-status */
export const STATES = ['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success'] as const
/** One of `STATES`. */
export type DeploymentState = (typeof STATES)[number]

/** One status of a deployment; times are ISO 8601. */
export type DeploymentStatus = {
  readonly id: number
  readonly state: DeploymentState
  readonly description: string
  readonly environment: string
  readonly logUrl: string
  readonly environmentUrl: string
  readonly createdAt: string
}

/** One deployment. `environment` is that of its last status, `originalEnvironment` the one it was created for; statuses are oldest first. */
export type Deployment = {
  readonly id: number
  readonly ref: string
  readonly sha: string
  readonly task: string
  readonly environment: string
  readonly originalEnvironment: string
  readonly description: string | null
  readonly payload: unknown
  readonly transient: boolean
  readonly production: boolean
  readonly createdAt: string
  readonly statuses: readonly DeploymentStatus[]
}

/** The last status's state; a deployment without one is pending. */
export const stateOf = ({ statuses }: Pick<Deployment, 'statuses'>): DeploymentState =>
  statuses.at(-1)?.state ?? 'pending'

/**
 * The deployments that a success of `current` makes inactive, unless told `auto_inactive: false`: all prior, non-transient ones whose environment is not a production one,
 * with the same environment name, that had succeeded. Source: docs.github.com/en/rest/deployments/deployments#inactive-deployments
 */
export const succeeded = (all: readonly Deployment[], current: Deployment): readonly Deployment[] =>
  all.filter(
    (one) =>
      one.id < current.id &&
      one.environment === current.environment &&
      !one.transient &&
      !one.production &&
      stateOf(one) === 'success',
  )
