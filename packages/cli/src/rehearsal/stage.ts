import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import type { RehearseOptions } from '../arguments.ts'
import type { Builder } from './builder.ts'
import { embeddedGround } from './embedded.ts'
import { parentsOf, readManifests, setUpPlatform } from './gateways.ts'
import type { Ground } from './ground.ts'
import { type Load, startLoad } from './load.ts'
import { nodeImage } from './node-image.ts'
import { LOAD, type Release } from './plan.ts'
import { type Place, type Route, resourcesOf } from './production.ts'
import { realGround } from './real.ts'
import { openRegistry } from './registry.ts'
import type { Subject } from './subject.ts'

/** Everything a rehearsal plays on. `undo` is done in reverse by `close`, once. */
export type Stage = {
  readonly directory: string
  readonly ground: Ground
  readonly cluster: Cluster
  readonly releases: { readonly first: Release; readonly good: Release; readonly second: Release }
  /** What images are built with here; absent: none is built. */
  readonly docker?: { readonly builder: Builder; readonly base: string | undefined }
  /** While this file is there the dependency that all releases share is out. */
  readonly outageFile: string
  undo(step: () => Promise<void> | void): void
  close(): Promise<void>
}

/** What a stage is set with. `builder`: jobs build the images with it. */
export type StageAsked = Pick<RehearseOptions, 'fault' | 'seed' | 'cluster' | 'registry'> & {
  readonly builder: Builder | undefined
}

/** Puts the releases where pods pull them from, and sets up what a platform team would: namespaces and gateways. @param root the checkout */
export const setStage = async (
  root: string,
  subject: Subject,
  { fault, seed, cluster: real, registry: given, builder }: StageAsked,
): Promise<Stage> => {
  const steps: (() => Promise<void> | void)[] = []
  const close = async (): Promise<void> => {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) await step()
  }
  try {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-rehearsal-'))
    steps.push(() => rmSync(directory, { recursive: true, force: true }))
    const outageFile = join(directory, 'outage')
    const builds = builder !== undefined
    const registry = builds && real === undefined ? await openRegistry(given, directory, process.env) : undefined
    if (registry !== undefined) steps.push(registry.close)
    const ground =
      real === undefined
        ? await embeddedGround(subject, outageFile, registry)
        : await realGround(subject, { root, name: real, builds })
    steps.push(() => ground.close())
    const base =
      ground.registry === undefined || subject.kind === 'own' ? undefined : await nodeImage(root, ground.registry.host)
    const { cluster } = ground
    const releases = {
      first: await ground.release({ label: 'r1', fault: 'none', seed }),
      good: await ground.release({ label: 'r2', fault: 'none', seed }),
      second: await ground.release({ label: 'r3', fault, seed }),
    }
    for (const target of [subject.staging, subject.production])
      if (target !== null)
        await setUpPlatform(ground, readManifests(subject.folder, target.manifests.split('\n')), target.namespace)
    return {
      directory,
      ground,
      cluster,
      releases,
      ...(builder === undefined ? {} : { docker: { builder, base } }),
      outageFile,
      undo: (step) => void steps.push(step),
      close,
    }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

/**
 * Finds where production's service lives, once its first release is deployed.
 * @throws Fault('upstream') when no HTTPRoute, or more than one, names the Service
 */
export const placeOf = async (cluster: Cluster, { production, service, repository }: Subject): Promise<Place> => {
  const { namespace, deployment, router } = production
  const base = {
    repository,
    namespace,
    deployment,
    service: production.service,
    servicePort: production['service-port'],
  }
  if (router === 'replicas') return { ...base, route: undefined, rule: 0 }
  const names = (route: Route): number =>
    (route.spec.rules ?? []).findIndex(({ backendRefs = [] }) => backendRefs.some(({ name }) => name === base.service))
  const routes = (await cluster.list<Route>(resourcesOf(namespace).routes)).filter(
    (route) => names(route) >= 0 && (production.route === null || route.metadata.name === production.route),
  )
  const [route, ...more] = routes
  if (route === undefined || more.length > 0)
    throw new Fault(
      'upstream',
      `${routes.length} HTTPRoutes in ${namespace} name the Service ${base.service} of ${service}`,
      "The manifests need one; where there are several, name it as route in the service's deploy.",
    )
  return { ...base, route: route.metadata.name, rule: production.rule ?? names(route) }
}

/** Where clients ask: an address, and the host that the route is for (empty: any). */
export type Door = { readonly url: string; readonly host: string }

/** The way of the clients to production: the gateway of its route, or the Service itself where no route splits. */
export const doorOf = async ({ ground, cluster }: Stage, place: Place): Promise<Door> => {
  if (place.route === undefined)
    return { url: ground.serviceUrl(place.namespace, place.service, place.servicePort), host: '' }
  const route = await cluster.get<Route>(resourcesOf(place.namespace).routes, place.route)
  const parent = route === undefined ? undefined : parentsOf(route)[0]
  if (route === undefined || parent === undefined)
    throw new Fault('upstream', `HTTPRoute ${place.namespace}/${place.route} names no Gateway as its parent`)
  const at = { namespace: parent.namespace ?? place.namespace, name: parent.name }
  const host = route.spec.hostnames?.[0] ?? ground.gateway.hostname?.(at) ?? ''
  return { url: ground.gatewayUrl(at), host: host.replace('*', 'rehearsal') }
}

/**
 * Starts the clients: the example's post tickets, a user's ask for the first of some paths that the service answers through the door.
 * @throws Fault('upstream') when it answers none of them
 */
export const startClients = async (
  stage: Stage,
  { door, subject, seed }: { readonly door: Door; readonly subject: Subject; readonly seed: number },
): Promise<{ readonly load: Load; readonly path: string }> => {
  const example = subject.kind === 'example'
  const found = await answered(door, subject.paths)
  const path = example ? '/classify' : found
  const tickets = example ? join(subject.folder, 'data/tickets.tsv') : ''
  const load = startLoad({ ...LOAD, ...door, path, seed, tickets }, (text) => process.stderr.write(`${text}\n`))
  stage.undo(load.stop)
  return { load, path }
}

/** From a ready pod to a gateway that knows it, ms. */
const ANSWERS_WITHIN = 30_000

const answered = async ({ url, host }: Door, paths: readonly string[]): Promise<string> => {
  const until = Date.now() + ANSWERS_WITHIN
  let said = ''
  while (Date.now() < until) {
    for (const path of paths) {
      const status = await statusOf(new URL(path, url), host)
      if (status.release && status.code < 500) return path
      said = `${path} answered ${status.code}`
    }
    await new Promise((done) => setTimeout(done, 250))
  }
  throw new Fault(
    'upstream',
    `Nothing of the service answered the clients under ${paths.join(', ')}: ${said}`,
    "Give the service a smoke check of a path that production's route lets through.",
  )
}

const statusOf = (url: URL, host: string): Promise<{ readonly code: number; readonly release: boolean }> =>
  new Promise((resolve) => {
    const asked = request(url, { headers: host === '' ? {} : { host } }, (answer) => {
      answer.resume()
      answer.once('end', () =>
        resolve({ code: answer.statusCode ?? 0, release: answer.headers['x-release'] !== undefined }),
      )
      answer.once('error', () => resolve({ code: 0, release: false }))
    })
    asked.setTimeout(5_000, () => asked.destroy())
    asked.once('error', () => resolve({ code: 0, release: false }))
    asked.end()
  })
