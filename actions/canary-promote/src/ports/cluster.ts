import { describe, Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject, PatchOperation, Resource } from '@sluice/kubernetes/cluster'
import type { Command, ReleaseRecord, Touched } from '@sluice/release/record'
import type { RouteChange, Router, RouteWrite } from '@sluice/traffic/router'
import { canaryDeployment, canaryService, EPOCH, OWNER, ownerName } from '../canary.ts'
import type { Deployment, Pod, PodTemplate, Service } from '../objects.ts'
import { type Settings, settingsOf } from '../plan.ts'
import type { Clock, Performed, Ports } from '../ports.ts'
import { canaryForm, TRACK } from '../template.ts'
import { json, uidOf, withUid } from '../touched.ts'
import { isOurs, worldOf } from '../world.ts'
import { recordPort } from './record.ts'
import { survey } from './survey.ts'

/** What the cluster port works with. `router` builds the splitter that the settings name. */
export type ClusterGiven = {
  readonly cluster: Cluster
  readonly namespace: string
  readonly deployment: string
  readonly clock: Clock
  readonly router: (settings: Settings) => Router
}

/**
 * The release's hands: every write is conditional on the object's version and on the epoch that it carries. A write to an object without an epoch
 * first makes sure that the record's epoch is still ours. Decision records: docs/decisions/0002-release-state.md, 0006-canary-promote.md.
 */
export const clusterPort = (given: ClusterGiven): Ports['cluster'] => {
  const { cluster, namespace, clock } = given
  const deployments: Resource = { apiVersion: 'apps/v1', resource: 'deployments', namespace }
  const services: Resource = { apiVersion: 'v1', resource: 'services', namespace }
  const records = recordPort(cluster, namespace, given.deployment)

  const isStillOurs = async (record: ReleaseRecord): Promise<boolean> =>
    (await records.load())?.record.epoch === record.epoch

  /** Reads, decides, patches; again when somebody else wrote in between. `change` gives no operation when nothing is to be done. */
  const fenced = async (
    record: ReleaseRecord,
    target: { readonly resource: Resource; readonly name: string; readonly role: Touched['role'] },
    change: (object: KubernetesObject) => readonly PatchOperation[],
  ): Promise<Performed> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const object = await cluster.get(target.resource, target.name)
      if (object === undefined) return refused('upstream', `${target.resource.resource} ${target.name} is not there`)
      const { annotations = {}, resourceVersion, uid = '' } = object.metadata
      const epoch = Number(annotations[EPOCH] ?? 0)
      if (epoch > record.epoch)
        return refused('fenced', `${target.name} carries epoch ${epoch}, ours is ${record.epoch}`)
      const marked = epoch === record.epoch
      if (!marked && !(await isStillOurs(record))) return refused('fenced', 'the record has another owner')
      const operations = [
        ...change(object),
        ...(marked ? [] : markOperations(annotations, object.metadata.annotations !== undefined, record)),
      ]
      const touched = withUid(record.touched, target.role, uid)
      if (operations.length === 0) return { kind: 'done', touched }
      const written = await cluster.jsonPatch(target.resource, target.name, [
        { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
        ...operations,
      ])
      if (written.kind === 'written') return { kind: 'done', touched }
    }
    return refused('upstream', `${target.resource.resource} ${target.name} kept changing while it was written`)
  }

  const stable = { resource: deployments, name: given.deployment, role: 'stable' as const }

  const create = async (
    record: ReleaseRecord,
    role: 'canary' | 'service',
    object: Deployment | Service,
  ): Promise<Performed> => {
    if (!(await isStillOurs(record))) return refused('fenced', 'the record has another owner')
    const written = await cluster.create(role === 'canary' ? deployments : services, object)
    if (written.kind === 'written')
      return { kind: 'done', touched: withUid(record.touched, role, written.object.metadata.uid ?? '') }
    return refused('upstream', `${object.kind} ${object.metadata.name} could not be created: ${written.kind}`)
  }

  const applyService = async (record: ReleaseRecord): Promise<Performed> => {
    const { setup } = settingsOf(record)
    if (setup.service === null || setup.canaryService === null) return { kind: 'done', touched: record.touched }
    const model = await cluster.get<Service>(services, setup.service)
    if (model === undefined) return refused('environment', `Service ${namespace}/${setup.service} is gone`)
    const wanted = canaryService(model, { name: setup.canaryService, label: setup.label ?? undefined, marks: record })
    const found = await cluster.get<Service>(services, setup.canaryService)
    if (found === undefined) return create(record, 'service', wanted)
    if (!isOurs(record, 'service', found)) return refused('environment', `Service ${setup.canaryService} is not ours`)
    return fenced(record, { resource: services, name: setup.canaryService, role: 'service' }, (object) =>
      replaced(object, '/spec/selector', wanted.spec.selector),
    )
  }

  const applyCanary = async (record: ReleaseRecord, replicas: number): Promise<Performed> => {
    const { setup } = settingsOf(record)
    const label = setup.label ?? undefined
    const template = record.canary.body as unknown as PodTemplate
    const found = await cluster.get<Deployment>(deployments, setup.canary)
    if (found === undefined) {
      const model = await cluster.get<Deployment>(deployments, given.deployment)
      if (model === undefined) return refused('environment', `Deployment ${namespace}/${given.deployment} is gone`)
      return create(
        record,
        'canary',
        canaryDeployment(model, template, { name: setup.canary, label, replicas, marks: record }),
      )
    }
    if (!isOurs(record, 'canary', found)) return refused('environment', `Deployment ${setup.canary} is not ours`)
    const hash = worldOf(record, { ...nothing, canary: found }).canary?.hash
    return fenced(record, { resource: deployments, name: setup.canary, role: 'canary' }, (object) => [
      ...(hash === record.canary.hash ? [] : replaced(object, '/spec/template', canaryForm(template, label))),
      ...replaced(object, '/spec/replicas', replicas),
    ])
  }

  const writeTemplate = (record: ReleaseRecord, template: ReleaseRecord['stable']): Promise<Performed> =>
    fenced(record, stable, (object) => [
      { op: 'replace', path: '/spec/template', value: template.body },
      ...replaced(object, '/spec/replicas', Math.max(record.stableReplicas, (object as Deployment).spec.replicas ?? 1)),
    ])

  const scale = (record: ReleaseRecord, role: 'stable' | 'canary', replicas: number): Promise<Performed> =>
    fenced(
      record,
      role === 'stable' ? stable : { resource: deployments, name: settingsOf(record).setup.canary, role },
      (object) => replaced(object, '/spec/replicas', replicas),
    )

  const removeCreated = async (record: ReleaseRecord): Promise<Performed> => {
    for (const entry of record.touched.filter(({ created }) => created)) {
      const resource = entry.role === 'service' ? services : deployments
      const found = await cluster.get(resource, entry.ref.name)
      if (found === undefined || !isOurs(record, entry.role === 'service' ? 'service' : 'canary', found)) continue
      if (Number(found.metadata.annotations?.[EPOCH] ?? 0) > record.epoch)
        return refused('fenced', 'a later run owns it')
      await cluster.remove(resource, entry.ref.name, { uid: found.metadata.uid ?? '', propagation: 'Foreground' })
    }
    return { kind: 'done', touched: record.touched }
  }

  const route = async (
    record: ReleaseRecord,
    act: (router: Router, changes: readonly RouteChange[]) => Promise<RouteWrite>,
  ): Promise<Performed> => {
    const result = await act(given.router(settingsOf(record)), routeChanges(record))
    return result.kind === 'written' ? { kind: 'done', touched: record.touched } : result
  }

  const perform = (command: Command, record: ReleaseRecord): Promise<Performed> => {
    switch (command.do) {
      case 'apply':
        return command.role === 'service' ? applyService(record) : applyCanary(record, command.replicas ?? 0)
      case 'weight':
        return route(record, (router, changes) => router.set(command.to, changes, record.epoch))
      case 'scale':
        return scale(record, command.role, command.to)
      case 'write-stable':
        return writeTemplate(record, record.canary)
      case 'restore-stable':
        return writeTemplate(record, record.stable)
      case 'restore-route':
        return route(record, (router, changes) => router.restore(changes, record.epoch))
      case 'remove-created':
        return removeCreated(record)
    }
  }

  return {
    survey: () => survey(cluster, namespace, given.deployment),
    preflight: (settings, canary) => preflight(given, settings, canary.body as unknown as PodTemplate),
    stamp: async (record) => {
      let current = record
      const { setup } = settingsOf(record)
      const targets = [
        stable,
        { resource: deployments, name: setup.canary, role: 'canary' as const },
        ...(setup.canaryService === null
          ? []
          : [{ resource: services, name: setup.canaryService, role: 'service' as const }]),
      ]
      for (const target of targets) {
        if (target.role !== 'stable') {
          const found = await cluster.get(target.resource, target.name)
          if (found === undefined || !isOurs(current, target.role, found)) continue
        }
        const result = await safely(() => fenced(current, target, () => []))
        if (result.kind === 'refused') return result
        current = { ...current, touched: result.touched }
      }
      const routed = await safely(() => route(current, (router, changes) => router.stamp(changes, record.epoch)))
      return routed.kind === 'refused' ? routed : { kind: 'done', touched: current.touched }
    },
    perform: (command, record) => safely(() => perform(command, record)),
    observe: async (record) => {
      const { setup } = settingsOf(record)
      const [live, canary, service, weight, pods] = await Promise.all([
        cluster.get<Deployment>(deployments, given.deployment),
        cluster.get<Deployment>(deployments, setup.canary),
        setup.canaryService === null ? undefined : cluster.get<Service>(services, setup.canaryService),
        given.router(settingsOf(record)).read(routeChanges(record)),
        cluster.list<Pod>({ apiVersion: 'v1', resource: 'pods', namespace }, { labels: canaryLabels(record) }),
      ])
      return worldOf(record, { at: clock.now(), weight, stable: live, canary, service, pods: alive(pods) })
    },
  }
}

const ATTEMPTS = 5
const nothing = {
  at: 0,
  weight: { written: 0, accepted: false, marked: false },
  stable: undefined,
  canary: undefined,
  service: undefined,
  pods: [],
}

const refused = (cause: Extract<Performed, { kind: 'refused' }>['cause'], text: string): Performed => ({
  kind: 'refused',
  cause,
  text,
})

/** A write that the API server refused is a value: the state machine decides what it means. */
const safely = async (act: () => Promise<Performed>): Promise<Performed> => {
  try {
    return await act()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    if (thrown.kind === 'input') return refused('environment', describe(thrown))
    return refused(/\b(401|403)\b|[Ff]orbidden/.test(thrown.message) ? 'forbidden' : 'upstream', describe(thrown))
  }
}

const markOperations = (
  annotations: Readonly<Record<string, string>>,
  has: boolean,
  record: ReleaseRecord,
): readonly PatchOperation[] => {
  if (!has)
    return [
      {
        op: 'add',
        path: '/metadata/annotations',
        value: { [EPOCH]: String(record.epoch), [OWNER]: ownerName(record.owner) },
      },
    ]
  return [
    {
      op: EPOCH in annotations ? 'replace' : 'add',
      path: `/metadata/annotations/${pointer(EPOCH)}`,
      value: String(record.epoch),
    },
    {
      op: OWNER in annotations ? 'replace' : 'add',
      path: `/metadata/annotations/${pointer(OWNER)}`,
      value: ownerName(record.owner),
    },
  ]
}

const pointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

/** One replace, or none when the value is there already. Only for paths of two parts under `spec`. */
const replaced = (object: KubernetesObject, path: string, value: unknown): readonly PatchOperation[] => {
  const field = path.split('/').at(-1) ?? ''
  const live = ((object.spec ?? {}) as Readonly<Record<string, unknown>>)[field]
  if (JSON.stringify(live) === JSON.stringify(value)) return []
  return [{ op: live === undefined ? 'add' : 'replace', path, value }]
}

const canaryLabels = (record: ReleaseRecord): Readonly<Record<string, string>> => {
  const { label } = settingsOf(record).setup
  const labels = ((record.canary.body as unknown as PodTemplate).metadata?.labels ?? {}) as Readonly<
    Record<string, string>
  >
  return {
    ...(label === null ? {} : { [label.key]: label.canary }),
    ...(Object.keys(labels).length === 0 ? {} : TRACK),
  }
}

const alive = (pods: readonly Pod[]): readonly Pod[] =>
  pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)

const routeChanges = (record: ReleaseRecord): readonly RouteChange[] =>
  record.touched
    .filter(({ role }) => role === 'route')
    .map((entry) => ({ ref: { ...entry.ref, uid: uidOf(entry) ?? '' }, before: entry.before }))

/** The router's findings and what it will change, and a dry run of the objects that will be created. */
const preflight = async (given: ClusterGiven, settings: Settings, template: PodTemplate) => {
  const { cluster, namespace, deployment } = given
  const router = given.router(settings)
  const live = await cluster.get<Deployment>({ apiVersion: 'apps/v1', resource: 'deployments', namespace }, deployment)
  const findings: Finding[] = [...(await router.preflight())]
  if (live !== undefined) findings.push(...(await rehearse(given, settings, { live, template })))
  if (live === undefined || findings.some(({ level }) => level === 'error')) return { findings, touched: [] }
  const changes = await router.changes()
  const ref = (kind: string, apiVersion: string, name: string) => ({ apiVersion, kind, namespace, name })
  const { canary, canaryService: service } = settings.setup
  const touched: readonly Touched[] = [
    {
      ref: { ...ref('Deployment', 'apps/v1', deployment), uid: live.metadata.uid ?? '' },
      role: 'stable',
      created: false,
      before: [],
    },
    { ref: ref('Deployment', 'apps/v1', canary), role: 'canary', created: true, before: [] },
    ...(service === null
      ? []
      : [{ ref: ref('Service', 'v1', service), role: 'service' as const, created: true, before: [] }]),
    ...changes.map((change) => ({
      ref: change.ref,
      role: 'route' as const,
      created: false,
      before: json(change.before) as Touched['before'],
    })),
  ]
  return { findings, touched }
}

/** Creates the Deployment and one of its pods with dryRun: webhooks, Pod Security, LimitRanges and quotas answer as they would later. */
const rehearse = async (
  { cluster, namespace }: ClusterGiven,
  settings: Settings,
  { live, template }: { readonly live: Deployment; readonly template: PodTemplate },
): Promise<readonly Finding[]> => {
  const { setup } = settings
  const label = setup.label ?? undefined
  const marks = { owner: { repository: '', runId: 'dry-run', attempt: 1, job: '' }, epoch: 0 }
  const canary = canaryDeployment(live, template, { name: setup.canary, label, replicas: 1, marks })
  const { metadata, spec } = canaryForm(template, label)
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name: `${setup.canary}-dry-run`.slice(-63), namespace },
    spec,
  }
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
  const found = await Promise.all([
    attempt('Deployment', () =>
      cluster.create({ apiVersion: 'apps/v1', resource: 'deployments', namespace }, canary, { dryRun: true }),
    ),
    attempt('Pod', () => cluster.create({ apiVersion: 'v1', resource: 'pods', namespace }, pod, { dryRun: true })),
  ])
  return found.flat()
}
