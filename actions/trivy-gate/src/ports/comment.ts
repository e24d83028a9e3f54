import { type KeptComment, keepComment } from '@sluice/github/comments'
import { connect } from '@sluice/github/connect'
import { describe, Fault } from '@sluice/kit/faults'
import { VERSION } from '@sluice/kit/run'

/** All calls to GitHub together, ms. */
const CALLS_MS = 60_000

/** Where the comment goes. */
export type Place = {
  readonly token: string
  readonly repository: string
  readonly env: NodeJS.ProcessEnv
  readonly cancelled: AbortSignal
}

/**
 * Keeps the comment up to date.
 * @param make whether there shall be one where there is none
 * @returns why that was not possible, such as with the token of a fork, which only reads; `undefined` when it was
 */
export const comment = async (
  { token, repository, env, cancelled }: Place,
  kept: KeptComment,
  make: boolean,
): Promise<string | undefined> => {
  try {
    const userAgent = `sluice/${VERSION} (trivy-gate)`
    await keepComment(connect({ token, repository, env, timeoutMs: CALLS_MS, userAgent, cancelled }), kept, make)
    return undefined
  } catch (thrown) {
    if (thrown instanceof Fault) return describe(thrown)
    throw thrown
  }
}
