import { Fault } from '@sluice/kit/faults'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { DeploymentName, Ports } from './ports.ts'

/**
 * Refuses to change a Deployment while a canary release of it is in flight: the release compares its pods with the canary's, and gives back
 * what it found at its start, so that either would undo or falsify the other.
 * @throws Fault('input') that names the phase, the run and the way out; Fault('upstream') when the API server cannot tell
 */
export const refuseInFlight = async (
  { namespace, name }: DeploymentName,
  { cluster, say }: Pick<Ports, 'cluster' | 'say'>,
): Promise<void> => {
  const flight = flightOf(await recordOf(namespace, name, { cluster, say }))
  if (flight === undefined) return
  const { phase, run } = flight
  throw new Fault(
    'input',
    `A canary release of Deployment ${name} in namespace ${namespace} is in flight (${phase}${run === '' ? '' : `, by ${run}`}; ConfigMap sluice-${name}): a deploy would change what it compares and gives back`,
    'Wait until it is done. To end it, use canary-promote with mode: abort while its run lives, with mode: reap when its run has died',
  )
}

/** The phase and the run of a release's record (ConfigMap `sluice-<deployment>`); `undefined` when there is none or it is done. */
const flightOf = (
  record: KubernetesObject | undefined,
): { readonly phase: string; readonly run: string } | undefined => {
  const data = (record?.data ?? {}) as Readonly<Record<string, string>>
  if (!('schema' in data)) return undefined
  const { phase } = fields(data.state)
  if (phase === 'done') return undefined
  const { repository, runId, attempt } = fields(data.owner)
  const run = runId === undefined ? '' : `run ${runId}${attempt === undefined ? '' : `, attempt ${attempt}`}`
  return {
    phase: phase === undefined ? 'in a phase that cannot be read' : `phase ${phase}`,
    run: repository === undefined || run === '' ? run : `${run} of ${repository}`,
  }
}

const recordOf = async (
  namespace: string,
  name: string,
  { cluster, say }: Pick<Ports, 'cluster' | 'say'>,
): Promise<KubernetesObject | undefined> => {
  try {
    return await cluster.get<KubernetesObject>(
      { apiVersion: 'v1', resource: 'configmaps', namespace },
      `sluice-${name}`,
    )
  } catch (thrown) {
    // Who may not read it does not use canary releases with this account.
    if (!(thrown instanceof Fault) || !thrown.message.endsWith('(403)')) throw thrown
    say(
      `Deployment/${name}: this account may not get ConfigMap sluice-${name}, so a canary release in flight is not seen`,
    )
    return undefined
  }
}

const fields = (text: string | undefined): Readonly<Record<string, string | undefined>> => {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    if (typeof value !== 'object' || value === null) return {}
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) =>
        typeof item === 'string' || typeof item === 'number' ? [[key, String(item)]] : [],
      ),
    )
  } catch {
    return {}
  }
}
