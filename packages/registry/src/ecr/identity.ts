import type { AwsCredentials } from '@sluice/http/aws/signature'
import { Fault } from '@sluice/kit/faults'
import { answered, NO_CREDENTIALS } from './answer.ts'
import type { IdToken } from './id-token.ts'
import { noCredentials, refused, shown } from './refusal.ts'
import { assumeRole, type Identity, type StsPlace, type Wanting } from './sts.ts'

/** Whose credentials a registry is asked with. */
export type Asker = {
  /** Those of now: a role's are got anew when they end within five minutes. */
  readonly credentials: () => Promise<Identity>
  /** The role's ARN, if one was named. */
  readonly role: string | undefined
  /** All that was used so far and must not be shown. */
  readonly secrets: () => Iterable<string>
}

const AHEAD_MS = 5 * 60_000
const AUDIENCE = 'sts.amazonaws.com'

/**
 * Credentials for one registry: those of the environment, else what the SDK finds on the machine (a profile, the role of the container, pod or
 * instance). Where a role is named it is taken on with the environment's, else by GitHub's identity token, else with the machine's.
 * @param idToken `undefined` where the job may not have one
 */
export const askerOf = (
  host: string,
  place: StsPlace,
  {
    role,
    env,
    idToken,
  }: {
    readonly role: string | undefined
    readonly env: Readonly<Record<string, string | undefined>>
    readonly idToken: IdToken | undefined
  },
): Asker => {
  const secrets = new Set<string>()
  const keep = (identity: Identity): Identity => {
    for (const secret of [identity.accessKeyId, identity.secretAccessKey, identity.sessionToken ?? ''])
      if (secret !== '') secrets.add(secret)
    return identity
  }
  const given = environment(env)
  const base = async (): Promise<Identity> => keep(given ?? (await machine(host, place.region, secrets)))
  const wanting = async (): Promise<Wanting> => {
    if (given !== undefined || idToken === undefined) return { credentials: await base() }
    const token = await idToken(AUDIENCE)
    secrets.add(token)
    return { idToken: token }
  }
  const taken = async (arn: string): Promise<Identity> => {
    const want = await wanting()
    const answer = await assumeRole(place, arn, sessionName(env), want)
    if (answer.kind === 'done') return keep(answer.value)
    const action = 'idToken' in want ? 'sts:AssumeRoleWithWebIdentity' : 'sts:AssumeRole'
    throw refused(answer.refusal, { host, action, about: arn, secrets: () => secrets })
  }
  const credentials = kept(() => (role === undefined ? base() : taken(role)), {
    fresh: ({ endsAt }) => endsAt === undefined || endsAt - AHEAD_MS > place.clock.now(),
  })
  return { credentials, role, secrets: () => secrets }
}

/** A value that is got once, also by callers at the same time, and anew when it is no longer fresh; a failure is not kept. */
export const kept = <T>(
  get: () => Promise<T>,
  { fresh }: { readonly fresh: (value: T) => boolean },
): (() => Promise<T>) => {
  let current: Promise<T> | undefined
  return async () => {
    const before = current
    if (before !== undefined) {
      const value = await before
      if (fresh(value)) return value
      // Another caller may have begun already.
      if (current !== before && current !== undefined) return current
    }
    const next = get()
    current = next
    next.catch(() => {
      if (current === next) current = undefined
    })
    return next
  }
}

const environment = (env: Readonly<Record<string, string | undefined>>): Identity | undefined => {
  const accessKeyId = env.AWS_ACCESS_KEY_ID?.trim() ?? ''
  const secretAccessKey = env.AWS_SECRET_ACCESS_KEY?.trim() ?? ''
  const sessionToken = env.AWS_SESSION_TOKEN?.trim() ?? ''
  if (accessKeyId === '' || secretAccessKey === '') return undefined
  return { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }), endsAt: undefined }
}

/** The SDK's chain, which reads this process's own environment and files; it comes with the client. */
const machine = async (host: string, region: string, secrets: Iterable<string>): Promise<Identity> => {
  const { ECRClient } = await import('@aws-sdk/client-ecr')
  const found = await answered<AwsCredentials & { readonly expiration?: Date }>(
    new ECRClient({ region }).config.credentials(),
  )
  if (found.kind === 'done') return { ...found.value, endsAt: found.value.expiration?.getTime() }
  const said = shown(found.refusal.message, secrets)
  if (found.refusal.code === NO_CREDENTIALS) throw noCredentials(host, said)
  throw new Fault(
    'upstream',
    `${host}: the machine's AWS credentials could not be had (${found.refusal.code}: ${said})`,
    "Check the runner's role, or name one in aws-role-registries",
  )
}

/** Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, RoleSessionName */
const sessionName = ({ GITHUB_RUN_ID = '' }: Readonly<Record<string, string | undefined>>): string =>
  `sluice-${GITHUB_RUN_ID}`
    .replace(/[^\w+=,.@-]/g, '')
    .replace(/-$/, '')
    .slice(0, 64)
