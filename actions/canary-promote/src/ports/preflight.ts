import { describe, Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster } from '@sluice/kubernetes/cluster'
import type { Touched } from '@sluice/release/record'
import type { Router } from '@sluice/traffic/router'
import { canaryDeployment } from '../canary.ts'
import type { Deployment, PodTemplate } from '../objects.ts'
import type { Settings } from '../plan.ts'
import { canaryForm } from '../template.ts'
import { json } from '../touched.ts'

/** The router's findings and what it will change, and a dry run of the objects that will be created. Nothing is written. */
export const preflight = async (
  given: {
    readonly cluster: Cluster
    readonly namespace: string
    readonly deployment: string
    readonly router: Router
  },
  settings: Settings,
  template: PodTemplate,
): Promise<{ readonly findings: readonly Finding[]; readonly touched: readonly Touched[] }> => {
  const { cluster, namespace, deployment, router } = given
  const live = await cluster.get<Deployment>({ apiVersion: 'apps/v1', resource: 'deployments', namespace }, deployment)
  const findings: Finding[] = [...(await router.preflight())]
  if (live !== undefined) findings.push(...(await rehearse(given, settings, { live, template })))
  if (live === undefined || findings.some(({ level }) => level === 'error')) return { findings, touched: [] }
  return { findings, touched: inventory(settings, { namespace, live, changes: await router.changes() }) }
}

/** Everything that the release will touch, before it does: what is to be created stands in it without a UID. */
const inventory = (
  { setup }: Settings,
  seen: {
    readonly namespace: string
    readonly live: Deployment
    readonly changes: Awaited<ReturnType<Router['changes']>>
  },
): readonly Touched[] => {
  const ref = (apiVersion: string, kind: string, name: string) => ({
    apiVersion,
    kind,
    namespace: seen.namespace,
    name,
  })
  const stable = { ...ref('apps/v1', 'Deployment', setup.deployment), uid: seen.live.metadata.uid ?? '' }
  return [
    { ref: stable, role: 'stable', created: false, before: [] },
    { ref: ref('apps/v1', 'Deployment', setup.canary), role: 'canary', created: true, before: [] },
    ...(setup.canaryService === null
      ? []
      : [{ ref: ref('v1', 'Service', setup.canaryService), role: 'service' as const, created: true, before: [] }]),
    ...seen.changes.map((change) => ({
      ref: change.ref,
      role: 'route' as const,
      created: false,
      before: json(change.before) as Touched['before'],
    })),
  ]
}

/** Creates the Deployment and one of its pods with dryRun: webhooks, Pod Security, LimitRanges and quotas answer as they would later. */
const rehearse = async (
  { cluster, namespace }: { readonly cluster: Cluster; readonly namespace: string },
  { setup }: Settings,
  { live, template }: { readonly live: Deployment; readonly template: PodTemplate },
): Promise<readonly Finding[]> => {
  const label = setup.label ?? undefined
  const marks = { owner: { repository: '', runId: 'dry-run', attempt: 1, job: '' }, epoch: 0 }
  const canary = canaryDeployment(live, template, { name: setup.canary, label, replicas: 1, marks })
  const { metadata, spec } = canaryForm(template, label)
  const name = `dry-run-${setup.canary}`
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace }, spec }
  const attempt = async (kind: 'Deployment' | 'Pod', create: () => Promise<unknown>): Promise<readonly Finding[]> => {
    try {
      await create()
      return []
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      const text = `a dry run of the canary's ${kind} was refused: ${describe(thrown)}`
      // Most tokens may not create pods, and need not: then only the Deployment was rehearsed.
      if (kind === 'Pod' && thrown.kind === 'upstream') return [{ id: 'dry-run', level: 'note', text }]
      return [{ id: 'dry-run', level: 'error', text, where: `${kind} ${namespace}/${setup.canary}` }]
    }
  }
  const [deployments, pods] = [
    { apiVersion: 'apps/v1', resource: 'deployments', namespace },
    { apiVersion: 'v1', resource: 'pods', namespace },
  ]
  const found = await Promise.all([
    attempt('Deployment', () => cluster.create(deployments, canary, { dryRun: true })),
    attempt('Pod', () => cluster.create(pods, pod, { dryRun: true })),
  ])
  return found.flat()
}
