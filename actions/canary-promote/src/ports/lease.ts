import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Owner } from '@sluice/release/record'
import { ownerName } from '../canary.ts'
import type { Clock, Ports } from '../ports.ts'
import { recordName } from './record.ts'

type Lease = KubernetesObject & {
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

/**
 * Who is alive: Lease `sluice-<deployment>`, held as `runId/attempt#epoch`. Another's lease has run out when its renewTime has not changed for one
 * lease duration on this process's own monotonic clock: the wall clocks of two machines are never compared. The same run and attempt takes its
 * own lease at once only with `force`: two jobs of a run may release the same Deployment. Source: the Lease API of coordination.k8s.io/v1, as leader election uses it.
 */
export const leasePort = (
  cluster: Cluster,
  given: {
    readonly namespace: string
    readonly deployment: string
    readonly clock: Clock
    readonly cancelled: AbortSignal
    readonly say: (line: string) => void
  },
): Ports['lease'] => {
  const leases = { apiVersion: 'coordination.k8s.io/v1', resource: 'leases', namespace: given.namespace }
  const name = recordName(given.deployment)
  let holder = ''
  let held = 1
  let written: string | undefined

  const write = async (current: Lease | undefined, seconds: number): Promise<'taken' | 'raced'> => {
    const now = microTime(given.clock.now())
    const spec = {
      holderIdentity: holder,
      leaseDurationSeconds: seconds,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: (current?.spec?.leaseTransitions ?? 0) + 1,
    }
    const object: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: current?.metadata ?? { name, namespace: given.namespace },
      spec,
    }
    written = now
    const result = current === undefined ? await cluster.create(leases, object) : await cluster.update(leases, object)
    return result.kind === 'written' ? 'taken' : 'raced'
  }

  const extend = async (current: Lease, at: number): Promise<boolean> => {
    const renewed = { ...current, spec: { ...current.spec, renewTime: microTime(at) } }
    return (await cluster.update(leases, renewed)).kind === 'written'
  }

  return {
    take: async (owner: Owner, { epoch, duration, force, still }) => {
      holder = `${ownerName(owner)}#${epoch}`
      const seconds = Math.max(1, Math.ceil(duration / 1000))
      held = seconds
      let watched: { readonly seen: string; readonly since: number } | undefined
      for (;;) {
        // A run that is told to stop has nothing yet that it must look after.
        if (given.cancelled.aborted) return 'busy'
        const current = await cluster.get<Lease>(leases, name)
        const other = current?.spec?.holderIdentity ?? ''
        // Written a moment ago by this call, whose answer was lost.
        if (other === holder && current?.spec?.acquireTime === written) return 'taken'
        // A Lease that somebody deleted is written anew by a run that lives: only who watches for long sees that.
        const free = force || (other === '' && still === undefined)
        const seen = `${other} ${current?.spec?.renewTime ?? ''}`
        const theirs = still ?? (current?.spec?.leaseDurationSeconds ?? seconds) * 1000
        if (free || (watched !== undefined && given.clock.monotonic() - watched.since >= theirs)) {
          if (seen === watched?.seen || free) {
            if ((await write(current, seconds)) === 'taken') return 'taken'
            watched = undefined
            continue
          }
        }
        if (watched === undefined) {
          const whose = other === '' ? 'nobody' : `run ${other.split('#')[0]}`
          given.say(`${whose} holds the release; waiting ${theirs / 1000} s to see whether it is alive`)
          watched = { seen, since: given.clock.monotonic() }
        } else if (seen !== watched.seen) {
          return 'busy'
        }
        await given.clock.sleep(Math.min(theirs / 10, 1000))
      }
    },
    renew: async () => {
      for (let tries = 0; tries < RENEW_TRIES; tries++) {
        const current = await cluster.get<Lease>(leases, name)
        const whose = current?.spec?.holderIdentity ?? ''
        if (whose !== '' && whose !== holder) return 'lost'
        // Deleted or emptied by hand: nobody has taken it, and the epoch alone decides who may write.
        const renewed =
          current === undefined || whose === ''
            ? (await write(current, held)) === 'taken'
            : await extend(current, given.clock.now())
        if (renewed) return 'held'
      }
      return 'lost'
    },
    release: async () => {
      const current = await cluster.get<Lease>(leases, name)
      if (current === undefined || current.spec?.holderIdentity !== holder) return
      await cluster.update(leases, { ...current, spec: { ...current.spec, holderIdentity: '' } })
    },
  }
}

/** A renewal whose answer was lost conflicts with itself when it is repeated. */
const RENEW_TRIES = 3

const microTime = (at: number): string => new Date(at).toISOString().replace('Z', '000Z')
