import { describe, Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject, PatchOperation, Resource } from '@sluice/kubernetes/cluster'
import { causeOf, epochOf, fencedPatch } from '@sluice/kubernetes/fenced'
import type { Command, ReleaseRecord, Touched } from '@sluice/release/record'
import type { RouteChange, Router, RouteWrite, Split } from '@sluice/traffic/router'
import { canaryBudget } from '../budget.ts'
import { canaryDeployment, canaryService } from '../canary.ts'
import { authorOf } from '../foreign.ts'
import type { Deployment, Pod, PodTemplate, Selector, Service } from '../objects.ts'
import { type Settings, settingsOf } from '../plan.ts'
import type { Clock, Performed, Ports } from '../ports.ts'
import { canaryForm, canonical, TRACK } from '../template.ts'
import { entryOf, uidOf, withUid } from '../touched.ts'
import { canaryHash, isOurs, worldOf } from '../world.ts'
import { autoscalers } from './autoscalers.ts'
import { preflight } from './preflight.ts'
import { recordPort } from './record.ts'
import { survey } from './survey.ts'

/** What the cluster port works with. `router` builds the splitter that the settings name; `owned` says whether an epoch is still the record's. */
export type ClusterGiven = {
  readonly cluster: Cluster
  readonly namespace: string
  readonly deployment: string
  readonly clock: Clock
  readonly router: (settings: Settings, owned: (epoch: number) => Promise<boolean>) => Router
}

/**
 * The release's hands: every write is conditional on the object's version and on the epoch that it carries. A write to an object without an epoch
 * first makes sure that the record's epoch is still ours. Decision records: docs/decisions/0002-release-state.md, 0006-canary-promote.md.
 */
export const clusterPort = (given: ClusterGiven): Ports['cluster'] => {
  const { cluster, namespace, clock } = given
  const deployments: Resource = { apiVersion: 'apps/v1', resource: 'deployments', namespace }
  const services: Resource = { apiVersion: 'v1', resource: 'services', namespace }
  const budgets: Resource = { apiVersion: 'policy/v1', resource: 'poddisruptionbudgets', namespace }
  const records = recordPort(cluster, namespace, given.deployment)
  const owned = async (epoch: number): Promise<boolean> => (await records.load())?.record.epoch === epoch
  const scaling = autoscalers(cluster, { namespace, owned })
  const stable: Target = { resource: deployments, name: given.deployment, role: 'stable' }
  const canaryOf = (record: ReleaseRecord): Target => ({
    resource: deployments,
    name: settingsOf(record).setup.canary,
    role: 'canary',
  })

  /** One fenced read-modify-write; `change` gives no operation when all is as it should be, and the mark is set all the same. */
  const patch = async (
    record: ReleaseRecord,
    { resource, name, role }: Target,
    change: (object: KubernetesObject) => readonly PatchOperation[] | 'theirs',
  ): Promise<Performed> => {
    const fence = { epoch: record.epoch, owned: () => owned(record.epoch) }
    const theirs = `${resource.resource} ${name} was changed by somebody else meanwhile`
    const result = await fencedPatch(cluster, { resource, name }, fence, (object) => {
      const operations = change(object)
      return operations === 'theirs' ? { kind: 'refuse', text: theirs } : { kind: 'patch', operations, mark: 'keep' }
    })
    // A lost race: the next look sees what they wrote and decides.
    if (result.kind === 'refused' && result.text === theirs) return refused('upstream', theirs)
    switch (result.kind) {
      case 'written':
        return { kind: 'done', touched: withUid(record.touched, role, result.object.metadata.uid ?? '') }
      case 'fenced':
        return refused('fenced', result.text)
      case 'absent':
        return refused('upstream', `${resource.resource} ${name} is not there`)
      case 'refused':
        return result
    }
  }

  const create = async (
    record: ReleaseRecord,
    { resource, role }: Target,
    object: KubernetesObject,
  ): Promise<Performed> => {
    if (!(await owned(record.epoch))) return refused('fenced', 'the record has another owner')
    const written = await cluster.create(resource, object)
    return written.kind === 'written'
      ? { kind: 'done', touched: withUid(record.touched, role, written.object.metadata.uid ?? '') }
      : refused('upstream', `${object.kind} ${object.metadata.name} was not created: ${written.kind}`)
  }

  const applyService = async (record: ReleaseRecord): Promise<Performed> => {
    const { setup } = settingsOf(record)
    if (setup.service === null || setup.canaryService === null) return { kind: 'done', touched: record.touched }
    const target: Target = { resource: services, name: setup.canaryService, role: 'service' }
    const model = await cluster.get<Service>(services, setup.service)
    if (model === undefined) return refused('environment', `Service ${namespace}/${setup.service} is gone`)
    const wanted = canaryService(model, { name: target.name, label: setup.label ?? undefined, marks: record })
    const found = await cluster.get<Service>(services, target.name)
    if (found === undefined) return create(record, target, wanted)
    if (!isOurs(record, 'service', found)) return refused('environment', `Service ${target.name} is not ours`)
    return patch(record, target, (object) => replaced(object, 'selector', wanted.spec.selector))
  }

  /** Leads the canary's Service to stable's pods: the way back where the route may not be written. */
  const divert = async (record: ReleaseRecord): Promise<Performed> => {
    const { setup } = settingsOf(record)
    if (setup.service === null || setup.canaryService === null) return { kind: 'done', touched: record.touched }
    const model = await cluster.get<Service>(services, setup.service)
    const found = await cluster.get<Service>(services, setup.canaryService)
    if (model === undefined) return refused('environment', `Service ${namespace}/${setup.service} is gone`)
    if (found === undefined || !isOurs(record, 'service', found))
      return refused('environment', `Service ${setup.canaryService} is not ours`)
    const target: Target = { resource: services, name: setup.canaryService, role: 'service' }
    return patch(record, target, (object) => replaced(object, 'selector', model.spec.selector ?? {}))
  }

  /** The twin of stable's PodDisruptionBudget stands before the pods that it is for; it is as it is made, so one that is there is done. */
  const applyBudget = async (record: ReleaseRecord, selector: Selector): Promise<Performed> => {
    const { budget } = settingsOf(record).setup
    if (budget === undefined) return { kind: 'done', touched: record.touched }
    const found = await cluster.get(budgets, budget.name)
    if (found !== undefined) {
      return isOurs(record, 'policy', found)
        ? { kind: 'done', touched: withUid(record.touched, 'policy', found.metadata.uid ?? '') }
        : refused('environment', `PodDisruptionBudget ${budget.name} is not ours`)
    }
    const stable = await cluster.get(budgets, budget.of)
    // Its owner took it away: there is nothing to be the twin of.
    if (stable === undefined) return { kind: 'done', touched: record.touched }
    const target: Target = { resource: budgets, name: budget.name, role: 'policy' }
    return create(record, target, canaryBudget(budget, { stable, selector, marks: record }))
  }

  const applyCanary = async (record: ReleaseRecord, replicas: number): Promise<Performed> => {
    const { setup } = settingsOf(record)
    const [target, label] = [canaryOf(record), setup.label ?? undefined]
    const template = record.canary.body as unknown as PodTemplate
    const found = await cluster.get<Deployment>(deployments, target.name)
    if (found === undefined) {
      const model = await cluster.get<Deployment>(deployments, given.deployment)
      if (model === undefined) return refused('environment', `Deployment ${namespace}/${given.deployment} is gone`)
      const object = canaryDeployment(model, template, { name: target.name, label, replicas, marks: record })
      const guarded = await applyBudget(record, object.spec.selector)
      if (guarded.kind === 'refused') return guarded
      return create({ ...record, touched: guarded.touched }, target, object)
    }
    if (!isOurs(record, 'canary', found)) return refused('environment', `Deployment ${target.name} is not ours`)
    return patch(record, target, (object) => [
      ...(canaryHash(record, object as Deployment) === record.canary.hash
        ? []
        : replaced(object, 'template', canaryForm(template, label))),
      ...replaced(object, 'replicas', replicas),
    ])
  }

  const writeTemplate = (record: ReleaseRecord, template: ReleaseRecord['stable']): Promise<Performed> =>
    patch(record, stable, (object) => {
      const { spec } = object as Deployment
      const { hash } = canonical(spec.template, settingsOf(record).setup.container)
      if (hash !== record.stable.hash && hash !== record.canary.hash) return 'theirs'
      return [
        { op: 'replace', path: '/spec/template', value: template.body },
        ...replaced(object, 'replicas', Math.max(record.stableReplicas, spec.replicas ?? 1)),
      ]
    })

  const removeCreated = async (record: ReleaseRecord): Promise<Performed> => {
    // The guard's CronJob is made and removed by its own port.
    for (const { ref, role } of record.touched.filter(({ created, role }) => created && role !== 'guard')) {
      const made = role === 'service' || role === 'policy' ? role : 'canary'
      const resource = { service: services, policy: budgets, canary: deployments }[made]
      const found = await cluster.get(resource, ref.name)
      if (found === undefined || !isOurs(record, made, found)) continue
      if ((epochOf(found) ?? 0) > record.epoch) return refused('fenced', `${ref.name} belongs to a later run`)
      await cluster.remove(resource, ref.name, { uid: found.metadata.uid ?? '', propagation: 'Foreground' })
    }
    return { kind: 'done', touched: record.touched }
  }

  const routed = async (
    record: ReleaseRecord,
    act: (router: Router, changes: readonly RouteChange[]) => Promise<RouteWrite>,
  ): Promise<Performed> => {
    const result = await act(given.router(settingsOf(record), owned), routeChanges(record))
    return result.kind === 'written' ? { kind: 'done', touched: record.touched } : result
  }

  const perform = (command: Command, record: ReleaseRecord): Promise<Performed> => {
    switch (command.do) {
      case 'apply':
        return command.role === 'service' ? applyService(record) : applyCanary(record, command.replicas ?? 0)
      case 'weight':
        return routed(record, (router, changes) => router.set(splitOf(command), changes, record.epoch))
      case 'scale':
        return patch(record, command.role === 'stable' ? stable : canaryOf(record), (object) =>
          replaced(object, 'replicas', command.to),
        )
      case 'write-stable':
        return writeTemplate(record, record.canary)
      case 'restore-stable':
        return writeTemplate(record, record.stable)
      case 'restore-route':
        return routed(record, (router, changes) => router.cleanup(changes, record.epoch))
      case 'remove-created':
        return removeCreated(record)
      case 'freeze-autoscalers':
        return scaling.freeze(record)
      case 'restore-autoscalers':
        return scaling.restore(record)
      case 'divert-service':
        return divert(record)
    }
  }

  const stamp = async (record: ReleaseRecord, what: 'all' | 'stable'): Promise<Performed> => {
    if (what === 'stable') return patch(record, stable, () => [])
    // What gives the canary its traffic first: no other object may keep it from being taken over.
    const route = await safely(() => routed(record, (router, changes) => router.stamp(changes, record.epoch)))
    if (route.kind === 'refused' && route.cause === 'fenced') return route
    const targets = [stable, canaryOf(record)]
    const { canaryService: twin, budget } = settingsOf(record).setup
    if (twin !== null) targets.push({ resource: services, name: twin, role: 'service' })
    if (budget !== undefined) targets.push({ resource: budgets, name: budget.name, role: 'policy' })
    const mark = async (target: Target): Promise<Performed> => {
      const found = await cluster.get(target.resource, target.name)
      // What is gone takes no more writes; the others still have to be taken over.
      if (found === undefined || (target.role !== 'stable' && !isOurs(record, target.role, found)))
        return { kind: 'done', touched: record.touched }
      return patch(record, target, () => [])
    }
    // Beside each other: a webhook that keeps one of them waiting must not keep the way back waiting for each.
    const [scaled, ...others] = await Promise.all([
      safely(() => scaling.stamp(record)),
      ...targets.map((target) => safely(() => mark(target))),
    ])
    // An account that may not write an autoscaler may still take the traffic back, which matters more.
    const all = [route, ...others, ...(scaled.kind === 'refused' && scaled.cause === 'forbidden' ? [] : [scaled])]
    const refusals = all.filter((result) => result.kind === 'refused')
    const [failed] = [...refusals.filter(({ cause }) => cause === 'fenced'), ...refusals]
    if (failed !== undefined) return failed
    const touched = targets.reduce<readonly Touched[]>((known, { role }, n) => {
      const result = others[n]
      const uid = result?.kind === 'done' ? uidOf(entryOf(result.touched, role)) : undefined
      return uid === undefined ? known : withUid(known, role, uid)
    }, record.touched)
    return { kind: 'done', touched }
  }

  return {
    ...(cluster.credentialEnd === undefined ? {} : { credentialEnd: cluster.credentialEnd }),
    survey: () => survey(cluster, namespace, given.deployment),
    preflight: (settings, canary, allow) =>
      preflight(
        { ...given, router: given.router(settings, owned), allow, scaling },
        settings,
        canary.body as unknown as PodTemplate,
      ),
    authorOf: async (record, what) => {
      if (what !== 'weight') {
        const { name } = what === 'canary-replicas' ? canaryOf(record) : stable
        const found = await cluster.get(deployments, name)
        return found && authorOf(found, ['spec', what === 'stable-template' ? 'template' : 'replicas'])
      }
      for (const { ref } of routeChanges(record)) {
        const at = { apiVersion: ref.apiVersion, resource: pluralOf(ref.kind), namespace: ref.namespace }
        const found = await cluster.get(at, ref.name)
        const author =
          found === undefined ? undefined : (authorOf(found, ['spec']) ?? authorOf(found, ['metadata', 'annotations']))
        if (author !== undefined) return author
      }
      return undefined
    },
    stamp: (record, what) => safely(() => stamp(record, what)),
    perform: (command, record) => safely(() => perform(command, record)),
    observe: async (record) => {
      const settings = settingsOf(record)
      const { canary: name, canaryService: twin, budget: guard, label } = settings.setup
      const labels = { ...TRACK, ...(label === null ? {} : { [label.key]: label.canary }) }
      const router = given.router(settings, owned)
      const changes = routeChanges(record)
      const [live, canary, service, budget, written, taken, scaled, pods] = await Promise.all([
        cluster.get<Deployment>(deployments, given.deployment),
        cluster.get<Deployment>(deployments, name),
        twin === null ? undefined : cluster.get<Service>(services, twin),
        guard === undefined ? undefined : cluster.get(budgets, guard.name),
        router.current(changes),
        router.verify(changes),
        scaling.look(record),
        cluster.list<Pod>({ apiVersion: 'v1', resource: 'pods', namespace }, { labels }),
      ])
      const alive = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      const weight = { ...written, ...taken }
      const at = clock.now()
      return worldOf(record, { at, weight, stable: live, canary, service, budget, autoscalers: scaled, pods: alive })
    },
  }
}

type Target = {
  readonly resource: Resource
  readonly name: string
  readonly role: 'stable' | 'canary' | 'service' | 'policy'
}

type Refused = Extract<Performed, { kind: 'refused' }>
const refused = (cause: Refused['cause'], text: string): Refused => ({ kind: 'refused', cause, text })

/** A write that the API server refused is a value: the state machine decides what it means. */
const safely = async (act: () => Promise<Performed>): Promise<Performed> => {
  try {
    return await act()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return refused(causeOf(thrown), describe(thrown))
  }
}

/** One operation on a field of `spec`, or none when the value is there already. */
const replaced = (object: KubernetesObject, field: string, value: unknown): readonly PatchOperation[] => {
  const live = ((object.spec ?? {}) as Readonly<Record<string, unknown>>)[field]
  if (JSON.stringify(live) === JSON.stringify(value)) return []
  return [{ op: live === undefined ? 'add' : 'replace', path: `/spec/${field}`, value }]
}

/** The kinds that routers change, by the plural of their path. */
const pluralOf = (kind: string): string => `${kind.toLowerCase()}${kind.endsWith('s') ? 'es' : 's'}`

const splitOf = ({ to, mirror }: Extract<Command, { do: 'weight' }>): Split => ({
  weight: to,
  ...(mirror === undefined ? {} : { mirror }),
})

const routeChanges = (record: ReleaseRecord): readonly RouteChange[] =>
  record.touched
    .filter(({ role }: Touched) => role === 'route')
    .map((entry) => ({ ref: { ...entry.ref, uid: uidOf(entry) ?? '' }, before: entry.before }))
