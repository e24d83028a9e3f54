import { readFileSync } from 'node:fs'

/** The number of the pull request that the job runs for; `undefined` where it runs for none. Source: docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request */
export const pullRequest = (env: Readonly<Record<string, string | undefined>>): number | undefined => {
  const path = env.GITHUB_EVENT_PATH
  if (!path) return undefined
  try {
    const event: unknown = JSON.parse(readFileSync(path, 'utf8'))
    const pull = typeof event === 'object' && event !== null && 'pull_request' in event ? event.pull_request : undefined
    const number = typeof pull === 'object' && pull !== null && 'number' in pull ? pull.number : undefined
    return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : undefined
  } catch {
    return undefined
  }
}
