import { describe, Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster, Resource } from '@sluice/kubernetes/cluster'
import { causeOf, epochOf, fencedPatch } from '@sluice/kubernetes/fenced'
import type { Command, ReleaseRecord } from '@sluice/release/record'
import { EPOCH, OWNER } from '../canary.ts'
import { type CronJob, GUARD, type Guard, guardJob, guardName, guardTrouble } from '../guard.ts'
import { settingsOf } from '../plan.ts'
import type { Clock, Performed, Ports } from '../ports.ts'
import { entryOf, uidOf, withUid } from '../touched.ts'
import { recordPort } from './record.ts'

type Given = {
  readonly cluster: Cluster
  readonly namespace: string
  readonly deployment: string
  readonly clock: Pick<Clock, 'now'>
}

/**
 * The release's hands, with the guard that the plan asks for: no canary is made and no weight raised unless its CronJob stands and works, a takeover marks
 * it, the clean-up removes it, and until it is gone something is left. Without a guard in the release's plan it is the port itself.
 * Decision record: docs/decisions/0013-guard.md.
 */
export const guarded = (port: Ports['cluster'], given: Given): Ports['cluster'] => {
  const { cluster, namespace, deployment, clock } = given
  const resource: Resource = { apiVersion: 'batch/v1', resource: 'cronjobs', namespace }
  const name = guardName(deployment)
  const where = `CronJob ${namespace}/${name}`
  const records = recordPort(cluster, namespace, deployment)
  const owned = async ({ epoch }: ReleaseRecord): Promise<boolean> => (await records.load())?.record.epoch === epoch

  const ensure = async (record: ReleaseRecord, guard: Guard): Promise<Performed> => {
    const found = await cluster.get<CronJob>(resource, name)
    if (found !== undefined) {
      if (!isOurs(record, found)) return refused('environment', `${where} is not ours`)
      // One that was made anew has had its time only since then.
      const made = Date.parse(found.metadata.creationTimestamp ?? '') || 0
      const trouble = guardTrouble(found, guard, Math.max(record.startedAt, made), clock.now())
      if (trouble !== undefined) return refused('environment', trouble)
      return { kind: 'done', touched: withUid(record.touched, 'guard', found.metadata.uid ?? '') }
    }
    if (!(await owned(record))) return refused('fenced', 'the record has another owner')
    const { router } = settingsOf(record)
    const wanted = guardJob(guard, { namespace, deployment, router, plan: record.plan, marks: record })
    const made = await cluster.create(resource, wanted)
    if (made.kind !== 'written') return refused('upstream', `${where} was not created: ${made.kind}`)
    // One that somebody deleted meanwhile stands anew, under another UID.
    return { kind: 'done', touched: withUid(record.touched, 'guard', made.object.metadata.uid ?? '') }
  }

  const remove = async (record: ReleaseRecord): Promise<Performed> => {
    const found = await cluster.get<CronJob>(resource, name)
    if (found === undefined || !isOurs(record, found)) return { kind: 'done', touched: record.touched }
    if ((epochOf(found) ?? 0) > record.epoch) return refused('fenced', `${name} belongs to a later run`)
    // The guard's own pod must live to say that the release is over; its Job goes by itself then.
    const propagation = record.owner.job === GUARD ? 'Orphan' : 'Foreground'
    await cluster.remove(resource, name, { uid: found.metadata.uid ?? '', propagation })
    return { kind: 'done', touched: record.touched }
  }

  const mark = async (record: ReleaseRecord): Promise<Performed> => {
    const found = await cluster.get<CronJob>(resource, name)
    if (found === undefined || !isOurs(record, found)) return { kind: 'done', touched: record.touched }
    const fence = { epoch: record.epoch, owned: () => owned(record) }
    const result = await fencedPatch(cluster, { resource, name }, fence, () => ({
      kind: 'patch',
      operations: [],
      mark: 'keep',
    }))
    if (result.kind === 'fenced') return refused('fenced', result.text)
    return result.kind === 'refused' ? result : { kind: 'done', touched: record.touched }
  }

  return {
    ...port,
    preflight: async (settings, ...rest) => {
      const found = await port.preflight(settings, ...rest)
      if (settings.guard === undefined) return found
      const ref = { apiVersion: 'batch/v1', kind: 'CronJob', namespace, name }
      return {
        ...found,
        findings: [...found.findings, ...(await guardFindings(given, settings.guard, { resource, name, where }))],
        touched: [...found.touched, { ref, role: 'guard', created: true, before: [] }],
      }
    },
    stamp: async (record, what) => {
      if (what === 'stable' || settingsOf(record).guard === undefined) return port.stamp(record, what)
      // What takes the canary's traffic away comes first, and a CronJob that cannot be marked does not keep it from being marked.
      const others = await port.stamp(record, what)
      if (others.kind === 'refused' && others.cause === 'fenced') return others
      const marked = await safely(() => mark(record))
      return marked.kind === 'refused' && (marked.cause === 'fenced' || others.kind === 'done') ? marked : others
    },
    perform: async (command, record) => {
      const { guard } = settingsOf(record)
      if (guard === undefined) return port.perform(command, record)
      if (command.do === 'remove-created') {
        const removed = await safely(() => remove(record))
        return removed.kind === 'refused' ? removed : port.perform(command, record)
      }
      if (!exposes(command, record)) return port.perform(command, record)
      const ensured = await safely(() => ensure(record, guard))
      return ensured.kind === 'refused' ? ensured : port.perform(command, { ...record, touched: ensured.touched })
    },
    observe: async (record) => {
      if (settingsOf(record).guard === undefined) return port.observe(record)
      const [world, found] = await Promise.all([port.observe(record), cluster.get<CronJob>(resource, name)])
      const left = found !== undefined && isOurs(record, found)
      return left ? { ...world, leftovers: world.leftovers + 1 } : world
    },
  }
}

/** What gives the canary pods or traffic. On the way down a weight above 0 is one that falls. */
const exposes = (command: Command, { state }: ReleaseRecord): boolean =>
  ['preparing', 'raising', 'analysing', 'holding'].includes(state.phase) &&
  ((command.do === 'apply' && command.role === 'canary') || (command.do === 'weight' && command.to > 0))

/** By the UID of the inventory; where a crash kept it from being saved, or somebody deleted the first, by our marks with an epoch not above the record's. */
const isOurs = (record: ReleaseRecord, { metadata }: CronJob): boolean => {
  const entry = entryOf(record.touched, 'guard')
  if (entry === undefined) return false
  if (uidOf(entry) === metadata.uid) return true
  const { annotations = {} } = metadata
  return annotations[OWNER] !== undefined && Number(annotations[EPOCH] ?? Number.NaN) <= record.epoch
}

type Refused = Extract<Performed, { kind: 'refused' }>
const refused = (cause: Refused['cause'], text: string): Refused => ({ kind: 'refused', cause, text })

const safely = async (act: () => Promise<Performed>): Promise<Performed> => {
  try {
    return await act()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return refused(causeOf(thrown), `the guard: ${describe(thrown)}`)
  }
}

/** Whether the guard can be had: reads and a dry run. */
const guardFindings = async (
  { cluster, namespace, deployment }: Given,
  guard: Guard,
  { resource, name, where }: { readonly resource: Resource; readonly name: string; readonly where: string },
): Promise<readonly Finding[]> => {
  const account = `ServiceAccount ${namespace}/${guard.serviceAccount}`
  const marks = { owner: { repository: '', runId: 'dry-run', attempt: 1, job: '' }, epoch: 0 }
  const plan = { lease: 0, readyWithin: 0, drain: 0 }
  const found = await Promise.all([
    attempt(
      async () => {
        const accounts = { apiVersion: 'v1', resource: 'serviceaccounts', namespace }
        return (await cluster.get(accounts, guard.serviceAccount)) === undefined
          ? `${account} does not exist`
          : undefined
      },
      {
        id: 'guard-account',
        where: account,
        hint: 'Install it with its Role: the README of canary-promote has the manifest. Or name another in guard.service-account.',
        // A Job whose account is missing makes no pod; whoever may not look must be able to release all the same.
        unread: 'warning',
      },
    ),
    attempt(async () => ((await cluster.get(resource, name)) === undefined ? undefined : `${where} exists already`), {
      id: 'name-taken',
      where,
      hint: 'Look at it, then delete it: the guard needs that name.',
      unread: 'error',
    }),
    attempt(
      async () => {
        await cluster.create(resource, guardJob(guard, { namespace, deployment, router: '', plan, marks }), {
          dryRun: true,
        })
        return undefined
      },
      { id: 'guard', where, hint: 'It is refused as it would be later.', unread: 'error' },
    ),
  ])
  return found.flat()
}

const attempt = async (
  look: () => Promise<string | undefined>,
  { id, where, hint, unread }: Pick<Finding, 'id' | 'where' | 'hint'> & { readonly unread: Finding['level'] },
): Promise<readonly Finding[]> => {
  const at = where === undefined ? {} : { where }
  try {
    const text = await look()
    return text === undefined ? [] : [{ id, level: 'error', text, ...at, ...(hint === undefined ? {} : { hint }) }]
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return [{ id, level: unread, text: `${where}, for the guard: ${describe(thrown)}`, ...at }]
  }
}
