import { durationProblem, parseDuration } from '@sluice/kit/fields'
import * as z from 'zod/mini'

/** Text that fits on one line and is not empty. */
export const line = z
  .string()
  .check(z.regex(/^[^\p{Cc}\u2028\u2029]*[^\s\p{Cc}][^\p{Cc}\u2028\u2029]*$/u, { error: 'must be one line of text' }))

/** A text of one line, or what becomes one: a number, true, false, or nothing. */
export const lineScalar = z.union([z.literal(''), line, z.number(), z.boolean()], {
  error: 'must be a text of one line, a number, true or false',
})

/** The repository of an image, without tag and digest. */
export const imageRepository = line.check(
  z.regex(/^[^@]*$/, {
    error: 'must be a repository without a digest: the digest is what each release brings',
    abort: true,
  }),
  z.regex(/^([^:]|:\d+\/)*$/, {
    error: 'must be a repository without a tag: a release is named by its digest',
    abort: true,
  }),
  z.regex(/^([a-zA-Z0-9.-]+(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/, {
    error: 'must be an image repository in lower case, such as ghcr.io/acme/shop',
  }),
)

/** A label of a runner, or several. */
export const runnerLabels = (() => {
  const label = line.check(z.regex(/^[^,]*$/, { error: 'must be one label; several are a list: [self-hosted, linux]' }))
  return z.union([label, z.array(label).check(z.minLength(1, { error: 'is empty: name at least one label' }))], {
    error: 'must be a label such as ubuntu-latest, or a list of labels',
  })
})()

/** A role of AWS that a job takes on. */
export const roleArn = line.check(
  z.regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/, {
    error: 'must be the ARN of a role, such as arn:aws:iam::123456789012:role/deploy',
  }),
)

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const ENVIRONMENT = /^[A-Za-z0-9]([A-Za-z0-9 ._/-]{0,198}[A-Za-z0-9])?$/
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/
/** What one platform is called, such as `linux/arm64` or `linux/arm/v7`. */
export const PLATFORM = /^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9]+)?$/
/** Regions of a part of AWS, the domain of its registries, and of those that also have IPv6 addresses. Source: the partitions that AWS's SDKs carry. */
const ECR_PARTS = [
  ['(?!cn-)[a-z]{2}-[a-z]+-\\d+|us-gov-\\w+-\\d+', 'amazonaws.com', 'aws'],
  ['cn-\\w+-\\d+', 'amazonaws.com.cn', 'amazonwebservices.com.cn'],
  ['eusc-\\w+-\\w+-\\d+', 'amazonaws.eu', 'amazonwebservices.eu'],
  ['us-iso-\\w+-\\d+', 'c2s.ic.gov', 'aws.ic.gov'],
  ['us-isob-\\w+-\\d+', 'sc2s.sgov.gov', 'aws.scloud'],
  ['eu-isoe-\\w+-\\d+', 'cloud.adc-e.uk', 'cloud-aws.adc-e.uk'],
  ['us-isof-\\w+-\\d+', 'csp.hci.ic.gov', 'aws.hci.ic.gov'],
] as const
const ecrNames = (): string =>
  ECR_PARTS.flatMap(([region, domain, dual]) => [
    `\\.ecr(-fips)?\\.(${region})\\.${domain.replaceAll('.', '\\.')}`,
    `-ecr(-fips)?\\.(${region})\\.on\\.${dual.replaceAll('.', '\\.')}`,
  ]).join('|')
/** A registry of Amazon's that gives nothing without a login. Source: AWS, "Amazon ECR endpoints and quotas". */
export const PRIVATE_ECR_HOST = new RegExp(`^\\d{12}\\.dkr(${ecrNames()})$`)
/** Any registry of Amazon's: what takes a role. From the public ones everybody may read. */
export const ECR_HOST = new RegExp(`^(public\\.ecr\\.aws|ecr-public\\.aws\\.com|\\d{12}\\.dkr(${ecrNames()}))$`)

/** What a name must be, by what it names: a sentence for one that is not, else `undefined`. */
export const nameProblem = (what: keyof typeof NAMES, name: string): string | undefined =>
  NAMES[what].form.test(name) ? undefined : NAMES[what].error

const NAMES = {
  service: {
    form: DNS_LABEL,
    error: 'must be a DNS label: 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends',
  },
  environment: {
    form: ENVIRONMENT,
    error: 'must be a name of letters, digits, blanks and ._/-, at most 200, with a letter or digit at both ends',
  },
  variable: { form: VARIABLE, error: 'must be a name of letters, digits and _' },
  platform: { form: PLATFORM, error: 'must be a name such as linux/amd64 or linux/arm/v7' },
  registry: {
    form: ECR_HOST,
    error: 'must be a name such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com: only ECR takes a role',
  },
  label: { form: /^[^\s=\p{Cc}]{1,255}$/u, error: 'must be a name of a label, without blanks and =' },
  // Who writes it says of which commit an image is, and an image of this commit is not built again.
  revision: {
    form: /^(?!org\.opencontainers\.image\.revision$)/,
    error: 'is the commit that the image is built from, and set by that alone: leave it out',
  },
} as const

/** A name that DNS takes as a label (RFC 1123): what Kubernetes asks of namespaces, Services and their like. */
export const dnsLabel = z.string().check(z.regex(DNS_LABEL, { error: NAMES.service.error }))

/** The name of a GitHub environment, of characters that need no escape anywhere. */
export const environmentName = z.string().check(z.regex(ENVIRONMENT, { error: NAMES.environment.error }))

/** A duration such as `10m`, kept as it is written. */
export const span = z.string().check(
  z.check<string>((payload) => {
    const { value } = payload
    const ms = parseDuration(value)
    const text =
      ms === undefined ? durationProblem(value) : ms > LONGEST ? `must be at most 500h, not ${value}` : undefined
    if (text !== undefined) payload.issues.push({ code: 'custom', message: text, input: value })
  }),
)

/** A duration as `span`, longer than nothing. */
export const positiveSpan = span.check(
  z.refine((value) => parseDuration(value) !== 0, { error: 'must be longer than 0' }),
)

/** A path inside the repository: relative, with `/`, and never a step up. */
export const path = z.string().check(
  z.check<string>((payload) => {
    const text = pathProblem(payload.value)
    if (text !== undefined) payload.issues.push({ code: 'custom', message: text, input: payload.value })
  }),
)

/** A path from a service's folder: as `path`, but it may climb; how far is for `references` to say, which sees the folder. */
export const pathFromFolder = z.string().check(
  z.check<string>((payload) => {
    const text = formProblem(payload.value)
    if (text !== undefined) payload.issues.push({ code: 'custom', message: text, input: payload.value })
  }),
)

/** Whether a path, taken from a folder of the repository, leads out of it. */
export const leavesRepository = (folder: string, inner: string): boolean => {
  let depth = 0
  for (const part of `${folder}/${inner}`.split('/')) {
    if (part === '..') depth--
    else if (part !== '' && part !== '.') depth++
    if (depth < 0) return true
  }
  return false
}

/** A whole number in [least, most]. */
export const whole = (least: number, most: number) =>
  z.number({ error: `must be a whole number from ${least} to ${most}` }).check(
    z.refine((value) => Number.isInteger(value) && value >= least && value <= most, {
      error: `must be a whole number from ${least} to ${most}`,
    }),
  )

/** Two paths of the repository, joined and made plain; `.` for the repository itself. The second may climb, as far as the first is deep. */
export const joined = (folder: string, inner: string): string => {
  const parts: string[] = []
  for (const part of `${folder}/${inner}`.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.length === 0 ? '.' : parts.join('/')
}

// The timers of Node.js end at once when they are given 597 hours or more.
const LONGEST = 500 * 3_600_000

const pathProblem = (value: string): string | undefined =>
  formProblem(value) ??
  (value.split('/').includes('..') ? `must not go up by .., as ${JSON.stringify(value)} does` : undefined)

const formProblem = (value: string): string | undefined => {
  const shown = JSON.stringify(value)
  if (value.trim() === '') return 'is empty; the folder itself is "."'
  if (/[\p{Cc}\u2028\u2029]/u.test(value)) return `must be a path on one line, not ${shown}`
  if (value !== value.trim()) return `must not begin or end with a blank, as ${shown} does`
  if (value.includes('\\')) return `must be a path with /, not ${shown}`
  return /^([/~]|[A-Za-z]:)/.test(value) ? `must be a relative path, not ${shown}` : undefined
}
