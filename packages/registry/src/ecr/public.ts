import { parsed as parsedJson } from '@sluice/http/aws/error'
import { signedHeaders } from '@sluice/http/aws/signature'
import { Fault } from '@sluice/kit/faults'
import { type Answer, answerOf, repeated } from './answer.ts'
import type { Ecr } from './ecr.ts'
import { type EcrHost, PUBLIC_REGION } from './host.ts'
import { kept } from './identity.ts'
import { loginOf, type Place } from './place.ts'
import { refused } from './refusal.ts'

type Public = Extract<EcrHost, { kind: 'public' }>
type Body = Readonly<Record<string, unknown>>

/**
 * The public registry of an account, by signed requests of our own: AWS JSON 1.1, target SpencerFrontendService. Its tags can always be overwritten, and its
 * repositories have neither scans, nor lifecycle policies, nor keys.
 * Source: https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/Welcome.html
 */
export const openPublic = ({ dualStack }: Public, place: Place): Ecr => {
  const { host, asker } = place
  const url = place.endpoint ?? (dualStack ? DUAL_STACK : IPV4)

  const ask = (action: string, input: Body): Promise<Answer<Body>> =>
    repeated(async () => {
      const body = JSON.stringify(input)
      const call = {
        url,
        method: 'POST',
        headers: { ...JSON_1_1, 'x-amz-target': `SpencerFrontendService.${action}` },
        body,
      } as const
      const scope = { service: 'ecr-public', region: PUBLIC_REGION, at: place.clock.now() }
      const headers = await signedHeaders(call, await asker.credentials(), scope)
      return answerOf(await place.send({ ...call, headers }), parsedJson)
    }, place)
  const must = <T>(answer: Answer<T>, action: string, about: string): T => {
    if (answer.kind === 'done') return answer.value
    throw refused(answer.refusal, {
      host,
      action: `ecr-public:${action}`,
      about,
      role: asker.role,
      secrets: asker.secrets,
    })
  }

  const aliases = kept(
    async () => {
      const { registries } = must(await ask('DescribeRegistries', {}), 'DescribeRegistries', 'the registry')
      return list(registries).flatMap((registry) => list(registry.aliases).map(({ name }) => String(name)))
    },
    { fresh: () => true },
  )
  /** The API knows repositories without the alias, so that of another account would be looked for, and made, in one's own. */
  const ownName = async (repository: string): Promise<string> => {
    const [alias = '', ...name] = repository.split('/')
    const own = await aliases()
    if (name.length > 0 && own.includes(alias)) return name.join('/')
    throw new Fault(
      'input',
      `${host}/${repository} is not in the registry of these credentials, whose aliases are: ${own.join(', ') || 'none'}`,
      `Name it ${host}/ALIAS/NAME, with the alias of the account that the credentials are of`,
    )
  }
  const exists = async (name: string, repository: string): Promise<boolean> => {
    const answer = await ask('DescribeRepositories', { repositoryNames: [name] })
    if (answer.kind === 'refused' && answer.refusal.code === 'RepositoryNotFoundException') return false
    return list(must(answer, 'DescribeRepositories', repository).repositories).length > 0
  }
  const digestOf = async (name: string, imageTag: string, repository: string): Promise<string | undefined> => {
    const answer = await ask('DescribeImages', { repositoryName: name, imageIds: [{ imageTag }] })
    if (answer.kind === 'refused' && answer.refusal.code === 'ImageNotFoundException') return undefined
    const [image] = list(must(answer, 'DescribeImages', repository).imageDetails)
    return typeof image?.imageDigest === 'string' ? image.imageDigest : undefined
  }

  return {
    login: async () => {
      const answer = must(await ask('GetAuthorizationToken', {}), 'GetAuthorizationToken', 'the registry')
      const { authorizationToken, expiresAt } = record(answer.authorizationData)
      return loginOf(
        host,
        typeof authorizationToken === 'string' ? authorizationToken : undefined,
        Number(expiresAt) * 1000,
      )
    },
    ensure: async (repository, policy) => {
      const name = await ownName(repository)
      const unknown = [
        ...(policy.immutable ? ['immutable tags'] : []),
        ...(policy.scanOnPush ? ['scans on push'] : []),
        ...(policy.lifecycle === undefined ? [] : ['a lifecycle policy']),
        ...(policy.kmsKey === undefined ? [] : ['a key of KMS']),
      ]
      const notes =
        unknown.length === 0 ? [] : [`${repository} is public, and has no ${unknown.join(', ')}: ECR Public knows none`]
      if (await exists(name, repository)) return { created: false, notes }
      const answer = await ask('CreateRepository', { repositoryName: name })
      const raced = answer.kind === 'refused' && answer.refusal.code === 'RepositoryAlreadyExistsException'
      if (!raced) must(answer, 'CreateRepository', repository)
      return { created: !raced, notes }
    },
    immutable: async () => false,
    digests: async (repository, tags) => {
      if (tags.length === 0) return new Map()
      const name = await ownName(repository)
      const found = new Map<string, string>()
      for (const tag of new Set(tags)) {
        const digest = await digestOf(name, tag, repository)
        if (digest !== undefined) found.set(tag, digest)
      }
      return found
    },
  }
}

const IPV4 = `https://api.ecr-public.${PUBLIC_REGION}.amazonaws.com/`
const DUAL_STACK = `https://ecr-public.${PUBLIC_REGION}.api.aws/`
const JSON_1_1 = { 'content-type': 'application/x-amz-json-1.1' }

const record = (value: unknown): Body => (typeof value === 'object' && value !== null ? (value as Body) : {})
const list = (value: unknown): readonly Body[] => (Array.isArray(value) ? value.map(record) : [])
