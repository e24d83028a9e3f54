/**
 * Why a run of this event deploys nothing; `undefined` when it may. What a pull request says of environments, clusters, roles and runners was
 * reviewed by nobody yet, and a merge queue's commit is not on the branch.
 * @param event as in GITHUB_EVENT_NAME
 */
export const deploysNothing = (event: string): string | undefined => {
  if (event.startsWith('pull_request'))
    return 'a pull request is checked and never deployed: nobody has accepted it yet'
  if (event === 'merge_group')
    return 'a merge queue tries a commit that may never reach the branch: it is checked, not deployed'
  return undefined
}
