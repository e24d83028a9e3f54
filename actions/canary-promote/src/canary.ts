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
 * The Deployment that stands beside the stable one with the new template. Its labels are an allow-list: tracking marks of Argo CD, Flux or Helm
 * on it would make their controllers delete it.
 * @param template the new pod template in stable form
 */
export const canaryDeployment = (
  stable: Deployment,
  template: PodTemplate,
  given: {
    readonly name: string
    readonly label: ChangedLabel | undefined
    readonly replicas: number
    readonly marks: Marks
  },
): Deployment => {
  const { minReadySeconds, progressDeadlineSeconds, strategy } = stable.spec
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(stable.metadata.labels ?? {}, given.name, stable.metadata.namespace, given.marks),
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
          ...TRACK,
        },
      },
      template: canaryForm(template, given.label),
    },
  }
}

/** The Service behind which only canary pods stand: ports and appProtocol are copied, nothing else, type ClusterIP. */
export const canaryService = (
  stable: Service,
  given: { readonly name: string; readonly label: ChangedLabel | undefined; readonly marks: Marks },
): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadataOf(stable.metadata.labels ?? {}, given.name, stable.metadata.namespace, given.marks),
  spec: {
    type: 'ClusterIP',
    selector: {
      ...stable.spec.selector,
      ...(given.label === undefined ? {} : { [given.label.key]: given.label.canary }),
      ...TRACK,
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
