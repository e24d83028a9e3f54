import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { ACTOR, OWNER_ID, REPOSITORY_ID, type RunIdentity, refOf } from './contexts.ts'

/** Gives OIDC tokens to jobs that may have them. */
export type Issuer = {
  readonly url: string
  /** The variables that the steps of a job with `id-token: write` get, until the job gives them back. */
  readonly open: (claims: Claims) => { readonly env: Readonly<Record<string, string>>; readonly close: () => void }
  readonly close: () => Promise<void>
}

/** What a token says, besides its times, its audience and its id. */
export type Claims = Readonly<Record<string, string>>

/**
 * What GitHub's token says of a job.
 * @param environment empty when the job names none
 * @param workflowRef of the file that holds the job
 * Source: docs.github.com, "OpenID Connect reference"; the subject has owner and repository with their numbers, as in repositories made since July 2026
 */
export const claimsOf = (
  run: RunIdentity,
  {
    environment,
    workflowRef,
    workflowSha,
  }: { readonly environment: string; readonly workflowRef: string; readonly workflowSha: string },
): Claims => {
  const [owner = '', name = ''] = run.repository.split('/')
  const ref = refOf(run.cause.branch)
  const place = environment === '' ? `ref:${ref}` : `environment:${environment}`
  return {
    sub: `repo:${owner}@${OWNER_ID}/${name}@${REPOSITORY_ID}:${place}`,
    ref,
    ref_type: 'branch',
    sha: run.cause.sha,
    repository: run.repository,
    repository_id: REPOSITORY_ID,
    repository_owner: owner,
    repository_owner_id: OWNER_ID,
    repository_visibility: 'private',
    run_id: String(run.id),
    run_number: String(run.number),
    run_attempt: '1',
    runner_environment: 'github-hosted',
    actor: ACTOR,
    actor_id: '1',
    workflow: run.workflow,
    workflow_ref: `${run.repository}/${run.file}@${ref}`,
    workflow_sha: run.cause.sha,
    job_workflow_ref: workflowRef,
    job_workflow_sha: workflowSha,
    head_ref: '',
    base_ref: '',
    event_name: run.cause.event,
    ...(environment === '' ? {} : { environment }),
  }
}

/**
 * Starts the issuer on loopback. Its tokens have the shape and the claims of GitHub's and a signature that nobody can check: they show what a job asks for, and
 * open nothing.
 * @param now ms UTC
 */
export const startIssuer = async (now: () => number): Promise<Issuer> => {
  const open = new Map<string, Claims>()
  const server = createServer((request, response) => {
    const claims = open.get(/^bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '')
    const { searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1')
    response.setHeader('content-type', 'application/json; charset=utf-8')
    request.resume()
    if (claims === undefined) {
      response.writeHead(401).end(JSON.stringify({ message: 'Bad credentials' }))
      return
    }
    const owner = `https://github.com/${claims.repository_owner}`
    const value = token(claims, { audience: searchParams.get('audience') ?? owner, at: Math.floor(now() / 1000) })
    response.end(JSON.stringify({ value, count: value.length }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  return {
    url,
    open: (claims) => {
      const key = randomBytes(24).toString('base64url')
      open.set(key, claims)
      const env = { ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?api-version=2.0`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: key }
      return { env, close: () => void open.delete(key) }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const token = (claims: Claims, { audience, at }: { readonly audience: string; readonly at: number }): string => {
  const header = { typ: 'JWT', alg: 'RS256', kid: 'local' }
  const body = {
    jti: randomBytes(16).toString('hex'),
    aud: audience,
    iss: 'https://token.actions.githubusercontent.com',
    iat: at,
    nbf: at - 5,
    exp: at + 300,
    ...claims,
  }
  const signed = [header, body].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${createHash('sha256').update(signed).digest('base64url')}`
}
