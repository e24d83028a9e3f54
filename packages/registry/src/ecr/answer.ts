import { type AwsError, errorOf, isThrottled } from '@sluice/http/aws/error'
import type { HttpResult } from '@sluice/http/request'
import { backoff, type Clock } from '@sluice/http/retry'
import { Fault } from '@sluice/kit/faults'

/** What AWS said instead of doing what it was asked. `code`: its error, or the system's for a connection; `again`: time may mend it. */
export type Refusal = AwsError & { readonly again: boolean }

/** What came of a call; an error that AWS names is a value. */
export type Answer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What every call needs. */
export type Calling = { readonly clock: Clock; readonly signal: AbortSignal }

const POLICY = { tries: 4, firstWait: 500, longestWait: 5000 }

/**
 * Makes a call up to four times while time may mend what it came to, with exponential waits and jitter. Calls must be ones that may be done twice.
 * @throws Fault('upstream') once the signal is set
 */
export const repeated = async <T>(
  attempt: () => Promise<Answer<T>>,
  { clock, signal }: Calling,
): Promise<Answer<T>> => {
  for (let done = 1; ; done++) {
    const answer = await attempt().catch((thrown: unknown) => {
      throw signal.aborted ? cancelled() : thrown
    })
    if (answer.kind === 'done' || !answer.refusal.again || done >= POLICY.tries) return answer
    await orAborted(clock.sleep(backoff(done, POLICY, clock.random())), signal)
  }
}

/** Ends with the wait, or when the signal is set. */
const orAborted = async (wait: Promise<void>, signal: AbortSignal): Promise<void> => {
  let stop = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', stop, { once: true })
  })
  await Promise.race([wait, stopped])
  signal.removeEventListener('abort', stop)
}

const cancelled = (): Fault => new Fault('upstream', 'the job was cancelled', 'Run the job again')

/** The answer of a call that the SDK made. @throws what is neither an error of AWS nor of the connection to it */
export const answered = <T>(call: Promise<T>): Promise<Answer<T>> =>
  call.then(
    (value) => ({ kind: 'done', value }),
    (thrown: unknown) => ({ kind: 'refused', refusal: refusalOf(thrown) }),
  )

const refusalOf = (thrown: unknown): Refusal => {
  if (!(thrown instanceof Error) || thrown instanceof Fault) throw thrown
  const { name, message } = thrown
  const { code, $metadata, $fault, $response } = thrown as FromSdk
  if ($fault !== undefined) {
    const status = $metadata?.httpStatusCode ?? 0
    const again = mayMend(status, { code: name, message }) || $metadata?.clockSkewCorrected === true
    return { code: name, message, again }
  }
  // What answered was no AWS: a proxy's page, for one.
  if ($response !== undefined) {
    const status = $response.statusCode ?? 0
    return { code: 'StrangeAnswer', message: `status ${status}, ${STRANGE}`, again: status >= 500 || status === 429 }
  }
  if (name === NO_CREDENTIALS) return { code: NO_CREDENTIALS, message, again: false }
  if (name === 'TimeoutError') return { code: name, message, again: true }
  if (typeof code !== 'string' || !/^(E[A-Z]+|(CERT|ERR|UNABLE|SELF|DEPTH)_\w+)$/.test(code)) throw thrown
  return { code, message, again: CONNECTION.test(code) }
}

/** What the SDK leaves on its errors; `$response` on those of an answer that it could not read. */
type FromSdk = {
  readonly code?: unknown
  readonly $fault?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean }
  readonly $response?: { readonly statusCode?: number }
}

const STRANGE = 'the answer is not what its documentation describes'

/** The code of having no credentials, as the SDK names it. */
export const NO_CREDENTIALS = 'CredentialsProviderError'

const CONNECTION =
  /^(ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRESET|ECONNREFUSED|EPIPE|ENETUNREACH|EHOSTUNREACH|ERR_PROXY_TUNNEL)$/

const mayMend = (status: number, error: AwsError): boolean =>
  status >= 500 || status === 429 || (isThrottled(error) && !/^LimitExceeded/.test(error.code))

/**
 * The answer of a call that was made without the SDK.
 * @param read the value, or `undefined` for a body that is none
 * @param error finds the error's name; JSON's unless told otherwise
 */
export const answerOf = <T>(
  result: HttpResult,
  read: (body: string) => T | undefined,
  error: typeof errorOf = errorOf,
): Answer<T> => {
  if (result.kind !== 'answered') {
    const again = result.kind === 'no-answer' && result.cause !== 'tls'
    const code = result.kind === 'no-answer' ? (CODES[result.cause] ?? 'no answer') : 'TooLarge'
    return { kind: 'refused', refusal: { code, message: result.text, again } }
  }
  if (result.status !== 200) {
    const said = error(result)
    return { kind: 'refused', refusal: { ...said, again: mayMend(result.status, said) } }
  }
  const value = read(result.body)
  const strange = { code: 'StrangeAnswer', message: STRANGE, again: false }
  return value === undefined ? { kind: 'refused', refusal: strange } : { kind: 'done', value }
}

const CODES: Readonly<Record<string, string>> = {
  dns: 'ENOTFOUND',
  refused: 'ECONNREFUSED',
  timeout: 'ETIMEDOUT',
  reset: 'ECONNRESET',
}
