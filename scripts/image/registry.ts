import { createHash } from 'node:crypto'

/** What a registry holds: bytes under their own hash. */
export type Blob = { readonly digest: string; readonly bytes: Buffer }

/** Who pushes. GitHub's registry takes any name with a token as the password. */
export type Credentials = { readonly username: string; readonly password: string }

/** One repository of a registry, to push to. */
export type Registry = {
  /** Sends a blob unless the registry has it: true when it was sent. */
  readonly blob: (blob: Blob) => Promise<boolean>
  /** Puts a manifest or an index at its digest and at each tag, and holds the registry's own digest against ours. */
  readonly manifest: (blob: Blob, mediaType: string, tags: readonly string[]) => Promise<void>
  /** What the registry has under a digest or a tag, with the hash of its bytes. */
  readonly read: (reference: string) => Promise<Blob>
}

const LONGEST = 10 * 60_000
const TRIES = 3

/** Bytes with the hash they are known by. */
export const blobOf = (bytes: Buffer): Blob => ({
  digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  bytes,
})

/**
 * The HTTP API of a registry. Credentials go to the registry itself and to the token server it names, over TLS or loopback alone, never to
 * a storage it sends the bytes to.
 * Source: OCI distribution spec 1.1, "Push"; Docker registry, "Token authentication".
 * @param url `http://127.0.0.1:5000`, `https://ghcr.io`
 * @throws Error for an address that is none, for credentials over plain http on a network, and for what the registry refuses
 */
export const connectRegistry = (url: string, repository: string, credentials?: Credentials): Registry => {
  const origin = addressed(url, credentials !== undefined)
  if (!/^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/.test(repository))
    throw new Error(`${JSON.stringify(repository)} is no name of a repository. Lower case, as in acme/guard`)
  const base = `${origin}/v2/${repository}`
  let authorization: string | undefined

  const call = async (method: string, target: string, body?: { bytes: Buffer; type: string }): Promise<Response> => {
    const own = new URL(target).origin === origin
    const ask = (): Promise<Response> =>
      sent(
        method,
        target,
        {
          ...(own && authorization !== undefined ? { authorization } : {}),
          ...(body === undefined ? {} : { 'content-type': body.type }),
          ...(method === 'GET' ? { accept: ACCEPTED } : {}),
        },
        body?.bytes,
      )
    const answer = await ask()
    if (answer.status !== 401 || !own) return answer
    // A token of a registry lives for minutes: one that has run out is replaced the same way as the first is fetched.
    await answer.body?.cancel()
    authorization = await authorized(answer.headers.get('www-authenticate') ?? '', repository, credentials)
    return ask()
  }

  const read = async (reference: string): Promise<Blob> => {
    const answer = await call('GET', `${base}/manifests/${reference}`)
    if (answer.status !== 200) throw await refused('GET', answer)
    return blobOf(Buffer.from(await answer.arrayBuffer()))
  }

  return {
    read,
    async blob({ digest, bytes }) {
      const there = await call('HEAD', `${base}/blobs/${digest}`)
      if (there.status === 200) return false
      if (there.status !== 404) throw await refused('HEAD', there)
      const begun = await call('POST', `${base}/blobs/uploads/`)
      const location = begun.headers.get('location')
      if (begun.status !== 202 || location === null) throw await refused('POST', begun)
      await begun.body?.cancel()
      const place = new URL(location, `${base}/blobs/uploads/`)
      place.searchParams.set('digest', digest)
      addressed(place.origin, credentials !== undefined)
      const put = await call('PUT', place.href, { bytes, type: 'application/octet-stream' })
      if (put.status !== 201) throw await refused('PUT', put)
      await put.body?.cancel()
      return true
    },
    async manifest(blob, type, tags) {
      for (const reference of [blob.digest, ...tags]) {
        const put = await call('PUT', `${base}/manifests/${reference}`, { bytes: blob.bytes, type })
        if (put.status !== 201) throw await refused('PUT', put)
        await put.body?.cancel()
        // The header is optional, so a registry that leaves it out is asked for the bytes.
        const digest = put.headers.get('docker-content-digest') ?? (await read(reference)).digest
        if (digest !== blob.digest)
          throw new Error(
            `${url} keeps ${repository}:${reference} as ${digest}, and it was pushed as ${blob.digest}. ` +
              'Something between here and the registry changes what is pushed: do not use the image',
          )
      }
    },
  }
}

const ACCEPTED = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json'

const LOOPBACK = /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/

/** The origin of an address that may be spoken to: https, http on this machine, and any http by whoever has no credentials to lose. */
const addressed = (text: string, secret: boolean): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '')
    throw new Error(`${text} is no address of a registry. As in https://ghcr.io`)
  if (url.protocol === 'http:' && secret && !LOOPBACK.test(url.hostname))
    throw new Error(
      `${url.origin} is plain http over a network. Credentials are sent without TLS to a registry on this machine only`,
    )
  return url.origin
}

/** What to send as `Authorization`, from the registry's own challenge. */
const authorized = async (challenge: string, repository: string, credentials?: Credentials): Promise<string> => {
  const basic =
    credentials && `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`
  if (/^basic\b/i.test(challenge)) {
    if (basic !== undefined) return basic
    throw new Error(`The registry of ${repository} asks who pushes. Give credentials`)
  }
  const fields = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]))
  const realm = fields.get('realm')
  if (!/^bearer\b/i.test(challenge) || realm === undefined)
    throw new Error(
      `The registry asks for a login that is not known: ${challenge || 'no challenge'}. Basic and Bearer are known`,
    )
  addressed(realm, credentials !== undefined)
  const target = new URL(realm)
  const service = fields.get('service')
  if (service !== undefined) target.searchParams.set('service', service)
  target.searchParams.set('scope', `repository:${repository}:pull,push`)
  const answer = await sent('GET', target.href, basic === undefined ? {} : { authorization: basic })
  if (answer.status !== 200) throw await refused('GET', answer)
  const body: unknown = await answer.json().catch(() => undefined)
  const token =
    typeof body === 'object' && body !== null ? (pick(body, 'token') ?? pick(body, 'access_token')) : undefined
  if (token === undefined) throw new Error(`${target.host} answered without a token. Is it a token server?`)
  return `Bearer ${token}`
}

const pick = (body: object, key: string): string | undefined => {
  const value: unknown = Reflect.get(body, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** One request; what is busy or broken for a moment is asked again, as every call of a push may be made twice. */
const sent = async (
  method: string,
  url: string,
  headers: Record<string, string>,
  bytes?: Buffer,
): Promise<Response> => {
  for (let done = 1; ; done++) {
    const answer = await fetch(url, {
      method,
      headers,
      signal: AbortSignal.timeout(LONGEST),
      ...(bytes === undefined ? {} : { body: new Uint8Array(bytes) }),
    }).catch((error: unknown) => error)
    const passing = !(answer instanceof Response) || [429, 500, 502, 503, 504].includes(answer.status)
    if (answer instanceof Response && (!passing || done >= TRIES)) return answer
    if (done >= TRIES) {
      const { host } = new URL(url)
      const why = answer instanceof Error ? String(answer.cause ?? answer.message) : String(answer)
      throw new Error(`${host} did not answer: ${why}. Is the registry up, and in reach from here?`)
    }
    if (answer instanceof Response) await answer.body?.cancel()
    await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** done))
  }
}

const refused = async (method: string, answer: Response): Promise<Error> => {
  const { host, pathname } = new URL(answer.url)
  const said = (await answer.text().catch(() => '')).replaceAll(/\s+/g, ' ').slice(0, 300)
  const hint =
    answer.status === 401 || answer.status === 403
      ? 'Whoever pushes needs the right to write there (on GitHub: packages: write)'
      : 'It is no answer that the distribution spec has here'
  return new Error(`${host} answered ${method} ${pathname} with ${`${answer.status} ${said}`.trim()}. ${hint}`)
}
