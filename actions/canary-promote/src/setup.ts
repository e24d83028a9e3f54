import type { Finding } from '@sluice/kit/report'
import type { Image } from '@sluice/release/record'
import { canarySize } from '@sluice/release/sizing'
import { type Budget, budgetFor } from './budget.ts'
import { note, refusal } from './finding.ts'
import { chooseLabel, differing, type Policy } from './label.ts'
import { type Deployment, type Labels, type PodTemplate, picks, type Service } from './objects.ts'
import {
  autoscalerFindings,
  baselineName,
  canaryName,
  missingFinding,
  namesFor,
  type Request,
  type Snapshot,
  sizeFindings,
  stateFindings,
  takenFindings,
  templateFindings,
  twinsOf,
} from './obstacles.ts'
import { asPolicy, escapedPolicies, GUARDS, type Place, policyFindings, policyId } from './policies.ts'
import { otherServiceFindings, otherServices } from './services.ts'
import { BASELINE_TRACK, type ChangedLabel, containerFor, imageIn, TRACK } from './template.ts'

/** How the release will stand in the namespace; saved with the plan, so that whoever takes over needs nothing else. */
export type Setup = {
  readonly deployment: string
  readonly container: string
  readonly canary: string
  readonly label: ChangedLabel | null
  /** With `split: weights`: the Service that the route names, and its twin. */
  readonly service: string | null
  readonly canaryService: string | null
  /** The PodDisruptionBudget of canary pods, where stable's own would not pick them. */
  readonly budget?: Budget
  /** The fresh baseline: its Deployment, its Service, the third value of the label, and the budget of its pods. Absent: stable itself is compared with. */
  readonly fresh?: {
    readonly deployment: string
    readonly service: string
    readonly label: ChangedLabel
    readonly budget?: Budget
  }
  /** With an Argo Rollouts Rollout: the pod hash of its stable ReplicaSet before the release. */
  readonly rollout?: { readonly stable: string }
}

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
    return { findings: [missingFinding(snapshot.others ?? [], where)] }
  }
  const template = deployment.spec.template
  const container = containerFor(template.spec.containers, request.container, request.image)
  const service = serviceFor(request, snapshot.services, template)
  const place: Place = { namespace: request.namespace, labels: snapshot.namespaceLabels }
  const pods = template.metadata?.labels ?? {}
  const own = service.found?.metadata.name
  // Without a router every Service of these pods is to share canary pods as the stable ones.
  const others =
    request.split === 'replicas' || own === undefined
      ? []
      : otherServices(snapshot.services, [own, ...namesFor(request, own)])
  const label = chooseLabel({
    split: request.split,
    deployment: deployment.spec.selector,
    service: service.found?.spec.selector,
    pods,
    policies: [...snapshot.policies, ...snapshot.budgets].map((object) => asPolicy(object, place)),
    services: others.filter((each) => !request.allow.includes(policyId(each))),
    guards: GUARDS,
  })
  const changes = [
    // A budget is not lost: it gets a twin.
    ...(label.kind === 'chosen' ? label.changes.filter(({ kind }) => kind !== 'PodDisruptionBudget') : []),
    ...(request.split === 'weights' ? escapedPolicies(snapshot.policies, service.found, place) : []),
  ]
  const third = label.kind === 'chosen' && request.baseline === 'fresh' ? thirdValue(label.label) : undefined
  const changed = label.kind === 'chosen' && label.label !== undefined ? { [label.label.key]: label.label.canary } : {}
  const sides = { stable: pods, canary: { ...pods, ...changed, ...TRACK }, replicas: deployment.spec.replicas ?? 1 }
  const guarded = budgetFor(snapshot.budgets, sides, request.allow)
  const fresh = third && freshBaseline(request, snapshot, { sides, place, label: third, own, others, known: changes })
  const findings = [
    ...('problem' in container
      ? [refusal('container', `${where}: ${container.problem}`, { where, hint: 'Set the input `container`.' })]
      : []),
    ...service.findings,
    ...(label.kind === 'none' && service.findings.length === 0
      ? [refusal('no-label', `${where}: ${label.text}`, { where, hint: label.next })]
      : []),
    ...policyFindings(changes, request.allow, where),
    ...(label.kind === 'chosen' && label.label !== undefined
      ? otherServiceFindings(others, { ...sides, label: label.label }, request.allow, where)
      : []),
    ...(label.kind === 'chosen' ? guarded.findings : []),
    ...(fresh?.findings ?? []),
    ...stateFindings(deployment, where),
    ...templateFindings(template, snapshot.claims, where),
    ...autoscalerFindings(request, snapshot, label.kind === 'chosen' && label.label === undefined, where),
    ...takenFindings([
      ...snapshot.taken.filter(({ metadata }) => namesFor(request, request.deployment).includes(metadata.name)),
      ...twinsOf(request, service.found, snapshot.services),
    ]),
    ...sizeFindings(request, deployment, where),
    ...unreadFindings(snapshot.unread),
    ...(snapshot.ownOnly === true ? [ELSEWHERE] : []),
  ]
  if ('problem' in container || label.kind === 'none' || findings.some(({ level }) => level === 'error')) {
    return { findings }
  }
  const stableService = own ?? null
  return {
    findings,
    setup: {
      deployment: request.deployment,
      container: container.name,
      canary: canaryName(request.deployment),
      label: label.label ?? null,
      service: stableService,
      canaryService: request.split === 'weights' && stableService !== null ? canaryName(stableService) : null,
      ...(guarded.budget === undefined ? {} : { budget: guarded.budget }),
      ...(fresh?.fresh === undefined ? {} : { fresh: fresh.fresh }),
    },
  }
}

const thirdValue = (label: ChangedLabel | undefined): ChangedLabel | undefined =>
  label && { ...label, canary: baselineName(label.stable) }

/** How a fresh baseline stands: the label that tells canary pods apart gets a third value, and what would pick its pods differently is said as for the canary's. */
const freshBaseline = (
  request: Request,
  snapshot: Snapshot,
  given: {
    readonly sides: { readonly stable: Labels; readonly canary: Labels; readonly replicas: number }
    readonly place: Place
    readonly label: ChangedLabel
    readonly own: string | undefined
    readonly others: readonly Policy[]
    /** What is said of the canary's pods already. */
    readonly known: readonly Policy[]
  },
): { readonly findings: readonly Finding[]; readonly fresh?: NonNullable<Setup['fresh']> } => {
  const { label, own, known } = given
  const { stable, canary, replicas } = given.sides
  // What would pick canary pods too is said of those.
  const others = given.others.filter(({ selectors }) => !selectors.some((each) => picks(each, canary)))
  const where = `Deployment ${request.namespace}/${request.deployment}`
  const pods = { ...stable, [label.key]: label.canary, ...BASELINE_TRACK }
  const policies = snapshot.policies.map((object) => asPolicy(object, given.place))
  const more = differing(policies, stable, pods).filter(
    (policy) => !known.some((each) => policyId(each) === policyId(policy)),
  )
  const guarded = budgetFor(snapshot.budgets, { stable, canary: pods, replicas, beside: 'baseline' }, request.allow)
  const most = Math.max(0, ...request.weights.map((weight) => canarySize(weight, replicas, request)))
  const cost = `a fresh baseline stands beside stable and canary: ${label.key}=${label.canary}, and at most ${most} pods more, as many as the canary`
  const findings = [
    note('fresh-baseline', cost),
    ...policyFindings(more, request.allow, where, 'baseline'),
    ...otherServiceFindings(others, { stable, canary: pods, label, beside: 'baseline' }, request.allow, where),
    ...guarded.findings,
  ]
  if (own === undefined) return { findings }
  const { budget } = guarded
  const names = { deployment: baselineName(request.deployment), service: baselineName(own), label }
  return { findings, fresh: { ...names, ...(budget === undefined ? {} : { budget }) } }
}

/** Whether this image already is what the container of the live Deployment runs; asked only of one that was found at rest, whose template is what serves. */
export const runsAlready = (deployment: Deployment, container: string, image: Image): boolean =>
  imageIn(deployment.spec.template, container).digest === image.digest

const ELSEWHERE = note(
  'policies-elsewhere',
  'policies of other namespaces that name these pods as peers were not looked at: this credential reads its own namespace',
)

/** What may not be read does not keep anybody from releasing; one sentence says what was not looked at. */
const unreadFindings = (unread: Snapshot['unread']): readonly Finding[] => {
  const [first] = unread
  if (first === undefined) return []
  const what = [...new Set(unread.map((each) => each.what))].join(', ')
  return [note('unread', `${what} could not be read, so what they mean for canary pods was not checked: ${first.why}`)]
}

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
    only === undefined
      ? 'Create the Service, or check its selector. A worker without one takes no requests to split: it works at weight 0, so roll it out with the action deploy.'
      : 'Name the one behind the route in `service`.'
  return { findings: [refusal('service', text, { where, hint })] }
}
