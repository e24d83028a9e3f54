import type { ECRClient, Repository } from '@aws-sdk/client-ecr'
import { Fault } from '@sluice/kit/faults'
import { type Answer, answered, type Refusal, repeated } from './answer.ts'
import type { Ecr } from './ecr.ts'
import type { EcrHost } from './host.ts'
import { loginOf, type Place } from './place.ts'
import { differences, type EcrPolicy, isImmutable } from './policy.ts'
import { refused } from './refusal.ts'

type Sdk = typeof import('@aws-sdk/client-ecr')
type Private = Extract<EcrHost, { kind: 'private' }>

/** BatchGetImage takes this many images. Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html */
const BATCH = 100

/** ECR turns a manifest into an older kind, of another digest, for who does not name its own. */
const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

/**
 * A private registry by AWS's own SDK, which is loaded with the first call.
 * Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html
 */
export const openPrivate = (parsed: Private, place: Place): Ecr => {
  const { host, signal } = place
  const registryId = parsed.account
  const settings = new Map<string, Promise<Repository>>()
  let opened: Promise<{ readonly sdk: Sdk; readonly client: ECRClient }> | undefined

  const ask = async <T>(call: (sdk: Sdk, client: ECRClient) => Promise<T>): Promise<Answer<T>> => {
    opened ??= open(parsed, place)
    const { sdk, client } = await opened
    return repeated(() => answered(call(sdk, client)), place)
  }
  const fault = (refusal: Refusal, action: string, about: string): Fault =>
    refused(refusal, { host, action: `ecr:${action}`, about, role: place.asker.role, secrets: place.asker.secrets })
  const must = <T>(answer: Answer<T>, action: string, about: string): T => {
    if (answer.kind === 'done') return answer.value
    throw fault(answer.refusal, action, about)
  }

  const describe = async (repository: string): Promise<Answer<Repository | undefined>> => {
    const input = { registryId, repositoryNames: [repository] }
    const answer = await ask((sdk, client) =>
      client.send(new sdk.DescribeRepositoriesCommand(input), { abortSignal: signal }),
    )
    return answer.kind === 'done' ? { kind: 'done', value: answer.value.repositories?.[0] } : answer
  }
  /** The settings of a repository that must be there. */
  const settingsOf = (repository: string): Promise<Repository> => {
    const known = settings.get(repository)
    if (known !== undefined) return known
    const found = describe(repository).then((answer) => {
      const value = must(answer, 'DescribeRepositories', repository)
      if (value !== undefined) return value
      throw fault(
        { code: 'RepositoryNotFoundException', message: '', again: false },
        'DescribeRepositories',
        repository,
      )
    })
    settings.set(repository, found)
    found.catch(() => settings.delete(repository))
    return found
  }
  const lifecycleOf = async (repository: string): Promise<string | undefined> => {
    const input = { registryId, repositoryName: repository }
    const answer = await ask((sdk, client) =>
      client.send(new sdk.GetLifecyclePolicyCommand(input), { abortSignal: signal }),
    )
    if (answer.kind === 'refused' && answer.refusal.code === 'LifecyclePolicyNotFoundException') return undefined
    return must(answer, 'GetLifecyclePolicy', repository).lifecyclePolicyText
  }
  const putLifecycle = async (repository: string, lifecyclePolicyText: string): Promise<void> => {
    const input = { registryId, repositoryName: repository, lifecyclePolicyText }
    const answer = await ask((sdk, client) =>
      client.send(new sdk.PutLifecyclePolicyCommand(input), { abortSignal: signal }),
    )
    if (answer.kind === 'done') return
    const { kind, message, hint } = fault(answer.refusal, 'PutLifecyclePolicy', repository)
    throw new Fault(kind, `${message}; the repository was made, and has no lifecycle policy`, hint)
  }
  const compared = async (repository: string, policy: EcrPolicy): Promise<readonly string[]> => {
    const lifecycle = policy.lifecycle === undefined ? undefined : await lifecycleOf(repository)
    return differences(repository, policy, { settings: await settingsOf(repository), lifecycle })
  }

  const ensure: Ecr['ensure'] = async (repository, policy) => {
    const found = await describe(repository)
    if (found.kind === 'refused' && found.refusal.code !== 'RepositoryNotFoundException')
      throw fault(found.refusal, 'DescribeRepositories', repository)
    if (found.kind === 'done' && found.value !== undefined) {
      settings.set(repository, Promise.resolve(found.value))
      return { created: false, notes: await compared(repository, policy) }
    }
    const input = {
      // ECR makes repositories in the caller's own account only; another account's id is refused, not passed over.
      registryId,
      repositoryName: repository,
      imageTagMutability: policy.immutable ? ('IMMUTABLE' as const) : ('MUTABLE' as const),
      imageScanningConfiguration: { scanOnPush: policy.scanOnPush },
      ...(policy.kmsKey === undefined
        ? {}
        : { encryptionConfiguration: { encryptionType: 'KMS' as const, kmsKey: policy.kmsKey } }),
    }
    const made = await ask((sdk, client) =>
      client.send(new sdk.CreateRepositoryCommand(input), { abortSignal: signal }),
    )
    const raced = made.kind === 'refused' && made.refusal.code === 'RepositoryAlreadyExistsException'
    if (!raced) must(made, 'CreateRepository', repository)
    // Who was first may have been stopped before it put the policy, or was this call's own first try.
    const bare = policy.lifecycle !== undefined && (!raced || (await lifecycleOf(repository)) === undefined)
    if (bare && policy.lifecycle !== undefined) await putLifecycle(repository, policy.lifecycle)
    return raced ? { created: false, notes: await compared(repository, policy) } : { created: true, notes: [] }
  }

  const digests: Ecr['digests'] = async (repository, tags) => {
    const wanted = [...new Set(tags)]
    const found = new Map<string, string>()
    for (let from = 0; from < wanted.length; from += BATCH) {
      const imageIds = wanted.slice(from, from + BATCH).map((imageTag) => ({ imageTag }))
      const input = { registryId, repositoryName: repository, imageIds, acceptedMediaTypes: MANIFESTS }
      const answer = await ask((sdk, client) =>
        client.send(new sdk.BatchGetImageCommand(input), { abortSignal: signal }),
      )
      const { images = [], failures = [] } = must(answer, 'BatchGetImage', repository)
      const bad = failures.find(({ failureCode }) => failureCode !== 'ImageNotFound')
      if (bad !== undefined) {
        const about = `${repository}:${bad.imageId?.imageTag ?? ''}`
        const refusal = { code: bad.failureCode ?? 'failure', message: bad.failureReason ?? '', again: false }
        throw fault(refusal, 'BatchGetImage', about)
      }
      for (const { imageId } of images)
        if (imageId?.imageTag !== undefined && imageId.imageDigest !== undefined)
          found.set(imageId.imageTag, imageId.imageDigest)
    }
    return found
  }

  return {
    login: async () => {
      const answer = await ask((sdk, client) =>
        client.send(new sdk.GetAuthorizationTokenCommand({}), { abortSignal: signal }),
      )
      const data = must(answer, 'GetAuthorizationToken', 'the registry').authorizationData?.[0]
      return loginOf(host, data?.authorizationToken, data?.expiresAt?.getTime())
    },
    ensure,
    immutable: async (repository, tag) => isImmutable(await settingsOf(repository), tag),
    digests,
  }
}

const open = async (
  { region, fips, dualStack }: Private,
  { asker, endpoint, agents, timeoutMs }: Place,
): Promise<{ readonly sdk: Sdk; readonly client: ECRClient }> => {
  const sdk = await import('@aws-sdk/client-ecr')
  const client = new sdk.ECRClient({
    region,
    ...(endpoint === undefined ? { useFipsEndpoint: fips, useDualstackEndpoint: dualStack } : { endpoint }),
    credentials: async () => {
      const { endsAt, accessKeyId, secretAccessKey, sessionToken } = await asker.credentials()
      return {
        accessKeyId,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
        ...(endsAt === undefined ? {} : { expiration: new Date(endsAt) }),
      }
    },
    // Repeated by `repeated`, whose waits are the clock's.
    maxAttempts: 1,
    requestHandler: {
      httpAgent: agents.http,
      httpsAgent: agents.https,
      connectionTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
    },
  })
  return { sdk, client }
}
