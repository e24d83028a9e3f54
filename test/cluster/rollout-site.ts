import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { POD_HASH, type ReplicaSet, type Rollout } from '@sluice/traffic/argo-rollouts'
import { call, kubeconfigOf } from './access.ts'
import type { Inputs, Running } from './action.ts'
import { askMany, type Clients } from './clients.ts'
import { groundOn } from './ground.ts'
import type { Release } from './images.ts'
import { accountWith, roleIn } from './rights.ts'
import { type Real, until } from './site.ts'

/** A namespace with an Argo Rollouts Rollout `shop` and a service account with exactly the rights that the README lists for it. */
export type RolloutSite = {
  readonly namespace: string
  readonly host: string
  readonly admin: Cluster
  clients(rate?: number): Clients
  canary(inputs: Inputs, env?: Inputs): Running
  live(): Promise<Rollout>
  /** Percent of the requests that the data plane is told to give the canary. */
  weight(): Promise<number>
  /** Pods by release. */
  pods(): Promise<Readonly<Record<string, number>>>
  /** As `kubectl argo rollouts abort`, `promote` and `set image` write. */
  abort(): Promise<void>
  promote(): Promise<void>
  setImage(release: Release): Promise<void>
  asked(count: number): Promise<Readonly<Record<string, number>>>
  remove(): Promise<void>
}

/** The plan's weights stand in the Rollout's steps. */
export const ROLLOUT_PLAN = `
steps: [{ weight: 20, hold: 8s }, { weight: 50, hold: 5s }]
interval: 1s
lease: 6s
drain: 4s
max-hold: 30s
ready-within: 60s
min-requests: 40
settle: 1s
metrics: [{ name: errors, kind: ratio }]
`
/** How many pods serve. */
export const REPLICAS = 2
const STEPS = [{ setWeight: 20 }, { pause: {} }, { setWeight: 50 }, { pause: {} }]
const LABELS = { app: 'shop' }
const MERGE = 'application/merge-patch+json'

/** Makes the site and waits until its Rollout is Healthy and answers. `routed`: by a weighted TraefikService; else by the share of pods. */
export const rolloutSiteOn = async (real: Real, routed: boolean): Promise<RolloutSite> => {
  const { access } = real
  const ground = await groundOn(real, 'rollout')
  const { namespace, host } = ground
  for (const [collection, object] of objectsOf(real, host, routed)) await ground.apply(collection, object)
  const roles = [roleIn('actions/canary-promote/README.md', 'sluice-rollout')]
  const kubeconfig = await accountWith(access, namespace, { name: 'releaser', roles, seconds: 6 * 3600 })
  const admin = await connect({ kubeconfig: kubeconfigOf(access, namespace), env: {} })
  const rollouts = { apiVersion: 'argoproj.io/v1alpha1', resource: 'rollouts', namespace }
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/rollouts/shop`
  const live = async (): Promise<Rollout> => {
    const found = await admin.get<Rollout>(rollouts, 'shop')
    if (found === undefined) throw new Error('there is no Rollout')
    return found
  }
  const patch = async (at: string, change: object): Promise<void> => {
    const answer = await call(access, 'PATCH', at, { type: MERGE, text: JSON.stringify(change) })
    if (answer.code !== 200) throw new Error(`${at}: ${answer.code} ${answer.text.slice(0, 300)}`)
  }
  await until(
    async () => (await live()).status?.phase === 'Healthy',
    180_000,
    'a Healthy Rollout: is its controller running? It',
  )
  await until(async () => (await askMany(real.web, host, 1))['old 200'] === 1, 30_000, 'an answer')
  const given = { kubeconfig, namespace, deployment: 'shop', router: 'argo-rollouts', plan: ROLLOUT_PLAN }
  return {
    namespace,
    host,
    admin,
    clients: ground.clients,
    canary: (inputs, env) => ground.canary(given, inputs, env),
    remove: ground.remove,
    live,
    weight: async () => {
      if (!routed) return (await live()).status?.canary?.weights?.canary.weight ?? 0
      const at = { apiVersion: 'traefik.io/v1alpha1', resource: 'traefikservices', namespace }
      const found = await admin.get<never>(at, 'shop')
      const { services } = (
        found as unknown as { spec: { weighted: { services: { name: string; weight?: number }[] } } }
      ).spec.weighted
      return services.find(({ name }) => name === 'shop-canary')?.weight ?? 0
    },
    pods: async () => {
      const sets = await admin.list<ReplicaSet>({ apiVersion: 'apps/v1', resource: 'replicasets', namespace })
      const counts: Record<string, number> = {}
      for (const { spec, status } of sets) {
        const image = spec.template.spec.containers[0]?.image ?? ''
        const release = (['old', 'good', 'errors', 'slow', 'never-ready', 'crash'] as const).find(
          (each) => real.image(each) === image,
        )
        counts[release ?? image] = (counts[release ?? image] ?? 0) + (status?.replicas ?? 0)
      }
      return counts
    },
    abort: () => patch(`${path}/status`, { status: { abort: true } }),
    promote: () => patch(`${path}/status`, { status: { pauseConditions: null } }),
    setImage: async (release) => {
      const { template } = (await live()).spec
      const containers = template.spec.containers.map((each) => ({ ...each, image: real.image(release) }))
      await patch(path, { spec: { template: { spec: { containers } } } })
    },
    asked: async (count) => {
      // The data plane takes a weight up only some time after it was written.
      await pause(3000)
      return askMany(real.web, host, count)
    },
  }
}

type Named = { readonly metadata: { readonly name: string } }

const objectsOf = (real: Real, host: string, routed: boolean): readonly (readonly [string, Named])[] => {
  const service = (name: string): readonly [string, Named] => [
    '/api/v1/services',
    {
      ...{ apiVersion: 'v1', kind: 'Service' },
      metadata: { name },
      ...{ spec: { selector: LABELS, ports: [{ name: 'http', port: 80, targetPort: 'http' }] } },
    },
  ]
  const names = routed ? ['shop-stable', 'shop-canary'] : ['shop']
  const to = routed ? { name: 'shop', kind: 'TraefikService' } : { name: 'shop', port: 80 }
  const routing = {
    canaryService: 'shop-canary',
    stableService: 'shop-stable',
    trafficRouting: { traefik: { weightedTraefikServiceName: 'shop' } },
    scaleDownDelaySeconds: 5,
  }
  const route = {
    ...{ apiVersion: 'traefik.io/v1alpha1', kind: 'IngressRoute' },
    metadata: { name: 'shop' },
    spec: { entryPoints: ['web'], routes: [{ kind: 'Rule', match: `Host(\`${host}\`)`, services: [to] }] },
  }
  const weighted = {
    ...{ apiVersion: 'traefik.io/v1alpha1', kind: 'TraefikService' },
    metadata: { name: 'shop' },
    spec: { weighted: { services: names.map((name) => ({ name, port: 80 })) } },
  }
  return [
    ...names.map(service),
    ...(routed ? [['/apis/traefik.io/v1alpha1/traefikservices', weighted] as const] : []),
    ['/apis/traefik.io/v1alpha1/ingressroutes', route],
    [
      '/apis/argoproj.io/v1alpha1/rollouts',
      {
        ...{ apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout' },
        metadata: { name: 'shop' },
        spec: {
          replicas: REPLICAS,
          selector: { matchLabels: LABELS },
          strategy: {
            canary: {
              steps: STEPS,
              ...(routed ? routing : { maxSurge: 1, maxUnavailable: 0 }),
            },
          },
          template: templateOf(real),
        },
      } as Named,
    ],
  ]
}

const templateOf = (real: Real) => ({
  metadata: { labels: LABELS, annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' } },
  spec: {
    terminationGracePeriodSeconds: 10,
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'shop',
        image: real.image('old'),
        ports: [{ name: 'http', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 1, timeoutSeconds: 5 },
        lifecycle: { preStop: { sleep: { seconds: 3 } } },
      },
    ],
  },
})

/** The pod hash that a Service of the Rollout selects. */
export const selectedBy = async (site: RolloutSite, service: string): Promise<string | undefined> => {
  const at = { apiVersion: 'v1', resource: 'services', namespace: site.namespace }
  const found = await site.admin.get<never>(at, service)
  return (found as unknown as { spec: { selector: Record<string, string> } }).spec.selector[POD_HASH]
}
