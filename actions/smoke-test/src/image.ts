import type { Judged } from './judge.ts'

/** A pod behind the service: what is asked of it, and what its node says runs. */
export type Pod = {
  readonly name: string
  readonly ready: boolean
  readonly terminating: boolean
  /** Digests of its containers: from the running images' IDs, and from references that name one. */
  readonly digests: readonly string[]
}

/**
 * Whether every pod that takes requests runs the digest in one of its containers. Pods that are not ready or are going away take none, so
 * they do not count; without a ready pod nothing is proven.
 */
export const judgeImage = (pods: readonly Pod[], digest: string): Judged => {
  const serving = pods.filter((pod) => pod.ready && !pod.terminating)
  const others = serving.filter((pod) => !pod.digests.includes(digest))
  if (serving.length > 0 && others.length === 0) return { kind: 'passed', captured: new Map() }
  const problems =
    serving.length === 0
      ? [`no ready pod behind the service${pods.length === 0 ? '' : `: ${pods.length} there, none ready`}`]
      : [
          `${others.length} of ${serving.length} ready pods do not run ${digest}: ${others.slice(0, 5).map(named).join('; ')}`,
        ]
  return { kind: 'failed', cause: 'wrong-image', problems }
}

/** Reads a pod of the API server; what is missing there counts as not ready. */
export const readPod = (object: {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string }
  readonly [field: string]: unknown
}): Pod => {
  const spec = object.spec as { containers?: readonly { image?: string }[] } | undefined
  const status = object.status as
    | { conditions?: readonly { type: string; status: string }[]; containerStatuses?: readonly { imageID?: string }[] }
    | undefined
  const references = [
    ...(spec?.containers ?? []).map(({ image }) => image),
    ...(status?.containerStatuses ?? []).map(({ imageID }) => imageID),
  ]
  return {
    name: object.metadata.name,
    ready: (status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True'),
    terminating: object.metadata.deletionTimestamp !== undefined,
    digests: [...new Set(references.flatMap((reference) => /sha256:[0-9a-f]{64}$/.exec(reference ?? '') ?? []))],
  }
}

const named = ({ name, digests }: Pod): string => `${name} runs ${digests.join(' and ') || 'an image without a digest'}`
