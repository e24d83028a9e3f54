/** What Trivy looks for. */
export const SCANNERS = ['vuln', 'misconfig', 'secret', 'license'] as const
/** One of `SCANNERS`. */
export type Scanner = (typeof SCANNERS)[number]

/** What is scanned. `platform`: of an image that has several; absent: the one that Trivy takes. */
export type Target = { readonly kind: 'image' | 'path' | 'sbom'; readonly name: string; readonly platform?: string }

/** One call of the scanner. Paths are absolute, but for the target's, which is the caller's own. */
export type Call = {
  readonly target: Target
  readonly scanners: readonly Scanner[]
  /** Where its report goes. */
  readonly output: string
  /** The caller's trivy.yaml. */
  readonly config?: string
  /** A file that says nothing, `{}`, as YAML or JSON. */
  readonly nothing: string
  /** A file of exceptions without one. */
  readonly noExceptions: string
  readonly timeoutMs: number
  /** Where databases come from; absent: those of today are used as they are. */
  readonly mirror?: { readonly database: string; readonly java: string }
  /** Of databases that are here already: which need no download. */
  readonly here?: { readonly database: boolean; readonly java: boolean }
}

const COMMANDS = { image: 'image', path: 'filesystem', sbom: 'sbom' } as const

/**
 * The arguments of a scan. Every severity is asked for, no exception is, and findings do not change the exit code: what fails is decided from the report.
 * Source: https://trivy.dev/docs/latest/references/configuration/cli/trivy_image/
 */
export const argumentsOf = (call: Call): readonly string[] => {
  const { target, mirror, here } = call
  const files = target.kind !== 'sbom'
  return [
    COMMANDS[target.kind],
    '--format',
    'json',
    '--output',
    call.output,
    '--exit-code',
    '0',
    '--severity',
    'UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL',
    '--scanners',
    call.scanners.join(','),
    '--ignorefile',
    call.noExceptions,
    '--ignore-unfixed=false',
    '--no-progress',
    '--timeout',
    `${Math.max(1, Math.ceil(call.timeoutMs / 1000))}s`,
    '--config',
    call.config ?? call.nothing,
    // The one in the workspace could allow whatever it likes.
    ...(files && call.config === undefined && call.scanners.includes('secret')
      ? ['--secret-config', call.nothing]
      : []),
    ...(target.platform === undefined ? [] : ['--platform', target.platform]),
    ...(mirror === undefined ? [] : ['--db-repository', mirror.database, '--java-db-repository', mirror.java]),
    ...(mirror === undefined && here?.database ? ['--skip-db-update'] : []),
    ...(mirror === undefined && here?.java ? ['--skip-java-db-update'] : []),
    '--',
    target.name,
  ]
}

const ALLOWED = ['PATH', 'TMPDIR', 'LANG', 'LC_ALL', 'TZ', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NO_PROXY', 'no_proxy']
/** By it the runner finds, at the end of the job, what a process left behind in a session of its own. Source: https://github.com/actions/runner (JobExtension, orphans) */
const TRACKED = 'RUNNER_TRACKING_ID'
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']

/** What the scanner is given of folders. `home`: its home; `docker`: where it looks for logins to registries. */
export type Folders = { readonly home: string; readonly cache: string; readonly docker: string }

/**
 * The scanner's environment: the names on the list and nothing else, so that no token, secret or input of the job is in it, and no `TRIVY_…` that could
 * change what is scanned.
 * @param target DOCKER_HOST is given for an image only, which may be in the machine's own engine
 */
export const environmentOf = (
  env: Readonly<Record<string, string | undefined>>,
  { home, cache, docker }: Folders,
  target?: Target,
): Readonly<Record<string, string>> => {
  const names = [...ALLOWED, TRACKED, ...PROXIES, ...(target?.kind === 'image' ? ['DOCKER_HOST'] : [])]
  return {
    ...Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
    HOME: home,
    DOCKER_CONFIG: docker,
    TRIVY_CACHE_DIR: cache,
    // Of older versions no option, and of all of them no matter as a variable.
    TRIVY_DISABLE_TELEMETRY: 'true',
    TRIVY_SKIP_VERSION_CHECK: 'true',
  }
}

/** How a process ended. `said`: the end of what it wrote, for people. */
export type Ended = {
  readonly kind: 'exited' | 'signalled' | 'timed-out' | 'cancelled' | 'not-started'
  readonly code?: number
  readonly signal?: string
  readonly said: string
}

/** Why there is no report of a scan; `code` is the reason code. */
export type Failure = { readonly code: string; readonly text: string; readonly next: string }

/** Whether a scan failed because a database could not be had, so that another mirror may have it. That one was downloaded is said in every log. */
export const isMirrorFault = ({ kind, said }: Ended): boolean =>
  kind === 'exited' && /(?:vulnerability|java) db\b|\bdb error|trivy-(?:java-)?db\b/i.test(fatal(said) ?? '')

/** What a scan that brought no report comes to. @param within the time it had, ms */
export const failureOf = (ended: Ended, within: number): Failure => {
  const last = lastWords(ended.said)
  const said = last === '' ? '' : `: ${last}`
  switch (ended.kind) {
    case 'cancelled':
      return { code: 'cancelled', text: 'The job was cancelled while Trivy ran', next: 'Run the job again' }
    case 'timed-out':
      return {
        code: 'scan-timeout',
        text: `Trivy did not end within ${within / 1000} s and was stopped${said}`,
        next: 'Raise timeout, keep cache-dir between jobs, or scan less at once',
      }
    case 'not-started':
      return { code: 'scan-failed', text: `Trivy could not be started${said}`, next: 'Look at the trivy on PATH' }
    case 'signalled':
      return {
        code: 'scan-failed',
        text: `Trivy was ended by ${ended.signal ?? 'a signal'}${said}`,
        next: 'Look whether the machine has memory enough, then run the job again',
      }
    default:
      return isMirrorFault(ended)
        ? {
            code: 'no-database',
            text: `No mirror gave the vulnerability database${said}`,
            next: 'Run the job again later, name another mirror in db-repositories, or keep cache-dir between jobs',
          }
        : {
            code: 'scan-failed',
            text:
              ended.code === 0
                ? `Trivy ended well and wrote no report${said}`
                : `Trivy ended with exit code ${ended.code ?? 'unknown'}${said}`,
            next: 'Its own words are in the log',
          }
  }
}

/** What it ended by, to the end: errors of several mirrors come one a line below. `undefined` where it says none. */
const fatal = (said: string): string | undefined => {
  const lines = said.split('\n')
  const at = lines.findLastIndex((line) => /\bFATAL\b/.test(line))
  return at < 0 ? undefined : lines.slice(at).join('\n')
}

/** What it ended by, else its last line; on one line, of at most 500 characters. */
const lastWords = (said: string): string => {
  const last = said.split('\n').findLast((line) => line.trim() !== '')
  const words = (fatal(said) ?? last ?? '').replace(/\s+/g, ' ').trim()
  return words.length > 500 ? `${words.slice(0, 500)}…` : words
}

/** The version that `trivy --version` says; `undefined` for anything else. */
export const versionIn = (said: string): string | undefined => /^Version:\s*v?(\d+\.\d+\.\d+\S*)/m.exec(said)?.[1]

/** Releases that steal what the machine knows. Source: https://github.com/aquasecurity/trivy/security/advisories/GHSA-69fq-xp46-6x23 */
const STOLEN = ['0.69.4', '0.69.5', '0.69.6']

/** A sentence about a version that must not run; `undefined` for others. */
export const warned = (version: string): string | undefined =>
  STOLEN.includes(version)
    ? `Trivy ${version} was published by a thief and sends away what it can read (GHSA-69fq-xp46-6x23)`
    : undefined

/** One file of a release, as releases.json lists it. `sha256`: of the archive, 64 hexadecimal digits. */
export type Release = { readonly url: string; readonly sha256: string }
/** By version, then by platform such as `linux-x64`. */
export type Releases = Readonly<Record<string, Readonly<Record<string, Release>>>>

/** The entry for a version and platform, or how to add one. */
export const releaseFor = (
  releases: Releases,
  version: string,
  platform: string,
): Release | { readonly problem: string } => {
  const bad = warned(version)
  if (bad !== undefined) return { problem: bad }
  const found = releases[version]?.[platform]
  if (found !== undefined && /^https:\/\//.test(found.url) && /^[0-9a-f]{64}$/.test(found.sha256)) return found
  const known = Object.keys(releases)
  const has = known.length === 0 ? 'it has none yet' : `it has ${known.join(', ')}`
  return {
    problem:
      found === undefined
        ? `releases.json has no Trivy ${version} for ${platform} (${has})`
        : `The entry of releases.json for Trivy ${version} and ${platform} is not an https url and a sha256 of 64 digits`,
  }
}

/** What to do where a version cannot be installed. */
export const HOW_TO_ADD =
  'Put the Trivy you trust on PATH, or add to actions/trivy-gate/src/ports/releases.json { "VERSION": { "linux-x64": { "url": "https://….tar.gz", "sha256": "…" } } }, ' +
  'with the SHA-256 that the release’s signed checksums give, and npm run build trivy-gate'
