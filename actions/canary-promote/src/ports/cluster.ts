import { describe, Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject, PatchOperation, Resource } from '@sluice/kubernetes/cluster'
import { causeOf, epochOf, fencedPatch } from '@sluice/kubernetes/fenced'
import type { Command, ReleaseRecord, Touched } from '@sluice/release/record'
import type { RouteChange, Router, RouteWrite, Split } from '@sluice/traffic/router'
import { type Beside, baselineOf, besidesOf, canaryOf, templateOf } from '../beside.ts'
import { canaryBudget } from '../budget.ts'
import { canaryDeployment, canaryService } from '../canary.ts'
import { authorOf } from '../foreign.ts'
import type { Deployment, Pod, PodTemplate, Selector, Service } from '../objects.ts'
import { type Settings, settingsOf } from '../plan.ts'
import type { Clock, Performed, Ports } from '../ports.ts'
import { canaryForm, canonical } from '../template.ts'
import { entryOf, uidOf, withUid } from '../touched.ts'
import { besideHash, type Created, isOurs, type LookBeside, worldOf } from '../world.ts'
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
  const podsOf = ({ deployment: name, roles }: Beside): Target => ({ resource: deployments, name, role: roles.pods })
  const sized = (record: ReleaseRecord, role: 'stable' | 'canary' | 'baseline'): Target | undefined => {
    if (role === 'stable') return stable
    const beside = whose(record, role)
    return beside && podsOf(beside)
  }

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

  const applyService = async (record: ReleaseRecord, beside: Beside): Promise<Performed> => {
    const { setup } = settingsOf(record)
    const { roles, label, track } = beside
    if (setup.service === null || beside.service === null) return { kind: 'done', touched: record.touched }
    const target: Target = { resource: services, name: beside.service, role: roles.service }
    const model = await cluster.get<Service>(services, setup.service)
    if (model === undefined) return refused('environment', `Service ${namespace}/${setup.service} is gone`)
    const wanted = canaryService(model, { name: target.name, label, track, marks: record })
    const found = await cluster.get<Service>(services, target.name)
    if (found === undefined) return create(record, target, wanted)
    if (!isOurs(record, roles.service, found)) return refused('environment', `Service ${target.name} is not ours`)
    return patch(record, target, (object) => replaced(object, 'selector', wanted.spec.selector))
  }

  /** Leads the Services beside stable's to stable's pods: the way back where the route may not be written. */
  const divert = async (record: ReleaseRecord): Promise<Performed> => {
    const { setup } = settingsOf(record)
    if (setup.service === null) return { kind: 'done', touched: record.touched }
    const model = await cluster.get<Service>(services, setup.service)
    if (model === undefined) return refused('environment', `Service ${namespace}/${setup.service} is gone`)
    const lead = async ({ service: name, roles }: Beside): Promise<Performed> => {
      if (name === null) return { kind: 'done', touched: record.touched }
      const found = await cluster.get<Service>(services, name)
      if (found === undefined || !isOurs(record, roles.service, found))
        return refused('environment', `Service ${name} is not ours`)
      const target: Target = { resource: services, name, role: roles.service }
      return patch(record, target, (object) => replaced(object, 'selector', model.spec.selector ?? {}))
    }
    // One that is gone or not ours must not keep the other from being led back.
    return together(record, await Promise.all(besidesOf(setup).map((beside) => safely(() => lead(beside)))))
  }

  /** The twin of stable's PodDisruptionBudget stands before the pods that it is for; it is as it is made, so one that is there is done. */
  const applyBudget = async (
    record: ReleaseRecord,
    { budget, roles }: Beside,
    selector: Selector,
  ): Promise<Performed> => {
    if (budget === undefined) return { kind: 'done', touched: record.touched }
    const found = await cluster.get(budgets, budget.name)
    if (found !== undefined) {
      return isOurs(record, roles.policy, found)
        ? { kind: 'done', touched: withUid(record.touched, roles.policy, found.metadata.uid ?? '') }
        : refused('environment', `PodDisruptionBudget ${budget.name} is not ours`)
    }
    const stable = await cluster.get(budgets, budget.of)
    // Its owner took it away: there is nothing to be the twin of.
    if (stable === undefined) return { kind: 'done', touched: record.touched }
    const target: Target = { resource: budgets, name: budget.name, role: roles.policy }
    return create(record, target, canaryBudget(budget, { stable, selector, marks: record }))
  }

  const applyPods = async (record: ReleaseRecord, beside: Beside, replicas: number): Promise<Performed> => {
    const { label, track, roles } = beside
    const [target, { body, hash }] = [podsOf(beside), templateOf(record, beside)]
    const template = body as unknown as PodTemplate
    const found = await cluster.get<Deployment>(deployments, target.name)
    if (found === undefined) {
      const model = await cluster.get<Deployment>(deployments, given.deployment)
      if (model === undefined) return refused('environment', `Deployment ${namespace}/${given.deployment} is gone`)
      const object = canaryDeployment(model, template, { name: target.name, label, track, replicas, marks: record })
      const guarded = await applyBudget(record, beside, object.spec.selector)
      if (guarded.kind === 'refused') return guarded
      return create({ ...record, touched: guarded.touched }, target, object)
    }
    if (!isOurs(record, roles.pods, found)) return refused('environment', `Deployment ${target.name} is not ours`)
    return patch(record, target, (object) => [
      ...(besideHash(record, beside, object as Deployment) === hash
        ? []
        : replaced(object, 'template', canaryForm(template, label, track))),
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

  const resources: Readonly<Record<Created, Resource>> = {
    canary: deployments,
    baseline: deployments,
    service: services,
    'baseline-service': services,
    policy: budgets,
    'baseline-policy': budgets,
  }

  const removeCreated = async (record: ReleaseRecord): Promise<Performed> => {
    // The guard's CronJob is made and removed by its own port.
    for (const { ref, role } of record.touched) {
      if (!isCreated(role)) continue
      const resource = resources[role]
      const found = await cluster.get(resource, ref.name)
      if (found === undefined || !isOurs(record, role, found)) continue
      if ((epochOf(found) ?? 0) > record.epoch) return refused('fenced', `${ref.name} belongs to a later run`)
      await cluster.remove(resource, ref.name, { uid: found.metadata.uid ?? '', propagation: 'Foreground' })
    }
    return { kind: 'done', touched: record.touched }
  }

  const lookBeside = async ({ deployment: name, service, budget, label, track }: Beside): Promise<LookBeside> => {
    const labels = { ...track, ...(label === undefined ? {} : { [label.key]: label.canary }) }
    const [deployment, twin, guard, pods] = await Promise.all([
      cluster.get<Deployment>(deployments, name),
      service === null ? undefined : cluster.get<Service>(services, service),
      budget === undefined ? undefined : cluster.get(budgets, budget.name),
      cluster.list<Pod>({ apiVersion: 'v1', resource: 'pods', namespace }, { labels }),
    ])
    const alive = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    return { deployment, service: twin, budget: guard, pods: alive }
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
      case 'apply': {
        const pods = command.role === 'canary' || command.role === 'baseline'
        const beside = whose(record, command.role === 'canary' || command.role === 'service' ? 'canary' : 'baseline')
        if (beside === undefined) return Promise.resolve({ kind: 'done', touched: record.touched })
        return pods ? applyPods(record, beside, command.replicas ?? 0) : applyService(record, beside)
      }
      case 'weight':
        return routed(record, (router, changes) => router.set(splitOf(command), changes, record.epoch))
      case 'scale': {
        const target = sized(record, command.role)
        if (target === undefined) return Promise.resolve({ kind: 'done', touched: record.touched })
        return patch(record, target, (object) => replaced(object, 'replicas', command.to))
      }
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
    const made = besidesOf(settingsOf(record).setup).flatMap((beside): readonly Target[] => {
      const { service, budget, roles } = beside
      return [
        podsOf(beside),
        ...(service === null ? [] : [{ resource: services, name: service, role: roles.service }]),
        ...(budget === undefined ? [] : [{ resource: budgets, name: budget.name, role: roles.policy }]),
      ]
    })
    const targets = [stable, ...made]
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
        const beside = what === 'canary-replicas' ? 'canary' : what === 'baseline-replicas' ? 'baseline' : 'stable'
        const { name } = sized(record, beside) ?? stable
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
      const fresh = baselineOf(settings.setup)
      const router = given.router(settings, owned)
      const changes = routeChanges(record)
      const [live, canary, baseline, written, taken, scaled] = await Promise.all([
        cluster.get<Deployment>(deployments, given.deployment),
        lookBeside(canaryOf(settings.setup)),
        fresh && lookBeside(fresh),
        router.current(changes),
        router.verify(changes),
        scaling.look(record),
      ])
      const weight = { ...written, ...taken }
      return worldOf(record, { at: clock.now(), weight, stable: live, canary, baseline, autoscalers: scaled })
    },
  }
}

type Target = {
  readonly resource: Resource
  readonly name: string
  readonly role: 'stable' | Created
}

const whose = (record: ReleaseRecord, role: 'canary' | 'baseline'): Beside | undefined => {
  const { setup } = settingsOf(record)
  return role === 'canary' ? canaryOf(setup) : baselineOf(setup)
}

const CREATED: readonly string[] = ['canary', 'service', 'policy', 'baseline', 'baseline-service', 'baseline-policy']
// The guard's CronJob is made and removed by its own port.
const isCreated = (role: Touched['role']): role is Created => CREATED.includes(role)

/** Several writes of one command as one answer: the first refusal, a later owner's before all, or what all of them touched. */
const together = (record: ReleaseRecord, results: readonly Performed[]): Performed => {
  const refusals = results.filter((result) => result.kind === 'refused')
  const [failed] = [...refusals.filter(({ cause }) => cause === 'fenced'), ...refusals]
  return failed ?? { kind: 'done', touched: record.touched }
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

const splitOf = ({ to, mirror, baseline }: Extract<Command, { do: 'weight' }>): Split => ({
  weight: to,
  ...(mirror === undefined ? {} : { mirror }),
  ...(baseline === undefined ? {} : { baseline }),
})

const routeChanges = (record: ReleaseRecord): readonly RouteChange[] =>
  record.touched
    .filter(({ role }: Touched) => role === 'route')
    .map((entry) => ({ ref: { ...entry.ref, uid: uidOf(entry) ?? '' }, before: entry.before }))
