import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { apply, call, kubeconfigOf } from '../../cluster/access.ts'
import { type Real, until } from '../../cluster/site.ts'
import { type Manifest, manifestsOf } from './manifests.ts'

/** By this label the race knows its namespaces again, also those of a race that was killed. */
const LABEL = 'sluice.dev/bench'

/** One namespace with a tool's own objects, answered by its stable release. `admin` is for the race's eyes and for what a user would write. */
export type Place = {
  readonly namespace: string
  readonly admin: Cluster
  get<T extends KubernetesObject>(apiVersion: string, resource: string, name: string): Promise<T | undefined>
  list<T extends KubernetesObject>(apiVersion: string, resource: string): Promise<readonly T[]>
  readonly host: string
}

/** Makes a namespace and applies the settings files to it. The gateway may take a moment until it answers: `answered` waits for that. */
export const placeOn = async (
  real: Real,
  files: readonly string[],
  stable: string,
): Promise<Place & { answered(): Promise<void>; remove(): Promise<void> }> => {
  const namespace = `race-${randomBytes(3).toString('hex')}`
  const host = `${namespace}.test`
  const { access } = real
  const values = { NAMESPACE: namespace, HOST: host, STABLE: stable, PROMETHEUS: real.prometheus }
  const manifests = manifestsOf(files, values)
  await apply(access, '/api/v1/namespaces', {
    ...{ apiVersion: 'v1', kind: 'Namespace' },
    metadata: { name: namespace, labels: { [LABEL]: 'rollback' } } as { name: string },
  })
  for (const { collection, object } of manifests) await apply(access, within(collection, namespace), object)
  const admin = await connect({ kubeconfig: kubeconfigOf(access, namespace), env: {} })
  return {
    namespace,
    host,
    admin,
    get: (apiVersion, resource, name) => admin.get({ apiVersion, resource, namespace }, name),
    list: (apiVersion, resource) => admin.list({ apiVersion, resource, namespace }),
    answered: () => until(() => answers(real.web, host), 90_000, `an answer of ${host}`),
    remove: () => removed(real, namespace),
  }
}

/** Takes away the namespaces that a race before this one left. */
export const swept = async (real: Real): Promise<void> => {
  const { text } = await call(real.access, 'GET', `/api/v1/namespaces?labelSelector=${LABEL}%3Drollback`)
  const { items } = JSON.parse(text) as { readonly items: readonly { readonly metadata: { readonly name: string } }[] }
  for (const { metadata } of items) await removed(real, metadata.name)
}

const within = (collection: Manifest['collection'], namespace: string): string =>
  collection.replace(/\/([^/]+)$/, `/namespaces/${namespace}/$1`)

/** What runs pods, the controllers' objects first so that none of them makes pods anew. Not every cluster knows all of them. */
const WORKLOADS = [
  '/apis/flagger.app/v1beta1/canaries',
  '/apis/argoproj.io/v1alpha1/rollouts',
  '/apis/apps/v1/deployments',
] as const

/** Deletes what runs in a namespace, then the namespace, and waits until it is gone: what still runs of one round must not slow the next. */
const removed = async (real: Real, namespace: string): Promise<void> => {
  const path = `/api/v1/namespaces/${namespace}`
  for (const collection of WORKLOADS) await call(real.access, 'DELETE', within(collection, namespace))
  await call(real.access, 'DELETE', path)
  await until(async () => (await call(real.access, 'GET', path)).code === 404, 60_000, `the end of ${namespace}`)
}

/** Ten good answers in a row: a route that is half known answers now and then. */
const answers = async (web: string, host: string): Promise<boolean> => {
  for (let count = 0; count < 10; count++) {
    if ((await status(web, host)) !== 200) return false
    await pause(20)
  }
  return true
}

const status = (url: string, host: string): Promise<number> =>
  new Promise((resolve) => {
    const sent = request(url, { headers: { host }, agent: false, timeout: 2000 }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    sent.once('timeout', () => sent.destroy(new Error('no answer')))
    sent.once('error', () => resolve(0))
    sent.end()
  })
