import { Fault } from '@sluice/kit/faults'

/** What a Prometheus, or what stands before it, is asked with. `headers`: one `Name: value` a line. Never part of a plan. */
export type PrometheusCredentials = {
  readonly token?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly headers?: string | undefined
}

/**
 * The headers that carry the credentials.
 * @param url where they go: https, or a server on this machine
 * @throws Fault('input') with all that is wrong; no value of a credential is in it
 */
export const credentialHeaders = (
  url: string,
  { token, username, password, headers = '' }: PrometheusCredentials,
): Readonly<Record<string, string>> => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const lines = headers
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const pairs = lines.map((line) => /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*(\S.*)$/.exec(line))
  const basic = username !== undefined || password !== undefined
  const secret = token !== undefined || basic || lines.length > 0
  const wrong = [
    ...(parsed === undefined || !/^https?:$/.test(parsed.protocol)
      ? ['prometheus.url is no http or https address']
      : []),
    ...(parsed !== undefined && (parsed.username !== '' || parsed.password !== '')
      ? [
          'prometheus.url carries a credential, and is saved with the plan; use prometheus-username and prometheus-password',
        ]
      : []),
    ...(parsed !== undefined && (parsed.search !== '' || parsed.hash !== '')
      ? ['prometheus.url ends where /api/v1/query follows: leave out what comes after ? and #']
      : []),
    ...(token !== undefined && basic ? ['prometheus-token and prometheus-username exclude each other'] : []),
    ...(basic && (username === undefined || password === undefined)
      ? ['prometheus-username and prometheus-password go together']
      : []),
    ...pairs.flatMap((pair, index) =>
      pair === null ? [`line ${index + 1} of prometheus-headers is not "Name: value"`] : [],
    ),
    ...(secret && parsed?.protocol === 'http:' && !LOOPBACK.test(parsed.hostname)
      ? [`${parsed.origin} is not https: the credentials would be sent in the clear`]
      : []),
  ]
  if (wrong.length > 0) throw new Fault('input', `prometheus: ${wrong.join('; ')}`)
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(basic ? { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` } : {}),
    ...Object.fromEntries(
      pairs.flatMap((pair) => (pair === null ? [] : [[(pair[1] ?? '').toLowerCase(), pair[2] ?? '']])),
    ),
  }
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/
