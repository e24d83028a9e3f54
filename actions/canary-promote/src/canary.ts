import type { Owner } from '@sluice/release/record'
import type { Deployment, Labels, PodTemplate, Service } from './objects.ts'
import { type ChangedLabel, canaryForm, TRACK } from './template.ts'

/** Annotations on every object of a release: who changed it, and the fencing token that a later owner raises. */
export const OWNER = 'sluice.dev/owner'
/** The annotation that fences a write: the epoch of the release that touched the object last. */
export const EPOCH = 'sluice.dev/epoch'

/** What marks an object as a release's own. */
export type Marks = { readonly owner: Owner; readonly epoch: number }

/** `runId/attempt`, as annotations and Leases carry it. */
export const ownerName = ({ runId, attempt }: Owner): string => `${runId}/${attempt}`

/**
 * The Deployment that stands beside the stable one with the new template, or as a fresh baseline with the previous one. Its labels are an allow-list: tracking
 * marks of Argo CD, Flux or Helm on it would make their controllers delete it.
 * @param template the pod template in stable form
 */
export const canaryDeployment = (
  stable: Deployment,
  template: PodTemplate,
  given: {
    readonly name: string
    readonly label: ChangedLabel | undefined
    readonly replicas: number
    readonly marks: Marks
    /** Default the canary's. */
    readonly track?: Labels
  },
): Deployment => {
  const { track = TRACK } = given
  const { minReadySeconds, progressDeadlineSeconds, strategy } = stable.spec
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: tracked(
      metadataOf(stable.metadata.labels ?? {}, given.name, stable.metadata.namespace, given.marks),
      track,
    ),
    spec: {
      replicas: given.replicas,
      revisionHistoryLimit: 0,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      ...(progressDeadlineSeconds === undefined ? {} : { progressDeadlineSeconds }),
      ...(strategy === undefined ? {} : { strategy }),
      selector: {
        matchLabels: {
          ...stable.spec.selector.matchLabels,
          ...(given.label === undefined ? {} : { [given.label.key]: given.label.canary }),
          ...track,
        },
      },
      template: canaryForm(template, given.label, track),
    },
  }
}

/** The Service behind which only canary pods, or those of a fresh baseline, stand: ports and appProtocol are copied, nothing else, type ClusterIP. */
export const canaryService = (
  stable: Service,
  given: {
    readonly name: string
    readonly label: ChangedLabel | undefined
    readonly marks: Marks
    /** Default the canary's. */
    readonly track?: Labels
  },
): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: tracked(
    metadataOf(stable.metadata.labels ?? {}, given.name, stable.metadata.namespace, given.marks),
    given.track ?? TRACK,
  ),
  spec: {
    type: 'ClusterIP',
    selector: {
      ...stable.spec.selector,
      ...(given.label === undefined ? {} : { [given.label.key]: given.label.canary }),
      ...(given.track ?? TRACK),
    },
    ports: (stable.spec.ports ?? []).map(({ name, port, targetPort, protocol, appProtocol }) => ({
      port,
      ...(name === undefined ? {} : { name }),
      ...(targetPort === undefined ? {} : { targetPort }),
      ...(protocol === undefined ? {} : { protocol }),
      ...(appProtocol === undefined ? {} : { appProtocol }),
    })),
  },
})

const tracked = (metadata: ReturnType<typeof metadataOf>, track: Labels) => ({
  ...metadata,
  labels: { ...metadata.labels, ...track },
})

/** The labels that are copied: names of the application, never a tracking mark of a tool that would then own the copy. */
export const copiedLabels = (labels: Labels): Labels =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => COPIED.includes(key)))

const COPIED = ['app', 'app.kubernetes.io/name', 'app.kubernetes.io/component', 'app.kubernetes.io/part-of']

/** Metadata of an object of ours: an allow-list of labels, the owner and the epoch. */
export const metadataOf = (labels: Labels, name: string, namespace: string | undefined, { owner, epoch }: Marks) => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  labels: { ...copiedLabels(labels), ...TRACK },
  annotations: { [OWNER]: ownerName(owner), [EPOCH]: String(epoch) },
})
