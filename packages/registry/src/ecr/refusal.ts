import { Fault } from '@sluice/kit/faults'
import type { Refusal } from './answer.ts'

/** What was asked, and by whom. `action`: as IAM names it, `ecr:CreateRepository`; `role`: its ARN; `about`: the repository or registry. */
export type Asking = {
  readonly host: string
  readonly action: string
  readonly about: string
  readonly role?: string | undefined
  /** Nothing of these is ever shown. */
  readonly secrets: () => Iterable<string>
}

/** The fault for what AWS refused, with what to do about it. Accounts and ARNs may be in it, secrets and tokens are not. */
export const refused = ({ code, message }: Refusal, asking: Asking): Fault => {
  const { host, action, about, role } = asking
  const said = shown(message, asking.secrets())
  if (code === 'CredentialsProviderError') return noCredentials(host, said)
  const found = REASONS.find(([codes]) => codes.test(code))
  const who = role === undefined ? 'the credentials' : role
  const text = `${host}: ${action} for ${about} was refused (${code}${said === '' ? '' : `: ${said}`})`
  const hint = found?.[2]({ action, about, who, host }) ?? "AWS's own words are in brackets"
  return new Fault(found?.[1] ?? 'upstream', text, hint)
}

/** The fault for a registry that nobody gave credentials for. @param said why there are none */
export const noCredentials = (host: string, said: string): Fault =>
  new Fault(
    'input',
    `${host}: there are no AWS credentials${said === '' ? '' : ` (${said})`}`,
    'Give the job permissions: id-token: write and name a role in aws-role-registries, or run aws-actions/configure-aws-credentials in a step before',
  )

/** One line of what others said, without secrets, at most 400 characters. */
export const shown = (message: string, secrets: Iterable<string>): string => {
  const clean = [...secrets].reduce(
    (text, secret) => (secret.length > 3 ? text.replaceAll(secret, '***') : text),
    message,
  )
  return clean
    .replace(/\b(AKIA|ASIA)[A-Z0-9]{12,}\b/g, '***')
    .replace(/\bey[\w-]+\.[\w-]+\.[\w-]*/g, '***')
    .replace(/\s+/g, ' ')
    .trim()
    .replaceAll('##[', '## [')
    .slice(0, 400)
}

/** What a role wants of who takes it on. */
const RIGHTS: Readonly<Record<string, (role: string) => string>> = {
  'sts:AssumeRoleWithWebIdentity': (role) =>
    `Let the trust policy of ${role} allow sts:AssumeRoleWithWebIdentity for this repository and its branch, tag or environment`,
  'sts:AssumeRole': (role) =>
    `Let the trust policy of ${role} and the rights of the credentials allow sts:AssumeRole; without AWS_ACCESS_KEY_ID GitHub's identity token would be used`,
}

type Facts = { readonly action: string; readonly about: string; readonly who: string; readonly host: string }

/** Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html and the errors of each action. */
const REASONS: readonly (readonly [RegExp, 'input' | 'upstream', (facts: Facts) => string])[] = [
  [
    /^(AccessDenied|UnauthorizedOperation|NotAuthorized|Forbidden|OptInRequired)/,
    'input',
    ({ action, who, about }) => RIGHTS[action]?.(about) ?? `Allow ${who} the action ${action} on ${about}`,
  ],
  [
    /^(ExpiredToken|RequestExpired|ExpiredTokenException|TokenRefreshRequired)/,
    'input',
    () =>
      'The session has ended: name the role in aws-role-registries, so that it is renewed, or log in again just before',
  ],
  [
    /^(UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken|RequestTimeTooSkewed)/,
    'input',
    ({ host }) =>
      `Check the access key, its secret and session token, that they are of the part of AWS that ${host} is in, and the clock`,
  ],
  [
    /^(InvalidIdentityToken|IDPRejectedClaim|IDPCommunicationError)/,
    'input',
    ({ about }) =>
      `The account of ${about} must know the identity provider https://token.actions.githubusercontent.com with the audience sts.amazonaws.com`,
  ],
  [
    /^RepositoryNotFound/,
    'input',
    () => 'Check the name, the account and the region in the host, or set ensure-repository: true to have it made',
  ],
  [/^RegistryNotFound/, 'input', () => 'Public registries are opened once per account, in the console of ECR'],
  [
    /^Kms/,
    'input',
    ({ who }) =>
      `Check that the key exists in this region and that ${who} may use it (kms:CreateGrant, kms:DescribeKey)`,
  ],
  [/^LimitExceeded/, 'input', () => 'Have the quota of the account raised, or delete what is not needed'],
  [
    /^(Thrott|TooManyRequests|RequestLimitExceeded)/,
    'upstream',
    () => 'Run the job again later, or have the rate of the account raised',
  ],
  [
    /^(Invalid|Validation|Malformed|PackedPolicy|Unsupported|NameInvalid)/,
    'input',
    () => "AWS's own words are in brackets",
  ],
  [
    /^ENOTFOUND$/,
    'input',
    ({ host }) => `No such endpoint: check the region in ${host}, and the network of the runner`,
  ],
  [
    /^(CERT|ERR_(?!PROXY)|UNABLE|SELF|DEPTH|no answer)/,
    'upstream',
    () => 'If a proxy between the runner and AWS is meant to answer, name its authority in NODE_EXTRA_CA_CERTS',
  ],
  [
    /^E[A-Z]+$|^TimeoutError$|^ERR_PROXY/,
    'upstream',
    () => 'Look at the network and the proxy between the runner and AWS, then run the job again',
  ],
  [/./, 'upstream', () => 'Look at https://health.aws.amazon.com, then run the job again'],
]
