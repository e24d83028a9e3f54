import { describe, Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { statusBehind } from '@sluice/kubernetes/refusal'
import type { Touched } from '@sluice/release/record'
import type { RouteChange, Router } from '@sluice/traffic/router'
import { type Beside, besidesOf } from '../beside.ts'
import { canaryBudget } from '../budget.ts'
import { canaryDeployment } from '../canary.ts'
import { note, refusal } from '../finding.ts'
import type { Deployment, Pod, PodTemplate } from '../objects.ts'
import type { Settings } from '../plan.ts'
import { canaryForm } from '../template.ts'
import { json } from '../touched.ts'
import { type Changed, deploymentPaths, resourceOf, trackersOf, trackingFindings } from '../tracking.ts'
import type { autoscalers } from './autoscalers.ts'
import { newestPod } from './newest-pod.ts'

type Given = {
  readonly cluster: Cluster
  readonly namespace: string
  readonly deployment: string
  readonly router: Router
  /** What the plan accepts by name. */
  readonly allow: readonly string[]
  readonly scaling: Pick<ReturnType<typeof autoscalers>, 'preflight'>
}

/**
 * The router's findings and what it will change, who else keeps those objects as Git has them, and a dry run of the objects that will be created.
 * Nothing is written. `rehearsed`: a pod was part of the dry run, not only its Deployment.
 */
export const preflight = async (
  given: Given,
  settings: Settings,
  template: PodTemplate,
): Promise<{
  readonly findings: readonly Finding[]
  readonly touched: readonly Touched[]
  readonly rehearsed?: boolean
}> => {
  const { cluster, namespace, deployment, router } = given
  const live = await cluster.get<Deployment>({ apiVersion: 'apps/v1', resource: 'deployments', namespace }, deployment)
  const routed = await router.preflight()
  if (live === undefined) return { findings: routed, touched: [] }
  const previous = live.spec.template
  const rehearsals = await Promise.all(
    besidesOf(settings.setup).map((beside) =>
      rehearse(given, beside, { live, template: beside.roles.pods === 'canary' ? template : previous }),
    ),
  )
  const dryRun = {
    // The right to create pods is missed once, whoever's they are.
    findings: rehearsals.flatMap(({ findings }, nth) => findings.filter((each) => nth === 0 || each !== NOT_REHEARSED)),
    rehearsed: rehearsals.every(({ rehearsed }) => rehearsed),
  }
  const blocked = routed.some(({ level }) => level === 'error')
  const changes = blocked ? [] : await router.changes()
  const scaled = await given.scaling.preflight(deployment, live.spec.replicas ?? 1)
  const findings = [
    ...routed,
    ...dryRun.findings,
    ...scaled.findings,
    ...(await tracking(given, settings, { live, changes: [...changes, ...scaled.touched] })),
  ]
  const { rehearsed } = dryRun
  if (findings.some(({ level }) => level === 'error')) return { findings, touched: [], rehearsed }
  return { findings, touched: [...inventory(settings, { namespace, live, changes }), ...scaled.touched], rehearsed }
}

/** Everything that the release will touch, before it does: what is to be created stands in it without a UID. */
const inventory = (
  { setup }: Settings,
  seen: { readonly namespace: string; readonly live: Deployment; readonly changes: readonly RouteChange[] },
): readonly Touched[] => {
  const ref = (apiVersion: string, kind: string, name: string) => ({
    apiVersion,
    kind,
    namespace: seen.namespace,
    name,
  })
  const made = (role: Touched['role'], intended: ReturnType<typeof ref>): Touched => ({
    ref: intended,
    role,
    created: true,
    before: [],
  })
  const stable = { ...ref('apps/v1', 'Deployment', setup.deployment), uid: seen.live.metadata.uid ?? '' }
  return [
    { ref: stable, role: 'stable', created: false, before: [] },
    ...besidesOf(setup).flatMap(({ roles, deployment, service, budget }) => [
      made(roles.pods, ref('apps/v1', 'Deployment', deployment)),
      ...(service === null ? [] : [made(roles.service, ref('v1', 'Service', service))]),
      ...(budget === undefined ? [] : [made(roles.policy, ref('policy/v1', 'PodDisruptionBudget', budget.name))]),
    ]),
    ...seen.changes.map((change) => ({
      ref: change.ref,
      role: 'route' as const,
      created: false,
      before: json(change.before) as Touched['before'],
    })),
  ]
}

/** Creates the Deployment, its budget and one of its pods with dryRun: webhooks, Pod Security, LimitRanges and quotas answer as they would later. */
const rehearse = async (
  { cluster, namespace, allow }: Given,
  { deployment: target, label, track, budget, roles }: Beside,
  { live, template }: { readonly live: Deployment; readonly template: PodTemplate },
): Promise<{ readonly findings: readonly Finding[]; readonly rehearsed: boolean }> => {
  const marks = { owner: { repository: '', runId: 'dry-run', attempt: 1, job: '' }, epoch: 0 }
  const canary = canaryDeployment(live, template, { name: target, label, track, replicas: 1, marks })
  const { metadata, spec } = canaryForm(template, label, track)
  const name = `dry-run-${target}`
  const owned = ownership(await newestPod(cluster, namespace, live))
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace, ...owned }, spec }
  const twin =
    budget &&
    canaryBudget(budget, { stable: { ...live, metadata: live.metadata }, selector: canary.spec.selector, marks })
  const attempt = async (
    apiVersion: string,
    resource: string,
    object: KubernetesObject,
  ): Promise<Finding | 'passed' | 'not-allowed'> => {
    try {
      const written = await cluster.create({ apiVersion, resource, namespace }, object, { dryRun: true })
      if (written.kind === 'written') return 'passed'
      const where = `${object.kind} ${namespace}/${object.metadata.name}`
      return refusal('name-taken', `${where} exists already`, { where, hint: 'The release needs that name.' })
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      // Most tokens may not create pods, and need not: then only the Deployment was rehearsed. What RBAC refuses is said as "cannot create".
      if (object.kind === 'Pod' && isByRights(thrown)) return 'not-allowed'
      const whose = roles.pods === 'canary' ? "canary's" : "fresh baseline's"
      const text = `a dry run of the ${whose} ${object.kind} was refused: ${describe(thrown)}`
      const where = `${object.kind} ${namespace}/${target}`
      if (object.kind !== 'Pod') return refusal('dry-run', text, { where })
      if (statusBehind(thrown) === undefined) return note('dry-run', text)
      if (allow.includes(POD)) return note('dry-run', `${text}; allowed by the plan`)
      return refusal('dry-run', text, { where, hint: ONLY_THIS })
    }
  }
  const [first, second, third] = await Promise.all([
    attempt('apps/v1', 'deployments', canary),
    attempt('v1', 'pods', pod),
    twin === undefined ? ('passed' as const) : attempt('policy/v1', 'poddisruptionbudgets', twin),
  ])
  const findings = [first, second, third].flatMap((each) => (typeof each === 'string' ? [] : [each]))
  return {
    findings: second === 'not-allowed' ? [...findings, NOT_REHEARSED] : findings,
    // A refusal is the API server's word, too.
    rehearsed: second === 'passed' || (typeof second !== 'string' && second.level === 'error'),
  }
}

const POD = 'dry-run/pod'
const ONLY_THIS = `Change what it names first: pods of stable would not come back either. Where only a pod is refused that no controller makes, and those of a Deployment are not, accept it with \`allow: ["${POD}"]\` in the plan.`

/**
 * The ReplicaSet of stable as the owner of the rehearsed pod: rules against pods that nobody owns mean other pods than those of a canary.
 * Without `blockOwnerDeletion`, for which some clusters ask the right to finalize the owner.
 */
const ownership = (newest: Pod | undefined): Pick<KubernetesObject['metadata'], 'ownerReferences'> => {
  const owner = newest?.metadata.ownerReferences?.find(({ kind }) => kind === 'ReplicaSet')
  if (owner === undefined) return {}
  const { apiVersion, kind, name, uid } = owner
  return { ownerReferences: [{ apiVersion, kind, name, uid, controller: true }] }
}

/** RBAC names the verb and the resource; an admission plugin or a webhook names itself and why. */
const isByRights = (thrown: Fault): boolean =>
  statusBehind(thrown) === 403 && /cannot create resource "pods"/.test(thrown.message)

const NOT_REHEARSED = note(
  'dry-run',
  'this credential may not create pods, so none was rehearsed: LimitRanges, quotas and Pod Security were reckoned from what could be read, webhooks were not asked',
)

/** One object of the user's with what a release changes of it. */
type Change = {
  readonly ref: Omit<RouteChange['ref'], 'uid'>
  readonly before: readonly { readonly path: string; readonly value?: unknown }[]
}

/** Who puts the Deployment (or what `live` is instead), the route or an autoscaler back as Git has it. */
export const tracking = async (
  { cluster, allow }: Pick<Given, 'cluster' | 'allow'>,
  { setup }: Settings,
  { live, changes }: { readonly live: Deployment; readonly changes: readonly Change[] },
): Promise<readonly Finding[]> => {
  const read = async (apiVersion: string, resource: string, namespace: string, name: string) => {
    try {
      return await cluster.get({ apiVersion, resource, namespace }, name)
    } catch (thrown) {
      if (thrown instanceof Fault) return undefined
      throw thrown
    }
  }
  const routes = await Promise.all(
    changes.map(async ({ ref, before }): Promise<readonly Changed[]> => {
      const object = await read(ref.apiVersion, pluralOf(ref.kind), ref.namespace, ref.name)
      // Our own mark is in Git nowhere, so it is no difference to anybody. An annotation that was there before may well be.
      const fields = before.filter(({ path, value }) => value !== undefined || !path.startsWith('/metadata/'))
      const pathsOf = (some: Change['before']): readonly string[] => some.map(({ path }) => path)
      if (object === undefined || fields.length === 0) return []
      const certain = pathsOf(fields.filter(({ value }) => value !== undefined))
      return [{ object: { ...object, apiVersion: ref.apiVersion, kind: ref.kind }, paths: pathsOf(fields), certain }]
    }),
  )
  const paths = deploymentPaths(live.spec.template.spec.containers, setup.container)
  const { apiVersion = 'apps/v1', kind = 'Deployment' } = live
  const deployment: Changed = { object: { ...live, apiVersion, kind }, paths }
  const tracked = await Promise.all(
    trackersOf([deployment, ...routes.flat()]).map(async (each) => {
      const at = resourceOf(each.tracker)
      const found = at && (await read(at.apiVersion, at.resource, at.namespace ?? '', each.tracker.name))
      return { ...each, found }
    }),
  )
  return trackingFindings(tracked, allow)
}

/** The plural of a kind as the kinds that routers change are named: `httproutes`, `virtualservices`, `ingresses`. */
const pluralOf = (kind: string): string => `${kind.toLowerCase()}${kind.endsWith('s') ? 'es' : 's'}`
