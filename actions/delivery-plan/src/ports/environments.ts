import { connect, type GitHub } from '@sluice/github/connect'
import { enforcedBy } from '@sluice/github/environments'
import { describe, Fault } from '@sluice/kit/faults'
import { VERSION } from '@sluice/kit/run'
import type { Look } from '../look.ts'

/**
 * Looks at environments by name. GitHub answers 404 for one that is missing and for all of a repository that the token may not see; which of the two is
 * told by asking for the list.
 * @param token empty: nothing is asked
 * @param timeoutMs for everything that is asked together; a plan does not wait longer for it
 */
export const lookAt = async (
  names: readonly string[],
  token: string,
  env: Readonly<Record<string, string | undefined>>,
  timeoutMs = 30_000,
): Promise<readonly Look[]> => {
  const unknown = (why: string): readonly Look[] => names.map(() => ({ kind: 'unknown', why }))
  if (token === '') return unknown('no token was given to look with')
  if (!env.GITHUB_REPOSITORY) return unknown('there is no GitHub repository here')
  try {
    const github = connect({
      token,
      repository: env.GITHUB_REPOSITORY,
      env,
      timeoutMs,
      userAgent: `sluice/${VERSION} (delivery-plan)`,
    })
    return await Promise.all(names.map((name) => lookAtOne(github, name)))
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return unknown(describe(thrown))
  }
}

const lookAtOne = async (github: GitHub, name: string): Promise<Look> => {
  const seen = await enforcedBy(github, name)
  switch (seen.kind) {
    case 'unknown':
      return { kind: 'unknown', why: seen.why }
    case 'absent-or-hidden':
      return (await mayList(github))
        ? { kind: 'absent' }
        : { kind: 'unknown', why: 'GitHub says 404, for a missing one as for one that the token may not see' }
    case 'found':
      return { ...seen, apps: await appsOf(github, name) }
  }
}

const mayList = ({ request, owner, repo }: GitHub): Promise<boolean> =>
  request('GET /repos/{owner}/{repo}/environments', { owner, repo, per_page: 1 }).then(
    () => true,
    () => false,
  )

/** How many other systems must allow a deployment; 0 where that may not be asked. Source: docs.github.com/en/rest/deployments/protection-rules */
const appsOf = ({ request, owner, repo }: GitHub, environment: string): Promise<number> =>
  request('GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules', {
    owner,
    repo,
    environment_name: environment,
  }).then(
    ({ data }) => {
      const rules: unknown = data?.custom_deployment_protection_rules
      return Array.isArray(rules) ? rules.filter((rule) => rule?.enabled === true).length : 0
    },
    () => 0,
  )
