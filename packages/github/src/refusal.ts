import { RequestError } from '@octokit/request-error'
import type { NoAnswer, TooLarge } from '@sluice/http/request'
import { Fault } from '@sluice/kit/faults'

/**
 * Why GitHub did not do what it was asked. `not-found` covers what the token may not see: GitHub does not tell the two apart.
 * `unknown-commit` and `invalid` are its two kinds of 422.
 */
export type RefusalCode =
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'unknown-commit'
  | 'invalid'
  | 'rate-limited'
  | 'server-error'
  | 'unreachable'
  | 'cancelled'

/** `mayBeDone`: the request reached GitHub, and whether it was done is not known. */
export type Refusal = { readonly code: RefusalCode; readonly mayBeDone: boolean }

/**
 * The fault for a failed call, with a sentence for people and the refusal behind it. The token is never part of it.
 * @param thrown what octokit's `request` threw; anything but its errors is handed back as it is, to be thrown again
 * @param what the call, to follow "GitHub refused to": "list the deployments of acme/shop"
 * @param permission what the job needs for it, as in a workflow: `deployments: write`
 */
export const refusal = (thrown: unknown, what: string, permission: string): unknown => {
  if (!(thrown instanceof RequestError)) return thrown
  if (thrown.cause instanceof Fault) return unanswered(thrown.cause, what)
  if (thrown.response === undefined) return thrown.cause ?? thrown
  const { status } = thrown
  const said = messageOf(thrown.response.data)
  const code = codeOf(status, said)
  const { kind, text, hint } = sentence(code, { what, permission, said, status, headers: thrown.response.headers })
  return new Fault(kind, text, hint, { cause: { code, mayBeDone: status >= 500 } satisfies Refusal })
}

/** The refusal behind a fault of this package; `undefined` for anything else. */
export const refusalBehind = (thrown: unknown): Refusal | undefined => {
  const cause = thrown instanceof Fault ? thrown.cause : undefined
  return typeof cause === 'object' && cause !== null && 'code' in cause && 'mayBeDone' in cause
    ? (cause as Refusal)
    : undefined
}

/** The fault that carries having no answer through octokit, to `refusal`. @param host whom was asked */
export const keepUnanswered = (result: NoAnswer | TooLarge, host: string): Fault => {
  const mayBeDone = result.kind === 'too-large' || result.connected
  const untrusted = result.kind === 'no-answer' && result.cause === 'tls'
  const hint = untrusted
    ? `If ${host} is the one that is meant, name the authority of its certificate in the variable NODE_EXTRA_CA_CERTS`
    : `Look at ${host === 'api.github.com' ? 'https://www.githubstatus.com' : host} and at the network between the runner and ${host}`
  return new Fault('upstream', result.text, hint, { cause: { code: 'unreachable', mayBeDone } satisfies Refusal })
}

/**
 * An answer that GitHub's documentation does not describe, such as none at all: something else may have answered, and what was asked may be done.
 * @throws Fault('upstream') always
 */
export const strangeAnswer = (data: unknown, what: string): never => {
  const said = (JSON.stringify(data) ?? 'nothing').slice(0, 100)
  throw new Fault(
    'upstream',
    `GitHub's answer when asked to ${what} is not what its documentation describes: ${said}`,
    'Look at https://www.githubstatus.com and at proxies between the runner and GitHub, then run the job again',
    { cause: { code: 'unreachable', mayBeDone: true } satisfies Refusal },
  )
}

/** The fault for a call that was given up because the job is cancelled. */
export const keepCancelled = (): Fault =>
  new Fault('upstream', 'the job was cancelled', 'Run the job again', {
    cause: { code: 'cancelled', mayBeDone: true } satisfies Refusal,
  })

const unanswered = (fault: Fault, what: string): Fault =>
  new Fault('upstream', `No answer from GitHub when asked to ${what}: ${fault.message}`, fault.hint, {
    cause: fault.cause,
  })

const codeOf = (status: number, said: string): RefusalCode => {
  // Said for a ref and for a commit that the repository does not have.
  if (status === 422) return /no ref found|no commit found/i.test(said) ? 'unknown-commit' : 'invalid'
  return CODES[status] ?? (status >= 500 ? 'server-error' : 'invalid')
}

const CODES: Readonly<Record<number, RefusalCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  429: 'rate-limited',
}

type Facts = {
  readonly what: string
  readonly permission: string
  readonly said: string
  readonly status: number
  readonly headers: Readonly<Record<string, string | number | undefined>>
}

const sentence = (
  code: RefusalCode,
  { what, permission, said, status, headers }: Facts,
): { readonly kind: 'input' | 'upstream'; readonly text: string; readonly hint: string } => {
  const text = `GitHub refused to ${what} (${status}: ${said})`
  switch (code) {
    case 'unauthorized':
      return {
        kind: 'input',
        text: `GitHub does not know the token (${status}: ${said})`,
        hint: `Leave the input token to its default, or give one that has not expired`,
      }
    case 'forbidden':
      return { kind: 'input', text, hint: forbidden(permission, headers['x-accepted-github-permissions']) }
    case 'not-found':
      return {
        kind: 'input',
        text,
        hint: `Either it is not there, or the token may not see it: the job needs permissions: ${permission}`,
      }
    case 'unknown-commit':
      return { kind: 'input', text, hint: 'The commit must have been pushed to this repository' }
    case 'rate-limited': {
      const wait = headers['retry-after']
      const asked = wait === undefined ? '' : `; GitHub asks to wait ${wait} s`
      return {
        kind: 'upstream',
        text: `GitHub's rate limit kept us from what was asked: ${what}${asked}`,
        hint: 'Run the job again later',
      }
    }
    case 'server-error':
      return { kind: 'upstream', text, hint: 'Look at https://www.githubstatus.com, then run the job again' }
    default:
      return { kind: code === 'conflict' ? 'upstream' : 'input', text, hint: 'GitHub’s own words are in brackets' }
  }
}

const forbidden = (permission: string, accepted: string | number | undefined): string => {
  const told = accepted === undefined ? '' : ` (GitHub asks for ${accepted})`
  return `Give the job permissions: ${permission}${told}. A pull request from a fork only gets a token that reads`
}

/** GitHub's error body: `message`, and the errors of a failed validation. */
const messageOf = (data: unknown): string => {
  if (typeof data !== 'object' || data === null || !('message' in data)) return 'no message'
  const errors = 'errors' in data && Array.isArray(data.errors) ? `: ${JSON.stringify(data.errors).slice(0, 300)}` : ''
  // Whoever answered may have put line breaks in it, and each line of a log may be a command to the runner.
  return `${String(data.message)}${errors}`.replace(/\s+/g, ' ').replaceAll('##[', '## [').slice(0, 500)
}
