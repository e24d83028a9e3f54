import type { HttpAnswer, HttpResult, NoAnswer, TooLarge } from '@sluice/http/request'
import { retryAfter } from '@sluice/http/retry-after'
import { Fault } from '@sluice/kit/faults'
import { parseEcrHost } from './ecr/host.ts'
import { type Repository, shownRepository } from './repository.ts'

/** What an answer was an answer to. */
export type Asked = {
  readonly repository: Repository
  /** Follows "ghcr.io refused to": "read the tag 1.2.3 of ghcr.io/acme/shop". */
  readonly what: string
  readonly access: 'pull' | 'push'
  /** The host that answered, where a redirect led to another than the registry's. */
  readonly storage?: string
  /** Whether credentials were shown. */
  readonly credentials: boolean
  readonly tries: number
}

/** What a registry says of an error. `codes` in upper case; `text` is one line, at most 300 characters. */
export type Said = { readonly codes: readonly string[]; readonly text: string }

/**
 * The errors in the body of an answer, or the beginning of a body that has none.
 * Source: github.com/opencontainers/distribution-spec (spec.md, Error Codes)
 */
export const saidIn = ({ body, headers }: Pick<HttpAnswer, 'body' | 'headers'>): Said => {
  const errors = errorsIn(body)
  const codes = errors.flatMap(({ code }) => (typeof code === 'string' ? [code.toUpperCase()] : []))
  const texts = errors.map(({ code, message }) => [code, message].filter((part) => typeof part === 'string').join(': '))
  const plain = /\bhtml\b/i.test(headers['content-type'] ?? '') ? '' : body
  return { codes, text: oneLine(errors.length > 0 ? texts.join('; ') : plain) }
}

const errorsIn = (body: string): readonly Readonly<Record<string, unknown>>[] => {
  try {
    const { errors, ...rest } = fields(JSON.parse(body))
    // A token's server has one error and what it is about, by other names.
    if (!Array.isArray(errors)) {
      const message = rest.error_description ?? rest.details ?? rest.message
      return rest.error === undefined && message === undefined ? [] : [{ code: rest.error, message }]
    }
    return errors.map(fields).filter(({ code, message }) => typeof code === 'string' || typeof message === 'string')
  } catch {
    return []
  }
}

const fields = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

const oneLine = (text: string): string => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const line = text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 299)}…` : line
}

/**
 * Whether a refused PUT of a tag says that the tag may not be moved.
 * ECR: 400 TAG_INVALID, "cannot be overwritten because the tag is immutable". Artifact Registry: 400, "The repository has enabled tag immutability". Harbor: 412, "configured
 * as immutable". Quay, Docker Hub: "immutable". Azure: 405, "The operation is disallowed on this registry, repository or image", when it is locked. Alibaba: "already exists and
 * cannot be overwritten". Nexus: 400, "Repository does not allow updating assets".
 * Source: docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html; cloud.google.com/artifact-registry/docs/docker/troubleshoot#push;
 * github.com/goharbor/harbor (src/pkg/immutable); learn.microsoft.com/azure/container-registry/container-registry-image-lock; help.aliyun.com/en/acr/user-guide/turn-on-immutable-image-version
 */
export const isImmutable = (status: number, { codes, text }: Said): boolean => {
  if (![400, 403, 405, 409, 412].includes(status)) return false
  if (/immutab|cannot be overwritten|does not allow updating assets|tag ?already ?exists/i.test(text)) return true
  return (
    [405, 409].includes(status) && (codes.includes('REGISTRY_DISALLOWED_OPERATION') || /disallowed|locked/i.test(text))
  )
}

/** The fault for an answer that is none of those awaited. @param now ms UTC */
export const refused = (answer: HttpAnswer, asked: Asked, now: number): Fault => {
  const { host } = asked.repository
  const said = saidIn(answer)
  const words = said.text === '' ? '' : ` (${said.text})`
  const { status } = answer
  if (asked.storage !== undefined) {
    const text = `${host} sent us to ${asked.storage} to ${asked.what}, which answered ${status}${tried(asked)}`
    return new Fault('upstream', text, 'Run the job again; if it stays so, look at the storage behind the registry')
  }
  if (status === 401 || status === 403) {
    const shown = asked.credentials ? 'with the credentials given' : 'without credentials, as none were given'
    return new Fault('upstream', `${host} refused to ${asked.what}, ${shown}: ${status}${words}`, accessHint(asked))
  }
  if (status === 429) return tooMany(answer, asked, { now, words })
  if (status >= 500)
    return new Fault('upstream', `${host} failed to ${asked.what}: ${status}${words}${tried(asked)}`, outageHint(host))
  if (status === 404 && asked.access === 'push') return missing(asked, said, words)
  if (status >= 300 && status < 400) {
    const hint = 'Give the host that the registry itself answers on, and look at what stands in between'
    return new Fault(
      'upstream',
      `${host} answered ${status}, a redirect that is not followed, when asked to ${asked.what}`,
      hint,
    )
  }
  const hint = `Look at what ${host} says, and whether it is a registry of container images`
  return new Fault('upstream', `${host} did not ${asked.what}: ${status}${words}`, hint)
}

const missing = (asked: Asked, { codes }: Said, words: string): Fault => {
  const { repository, what } = asked
  const text = `${repository.host} did not ${what}: 404${words}`
  if (codes.some((code) => /BLOB_UNKNOWN|MANIFEST_UNKNOWN/.test(code))) {
    const hint = `What the manifest names is not in ${shownRepository(repository)}: push the images to it first`
    return new Fault('upstream', text, hint)
  }
  const hint = isEcr(repository.host)
    ? `Create the repository ${repository.path} in ECR, or let ensure-repository do it`
    : `The repository ${shownRepository(repository)} does not exist, or these credentials may not see it: create it first`
  return new Fault('upstream', text, hint)
}

const tooMany = (answer: HttpAnswer, asked: Asked, { now, words }: { now: number; words: string }): Fault => {
  const { host } = asked.repository
  const wait = retryAfter(answer.headers['retry-after'], now)
  const until = wait === undefined ? '' : `; it asks to wait ${Math.ceil(wait / 1000)} s`
  const hint =
    host === 'docker.io' && !asked.credentials
      ? 'Log in to Docker Hub: without a login its limit is shared by all who use the same address'
      : `Run the job again later, or raise the limit at ${host}`
  return new Fault(
    'upstream',
    `${host} turned away too many requests, the last to ${asked.what}: 429${words}${until}${tried(asked)}`,
    hint,
  )
}

/** The fault for no answer, or one too long to be right. */
export const unanswered = (result: NoAnswer | TooLarge, asked: Omit<Asked, 'credentials'>): Fault => {
  const { host } = asked.repository
  if (result.kind === 'too-large') {
    const hint = `No manifest, image or list of tags is so long; look at what answers for ${host}`
    return new Fault('upstream', `The answer of ${host} when asked to ${asked.what} is too long: ${result.text}`, hint)
  }
  const text = `No answer from ${host} when asked to ${asked.what}: ${result.text}${tried(asked)}`
  if (result.cause === 'tls') {
    const hint = `If ${host} is the one that is meant, name the authority of its certificate in the variable NODE_EXTRA_CA_CERTS`
    return new Fault('upstream', text, hint)
  }
  return new Fault('upstream', text, outageHint(host))
}

/** What came of one try, for people who are told why there is another. */
export const outcome = (result: HttpResult): string =>
  result.kind === 'answered' ? `it answered ${result.status}` : result.text

const tried = ({ tries }: { readonly tries: number }): string => (tries > 1 ? `, ${tries} times` : '')

const STATUS_PAGES: Readonly<Record<string, string>> = {
  'ghcr.io': 'https://www.githubstatus.com',
  'docker.io': 'https://www.dockerstatus.com',
  'quay.io': 'https://status.redhat.com',
}

const outageHint = (host: string): string =>
  `Look at ${STATUS_PAGES[host] ?? `whether ${host} is the host that is meant and is up`}, and at the network between the runner and ${host}; then run the job again`

const isEcr = (host: string): boolean => parseEcrHost(host) !== undefined

/** What to add to be let in. Source: the documentation of each registry on how to log in. */
const accessHint = (asked: Asked): string => {
  const { host, path } = asked.repository
  const write = asked.access === 'push'
  if (host === 'ghcr.io') {
    const permission = `Give the job "permissions: packages: ${write ? 'write' : 'read'}" and log in with GITHUB_TOKEN`
    return `${permission}; a package that is there already must let this repository in: its settings, Manage Actions access`
  }
  if (host === 'docker.io')
    return `Log in with a Docker Hub access token that may ${write ? 'read and write' : 'read'}, of an account that has ${path}${write ? '; a tag that Hub keeps immutable is refused like this, too' : ''}`
  if (isEcr(host))
    return `Let the role ${write ? 'do ecr:PutImage and the ecr: actions of a push' : 'do ecr:BatchGetImage and ecr:GetDownloadUrlForLayer'} on the repository, as well as ecr:GetAuthorizationToken; a token lasts 12 hours`
  if (/(^|\.)(pkg\.dev|gcr\.io)$/.test(host))
    return `Log in as oauth2accesstoken with an access token whose account has roles/artifactregistry.${write ? 'writer' : 'reader'} on the repository`
  if (host.endsWith('.azurecr.io'))
    return `Log in with a service principal, or an access token, that has the role ${write ? 'AcrPush' : 'AcrPull'} on the registry`
  return asked.credentials
    ? `Check that the account may ${write ? 'push to' : 'pull from'} ${shownRepository(asked.repository)}`
    : `Log in to ${host} with an account that may ${write ? 'push to' : 'pull from'} ${path}`
}
