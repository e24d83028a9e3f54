import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Reason, ReleaseRecord, World } from '@sluice/release/record'
import { type Beside, baselineOf, canaryOf } from './beside.ts'
import { EPOCH, OWNER } from './canary.ts'
import type { Deployment, Labels, Pod } from './objects.ts'
import { settingsOf } from './plan.ts'
import { canonical, stableForm } from './template.ts'
import { entryOf, uidOf } from './touched.ts'

/** What one look saw of one set of pods beside stable. Absent objects are `undefined`. `budget`: the twin of stable's PodDisruptionBudget. */
export type LookBeside = {
  readonly deployment: Deployment | undefined
  readonly service: KubernetesObject | undefined
  readonly budget?: KubernetesObject | undefined
  readonly pods: readonly Pod[]
}

/** The objects of one look. `baseline`: a fresh one's; absent where the release has none. */
export type Look = {
  readonly at: number
  readonly weight: World['weight']
  readonly stable: Deployment | undefined
  readonly canary: LookBeside
  readonly baseline?: LookBeside | undefined
  readonly autoscalers?: World['autoscalers']
}

/**
 * What one look saw, in the state machine's terms. A Deployment of the canary's name that is not the release's own counts as absent.
 * A stable Deployment that is gone has nothing available and the empty hash.
 */
export const worldOf = (record: ReleaseRecord, look: Look): World => {
  const { setup } = settingsOf(record)
  const canary = besideWorld(record, canaryOf(setup), look.canary)
  const fresh = baselineOf(setup)
  const baseline = fresh && look.baseline && besideWorld(record, fresh, look.baseline)
  const services = [canary.service, baseline?.service].filter((service) => service !== undefined)
  return {
    at: look.at,
    weight: look.weight,
    stable: stableWorld(look.stable, setup.container),
    ...(canary.pods === undefined ? {} : { canary: canary.pods }),
    service: canary.service !== undefined,
    ...(baseline?.pods === undefined ? {} : { baseline: baseline.pods }),
    ...(baseline === undefined ? {} : { baselineService: baseline.service !== undefined }),
    ...(services.length > 0 && services.every(({ diverted }) => diverted) ? { diverted: true } : {}),
    ...(look.autoscalers === undefined ? {} : { autoscalers: look.autoscalers }),
    leftovers: canary.objects + (baseline?.objects ?? 0),
  }
}

/** What of the release's own stands there of one set of pods, and how many objects that are. */
const besideWorld = (record: ReleaseRecord, beside: Beside, look: LookBeside) => {
  const own = <T extends KubernetesObject>(role: Created, object: T | undefined): T | undefined =>
    object !== undefined && isOurs(record, role, object) ? object : undefined
  const { roles } = beside
  const deployment = own(roles.pods, look.deployment)
  const service = own(roles.service, look.service)
  const budget = own(roles.policy, look.budget)
  return {
    pods: deployment && podsWorld(record, beside, deployment, look.pods),
    service: service && { diverted: isDiverted(service, beside.track) },
    objects: [deployment, service, budget].filter((each) => each !== undefined).length,
  }
}

/** Whether a Service of ours selects other pods than those it was made for, which alone carry their track. */
const isDiverted = ({ spec }: KubernetesObject, track: Labels): boolean => {
  const { selector = {} } = (spec ?? {}) as { readonly selector?: Labels }
  return Object.entries(track).some(([key, value]) => selector[key] !== value)
}

/** The roles of what a release makes of pods, Services and budgets. */
export type Created = Beside['roles'][keyof Beside['roles']]

/**
 * Whether a created object is this release's: by the UID of the inventory; where a crash kept it from being saved, by our marks with an epoch that is
 * not above the record's.
 */
export const isOurs = (record: ReleaseRecord, role: Created, object: KubernetesObject): boolean => {
  const entry = entryOf(record.touched, role)
  const uid = uidOf(entry)
  if (entry === undefined) return false
  if (uid !== undefined) return object.metadata.uid === uid
  const { annotations = {}, creationTimestamp } = object.metadata
  const epoch = Number(annotations[EPOCH] ?? Number.NaN)
  const since = Date.parse(creationTimestamp ?? '')
  // The API server's clock counts whole seconds and may differ from ours by a little.
  const recent = Number.isNaN(since) || since >= record.startedAt - CLOCK_SLACK
  return annotations[OWNER] !== undefined && epoch <= record.epoch && recent
}

/** The hash of the template that a Deployment beside stable carries, as stable would carry it. */
export const besideHash = (record: ReleaseRecord, { label }: Pick<Beside, 'label'>, { spec }: Deployment): string =>
  canonical(stableForm(spec.template, label), settingsOf(record).setup.container).hash

const CLOCK_SLACK = 60_000

const stableWorld = (stable: Deployment | undefined, container: string): World['stable'] => {
  if (stable === undefined) return { desired: 0, available: 0, hash: '', rolledOut: false }
  const { replicas: desired = 1, template } = stable.spec
  const { status = {} } = stable
  const available = status.availableReplicas ?? 0
  const rolledOut =
    (status.observedGeneration ?? 0) >= (stable.metadata.generation ?? 0) &&
    [status.updatedReplicas, status.replicas, status.availableReplicas].every((count) => (count ?? 0) === desired)
  return { desired, available, hash: canonical(template, container).hash, rolledOut }
}

const podsWorld = (
  record: ReleaseRecord,
  beside: Beside,
  canary: Deployment,
  pods: readonly Pod[],
): NonNullable<World['canary']> => {
  const { status = {} } = canary
  const current = (status.observedGeneration ?? 0) >= (canary.metadata.generation ?? 0)
  const restarts = pods
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .reduce((sum, { restartCount }) => sum + restartCount, 0)
  const failed = failure(canary, pods)
  return {
    desired: canary.spec.replicas ?? 1,
    ready: current ? (status.readyReplicas ?? 0) : Math.min(status.readyReplicas ?? 0, canary.spec.replicas ?? 1),
    restarts,
    hash: besideHash(record, beside, canary),
    ...(failed === undefined ? {} : { failed }),
  }
}

/** Why canary pods do not come, where the cluster says so. */
const failure = (canary: Deployment, pods: readonly Pod[]): Reason | undefined => {
  const found = podFailure(canary.status?.conditions ?? [], pods)
  if (found !== undefined) return found
  const late = canary.status?.conditions?.find(
    ({ type, status, reason }) => type === 'Progressing' && status === 'False' && reason === 'ProgressDeadlineExceeded',
  )
  return late === undefined
    ? undefined
    : {
        code: 'not-ready',
        text: `the canary made no progress within its progress deadline: ${late.message ?? ''}`,
        next: "Look at the canary pods' events and logs.",
      }
}

/**
 * Why pods do not come, by what they wait for and by the conditions of what makes them. What the image is not to blame for has code `environment`.
 */
export const podFailure = (
  conditions: NonNullable<NonNullable<Deployment['status']>['conditions']>,
  pods: readonly Pod[],
): Reason | undefined => {
  for (const pod of pods) {
    const where = `pod ${pod.metadata.name}`
    for (const { name, state, lastState, restartCount } of pod.status?.containerStatuses ?? []) {
      const waiting = state?.waiting
      const kind = WAITING[waiting?.reason ?? '']
      if (kind === undefined || waiting === undefined) continue
      const ended = lastState?.terminated
      const exit =
        ended === undefined ? '' : `, last exit ${ended.exitCode ?? '?'}${ended.reason ? ` (${ended.reason})` : ''}`
      return {
        code: kind.code,
        text: `container ${name} of ${where} is waiting: ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}; ${restartCount} restarts${exit}`,
        next: kind.next,
      }
    }
    const unscheduled = pod.status?.conditions?.find(
      ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
    )
    if (unscheduled !== undefined) {
      return {
        code: 'environment',
        text: `${where} cannot be scheduled: ${unscheduled.message ?? ''}`,
        next: 'Make room on the nodes, or lower what the canary asks for.',
      }
    }
  }
  const refused = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
  return refused === undefined
    ? undefined
    : {
        code: 'environment',
        text: `the cluster does not create canary pods: ${refused.message ?? refused.reason ?? ''}`,
        next: 'Mend the quota or the admission rule that the message names.',
      }
}

const LOOK_AT_LOGS = "Look at the canary pods' logs."
const PULL = { code: 'image-pull', next: 'Check that the digest exists and that the nodes may pull it.' }
const CONFIG = { code: 'config', next: 'Check the ConfigMaps, Secrets and commands that the template names.' }
const WAITING: Readonly<Record<string, { readonly code: string; readonly next: string }>> = {
  ErrImagePull: PULL,
  ImagePullBackOff: PULL,
  InvalidImageName: PULL,
  CrashLoopBackOff: { code: 'crash-loop', next: LOOK_AT_LOGS },
  CreateContainerConfigError: CONFIG,
  CreateContainerError: CONFIG,
  RunContainerError: CONFIG,
}
