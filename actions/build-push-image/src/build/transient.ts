/** A failure that time may mend. `text` is what was said of it, without the address it was said of. */
export type Transient = {
  readonly kind: 'rate-limit' | 'server' | 'eof' | 'timeout' | 'dns' | 'token' | 'reset'
  readonly text: string
}

const LONGEST = 4000
const SHOWN = 300
/** What others named may be called anything, such as `certificates`. */
const ADDRESSES = /\bhttps?:\/\/[^\s"]*[^\s":]/g
const NAMES = /\b(failed to push|failed to resolve source metadata for|pushing with mount from) \S+/g

/** What says that time mends nothing, whatever else it says. */
const LASTING = [
  /x509:|certificate|tls: (?!handshake timeout)|server gave HTTP response to HTTPS client/i,
  /\bname unknown\b|repository name not known|does not exist|immutable|manifest invalid/i,
  /\bquota\b/i,
  // An end of file that is the author's own.
  /dockerfile parse error|Error processing tar file/i,
]

/**
 * First match is what it is. An answer's status stands after its address, as `: 503 Service Unavailable`; a registry's error that comes with a body is its
 * code only, such as `toomanyrequests: Rate exceeded`, and `unknown` with nothing after it where it had nothing to say, as with status 500.
 */
const SIGNS: readonly (readonly [Transient['kind'], RegExp])[] = [
  ['token', /token (has|is) expired|expired (token|credential)|ExpiredToken/i],
  // Credentials were there, and the token for them was refused: those of clouds live for an hour or less.
  ['token', /failed to (authorize|fetch oauth token): .*\b(401 Unauthorized|unauthorized\b)/i],
  [
    'rate-limit',
    /: 429 (Too Many Requests|$)|\btoomanyrequests\b|rate limit exceeded|: Rate exceeded|ThrottlingException/i,
  ],
  ['rate-limit', /\bResourceExhausted\b(?!.*no space)/],
  ['server', /: 5(00|02|03|04|20|21|22|24) [A-Z]|: 5\d\d status code/],
  ['timeout', /: 408 Request Timeout/],
  [
    'timeout',
    /i\/o timeout|TLS handshake timeout|Client\.Timeout|deadline exceeded|timeout awaiting response headers|connection timed out/i,
  ],
  ['dns', /no such host|server misbehaving|Temporary failure in name resolution/i],
  ['reset', /connection reset by peer|broken pipe|use of closed network connection|connection refused/i],
  [
    'reset',
    /http2: (server sent GOAWAY|client connection lost)|stream error: .*(INTERNAL_ERROR|REFUSED_STREAM|CANCEL)/,
  ],
  ['reset', /network is unreachable|no route to host/i],
  ['eof', /(^|: )(unexpected )?EOF$|: (unexpected )?EOF\b/],
  // With a body that is JSON no status is told, and of what the registry says only what no refusal would say.
  ['server', /failed to push: (unavailable|unknown)$/],
  [
    'server',
    /failed to push: (unavailable|unknown): .*(unknown error|internal|unavailable|temporar|try again|retry|overload|unable to store|maintenance)/i,
  ],
  [
    'reset',
    /error reading from server|closing transport|transport is closing|connection error: desc = |is the docker daemon running/i,
  ],
  ['server', /rpc error: code = Unavailable/],
]

/**
 * Whether what a build or a push ended with may be gone the next time; `undefined` where it will not: what a command of the Dockerfile says, what is
 * denied, unknown, immutable or not trusted.
 * @param text the error, as buildx says it
 */
export const classify = (text: string): Transient | undefined => {
  const said = text.slice(0, LONGEST).trim()
  if (said.includes(' did not complete successfully: ')) return undefined
  const bare = said.replace(ADDRESSES, 'URL').replace(NAMES, '$1:')
  const sign = SIGNS.find(([, pattern]) => pattern.test(bare))
  if (sign === undefined || (sign[0] !== 'token' && LASTING.some((pattern) => pattern.test(bare)))) return undefined
  return { kind: sign[0], text: shown(bare) }
}

const shown = (bare: string): string => {
  const text = bare
    .replace(/^(ERROR: |failed to build: |failed to solve: |failed to push: )+/, '')
    .replace(/ (to )?"?URL"?/g, '')
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}
