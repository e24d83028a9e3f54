import { createServer } from 'node:http'
import { type Ecr, type EcrGiven, openEcr } from '../../src/ecr/ecr.ts'
import { type EcrHost, parseEcrHost } from '../../src/ecr/host.ts'

/** A request as AWS would see it. `action`: `CreateRepository`, of `x-amz-target` or of a form. */
export type Seen = {
  readonly service: string
  readonly region: string
  readonly action: string
  readonly input: Readonly<Record<string, unknown>>
  readonly headers: NodeJS.Dict<string | string[]>
}

/** A body as JSON, or text as it is; `undefined` breaks the connection. */
export type Reply =
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  | undefined

/**
 * A server on loopback that speaks AWS JSON 1.1 and the query protocol of STS, as documented: what was asked, and whatever a test answers.
 * Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html and https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
 */
export const startAws = async (answer: (seen: Seen, earlier: number) => Reply) => {
  const seen: Seen[] = []
  const server = createServer((incoming, response) => {
    let body = ''
    incoming.on('data', (chunk) => (body += chunk))
    incoming.on('end', () => {
      const scope = /Credential=[^/]+\/\d+\/([^/]+)\/([^/]+)\//.exec(incoming.headers.authorization ?? '')
      const target = String(incoming.headers['x-amz-target'] ?? '')
      const form = target === '' ? Object.fromEntries(new URLSearchParams(body)) : undefined
      const call: Seen = {
        service: scope?.[2] ?? '',
        region: scope?.[1] ?? '',
        action: form?.Action ?? target.replace(/^.*\./, ''),
        input: form ?? JSON.parse(body),
        headers: incoming.headers,
      }
      const earlier = seen.filter(({ action }) => action === call.action).length
      seen.push(call)
      const reply = answer(call, earlier)
      if (reply === undefined) return response.destroy()
      const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body)
      return response
        .writeHead(reply.status, { 'content-type': 'application/x-amz-json-1.1', ...reply.headers })
        .end(text)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    seen,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** An error as AWS JSON 1.1 has it. */
export const awsError = (code: string, message = 'as asked for', status = 400): Reply => ({
  status,
  body: { __type: code, message },
  headers: { 'x-amzn-errortype': code },
})

/** An answer of STS with credentials. @param ends ms UTC */
export const stsAnswer = (action: string, key: string, ends: number): Reply => ({
  status: 200,
  body: `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials><AccessKeyId>${key}</AccessKeyId>
<SecretAccessKey>secret+of/${key}</SecretAccessKey><SessionToken>token-of-${key}==</SessionToken><Expiration>${new Date(ends).toISOString()}</Expiration>
</Credentials></${action}Result></${action}Response>`,
  headers: { 'content-type': 'text/xml' },
})

/** An error of STS. Source: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
export const stsError = (code: string, message: string, status = 400): Reply => ({
  status,
  body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
  headers: { 'content-type': 'text/xml' },
})

/** Static keys, as in a step that logged in. */
export const KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-of-forty-characters',
  AWS_SESSION_TOKEN: 'the-session-token',
}

/** A clock that nobody waits for; `waits` in ms. */
export const quickClock = () => {
  const clock = {
    at: Date.UTC(2026, 10, 22, 12),
    waits: [] as number[],
    now: () => clock.at,
    sleep: async (ms: number) => {
      clock.waits.push(ms)
      clock.at += ms
    },
    random: () => 0.5,
  }
  return clock
}

/** Opens a registry by its host. */
export const opened = (host: string, given: Omit<EcrGiven, 'signal' | 'role'> & Partial<EcrGiven>): Ecr => {
  const parsed: EcrHost | undefined = parseEcrHost(host)
  if (parsed === undefined) throw new Error(`${host} is no registry of ECR`)
  return openEcr(host, parsed, { role: undefined, signal: new AbortController().signal, ...given })
}
