import type { Digest } from '@sluice/registry/registry'
import type { Output } from './build/order.ts'
import type { BuildResult } from './build/result.ts'
import { failed, type Result } from './outcome.ts'
import type { Plan, Ports } from './ports.ts'
import { waitBefore } from './waits.ts'
import type { Work } from './work.ts'

/** What was pushed, by digest, or the result that it ends with. */
export type Push =
  | { readonly kind: 'pushed'; readonly digest: Digest }
  | { readonly kind: 'failed'; readonly result: Result }

/**
 * Builds, and pushes nothing: an image that does not build reaches no registry. `push` is a second run of buildx, which finds everything in BuildKit's
 * cache; so a push that fails is repeated without building again, and credentials are fresh when it begins, however long the build took.
 * @returns the result that it ends with, where it does
 */
export const build = async (plan: Plan, ports: Ports, work: Work): Promise<Result | undefined> => {
  const { order } = plan
  const made = await work.timed('build', () => ports.docker.run(order, { kind: 'none' }))
  if (made.kind !== 'cancelled') {
    work.saw({ progress: made.progress })
    work.note(...made.progress.cacheProblems)
  }
  if (made.kind === 'failed' && made.transient !== undefined) return ended(made, work, 'build-broken')
  if (made.kind !== 'done') return ended(made, work, 'build-failed')
  if (!plan.load) return undefined
  const names = plan.repositories.flatMap((name) => plan.tagging.tags.map((tag) => `${name}:${tag.name}`))
  const loaded = await work.timed('load', () => ports.docker.run(order, { kind: 'load', names }))
  return loaded.kind === 'done' ? undefined : ended(loaded, work, 'build-failed')
}

/** Pushes what was built, by digest, to every repository, and again where the registry fails in a way that passes. */
export const push = async (plan: Plan, ports: Ports, work: Work): Promise<Push> =>
  work.timed('push', () => pushed(plan, ports, work))

const pushed = async (plan: Plan, ports: Ports, work: Work): Promise<Push> => {
  const output: Output = { kind: 'by-digest', names: plan.repositories }
  for (let attempt = 1; ; attempt++) {
    await ports.login()
    work.saw({ attempts: attempt })
    const result = await ports.docker.run(plan.order, output)
    if (result.kind === 'done' && result.ranAgain.length > 0)
      work.note(
        `the push built ${result.ranAgain.length} steps again, which BuildKit had dropped since: ${result.ranAgain.slice(0, 5).join(', ')}`,
      )
    if (result.kind === 'done' && result.digest !== undefined)
      return { kind: 'pushed', digest: result.digest as Digest }
    if (result.kind === 'done')
      return { kind: 'failed', result: failed(work.seen(), 'push-failed', ['buildx pushed and named no digest']) }
    const transient = result.kind === 'failed' ? result.transient : undefined
    if (transient === undefined || ports.cancelled.aborted) {
      // A step that was built again and fails now is the build's.
      const code = result.kind === 'failed' && result.failure.line > 0 ? 'build-failed' : 'push-failed'
      return { kind: 'failed', result: ended(result, work, code) }
    }
    if (attempt >= plan.attempts)
      return {
        kind: 'failed',
        result: failed(work.seen(), 'push-failed', [
          `the registry failed ${attempt === 1 ? 'once' : `${attempt} times`}, at last: ${transient.text}`,
        ]),
      }
    const wait = waitBefore(attempt + 1, ports.clock.random(), transient.kind)
    ports.say(
      `push ${attempt} of ${plan.attempts} failed (${transient.kind}): ${transient.text}; again in ${Math.ceil(wait / 1000)} s`,
    )
    await ports.clock.sleep(wait)
    // By a question that writes, as a registry may limit those alone: its own client waits as long as Retry-After says, which buildx does not tell.
    if (transient.kind === 'rate-limit')
      for (const repository of plan.repositories) await ports.place(repository).pushable()
  }
}

const ended = (
  result: Exclude<BuildResult, { kind: 'done' }>,
  work: Work,
  code: 'build-failed' | 'build-broken' | 'push-failed',
): Result =>
  result.kind === 'cancelled'
    ? failed(work.seen(), 'cancelled', ['the run was cancelled'])
    : failed(work.seen(), code, [result.failure.cause], result.failure)
