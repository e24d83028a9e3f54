import type { Finding } from '@sluice/kit/report'
import type { Image } from '@sluice/release/record'
import { chooseLabel } from './label.ts'
import { type Deployment, type PodTemplate, picks, type Service } from './objects.ts'
import {
  asPolicy,
  autoscalerFindings,
  canaryName,
  note,
  policyFindings,
  type Request,
  refusal,
  type Snapshot,
  sizeFindings,
  stateFindings,
  takenFindings,
  templateFindings,
  twinsOf,
} from './obstacles.ts'
import { type ChangedLabel, containerFor, imageIn } from './template.ts'

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
