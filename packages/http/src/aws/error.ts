import type { HttpAnswer } from '../request.ts'

/** The error of an answer by its name, without the namespace that JSON protocols put before it. */
export type AwsError = { readonly code: string; readonly message: string }

/** The error that an answer of AWS's JSON protocols holds. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html */
export const errorOf = ({ status, headers, body }: HttpAnswer): AwsError => {
  const value = parsed(body)
  const type = [value?.__type, value?.code, headers['x-amzn-errortype']].find((name) => typeof name === 'string')
  const message = [value?.message, value?.Message].find((text) => typeof text === 'string')
  return {
    code: String(type ?? `status ${status}`)
      .replace(/^.*#/, '')
      .replace(/:.*$/, ''),
    message: String(message ?? ''),
  }
}

/** Whether too much was asked: AWS says it with status 400 as well. */
export const isThrottled = ({ code }: AwsError): boolean =>
  /^(Throttling(Exception)?|ThrottledException|RequestLimitExceeded|TooManyRequests(Exception)?|LimitExceeded(Exception|Fault)?)$/.test(
    code,
  )

/** A body that is one JSON object; `undefined` for any other. */
export const parsed = (body: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}
