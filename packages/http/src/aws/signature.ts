import { AwsV4Signer } from 'aws4fetch'

/** What a request to AWS is signed with. `sessionToken` belongs to a role's credentials. */
export type AwsCredentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/**
 * The headers of a signed POST, every given one under the signature.
 * @param at ms UTC; AWS takes a request within 5 minutes of it
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export const signedHeaders = async (
  call: {
    readonly url: string
    readonly method: 'GET' | 'POST'
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  },
  credentials: AwsCredentials,
  scope: { readonly service: string; readonly region: string; readonly at: number },
): Promise<Readonly<Record<string, string>>> => {
  // Secrets are often kept with a line's end.
  const sessionToken = credentials.sessionToken?.trim() ?? ''
  const signer = new AwsV4Signer({
    ...call,
    accessKeyId: credentials.accessKeyId.trim(),
    secretAccessKey: credentials.secretAccessKey.trim(),
    ...(sessionToken === '' ? {} : { sessionToken }),
    service: scope.service,
    region: scope.region,
    datetime: new Date(scope.at).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    allHeaders: true,
  })
  const { headers } = await signer.sign()
  return Object.fromEntries(headers.entries())
}
