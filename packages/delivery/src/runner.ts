/** How long a job may take on a runner, minutes; `why` is a clause for a sentence. */
export type JobLimit = {
  readonly kind: 'hosted' | 'self-hosted' | 'unknown'
  readonly minutes: number
  readonly why: string
}

/**
 * The longest a job may take on the runner of these labels. GitHub ends a job on its own runners after 6 hours, on a self-hosted one after 5 days. A
 * label that is neither `self-hosted` nor one of GitHub's may stand for either, so it gets the longer time.
 * Source: https://docs.github.com/en/actions/reference/limits
 */
export const jobLimit = (labels: string | readonly string[]): JobLimit => {
  const all = (typeof labels === 'string' ? [labels] : labels).map((each) => each.toLowerCase())
  if (all.includes('self-hosted'))
    return { kind: 'self-hosted', minutes: 5 * 24 * 60, why: 'a job on a self-hosted runner ends after 5 days' }
  if (all.some((each) => /^(ubuntu|windows|macos)-/.test(each)))
    return { kind: 'hosted', minutes: 6 * 60, why: `a job on GitHub's own runner (${all.join(', ')}) ends after 6 h` }
  return { kind: 'unknown', minutes: 5 * 24 * 60, why: `no job ends later than after 5 days` }
}
