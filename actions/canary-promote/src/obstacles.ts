import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Image } from '@sluice/release/record'
import { OWNER } from './canary.ts'
import { type Policy, shortened } from './label.ts'
import type { Deployment, PodTemplate, Selector, Service } from './objects.ts'

/** What the user asked for, as far as the cluster decides whether it can be done. */
export type Request = {
  readonly namespace: string
  readonly deployment: string
  readonly container: string
  readonly service: string
  readonly image: Image
  readonly split: 'weights' | 'replicas'
  readonly firstWeight: number
  readonly minCanary: number
  /** `networkpolicy/NAME` whose different match for canary pods is accepted. */
  readonly allow: readonly string[]
}

/** One read of the namespace. What could not be read is absent and named in `unread`. */
export type Snapshot = {
  readonly deployment: Deployment | undefined
  readonly services: readonly Service[]
  readonly networkPolicies: readonly KubernetesObject[]
  readonly budgets: readonly KubernetesObject[]
  readonly autoscalers: readonly KubernetesObject[]
  readonly claims: readonly KubernetesObject[]
  /** Deployments that already have the name that the release would give. */
  readonly taken: readonly KubernetesObject[]
  readonly unread: readonly { readonly what: string; readonly why: string }[]
}

/** The names that a release of this Deployment and Service gives to its objects. */
export const canaryName = (name: string): string => shortened(`${name}-canary`)

/** Policies that would match canary pods differently: a NetworkPolicy is refused unless allowed, others are warned of. */
export const policyFindings = (
  changes: readonly Policy[],
  allow: readonly string[],
  where: string,
): readonly Finding[] =>
  changes.map(({ kind, name }) => {
    const id = `${kind.toLowerCase()}/${name}`
    const text = `${kind} ${name} would match canary pods differently from stable ones`
    if (kind !== 'NetworkPolicy') return warning('policy', text, { where: id })
    if (allow.includes(id)) return note('policy', `${text}; allowed by the plan`)
    return refusal('policy', text, {
      where,
      hint: `Let it select by a label that both sides carry, or accept it with \`allow: ["${id}"]\` in the plan.`,
    })
  })

/** What of the Deployment as it stands now keeps it from having a canary. */
export const stateFindings = (deployment: Deployment, where: string): readonly Finding[] => {
  const { replicas = 1, paused, strategy } = deployment.spec
  const available = deployment.status?.availableReplicas ?? 0
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

/** Autoscalers that would count or shrink the wrong pods. */
export const autoscalerFindings = (
  request: Request,
  snapshot: Snapshot,
  sameSelectors: boolean,
  where: string,
): readonly Finding[] =>
  snapshot.autoscalers
    .filter((each) => targets(each, request.deployment))
    .map(({ kind, metadata }) => {
      const name = `${kind} ${metadata.name}`
      if (request.split === 'replicas' && sameSelectors) {
        return refusal('autoscaler', `${name} counts the pods of ${where} by a selector that canary pods match too`, {
          where,
          hint: 'Give the Deployment a selector label that the Service does not use, or use a router.',
        })
      }
      return warning('autoscaler', `${name} may shrink stable while the canary takes traffic`, {
        where,
        hint: 'Raise its minReplicas to what the whole traffic needs until the release is over.',
      })
    })

/** Services that already have the name of the twin. */
export const twinsOf = (
  request: Request,
  stable: Service | undefined,
  services: readonly Service[],
): readonly KubernetesObject[] =>
  stable === undefined || request.split === 'replicas'
    ? []
    : services.filter(({ metadata }) => metadata.name === canaryName(stable.metadata.name))

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
  const replicas = deployment.spec.replicas ?? 1
  if (request.split === 'replicas') {
    const floor = Math.ceil(100 / (replicas + 1))
    if (request.firstWeight >= floor) return []
    return [
      warning(
        'coarse-share',
        `one canary pod beside ${replicas} stable ones takes ${floor} % of the traffic, not ${request.firstWeight} %`,
        {
          where,
          measured: floor,
          limit: request.firstWeight,
          unit: '%',
        },
      ),
    ]
  }
  const size = Math.max(request.minCanary, Math.ceil((request.firstWeight * replicas) / 100))
  return size >= 2
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

/** A NetworkPolicy or PodDisruptionBudget by its selectors, those of its peers included. */
export const asPolicy = (object: KubernetesObject): Policy => {
  const spec = (object.spec ?? {}) as {
    podSelector?: Selector
    selector?: Selector
    ingress?: readonly { from?: readonly Peer[] }[]
    egress?: readonly { to?: readonly Peer[] }[]
  }
  const peers = [
    ...(spec.ingress ?? []).flatMap(({ from = [] }) => from),
    ...(spec.egress ?? []).flatMap(({ to = [] }) => to),
  ]
  const selectors = [spec.podSelector, spec.selector, ...peers.map(({ podSelector }) => podSelector)]
  return {
    kind: object.kind,
    name: object.metadata.name,
    selectors: selectors.filter((selector) => selector !== undefined),
  }
}
type Peer = { readonly podSelector?: Selector }

const modesOf = (claim: KubernetesObject | undefined): readonly string[] =>
  ((claim?.spec ?? {}) as { accessModes?: readonly string[] }).accessModes ?? []

const targets = (autoscaler: KubernetesObject, deployment: string): boolean => {
  const { scaleTargetRef } = (autoscaler.spec ?? {}) as { scaleTargetRef?: { kind?: string; name?: string } }
  return (scaleTargetRef?.kind ?? 'Deployment') === 'Deployment' && scaleTargetRef?.name === deployment
}

type More = Pick<Finding, 'where' | 'hint' | 'measured' | 'limit' | 'unit'>
/** A finding that keeps the release from beginning. */
export const refusal = (id: string, text: string, more: More = {}): Finding => ({ id, level: 'error', text, ...more })
const warning = (id: string, text: string, more: More = {}): Finding => ({ id, level: 'warning', text, ...more })
/** A finding to know. */
export const note = (id: string, text: string, more: More = {}): Finding => ({ id, level: 'note', text, ...more })
