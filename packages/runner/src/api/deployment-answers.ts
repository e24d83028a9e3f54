import type { Deployment, DeploymentStatus } from './deployment-state.ts'
import type { DeploymentRules } from './deployments.ts'
import { nodeId, simpleUser } from './people.ts'

/** One deployment as GitHub answers it. */
export const renderDeployment = (one: Deployment, { base, repository, creator }: DeploymentRules) => {
  const home = `${base()}/repos/${repository}`
  return {
    url: `${home}/deployments/${one.id}`,
    id: one.id,
    node_id: nodeId('Deployment', one.id),
    sha: one.sha,
    ref: one.ref,
    task: one.task,
    payload: one.payload as string | { [name: string]: unknown },
    original_environment: one.originalEnvironment,
    environment: one.environment,
    description: one.description,
    creator: simpleUser(creator, 41898282),
    created_at: one.createdAt,
    updated_at: one.statuses.at(-1)?.createdAt ?? one.createdAt,
    statuses_url: `${home}/deployments/${one.id}/statuses`,
    repository_url: home,
    transient_environment: one.transient,
    production_environment: one.production,
  }
}

/** One status as GitHub answers it. */
export const renderStatus = (
  status: DeploymentStatus,
  one: Deployment,
  { base, repository, creator }: DeploymentRules,
) => {
  const home = `${base()}/repos/${repository}`
  return {
    url: `${home}/deployments/${one.id}/statuses/${status.id}`,
    id: status.id,
    node_id: nodeId('DeploymentStatus', status.id),
    state: status.state,
    creator: simpleUser(creator, 41898282),
    description: status.description,
    environment: status.environment,
    target_url: status.logUrl,
    created_at: status.createdAt,
    updated_at: status.createdAt,
    deployment_url: `${home}/deployments/${one.id}`,
    repository_url: home,
    environment_url: status.environmentUrl,
    log_url: status.logUrl,
  }
}
