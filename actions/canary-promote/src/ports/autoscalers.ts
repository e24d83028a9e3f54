import { Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { epochOf, fencedPatch } from '@sluice/kubernetes/fenced'
import { statusBehind } from '@sluice/kubernetes/refusal'
import type { ReleaseRecord, Touched, World } from '@sluice/release/record'
import { autoscalersOf, freezing, hadNoAnnotations, restoring, SCALED_OBJECT } from '../autoscaler.ts'
import { note, refusal } from '../finding.ts'
import type { Performed } from '../ports.ts'

/**
 * Keeps the autoscalers of stable from making it smaller while a release is going on, and gives them back as they were. What is to be changed stands
 * in the record's inventory. Decision record: docs/decisions/0006-canary-promote.md.
 */
export const autoscalers = (
  cluster: Cluster,
  given: { readonly namespace: string; readonly owned: (epoch: number) => Promise<boolean> },
) => {
  const { namespace, owned } = given
  const of = (apiVersion: string, resource: string): Resource => ({ apiVersion, resource, namespace })
  const resourceOf = ({ kind }: Touched['ref']): Resource =>
    kind === SCALED_OBJECT.kind
      ? of(SCALED_OBJECT.apiVersion, 'scaledobjects')
      : of('autoscaling/v2', 'horizontalpodautoscalers')
  /** `undefined`: not ours to read. A kind that is not served has no objects. */
  const listed = async (resource: Resource): Promise<readonly KubernetesObject[] | undefined> => {
    try {
      return await cluster.list(resource)
    } catch (thrown) {
      const status = statusBehind(thrown)
      // The embedded cluster says 501.
      if (status === 404 || status === 501) return []
      if (status === 401 || status === 403) return undefined
      throw thrown
    }
  }

  const write = async (
    record: ReleaseRecord,
    change: (
      object: KubernetesObject,
      entry: Touched,
    ) => Parameters<typeof fencedPatch>[3] extends (object: KubernetesObject) => infer C ? C : never,
  ): Promise<Performed> => {
    for (const entry of entries(record)) {
      const uid = 'uid' in entry.ref ? entry.ref.uid : undefined
      const target = { resource: resourceOf(entry.ref), name: entry.ref.name, uid }
      const fence = { epoch: record.epoch, owned: () => owned(record.epoch) }
      const result = await fencedPatch(cluster, target, fence, (object) => change(object, entry))
      // One that is gone makes nothing smaller, and there is nothing to give back.
      if (result.kind === 'written' || result.kind === 'absent') continue
      const text = `${entry.ref.kind} ${namespace}/${entry.ref.name}: ${result.text}`
      return { kind: 'refused', cause: result.kind === 'fenced' ? 'fenced' : result.cause, text }
    }
    return { kind: 'done', touched: record.touched }
  }

  const markOf = async ({ ref }: Touched): Promise<'marked' | 'free' | 'gone' | 'hidden'> => {
    try {
      const object = await cluster.get(resourceOf(ref), ref.name)
      if (object === undefined || ('uid' in ref && object.metadata.uid !== ref.uid)) return 'gone'
      return epochOf(object) === undefined ? 'free' : 'marked'
    } catch (thrown) {
      if ([401, 403].includes(statusBehind(thrown) ?? 0)) return 'hidden'
      throw thrown
    }
  }

  return {
    /** Which of them the release will change, and whether it may. Nothing is written. */
    preflight: async (
      deployment: string,
      replicas: number,
      kind: 'Deployment' | 'Rollout' = 'Deployment',
    ): Promise<{ readonly findings: readonly Finding[]; readonly touched: readonly Touched[] }> => {
      const [horizontal, scaledObjects] = await Promise.all([
        listed(of('autoscaling/v2', 'horizontalpodautoscalers')),
        listed(of(SCALED_OBJECT.apiVersion, 'scaledobjects')),
      ])
      const { touched, unknown } = autoscalersOf(
        { horizontal: horizontal ?? [], scaledObjects },
        deployment,
        replicas,
        kind,
      )
      const hidden = unknown.map((name) =>
        refusal(
          'autoscaler',
          `HorizontalPodAutoscaler ${name} belongs to a ScaledObject of KEDA that may not be read`,
          {
            hint: 'Allow get, list and patch of scaledobjects (keda.sh): KEDA would put back whatever is changed of its own HorizontalPodAutoscaler.',
          },
        ),
      )
      const rights = await Promise.all(touched.map((entry) => mayFreeze(cluster, resourceOf(entry.ref), entry)))
      return { touched, findings: [...hidden, ...rights.flat()] }
    },

    /**
     * Whether the inventory's autoscalers are kept from shrinking stable; absent where it has none. One that may not be read counts as free and as
     * marked: it keeps no release from going back, and none from saying in the end which right is missing.
     */
    look: async (record: ReleaseRecord): Promise<World['autoscalers']> => {
      const all = entries(record)
      const found = await Promise.all(all.map((entry) => markOf(entry)))
      const marks = found.filter((mark) => mark !== 'gone')
      return all.length === 0
        ? undefined
        : { frozen: marks.every((mark) => mark === 'marked'), marked: marks.some((mark) => mark !== 'free') }
    },

    /** Values and mark land in one write: one that carries the mark was frozen, and what it shows since is a person's will. */
    freeze: (record: ReleaseRecord): Promise<Performed> =>
      write(record, (object, entry) => ({
        kind: 'patch',
        operations: epochOf(object) === undefined ? freezing(object, entry) : [],
        mark: 'keep',
      })),

    restore: (record: ReleaseRecord): Promise<Performed> =>
      write(record, (object, entry) => {
        if (epochOf(object) === undefined) return { kind: 'patch', operations: [], mark: 'as-is' }
        const operations = restoring(object, entry)
        return hadNoAnnotations(object, entry)
          ? {
              kind: 'patch',
              operations: [...operations, { op: 'remove', path: '/metadata/annotations' }],
              mark: 'as-is',
            }
          : { kind: 'patch', operations, mark: 'remove' }
      }),

    /** Raises the epoch of those that carry one. */
    stamp: (record: ReleaseRecord): Promise<Performed> =>
      write(record, (object) => ({
        kind: 'patch',
        operations: [],
        mark: epochOf(object) === undefined ? 'as-is' : 'keep',
      })),
  }
}

const entries = ({ touched }: ReleaseRecord): readonly Touched[] => touched.filter(({ role }) => role === 'autoscaler')

/**
 * A right to change an autoscaler that is missing refuses the release: stable would shrink as the canary takes traffic, and could not take it back.
 * A server that does not answer such questions is believed to allow it; a write that is refused later ends the release before its first weight.
 */
const mayFreeze = async (cluster: Cluster, resource: Resource, { ref }: Touched): Promise<readonly Finding[]> => {
  const where = `${ref.kind} ${ref.namespace}/${ref.name}`
  const [group = ''] = resource.apiVersion.split('/')
  const asked = (verb: string) => ({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    metadata: { name: '' },
    spec: {
      resourceAttributes: { group, resource: resource.resource, verb, namespace: ref.namespace, name: ref.name },
    },
  })
  const reviews: Resource = { apiVersion: 'authorization.k8s.io/v1', resource: 'selfsubjectaccessreviews' }
  const denied = async (verb: string): Promise<boolean> => {
    try {
      const answer = await cluster.create(reviews, asked(verb))
      return answer.kind === 'written' && (answer.object as Reviewed).status?.allowed === false
    } catch (thrown) {
      if (thrown instanceof Fault) return false
      throw thrown
    }
  }
  const missing = (await Promise.all(['get', 'patch'].map(async (verb) => ((await denied(verb)) ? [verb] : [])))).flat()
  if (missing.length === 0)
    return [
      note(
        'autoscaler',
        `${where} may not make stable smaller until the release is over; then it gets its own values back`,
      ),
    ]
  return [
    refusal(
      'autoscaler',
      `${where} would make stable smaller while the canary takes traffic, and may not be kept from it`,
      {
        where,
        hint: `Allow it: { apiGroups: [${group}], resources: [${resource.resource}], resourceNames: [${ref.name}], verbs: [get, patch] }.`,
      },
    ),
  ]
}

type Reviewed = { readonly status?: { readonly allowed?: boolean } }
