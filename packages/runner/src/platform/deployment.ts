import type { Grant } from '../language/permissions.ts'

/** Says how a Deployment goes on. */
export type Deployed = (state: 'in_progress' | 'success' | 'failure', url: string) => Promise<void>

/**
 * Makes the Deployments that GitHub itself makes for jobs with an environment, through the API as anybody would. A job that fails, is rejected or is cancelled
 * leaves it `failure`. Source: docs.github.com, "Deployments and environments"; tuist/tuist#10723 on cancelled jobs
 */
export const deployer =
  (api: {
    readonly url: string
    readonly repository: string
    readonly lend: (grant: Grant) => { readonly token: string; readonly giveBack: () => void }
  }) =>
  async (given: { readonly environment: string; readonly sha: string; readonly run: number }): Promise<Deployed> => {
    const post = async (path: string, body: object): Promise<{ readonly id: number }> => {
      const { token, giveBack } = api.lend({ deployments: 'write' })
      try {
        const response = await fetch(`${api.url}/repos/${api.repository}/deployments${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'user-agent': 'github-actions', connection: 'close' },
          body: JSON.stringify(body),
        })
        const read = (await response.json()) as { readonly id: number }
        if (!response.ok) throw new Error(`POST deployments${path} gave ${response.status}: ${JSON.stringify(read)}`)
        return read
      } finally {
        giveBack()
      }
    }
    const { environment, sha, run } = given
    const { id } = await post('', { ref: sha, environment, auto_merge: false, required_contexts: [] })
    const log_url = `${api.url}/${api.repository}/actions/runs/${run}`
    return async (state, url) => {
      const environment_url = /^https?:/.test(url) ? { environment_url: url } : {}
      await post(`/${id}/statuses`, { state, log_url, ...environment_url })
    }
  }
