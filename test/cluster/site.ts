import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { type Access, kubeconfigOf } from './access.ts'
import type { Inputs, Running } from './action.ts'
import { choose } from './can.ts'
import { askMany, type Clients } from './clients.ts'
import { groundOn } from './ground.ts'
import { pushReleases, REPOSITORY, type Release } from './images.ts'
import { locked } from './lock.ts'
import { type Paths, pathsOf } from './paths.ts'
import { PORTS } from './processes.ts'
import { accountWith, roleIn } from './rights.ts'
import { registryOf, up } from './up.ts'

/** A real cluster with the test service's images in its registry. `web`: where its gateway answers. */
export type Real = {
  readonly paths: Paths
  readonly access: Access
  readonly address: string
  readonly web: string
  readonly prometheus: string
  /** `repository@sha256:…` as the kubelet pulls it. */
  image(release: Release): string
}

/** The cluster that stands, or one that is brought up. Called by every test file: the second call takes no time. */
export const realCluster = async (name?: string): Promise<Real> => {
  const paths = pathsOf(name)
  return locked(paths, async () => {
    const provider = choose(process.env)
    if (typeof provider !== 'string') throw new Error(provider.lacking.join('\n'))
    const { access, address } = await up(paths, provider)
    const digests = await pushReleases(paths, registryOf(address))
    return {
      paths,
      access,
      address,
      web: `http://${address}:${PORTS.web}`,
      prometheus: `http://${address}:${PORTS.prometheus}`,
      image: (release) => `${REPOSITORY}@${digests[release]}`,
    }
  })
}

/**
 * What a site may differ in. `labels`: of the namespace. `tokenSeconds`: how long its accounts' tokens last. `pod`: fields of the pods' spec.
 * `inside`: the route has a second rule, for paths under /internal. `resources`: of its container. `rules`: what the account that releases may do beside its Role, as the READMEs ask for some plans.
 */
export type SiteGiven = {
  readonly inside?: true
  readonly resources?: object
  readonly rules?: readonly object[]
  readonly replicas?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly tokenSeconds?: number
  readonly pod?: object
}

/**
 * One namespace with the old release of `shop` behind a Gateway and an HTTPRoute of the host `<namespace>.test`, and a service account with exactly the
 * rights that the README of canary-promote lists. `admin` is for the test's own eyes; actions never get it.
 */
export type Site = {
  readonly namespace: string
  readonly host: string
  readonly admin: Cluster
  /** Of the service account that releases, and of the one that only repairs. */
  readonly kubeconfig: string
  readonly recovery: string
  clients(rate?: number): Clients
  /** A process of canary-promote with the site's defaults; what `inputs` names wins. */
  canary(inputs: Inputs, env?: Inputs): Running
  /** Server-side apply; `collection` without a namespace, such as `/apis/apps/v1/deployments`. */
  apply(collection: string, object: object): Promise<void>
  get<T extends KubernetesObject>(apiVersion: string, resource: string, name: string): Promise<T | undefined>
  /** The canary's weight as the route has it, percent. */
  weight(): Promise<number>
  /** Everything of a release that is still there, one line each; empty at rest. */
  leftovers(): Promise<readonly string[]>
  remove(): Promise<void>
}

/** A short plan for real pods: minutes are seconds. */
export const PLAN = `
steps: [{ weight: 20, hold: 8s }, { weight: 50, hold: 5s }]
interval: 1s
lease: 6s
drain: 4s
max-hold: 30s
ready-within: 40s
min-canary: 1
min-requests: 40
settle: 1s
metrics: [{ name: errors, kind: ratio }, { name: slow, kind: latency, threshold: 250ms }]
`

/** Makes a site and waits until its gateway answers with the old release. */
export const siteOn = async (real: Real, given: SiteGiven = {}): Promise<Site> => {
  const { access } = real
  const ground = await groundOn(real, 'shop', given.labels)
  const { namespace, host } = ground
  for (const [collection, object] of objectsOf(real, host, given)) await ground.apply(collection, object)
  const seconds = given.tokenSeconds ?? 6 * 3600
  const readme = 'actions/canary-promote/README.md'
  const more = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'more' },
    rules: given.rules ?? [],
  }
  const roles = [roleIn(readme, 'sluice-canary'), ...(given.rules === undefined ? [] : [more])]
  const [kubeconfig, recovery] = await Promise.all([
    accountWith(access, namespace, { name: 'releaser', roles, seconds }),
    accountWith(access, namespace, { name: 'repairer', roles: [roleIn(readme, 'sluice-recovery')], seconds }),
  ])
  const admin = await connect({ kubeconfig: kubeconfigOf(access, namespace), env: {} })
  const get = <T extends KubernetesObject>(
    apiVersion: string,
    resource: string,
    name: string,
  ): Promise<T | undefined> => admin.get<T>({ apiVersion, resource, namespace }, name)
  const route = () => get<Route>('gateway.networking.k8s.io/v1', 'httproutes', 'shop')
  const before = JSON.stringify((await route())?.spec)
  const whole = async (): Promise<boolean> =>
    (await get<Counted>('apps/v1', 'deployments', 'shop'))?.status?.availableReplicas === (given.replicas ?? 2)
  await until(whole, 60_000, 'the old release')
  await until(async () => (await askMany(real.web, host, 1))['old 200'] === 1, 60_000, 'an answer')
  return {
    namespace,
    host,
    admin,
    kubeconfig,
    recovery,
    clients: ground.clients,
    canary: (inputs, env) => ground.canary({ kubeconfig, namespace, deployment: 'shop', plan: PLAN }, inputs, env),
    apply: ground.apply,
    remove: ground.remove,
    get,
    weight: async () => {
      const refs = (await route())?.spec.rules[0]?.backendRefs ?? []
      const total = refs.reduce((sum, { weight = 1 }) => sum + weight, 0)
      return total === 0 ? 0 : (100 * (refs.find(({ name }) => name === 'shop-canary')?.weight ?? 0)) / total
    },
    leftovers: async () => {
      const live = await route()
      const tracks = await Promise.all(
        ['canary', 'baseline'].map((track) =>
          admin.list({ apiVersion: 'v1', resource: 'pods', namespace }, { labels: { 'sluice.dev/track': track } }),
        ),
      )
      const pods = tracks.flat()
      const twins: readonly (readonly [string, string])[] = [
        ['apps/v1', 'deployments'],
        ['v1', 'services'],
        ['policy/v1', 'poddisruptionbudgets'],
        ['batch/v1', 'cronjobs'],
      ]
      const found = await Promise.all(
        twins.map(async ([group, resource]) =>
          (await admin.list({ apiVersion: group, resource, namespace })).map(
            ({ metadata }) => `${resource}/${metadata.name}`,
          ),
        ),
      )
      return [
        ...found.flat().filter((name) => /-canary|-baseline|sluice/.test(name)),
        ...pods.map(({ metadata }) => `pod ${metadata.name}`),
        ...(JSON.stringify(live?.spec) === before ? [] : [`route: ${JSON.stringify(live?.spec.rules)}`]),
        ...Object.keys(live?.metadata.annotations ?? {}).filter((key) => key.startsWith('sluice.dev/')),
      ]
    },
  }
}

/** Asks again every 100 ms. @throws Error when it does not come to pass in time, with what was asked last */
export const until = async (holds: () => Promise<boolean> | boolean, ms = 30_000, what = 'it'): Promise<void> => {
  const end = performance.now() + ms
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what} did not come to pass within ${ms / 1000} s`)
    await pause(100)
  }
}

type Counted = KubernetesObject & { readonly status?: { readonly availableReplicas?: number } }
type Route = KubernetesObject & {
  readonly spec: { readonly rules: readonly { readonly backendRefs: readonly { name: string; weight?: number }[] }[] }
}

const objectsOf = (
  real: Real,
  host: string,
  { replicas = 2, pod = {}, resources = {}, inside }: SiteGiven,
): readonly (readonly [string, object])[] => {
  const labels = { app: 'shop', tier: 'web' }
  return [
    [
      '/apis/apps/v1/deployments',
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'shop' },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          template: {
            metadata: { labels, annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' } },
            spec: {
              terminationGracePeriodSeconds: 10,
              automountServiceAccountToken: false,
              containers: [
                {
                  name: 'shop',
                  image: real.image('old'),
                  ports: [{ name: 'http', containerPort: 8080 }],
                  resources,
                  readinessProbe: {
                    httpGet: { path: '/ready', port: 'http' },
                    periodSeconds: 1,
                    timeoutSeconds: 5,
                    failureThreshold: 2,
                  },
                  lifecycle: { preStop: { sleep: { seconds: 3 } } },
                },
              ],
              ...pod,
            },
          },
        },
      },
    ],
    [
      '/api/v1/services',
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'shop' },
        spec: { selector: { app: 'shop', tier: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
      },
    ],
    [
      '/apis/gateway.networking.k8s.io/v1/gateways',
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: { name: 'web' },
        spec: { gatewayClassName: 'traefik', listeners: [{ name: 'http', port: PORTS.web, protocol: 'HTTP' }] },
      },
    ],
    [
      '/apis/gateway.networking.k8s.io/v1/httproutes',
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'shop' },
        spec: {
          hostnames: [host],
          parentRefs: [{ name: 'web' }],
          rules: [
            { backendRefs: [{ name: 'shop', port: 80 }] },
            ...(inside === true
              ? [
                  {
                    matches: [{ path: { type: 'PathPrefix', value: '/internal' } }],
                    backendRefs: [{ name: 'shop', port: 80 }],
                  },
                ]
              : []),
          ],
        },
      },
    ],
  ]
}
