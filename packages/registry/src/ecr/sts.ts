import type { AwsError } from '@sluice/http/aws/error'
import { partitionOf } from '@sluice/http/aws/partition'
import type { AwsCredentials } from '@sluice/http/aws/signature'
import { signedHeaders } from '@sluice/http/aws/signature'
import type { HttpAnswer, HttpRequest, HttpResult } from '@sluice/http/request'
import { type Answer, answerOf, type Calling, repeated } from './answer.ts'

/** Credentials and when they end, ms UTC; `undefined`: they are not known to. */
export type Identity = AwsCredentials & { readonly endsAt: number | undefined }

/** Sends one request, whatever comes of it. */
export type Send = (call: Omit<HttpRequest, 'timeoutMs'>) => Promise<HttpResult>

/** Where the Security Token Service of a region is asked. */
export type StsPlace = Calling & {
  readonly region: string
  readonly fips: boolean
  readonly endpoint?: string | undefined
  readonly send: Send
}

/** Who wants a role: the bearer of a token, or who has credentials already. */
export type Wanting = { readonly idToken: string } | { readonly credentials: AwsCredentials }

/**
 * Takes on a role for an hour, by AssumeRoleWithWebIdentity or AssumeRole of the region's own endpoint.
 * Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html and API_AssumeRole.html
 * @param session shows in the account's log
 */
export const assumeRole = (
  place: StsPlace,
  role: string,
  session: string,
  wanting: Wanting,
): Promise<Answer<Identity>> => {
  const bearer = 'idToken' in wanting
  const url = place.endpoint ?? endpointOf(place)
  const body = new URLSearchParams({
    Action: bearer ? 'AssumeRoleWithWebIdentity' : 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: session,
    ...(bearer ? { WebIdentityToken: wanting.idToken } : {}),
  }).toString()
  const attempt = async (): Promise<Answer<Identity>> => {
    const call = { url, method: 'POST', headers: FORM, body } as const
    const scope = { service: 'sts', region: place.region, at: place.clock.now() }
    const headers = bearer ? FORM : await signedHeaders(call, wanting.credentials, scope)
    return mended(answerOf(await place.send({ ...call, headers }), identityIn, errorIn))
  }
  return repeated(attempt, place)
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', accept: 'text/xml' }

const endpointOf = ({ region, fips }: StsPlace): string => {
  const domain = partitionOf(region)?.domain ?? 'amazonaws.com'
  // GovCloud's own endpoint is the one that is validated.
  return `https://sts${fips && !region.startsWith('us-gov-') ? '-fips' : ''}.${region}.${domain}/`
}

/** That AWS could not reach the identity provider comes with status 400. */
const mended = (answer: Answer<Identity>): Answer<Identity> =>
  answer.kind === 'refused' && answer.refusal.code === 'IDPCommunicationError'
    ? { kind: 'refused', refusal: { ...answer.refusal, again: true } }
    : answer

const identityIn = (xml: string): Identity | undefined => {
  const [accessKeyId, secretAccessKey, sessionToken, expiration] = [
    'AccessKeyId',
    'SecretAccessKey',
    'SessionToken',
    'Expiration',
  ].map((name) => textIn(xml, name))
  const endsAt = Date.parse(expiration ?? '')
  if (!accessKeyId || !secretAccessKey || !sessionToken || Number.isNaN(endsAt)) return undefined
  return { accessKeyId, secretAccessKey, sessionToken, endsAt }
}

const errorIn = ({ status, body }: HttpAnswer): AwsError => ({
  code: textIn(body, 'Code') ?? `status ${status}`,
  message: textIn(body, 'Message') ?? '',
})

/** What a field of one word or sentence holds: answers of STS have no field twice. */
const textIn = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`)
    .exec(xml)?.[1]
    ?.replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
