import { describe } from '@sluice/kit/faults'
import type { ApprovalRequest, EnvironmentRules } from '../github.ts'
import type { RunIdentity } from './contexts.ts'
import { branchRefusal, type JobEnvironment, mayDeploy, REJECTED } from './environments.ts'
import type { Ready } from './graph.ts'
import { sentenceOf } from './unbegun.ts'

/** An environment with its rules, and who answers for it. */
export type Gate = {
  readonly environment: JobEnvironment
  readonly rules: EnvironmentRules
  readonly ports: GatePorts
}

/** What asking an environment's rules needs from the platform. */
export type GatePorts = {
  readonly run: RunIdentity
  readonly approve: (asked: ApprovalRequest) => Promise<'approved' | 'rejected'>
  readonly tell: (kind: 'job-queued' | 'job-waiting', path: string, why: string) => void
}

/** How a job ended that its environment did not let through. */
export type Kept = { readonly conclusion: 'failure' | 'cancelled'; readonly why: readonly string[] }

/**
 * Asks the rules of a job's environment: first whether its branch may use it, then its reviewers. Undefined: they let the job through.
 * Source: docs.github.com, "Deployments and environments", deployment protection rules
 */
export const pass = async (ready: Ready, { environment, rules, ports }: Gate): Promise<Kept | undefined> => {
  const { branch } = ports.run.cause
  const path = ready.path.join(' / ')
  if (!mayDeploy(branch, rules.branches))
    return { conclusion: 'failure', why: [branchRefusal(branch, environment.name), REJECTED] }
  const { reviewers = [] } = rules
  if (reviewers.length === 0) return undefined
  ports.tell('job-waiting', path, `Waiting for review: ${environment.name} needs approval of ${reviewers.join(' or ')}`)
  const { signal } = ready.end
  const asked = async () => ports.approve({ run: ports.run.id, environment: environment.name, job: path })
  const answer = await orEnd(asked(), signal).catch((thrown: unknown) => ({ broke: describe(thrown) }))
  if (typeof answer === 'object')
    return { conclusion: 'failure', why: [`Nobody could say whether ${environment.name} is approved: ${answer.broke}`] }
  if (answer === 'cancelled') return { conclusion: 'cancelled', why: [sentenceOf(signal)] }
  return answer === 'approved' ? undefined : { conclusion: 'failure', why: [REJECTED] }
}

/** What a promise gives, or `cancelled` when the job ends first. */
const orEnd = <T>(promise: Promise<T>, ended: AbortSignal): Promise<T | 'cancelled'> =>
  new Promise((resolve, reject) => {
    const leave = (): void => resolve('cancelled')
    if (ended.aborted) leave()
    ended.addEventListener('abort', leave, { once: true })
    void promise.then(resolve, reject).finally(() => ended.removeEventListener('abort', leave))
  })
