import { Fault } from '@sluice/kit/faults'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { type Change, containersOf } from './change.ts'
import { refuseInFlight } from './flight.ts'
import { keptBy } from './kept.ts'
import { mayBeWritten } from './lost.ts'
import type { Ports } from './ports.ts'

/** One image for one container of an existing Deployment. */
export type ImageJob = {
  /** `name@sha256:…` */
  readonly image: string
  readonly deployment: string
  /** May be left out when the Deployment has one. */
  readonly container: string | undefined
}

const TRIES = 5

/**
 * Sets the image, on condition that the container is where it was read.
 * @throws Fault when the Deployment or container is not there, or the API server refuses; nothing is changed then
 */
export const setImage = async (job: ImageJob, namespace: string, ports: Ports): Promise<Change> => {
  const { cluster, say } = ports
  const resource = { apiVersion: 'apps/v1', resource: 'deployments', namespace }
  const target = { ...resource, kind: 'Deployment', name: job.deployment }
  let sent: KubernetesObject | undefined
  let failed: Fault | undefined
  for (let tries = 0; tries < TRIES; tries++) {
    const before = await cluster.get<KubernetesObject>(resource, job.deployment)
    if (before === undefined) throw await missing(job.deployment, namespace, cluster)
    const index = containerIndex(before, job)
    const { name, image } = containersOf(before)[index] ?? { name: '', image: '' }
    if (image === job.image && sent !== undefined) {
      say(`Deployment/${job.deployment}: container ${name} has ${job.image}; the API server's answer to that was lost`)
      return { target, before: sent, after: before }
    }
    if (image === job.image) {
      say(`Deployment/${job.deployment}: container ${name} has this image already`)
      return { target, before, after: before }
    }
    if (failed !== undefined) throw failed
    await refuseInFlight({ namespace, name: job.deployment }, ports)
    const path = `/spec/template/spec/containers/${index}`
    try {
      const written = await cluster.jsonPatch<KubernetesObject>(resource, job.deployment, [
        { op: 'test', path: `${path}/name`, value: name },
        { op: 'test', path: `${path}/image`, value: image },
        { op: 'replace', path: `${path}/image`, value: job.image },
      ])
      if (written.kind === 'written') {
        say(`Deployment/${job.deployment}: container ${name}: ${image} → ${job.image}`)
        const kept = keptBy({ ...before, kind: 'Deployment' })
        if (kept !== undefined) say(`warning: ${kept}`)
        return { target, before, after: written.object }
      }
    } catch (thrown) {
      if (!(thrown instanceof Fault) || !mayBeWritten(thrown)) throw thrown
      failed = thrown
    }
    // The write may have been done although its answer said otherwise, or never came: then the next look finds it.
    sent = before
  }
  throw new Fault(
    'upstream',
    `Deployment ${namespace}/${job.deployment} changed ${TRIES} times while its image was set`,
    'Look who else writes it',
  )
}

const containerIndex = (deployment: KubernetesObject, job: ImageJob): number => {
  const names = containersOf(deployment).map(({ name }) => name)
  if (job.container === undefined && names.length === 1) return 0
  const index = job.container === undefined ? -1 : names.indexOf(job.container)
  if (index >= 0) return index
  const what = job.container === undefined ? 'has several containers' : `has no container ${job.container}`
  throw new Fault(
    'input',
    `Deployment ${job.deployment} ${what}`,
    `Name one with the input container: ${names.join(', ')}`,
  )
}

const missing = async (name: string, namespace: string, cluster: Ports['cluster']): Promise<Fault> => {
  const known = await namesIn(namespace, cluster)
  const text = `There is no Deployment ${name} in namespace ${namespace}`
  if (known === 'no-namespace')
    return new Fault('input', `${text}: the namespace does not exist`, 'Check the input namespace and the context')
  if (known.length === 0)
    return new Fault('input', text, 'Deploy it once with manifests; there is none in this namespace yet')
  return new Fault('input', text, `There are: ${known.slice(0, 10).join(', ')}`)
}

/** For a better message only: an account that may not look gets a plain one. */
const namesIn = async (namespace: string, cluster: Ports['cluster']): Promise<readonly string[] | 'no-namespace'> => {
  const quiet = async <T>(ask: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await ask()
    } catch (thrown) {
      if (thrown instanceof Fault) return otherwise
      throw thrown
    }
  }
  const exists = await quiet(
    async () => (await cluster.get({ apiVersion: 'v1', resource: 'namespaces' }, namespace)) !== undefined,
    true,
  )
  if (!exists) return 'no-namespace'
  return quiet(
    async () =>
      (await cluster.list({ apiVersion: 'apps/v1', resource: 'deployments', namespace })).map(
        ({ metadata }) => metadata.name,
      ),
    [],
  )
}
