import { parseDuration } from '@sluice/kit/fields'
import * as z from 'zod/mini'
import { line, positiveSpan, roleArn } from './text.ts'

const aws = {
  role: roleArn,
  region: line.check(z.regex(/^[a-z]{2}(-[a-z]+)+-\d+$/, { error: 'must be a region, such as eu-west-1' })),
  cluster: line,
  session: z.optional(positiveSpan),
}
const gcp = {
  provider: line.check(
    z.regex(/^projects\/\d+\/locations\/global\/workloadIdentityPools\/[\w-]+\/providers\/[\w-]+$/, {
      error:
        'must be a workload identity provider, such as projects/123456789/locations/global/workloadIdentityPools/github/providers/github',
    }),
  ),
  'service-account': line.check(
    z.regex(/^[^@\s]+@[^@\s]+$/, {
      error: 'must be the e-mail of a service account, such as deploy@shop.iam.gserviceaccount.com',
    }),
  ),
  project: line,
  location: line,
  cluster: line,
}
const uuid = line.check(z.regex(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, { error: 'must be a UUID' }))
const azure = {
  'client-id': uuid,
  'tenant-id': uuid,
  'subscription-id': uuid,
  'resource-group': line,
  cluster: line,
}

/**
 * How a job gets into a cluster without a secret, by GitHub's OIDC token: exactly one cloud. `recovery` holds what differs for the jobs that only repair.
 * The values are names, no secrets.
 */
export const login = z
  .strictObject({
    aws: z.optional(z.strictObject({ ...aws, recovery: z.optional(z.partial(z.strictObject(aws))) })),
    gcp: z.optional(z.strictObject({ ...gcp, recovery: z.optional(z.partial(z.strictObject(gcp))) })),
    azure: z.optional(z.strictObject({ ...azure, recovery: z.optional(z.partial(z.strictObject(azure))) })),
  })
  .check(
    z.refine((clouds) => Object.keys(clouds).length === 1, { error: 'must name exactly one of aws, gcp and azure' }),
  )
/** A login as it is written. */
export type Login = z.output<typeof login>

/** A login as a job is given it: one cloud with its names. */
export type JobLogin = { readonly [cloud: string]: { readonly [name: string]: string } }

/**
 * The login of a job that releases, and of one that repairs: the same but for what `recovery` says. `null` where there is none. At AWS a session has an
 * end that nothing prolongs, so it is asked to last as long as its job may.
 * @param minutes the longest that the job that releases may take
 */
export const loginsOf = (
  given: Login | undefined,
  minutes: number,
): { readonly release: JobLogin | null; readonly recovery: JobLogin | null } => {
  const [cloud, names] = Object.entries(given ?? {})[0] ?? []
  if (cloud === undefined || names === undefined) return { release: null, recovery: null }
  const { recovery, ...rest } = names
  const lasting = (own: Names, atLeast: number): JobLogin => {
    const { session, ...others } = own
    if (cloud !== 'aws') return { [cloud]: named(others) }
    const asked = session === undefined ? Math.max(HOUR, Math.min(atLeast, LONGEST)) : (parseDuration(session) ?? HOUR)
    return { [cloud]: named({ ...others, 'session-seconds': String(Math.ceil(asked / 1000)) }) }
  }
  return { release: lasting(rest, minutes * 60_000), recovery: lasting({ ...rest, ...recovery }, 0) }
}

type Names = Readonly<Record<string, string | undefined>>
const HOUR = 3_600_000
const LONGEST = 12 * HOUR

/** Whether AWS gives sessions of this length, ms. Source: AWS STS, AssumeRoleWithWebIdentity, DurationSeconds. */
export const isSession = (ms: number): boolean => ms >= HOUR / 4 && ms <= LONGEST

const named = (names: Names): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(names).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
