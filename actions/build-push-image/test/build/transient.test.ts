import { describe, expect, it } from 'vitest'
import { classify } from '../../src/build/transient.ts'

const D = 'sha256:77e40314cafe62823dfc0a66a4f856c7b0e024c75ba8ab88ae6320f65f7d7474'
const PUSH = 'failed to push 127.0.0.1:5931/f/app: '
const MANIFEST = `request to http://127.0.0.1:5931/v2/f/app/manifests/${D}: `
const COMMIT = `${PUSH}failed commit on ref "manifest-${D}": failed to do request: Put "http://127.0.0.1:5931/v2/f/app/manifests/${D}": `

/** Said by BuildKit 0.25 in front of docker-registry 2.8, with a proxy between that answered as the name says. */
const PASSES: readonly (readonly [string, string, string])[] = [
  ['503 to a manifest', 'server', `${PUSH}unexpected status from PUT ${MANIFEST}503 Service Unavailable`],
  [
    '502 with a page to a manifest',
    'server',
    `${PUSH}unexpected status from PUT ${MANIFEST}502 Bad Gateway: <html><title>502 Bad Gateway</title></html>`,
  ],
  ['500 with the error UNKNOWN', 'server', 'failed to push 127.0.0.1:5932/f/app: unknown'],
  [
    '504 to the begin of an upload',
    'server',
    `${PUSH}unexpected status from POST request to http://127.0.0.1:5934/v2/f/app/blobs/uploads/: 504 Gateway Timeout`,
  ],
  [
    '503 to a layer',
    'server',
    `${PUSH}unexpected status from PUT request to http://127.0.0.1:5938/v2/f/app/blobs/uploads/7b57?_state=-yszT&digest=sha256%3A63: 503 Service Unavailable`,
  ],
  ['429 with TOOMANYREQUESTS', 'rate-limit', `${PUSH}toomanyrequests: Rate exceeded`],
  [
    '429 to the begin of an upload',
    'rate-limit',
    `${PUSH}unexpected status from POST request to http://127.0.0.1:5936/v2/f/app/blobs/uploads/: 429 Too Many Requests`,
  ],
  [
    '429 to a look',
    'rate-limit',
    `${PUSH}unexpected status from HEAD request to http://127.0.0.1:5937/v2/f/app/blobs/${D}: 429 Too Many Requests`,
  ],
  ['408 to a manifest', 'timeout', `${PUSH}unexpected status from PUT ${MANIFEST}408 Request Timeout`],
  ['a manifest left without an answer', 'eof', `${COMMIT}EOF`],
  [
    'an upload left without an answer',
    'eof',
    `${PUSH}pushing with mount from f/other: failed to do request: Post "http://127.0.0.1:5941/v2/f/app/blobs/uploads/?mount=${D}&from=f/other": EOF`,
  ],
  ['a connection reset', 'reset', `${COMMIT}read tcp 127.0.0.1:60336->127.0.0.1:5943: read: connection reset by peer`],
  [
    'nobody there',
    'reset',
    `${PUSH}failed to do request: Head "http://127.0.0.1:5988/v2/f/app/blobs/${D}": dial tcp 127.0.0.1:5988: connect: connection refused`,
  ],
  [
    'a name nobody knows',
    'dns',
    `failed to push registry.invalid/f/x: failed to do request: Head "https://registry.invalid/v2/f/x/blobs/${D}": dial tcp: lookup registry.invalid on 127.0.0.11:53: no such host`,
  ],
  [
    '503 of the service of tokens, without a login',
    'server',
    'failed to fetch anonymous token: unexpected status from GET request to http://127.0.0.1:5946/token?scope=repository%3Af%2Fapp%3Apull%2Cpush&service=x: 503 Service Unavailable',
  ],
  [
    '429 of the service of tokens',
    'rate-limit',
    'failed to fetch anonymous token: unexpected status from GET request to http://127.0.0.1:5947/token?service=x: 429 Too Many Requests',
  ],
  [
    '503 of the service of tokens, with a login',
    'server',
    'failed to fetch oauth token: unexpected status from POST request to http://127.0.0.1:5985/token: 503 Service Unavailable: overloaded',
  ],
  ['401 of the service of tokens, with a login', 'token', 'failed to fetch oauth token: unauthorized: expired'],
  [
    "ECR's 403 for a token too old",
    'token',
    `${PUSH}denied: Your authorization token has expired. Reauthenticate and try again.`,
  ],
]

/** From the sources of Go, containerd and BuildKit: not to be had here. */
const KNOWN: readonly (readonly [string, string, string])[] = [
  [
    'no handshake in time',
    'timeout',
    `${PUSH}failed to do request: Head "https://r.example/v2/": net/http: TLS handshake timeout`,
  ],
  [
    'no connection in time',
    'timeout',
    `${PUSH}failed to do request: Head "https://r.example/v2/": dial tcp 192.0.2.7:443: i/o timeout`,
  ],
  [
    'GOAWAY',
    'reset',
    `${PUSH}failed to do request: Put "https://r.example/v2/": http2: server sent GOAWAY and closed the connection; LastStreamID=19, ErrCode=NO_ERROR, debug=""`,
  ],
  ['half an answer', 'eof', `${PUSH}failed to do request: Put "https://r.example/v2/": unexpected EOF`],
  [
    'a builder that is short of something',
    'rate-limit',
    'rpc error: code = ResourceExhausted desc = too many concurrent requests',
  ],
  [
    '401 of the service of tokens',
    'token',
    'failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://r.example/token: 401 Unauthorized',
  ],
]

/** The first eleven were said as those above were. */
const STAYS: readonly (readonly [string, string])[] = [
  [
    '401 without a login',
    'failed to fetch anonymous token: unexpected status from GET request to http://127.0.0.1:5945/token?service=x: 401 Unauthorized',
  ],
  [
    '403 of the service of tokens',
    'failed to fetch anonymous token: unexpected status from GET request to http://127.0.0.1:5948/token?service=x: 403 Forbidden',
  ],
  [
    '401 of the registry',
    `${PUSH}unexpected status from HEAD request to http://127.0.0.1:5950/v2/f/app/blobs/${D}: 401 Unauthorized`,
  ],
  ['401 to a layer', 'failed to push 127.0.0.1:5939/f/app: unauthorized'],
  ['403 to a manifest', 'failed to push 127.0.0.1:5952/f/app: denied'],
  ['a quota', 'failed to push 127.0.0.1:5956/f/app: denied: quota exceeded'],
  [
    'a repository that is not there',
    'failed to push 127.0.0.1:5953/f/app: unknown: The repository with name x does not exist in the registry with id 1',
  ],
  [
    'an immutable tag',
    "failed to push 127.0.0.1:5954/f/app: unknown: The image tag '1' already exists in the 'x' repository and cannot be overwritten because the tag is immutable.",
  ],
  ['a manifest that is refused', 'failed to push 127.0.0.1:5955/f/app: unknown: manifest invalid'],
  [
    'a certificate',
    `failed to push 192.0.2.2:5983/f/x: failed to do request: Head "https://192.0.2.2:5983/v2/f/x/blobs/${D}": tls: failed to verify certificate: x509: cannot validate certificate for 192.0.2.2 because it doesn't contain any IP SANs`,
  ],
  [
    'a command that says such words',
    'process "/bin/sh -c curl: 503 Service Unavailable EOF i/o timeout" did not complete successfully: exit code: 22',
  ],
  ['a file that is not there', 'failed to calculate checksum of ref a::b: "/x": not found'],
  ['nothing', ''],
  ['a refusal that only says its reason', 'failed to push r.example/x: unknown: signature required by policy'],
  ['such words of something else than a push', 'failed to fetch x: unknown: unknown error'],
  ['a Dockerfile that ends too early', 'dockerfile parse error on line 3: unexpected EOF'],
]

// What buildx 0.29 with BuildKit 0.25 said: of 503 with a body that is JSON, no status; of a builder that ended; of base images.
const OUTAGES: readonly (readonly [string, string, string])[] = [
  ['503 that says nothing', 'server', 'failed to push 127.0.0.1:5977/drv/b0: unavailable'],
  ['503 of an unknown error', 'server', 'failed to push 127.0.0.1:5977/drv/b1: unknown: unknown error'],
  ['503 of an error inside', 'server', 'failed to push 127.0.0.1:5977/drv/b3: unknown: internal server error'],
  ['503 of a full store', 'server', 'failed to push 127.0.0.1:5977/drv/b6: unknown: unable to store the blob'],
  [
    'a builder that ended',
    'eof',
    'failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF',
  ],
  [
    'a builder that is not there',
    'reset',
    'failed to list workers: Unavailable: connection error: desc = "transport: Error while dialing: dial unix /x.sock: connect: connection refused"',
  ],
  [
    'a builder that ends',
    'reset',
    'failed to receive status: rpc error: code = Unavailable desc = closing transport due to: x',
  ],
  [
    'a Docker that ended',
    'reset',
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
  ],
  [
    'a base image of a name that is not resolved',
    'dns',
    'r.example/x:1: failed to resolve source metadata for r.example/x:1: failed to do request: Head "https://r.example/v2/x/manifests/1": dial tcp: lookup r.example on 127.0.0.53:53: server misbehaving',
  ],
  [
    'a base image of a registry that has had enough',
    'rate-limit',
    'failed to resolve source metadata for docker.io/library/x:1: unexpected status from HEAD request to https://registry-1.docker.io/v2/library/x/manifests/1: 429 Too Many Requests',
  ],
  [
    'a base image of a registry that fails',
    'server',
    'failed to resolve source metadata for r.example/x:1: unexpected status from HEAD request to https://r.example/v2/x/manifests/1: 502 Bad Gateway',
  ],
]

describe('a failure that may pass', () => {
  it.each(OUTAGES)('%s is an outage (%s)', (_name, kind, text) => {
    expect(classify(text)?.kind).toBe(kind)
  })

  it.each([...PASSES, ...KNOWN])('%s (%s)', (_name, kind, text) => {
    expect(classify(text)?.kind).toBe(kind)
    // Which request of a whole push it was is known already, and an address may have a secret in it.
    expect(classify(`ERROR: failed to build: failed to solve: ${text}`)?.text).not.toMatch(
      /https?:\/\/|^ERROR|failed to push/,
    )
  })

  it('is one whatever names there are in it', () => {
    const text =
      'failed to push r.example/certificate/immutable-quota: unexpected status from PUT request to https://r.example/v2/certificate/immutable-quota/manifests/1: 503 Service Unavailable'
    expect(classify(text)).toEqual({
      kind: 'server',
      text: 'unexpected status from PUT request: 503 Service Unavailable',
    })
  })
})

describe('a failure that stays', () => {
  it.each(STAYS)('%s', (_name, text) => {
    expect(classify(text)).toBeUndefined()
  })

  it('is not made to pass by names', () => {
    expect(classify('failed to push r.example/a/eof:EOF: denied')).toBeUndefined()
    expect(classify('failed to push r.example/unknown: denied')).toBeUndefined()
  })
})

it('reads no further than a person would', () => {
  const began = performance.now()
  expect(classify(`failed to authorize: ${'failed to authorize: 401 '.repeat(200_000)}`)).toBeUndefined()
  expect(performance.now() - began).toBeLessThan(1000)
})
