import type { Endpoints } from '@octokit/types'
import { expect, it } from 'vitest'
import type { renderDeployment, renderStatus } from '../../runner/src/api/deployment-answers.ts'
import type { renderEnvironment } from '../../runner/src/api/environments.ts'

/** `true` when the local server's answer is one of GitHub's, by the types that octokit makes of GitHub's own OpenAPI description. */
type Fits<Ours, Route extends keyof Endpoints> = Ours extends Endpoints[Route]['response']['data'] ? true : false

const deployment: Fits<
  ReturnType<typeof renderDeployment>,
  'GET /repos/{owner}/{repo}/deployments/{deployment_id}'
> = true
const status: Fits<
  ReturnType<typeof renderStatus>,
  'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses'
> = true
const environment: Fits<
  ReturnType<typeof renderEnvironment>,
  'GET /repos/{owner}/{repo}/environments/{environment_name}'
> = true

it('the local server answers in the shapes of GitHub’s OpenAPI description, by the type check', () => {
  expect([deployment, status, environment]).toEqual([true, true, true])
})
