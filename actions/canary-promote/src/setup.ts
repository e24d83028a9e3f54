import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Image } from '@sluice/release/record'
import { OWNER } from './canary.ts'
import { chooseLabel, type Policy, shortened } from './label.ts'
import { type Deployment, type PodTemplate, picks, type Selector, type Service } from './objects.ts'
import { type ChangedLabel, containerFor, imageIn } from './template.ts'

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

/** How the release will stand in the namespace; saved with the plan, so that whoever takes over needs nothing else. */
export type Setup = {
  readonly deployment: string
  readonly container: string
  readonly canary: string
  readonly label: ChangedLabel | null
  /** With `split: weights`: the Service that the route names, and its twin. */
  readonly service: string | null
  readonly canaryService: string | null
}

/** The names that a release of this Deployment and Service gives to its objects. */
export const canaryName = (name: string): string => shortened(`${name}-canary`)

/**
 * Decides whether this Deployment can have a canary, and how: the Service, the container, the label that changes, the names.
 * Every finding of level `error` is a refusal; all are found at once, and nothing has been touched. Decision record: docs/decisions/0006-canary-promote.md.
 */
export const decideSetup = (
  request: Request,
  snapshot: Snapshot,
): { readonly findings: readonly Finding[]; readonly setup?: Setup } => {
  const { deployment } = snapshot
  const where = `Deployment ${request.namespace}/${request.deployment}`
  if (deployment === undefined) {
    return {
      findings: [
        refusal('no-deployment', `${where} does not exist, so there is nothing to compare with`, {
          where,
          hint: 'Is it the first release? Use the action deploy; a canary needs a release that serves. Else check `deployment` and `namespace`.',
        }),
      ],
    }
  }
  const template = deployment.spec.template
  const container = containerFor(template.spec.containers, request.container, request.image)
  const service = serviceFor(request, snapshot.services, template)
  const label = chooseLabel({
    split: request.split,
    deployment: deployment.spec.selector,
    service: service.found?.spec.selector,
    pods: template.metadata?.labels ?? {},
    policies: [...snapshot.networkPolicies.map(asPolicy), ...snapshot.budgets.map(asPolicy)],
  })
  const findings = [
    ...('problem' in container
      ? [refusal('container', `${where}: ${container.problem}`, { where, hint: 'Set the input `container`.' })]
      : []),
    ...service.findings,
    ...(label.kind === 'none' && service.findings.length === 0
      ? [refusal('no-label', `${where}: ${label.text}`, { where, hint: label.next })]
      : []),
    ...(label.kind === 'chosen' ? policyFindings(label.changes, request.allow, where) : []),
    ...stateFindings(deployment, where),
    ...templateFindings(template, snapshot.claims, where),
    ...autoscalerFindings(request, snapshot, label.kind === 'chosen' && label.label === undefined, where),
    ...takenFindings([...snapshot.taken, ...twinsOf(request, service.found, snapshot.services)]),
    ...sizeFindings(request, deployment, where),
    ...snapshot.unread.map(({ what, why }) =>
      note('unread', `${what} could not be read, so what they mean for canary pods was not checked: ${why}`),
    ),
  ]
  if ('problem' in container || label.kind === 'none' || findings.some(({ level }) => level === 'error')) {
    return { findings }
  }
  const stableService = service.found?.metadata.name ?? null
  return {
    findings,
    setup: {
      deployment: request.deployment,
      container: container.name,
      canary: canaryName(request.deployment),
      label: label.label ?? null,
      service: stableService,
      canaryService: request.split === 'weights' && stableService !== null ? canaryName(stableService) : null,
    },
  }
}

/** Whether this image already is what the container of the live Deployment runs. */
export const runsAlready = (deployment: Deployment, container: string, image: Image): boolean =>
  imageIn(deployment.spec.template, container).digest === image.digest

const serviceFor = (
  request: Request,
  services: readonly Service[],
  template: PodTemplate,
): { readonly found?: Service; readonly findings: readonly Finding[] } => {
  const labels = template.metadata?.labels ?? {}
  const fits = services.filter(
    ({ spec }) => Object.keys(spec.selector ?? {}).length > 0 && picks({ matchLabels: spec.selector ?? {} }, labels),
  )
  const names = fits.map(({ metadata }) => metadata.name)
  const where = `namespace ${request.namespace}`
  if (request.service !== '') {
    const named = services.find(({ metadata }) => metadata.name === request.service)
    if (named !== undefined && fits.includes(named)) return { found: named, findings: [] }
    const text =
      named === undefined
        ? `Service ${request.namespace}/${request.service} does not exist`
        : `Service ${request.namespace}/${request.service} does not select the pods of ${request.deployment}`
    const hint = names.length === 0 ? 'No Service selects them.' : `Services that select them: ${names.join(', ')}.`
    return { findings: [refusal('service', text, { where, hint })] }
  }
  const [only, ...more] = fits
  if (only !== undefined && more.length === 0) return { found: only, findings: [] }
  // Without a router every Service that picks the pods keeps doing so: none has to be told apart, but one shows which labels are taken.
  if (request.split === 'replicas' && only !== undefined) return { found: only, findings: [] }
  const text =
    only === undefined
      ? `no Service in ${where} selects the pods of ${request.deployment}`
      : `${names.length} Services select the pods of ${request.deployment}: ${names.join(', ')}`
  const hint =
    only === undefined ? 'Create the Service, or check its selector.' : 'Name the one behind the route in `service`.'
  return { findings: [refusal('service', text, { where, hint })] }
}

const policyFindings = (changes: readonly Policy[], allow: readonly string[], where: string): readonly Finding[] =>
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

const stateFindings = (deployment: Deployment, where: string): readonly Finding[] => {
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

const templateFindings = (
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

const autoscalerFindings = (
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

const twinsOf = (
  request: Request,
  stable: Service | undefined,
  services: readonly Service[],
): readonly KubernetesObject[] =>
  stable === undefined || request.split === 'replicas'
    ? []
    : services.filter(({ metadata }) => metadata.name === canaryName(stable.metadata.name))

const takenFindings = (taken: readonly KubernetesObject[]): readonly Finding[] =>
  taken.map(({ kind, metadata }) => {
    const where = `${kind} ${metadata.namespace ?? ''}/${metadata.name}`
    const owner = metadata.annotations?.[OWNER]
    const whose = owner === undefined ? 'and is not one of ours' : `left by run ${owner}`
    return refusal('name-taken', `${where} exists already ${whose}`, {
      where,
      hint: 'Look at it, then delete or rename it: the release needs that name.',
    })
  })

const sizeFindings = (request: Request, deployment: Deployment, where: string): readonly Finding[] => {
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

const asPolicy = (object: KubernetesObject): Policy => {
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
const refusal = (id: string, text: string, more: More = {}): Finding => ({ id, level: 'error', text, ...more })
const warning = (id: string, text: string, more: More = {}): Finding => ({ id, level: 'warning', text, ...more })
const note = (id: string, text: string, more: More = {}): Finding => ({ id, level: 'note', text, ...more })
