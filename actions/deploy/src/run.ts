import { describe, Fault } from '@sluice/kit/faults'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { goBack, type Undone } from './back.ts'
import { type Change, effectOf } from './change.ts'
import { FIELD_MANAGER } from './conflict.ts'
import { type ImageJob, setImage } from './image.ts'
import { lostWrite, mayBeWritten } from './lost.ts'
import type { Manifest } from './manifest.ts'
import type { DeploymentName, Explanation, Ports } from './ports.ts'
import { placed, rehearse } from './rehearsal.ts'
import { nameOf, type Target } from './resource.ts'
import { deadlineOf } from './rollout.ts'
import { explainAll, type Waited, wait } from './wait.ts'

/** What a deploy was asked for, read and checked; nothing was sent yet. */
export type Job = {
  readonly what:
    | { readonly kind: 'manifests'; readonly manifests: readonly Manifest[] }
    | ({ readonly kind: 'image' } & ImageJob)
  readonly namespace: string
  /** Do nothing when the Deployment of this name is already there. */
  readonly unlessThere?: string
  /** For all rollouts together, and once more for the way back. */
  readonly timeoutMs: number
  readonly onFailure: 'rollback' | 'keep'
}

/** What happened, from which the verdict is read. */
export type Result = {
  readonly end: 'deployed' | 'exists' | 'rollout-failed' | 'apply-failed' | 'cancelled'
  readonly changes: readonly Change[]
  /** The Deployment that was already there, for which nothing was done. */
  readonly found?: Found
  readonly waited?: Waited
  readonly explanations: readonly Explanation[]
  /** Absent when nothing was taken back. */
  readonly undone?: readonly Undone[]
  /** The rollout of what was restored. */
  readonly backWaited?: Waited
  /** Of a failed apply: which object, and what the API server said. */
  readonly problem?: string
}

/** A Deployment as it is in the cluster. */
export type Found = { readonly target: Target; readonly live: KubernetesObject }

/**
 * Rehearses, applies, waits, and goes back when the rollout fails. Throws only while nothing has been changed; from the first write on every
 * end is a value that says in which state the cluster was left.
 */
export const run = async (job: Job, ports: Ports): Promise<Result> => {
  const found = await alreadyThere(job, ports)
  if (found !== undefined) return { end: 'exists', changes: [], explanations: [], found }
  const { changes, problem } = await apply(job, ports)
  if (problem !== undefined && changes.length === 0) throw problem
  if (problem !== undefined) {
    return ending(job, { end: 'apply-failed', changes, explanations: [], problem: describe(problem) }, ports)
  }
  if (ports.cancelled.aborted) return { end: 'cancelled', changes, explanations: [] }
  const deployments = deploymentsOf(changes)
  const waited = await wait(deployments, ports.clock.monotonic() + job.timeoutMs, ports)
  if (waited.kind === 'done') return { end: 'deployed', changes, waited, explanations: [] }
  if (waited.kind === 'cancelled') return { end: 'cancelled', changes, waited, explanations: [] }
  const explanations = await explainAll(waited.looks, ports)
  for (const { about, text, log } of explanations) {
    ports.say(`${about}: ${text}`)
    for (const line of log ?? []) ports.say(`    ${line}`)
  }
  return ending(job, { end: 'rollout-failed', changes, waited, explanations }, ports)
}

const alreadyThere = async (
  { unlessThere, namespace }: Job,
  { cluster, cancelled }: Ports,
): Promise<Found | undefined> => {
  if (unlessThere === undefined || cancelled.aborted) return undefined
  const resource = { apiVersion: 'apps/v1', resource: 'deployments', namespace }
  const live = await cluster.get<KubernetesObject>(resource, unlessThere)
  if (live?.metadata.deletionTimestamp !== undefined)
    throw new Fault(
      'upstream',
      `Deployment/${unlessThere} in namespace ${namespace} is being deleted: it is there, and soon it is not`,
      'Wait until it is gone, or find out what holds it (its finalizers), then run again',
    )
  return live === undefined ? undefined : { target: { ...resource, kind: 'Deployment', name: unlessThere }, live }
}

const ending = async (job: Job, result: Result, ports: Ports): Promise<Result> => {
  if (job.onFailure === 'keep') return result
  ports.say('going back to what was there before')
  const undone = await goBack(result.changes, ports)
  const stale = new Map(
    (result.waited?.looks ?? []).flatMap(({ namespace, name, look }) =>
      look.kind === 'failed' && look.deadlineAt !== undefined ? [[`${namespace}/${name}`, look.deadlineAt]] : [],
    ),
  )
  // One that was not changed itself may have failed by what else was; it has to serve again as well.
  const restored = undone.some(({ state }) => state === 'restored')
  const back = undone.filter(({ state }) => state === 'restored' || (restored && state === 'unchanged'))
  const again = deploymentsOf(back.map(({ change }) => change)).map(({ namespace, name }) => {
    const knownDeadline = stale.get(`${namespace}/${name}`)
    return { namespace, name, ...(knownDeadline === undefined ? {} : { knownDeadline }) }
  })
  const backWaited = await wait(again, ports.clock.monotonic() + job.timeoutMs, ports)
  return { ...result, undone, backWaited }
}

type Applied = { readonly changes: readonly Change[]; readonly problem?: Fault }

const apply = async (job: Job, ports: Ports): Promise<Applied> => {
  if (ports.cancelled.aborted) return { changes: [] }
  if (job.what.kind === 'image') return { changes: [await setImage(job.what, job.namespace, ports)] }
  const planned = await rehearse(job.what.manifests, job.namespace, ports)
  const changes: Change[] = []
  for (const { manifest, target, before, force } of planned) {
    if (ports.cancelled.aborted) break
    try {
      const written = await ports.cluster.apply<KubernetesObject>(target, placed(manifest, target), {
        fieldManager: FIELD_MANAGER,
        ...(force ? { force } : {}),
      })
      if (written.kind !== 'written') {
        const text = written.kind === 'conflict' ? written.text : 'it is not there any more'
        return { changes, problem: new Fault('upstream', `${nameOf(target)}: ${text}`) }
      }
      const change: Change = { target, after: written.object, ...(before === undefined ? {} : { before }) }
      changes.push(change)
      ports.say(`${nameOf(target)}: ${effectOf(change)}`)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      const lost = mayBeWritten(thrown)
        ? await lostWrite({ target, ...(before === undefined ? {} : { before }) }, ports.cluster)
        : undefined
      if (lost !== undefined && lost !== 'unknown') {
        changes.push(lost)
        ports.say(`${nameOf(target)}: ${effectOf(lost)}, though the API server's answer was lost`)
        continue
      }
      const open = lost === 'unknown' ? ' (whether it was written cannot be seen: look at it)' : ''
      return { changes, problem: new Fault(thrown.kind, `${nameOf(target)}: ${thrown.message}${open}`, thrown.hint) }
    }
  }
  return { changes }
}

const deploymentsOf = (changes: readonly Change[]): readonly DeploymentName[] =>
  changes.flatMap((change) => {
    const { kind, name, namespace } = change.target
    if (kind !== 'Deployment' || namespace === undefined) return []
    const knownDeadline = effectOf(change) === 'unchanged' ? undefined : deadlineOf(change.before)
    return [{ namespace, name, ...(knownDeadline === undefined ? {} : { knownDeadline }) }]
  })
