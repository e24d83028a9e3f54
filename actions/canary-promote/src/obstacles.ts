import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Image } from '@sluice/release/record'
import { canarySize } from '@sluice/release/sizing'
import type { Standing } from '@sluice/traffic/argo-rollouts-status'
import { OWNER } from './canary.ts'
import { refusal, warning } from './finding.ts'
import { shortened } from './label.ts'
import type { Deployment, Labels, PodTemplate, Service } from './objects.ts'
import { rollOutFinding } from './progress.ts'

/** What the user asked for, as far as the cluster decides whether it can be done. */
export type Request = {
  readonly namespace: string
  readonly deployment: string
  readonly container: string
  readonly service: string
  readonly image: Image
  readonly split: 'weights' | 'replicas'
  /** What each step asks of the canary, percent: a share of the requests, or a copy of one. */
  readonly weights: readonly number[]
  readonly minCanary: number
  readonly headroom: number
  /** What the canary is compared with. Default stable itself. */
  readonly baseline?: 'stable' | 'fresh'
  /** What is accepted by name: `networkpolicy/NAME`, `service/NAME`, `podsecurity/restricted`, `application/NAME` … */
  readonly allow: readonly string[]
}

/** One read of the namespace. What could not be read is absent and named in `unread`. */
export type Snapshot = {
  readonly deployment: Deployment | undefined
  /** With an Argo Rollouts Rollout, which `deployment` then is: what its status says about it. */
  readonly standing?: Standing
  /** Where there is no Deployment: what else has its name. */
  readonly others?: readonly KubernetesObject[]
  readonly services: readonly Service[]
  /** Every object that picks pods by their labels or names Services, of this namespace and of those that may be read. */
  readonly policies: readonly KubernetesObject[]
  /** Only the policies of the Deployment's own namespace could be read. */
  readonly ownOnly?: boolean
  readonly budgets: readonly KubernetesObject[]
  readonly autoscalers: readonly KubernetesObject[]
  readonly claims: readonly KubernetesObject[]
  readonly limitRanges?: readonly KubernetesObject[]
  readonly quotas?: readonly KubernetesObject[]
  readonly namespaceLabels?: Labels | undefined
  /** `v1.34.4`, where Pod Security enforces and the API server says it. */
  readonly serverVersion?: string | undefined
  /** What the newest running pod of stable is made of, as admission left it. */
  readonly sample?: PodTemplate['spec'] | undefined
  /** Deployments that already have a name that a release may give. */
  readonly taken: readonly KubernetesObject[]
  readonly unread: readonly { readonly what: string; readonly why: string }[]
}

/** The names that a release of this Deployment and Service gives to its objects. */
export const canaryName = (name: string): string => shortened(`${name}-canary`)

/** The names of a fresh baseline's objects. */
export const baselineName = (name: string): string => shortened(`${name}-baseline`)

/** There is no Deployment: whether it is the first release, or another kind of that name. */
export const missingFinding = (others: readonly KubernetesObject[], where: string): Finding => {
  const [other] = others
  if (other !== undefined) {
    const why =
      other.kind === 'Rollout'
        ? 'Use `router: argo-rollouts`, which drives it as it is.'
        : 'Its pods have names, volumes or nodes of their own, which a second set beside them cannot share. Roll it out with the action deploy.'
    return refusal('not-a-deployment', `${where} does not exist; ${other.kind} ${other.metadata.name} does`, {
      where,
      hint: why,
    })
  }
  return refusal('no-deployment', `${where} does not exist, so there is nothing to compare with`, {
    where,
    hint: 'Is it the first release? Use the action deploy; a canary needs a release that serves. Else check `deployment` and `namespace`.',
  })
}

/** What of the Deployment as it stands now keeps it from having a canary. */
export const stateFindings = (deployment: Deployment, where: string): readonly Finding[] => {
  const { replicas = 1, paused, strategy } = deployment.spec
  const available = deployment.status?.availableReplicas ?? 0
  // A paused one rolls nothing out until it is resumed, and none of no pods either.
  const rolling = paused === true || replicas === 0 ? undefined : rollOutFinding(deployment, where)
  const found: Finding[] = []
  if (paused === true) {
    found.push(refusal('paused', `${where} is paused`, { where, hint: 'Run `kubectl rollout resume` first.' }))
  }
  if (replicas === 0) {
    found.push(
      refusal('no-replicas', `${where} has no replicas`, {
        where,
        hint: 'Scale it up: a canary is compared with what serves.',
      }),
    )
  } else if (rolling !== undefined) {
    found.push(rolling)
  } else if (available < replicas) {
    found.push(
      refusal('stable-unavailable', `${where} has ${available} of ${replicas} pods available`, {
        where,
        hint: 'Stable must be able to take all traffic back; mend it, or deploy the fix with the action deploy.',
      }),
    )
  }
  if (strategy?.type === 'Recreate') {
    found.push(
      refusal('recreate', `${where} has strategy Recreate: promotion would take all stable pods down at once`, {
        where,
        hint: 'Use RollingUpdate.',
      }),
    )
  }
  return found
}

/** What of the pod template two sets of pods cannot share, and what drops requests when pods end. */
export const templateFindings = (
  template: PodTemplate,
  claims: readonly KubernetesObject[],
  where: string,
): readonly Finding[] => {
  const found: Finding[] = []
  for (const { name, hostPort } of template.spec.containers.flatMap(({ name, ports = [] }) =>
    ports.map((port) => ({ name, hostPort: port.hostPort })),
  )) {
    if (hostPort === undefined) continue
    found.push(
      refusal(
        'host-port',
        `${where}: container ${name} takes hostPort ${hostPort}, which two pods of a node cannot share`,
        {
          where,
          hint: 'Serve through the Service instead.',
        },
      ),
    )
  }
  if (template.spec.hostNetwork === true) {
    found.push(
      refusal('host-port', `${where}: its pods use the network of their node, whose ports two pods cannot share`, {
        where,
        hint: 'Serve through the Service instead.',
      }),
    )
  }
  if (template.spec.containers.every(({ ports = [] }) => ports.length === 0)) {
    found.push(
      warning('works-at-zero', `${where} declares no port: a worker takes from its queue at weight 0 already`, {
        where,
        hint: 'The weight holds back requests only. If these pods consume a queue, topic or schedule, the canary does so as soon as it is ready, by its share of pods.',
      }),
    )
  }
  for (const volume of template.spec.volumes ?? []) {
    const claim = claims.find(({ metadata }) => metadata.name === volume.persistentVolumeClaim?.claimName)
    const modes = modesOf(claim)
    if (claim === undefined || modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')) continue
    found.push(
      refusal(
        'single-writer-volume',
        `${where}: volume ${volume.name} uses claim ${claim.metadata.name} (${modes.join(', ')})`,
        {
          where,
          hint: 'Canary and stable pods would write the same volume; use ReadWriteMany, or a claim per pod.',
        },
      ),
    )
  }
  if (template.spec.containers.every(({ lifecycle }) => lifecycle?.preStop === undefined)) {
    found.push(
      warning(
        'no-pre-stop',
        `${where} has no preStop hook: pods that end may drop requests that are still on their way`,
        {
          where,
          hint: 'A preStop sleep of a few seconds lets the endpoints settle first.',
        },
      ),
    )
  }
  return found
}

/** Autoscalers that would count the wrong pods; that they may not shrink stable meanwhile is the release's own doing (autoscaler.ts). */
export const autoscalerFindings = (
  request: Request,
  snapshot: Snapshot,
  sameSelectors: boolean,
  where: string,
): readonly Finding[] =>
  snapshot.autoscalers
    .filter((each) => request.split === 'replicas' && sameSelectors && targets(each, request.deployment))
    .map(({ kind, metadata }) =>
      refusal(
        'autoscaler',
        `${kind} ${metadata.name} counts the pods of ${where} by a selector that canary pods match too`,
        {
          where,
          hint: 'Give the Deployment a selector label that the Service does not use, or use a router.',
        },
      ),
    )

/** Services that already have the name of the twin, or of a fresh baseline's. */
export const twinsOf = (
  request: Request,
  stable: Service | undefined,
  services: readonly Service[],
): readonly KubernetesObject[] =>
  stable === undefined || request.split === 'replicas'
    ? []
    : services.filter(({ metadata }) => namesFor(request, stable.metadata.name).includes(metadata.name))

/** The names that this release gives beside one of the user's. */
export const namesFor = ({ baseline }: Pick<Request, 'baseline'>, name: string): readonly string[] => [
  canaryName(name),
  ...(baseline === 'fresh' ? [baselineName(name)] : []),
]

/** Objects that have a name that the release needs. */
export const takenFindings = (taken: readonly KubernetesObject[]): readonly Finding[] =>
  taken.map(({ kind, metadata }) => {
    const where = `${kind} ${metadata.namespace ?? ''}/${metadata.name}`
    const owner = metadata.annotations?.[OWNER]
    const whose = owner === undefined ? 'and is not one of ours' : `left by run ${owner}`
    return refusal('name-taken', `${where} exists already ${whose}`, {
      where,
      hint: 'Look at it, then delete or rename it: the release needs that name.',
    })
  })

/** What the first step comes to in pods. */
export const sizeFindings = (request: Request, deployment: Deployment, where: string): readonly Finding[] => {
  const [first = 0] = request.weights
  // Without a router the size is the share: the router says what each step comes to.
  return request.split === 'replicas' || canarySize(first, deployment.spec.replicas ?? 1, request) >= 2
    ? []
    : [
        warning(
          'one-canary-pod',
          'the first step has one canary pod: what is odd about that pod will look like the release',
          {
            where,
            hint: 'Set `min-canary: 2` in the plan.',
          },
        ),
      ]
}

const modesOf = (claim: KubernetesObject | undefined): readonly string[] =>
  ((claim?.spec ?? {}) as { accessModes?: readonly string[] }).accessModes ?? []

const targets = (autoscaler: KubernetesObject, deployment: string): boolean => {
  const { scaleTargetRef } = (autoscaler.spec ?? {}) as { scaleTargetRef?: { kind?: string; name?: string } }
  return (scaleTargetRef?.kind ?? 'Deployment') === 'Deployment' && scaleTargetRef?.name === deployment
}
