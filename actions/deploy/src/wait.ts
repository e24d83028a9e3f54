import { orCancelled } from '@sluice/kit/cancelled'
import { describe, Fault } from '@sluice/kit/faults'
import type { DeploymentName, Explanation, Look, Ports } from './ports.ts'

/** How the wait for the rollouts ended. */
export type Waited = {
  readonly kind: 'done' | 'failed' | 'timed-out' | 'cancelled'
  readonly tookMs: number
  /** The latest look at each Deployment. */
  readonly looks: readonly (DeploymentName & { readonly look: Look })[]
}

const LOOK_EVERY_MS = 1000
const SILENCE_MS = 20_000

/**
 * Looks at the Deployments until one look finds all rolled out, one has failed, the time is up or the run is cancelled. An API server that cannot be
 * reached in between is asked again until the time is up: its pods go on without it.
 * @param until ms on the monotonic clock
 */
export const wait = async (deployments: readonly DeploymentName[], until: number, ports: Ports): Promise<Waited> => {
  const last = new Map<DeploymentName, Look>()
  const looks = () => deployments.map((each) => ({ ...each, look: last.get(each) ?? NOT_YET }))
  const begun = ports.clock.monotonic()
  const ended = (kind: Waited['kind']): Waited => ({ kind, tookMs: ports.clock.monotonic() - begun, looks: looks() })
  let saidAt = begun
  while (true) {
    for (const each of deployments) {
      const look = await orCancelled(lookAt(each, ports), ports.cancelled, last.get(each) ?? NOT_YET)
      if (ports.cancelled.aborted) return ended('cancelled')
      if (look.text !== last.get(each)?.text) {
        ports.say(`${each.name}: ${look.text}`)
        saidAt = ports.clock.monotonic()
      }
      last.set(each, look)
    }
    if (looks().every(({ look }) => look.kind === 'done')) return ended('done')
    if (looks().some(({ look }) => look.kind === 'failed')) return ended('failed')
    if (ports.cancelled.aborted) return ended('cancelled')
    const now = ports.clock.monotonic()
    if (now >= until) return ended('timed-out')
    if (now - saidAt >= SILENCE_MS) {
      saidAt = now
      await sayWhy(looks(), ports)
    }
    await ports.clock.sleep(Math.min(LOOK_EVERY_MS, until - now))
    if (ports.cancelled.aborted) return ended('cancelled')
  }
}

/** Why the Deployments that are not done hang; an API server that cannot tell is told itself. */
export const explainAll = async (looks: Waited['looks'], ports: Ports): Promise<readonly Explanation[]> => {
  const open = looks.filter(({ look }) => look.kind !== 'done')
  const found: Explanation[] = []
  for (const deployment of open) {
    try {
      found.push(...(await ports.rollout.explain(deployment)))
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      found.push({ about: deployment.name, text: `could not be looked into: ${describe(thrown)}`, environment: true })
    }
  }
  return found
}

const NOT_YET: Look = { kind: 'waiting', text: 'not looked at yet' }

const lookAt = async (deployment: DeploymentName, ports: Ports): Promise<Look> => {
  try {
    return await ports.rollout.look(deployment)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === 'upstream') return { kind: 'waiting', text: describe(thrown) }
    throw thrown
  }
}

const sayWhy = async (looks: Waited['looks'], ports: Ports): Promise<void> => {
  for (const { name, namespace, look } of looks) {
    if (look.kind === 'done') continue
    const [first] = await explainAll([{ name, namespace, look }], ports)
    ports.say(`${name}: still ${look.text}${first === undefined ? '' : `; ${first.about}: ${first.text}`}`)
  }
}
