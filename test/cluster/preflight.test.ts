import { randomBytes } from 'node:crypto'
import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, kubeconfigOf } from './access.ts'
import { type Real, realCluster, type Site, until } from './site.ts'
import { sitesUntil } from './sites.ts'

/** The refusals of the preflight against the API server whose rules they are about: each is what that server would really do. */
let real: Real
let site: Site
const newSite = sitesUntil(afterAll, () => real)
beforeAll(async () => {
  real = await realCluster()
  site = await newSite()
}, 240_000)
const release = (where: Site, plan = '') =>
  where.canary({ image: real.image('good'), ...(plan === '' ? {} : { plan }) }).done
const V1 = '/api/v1'
const object = (apiVersion: string, kind: string, name: string, spec: object) => ({
  apiVersion,
  kind,
  metadata: { name },
  spec,
})
const admin = (namespace: string): Promise<Cluster> =>
  connect({ kubeconfig: kubeconfigOf(real.access, namespace), env: {} })
const pods = (namespace: string): Resource => ({ apiVersion: 'v1', resource: 'pods', namespace })

describe('an account that may not create pods is told beforehand what the API server would refuse in them', () => {
  test('Pod Security: a Deployment passes the label that its pods do not', async () => {
    const where = await newSite()
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await where.admin.mergePatch({ apiVersion: 'v1', resource: 'namespaces' }, where.namespace, {
      metadata: { labels },
    })
    const { code, log } = await release(where)
    expect(code).toBe(1)
    expect(log).toContain('pod-security.kubernetes.io/enforce=restricted would refuse canary pods')
    expect(log).toContain('must set securityContext.allowPrivilegeEscalation=false')
    expect(await where.leftovers()).toEqual([])
    // What it foresaw is what happens: the Deployment is taken, its pod is not, for each of these reasons.
    const live = await where.get<KubernetesObject & { spec: { template: KubernetesObject } }>(
      'apps/v1',
      'deployments',
      'shop',
    )
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'probe' }, spec: live?.spec.template.spec }
    const refused = await where.admin.create(pods(where.namespace), pod, { dryRun: true }).catch(String)
    for (const reason of ['allowPrivilegeEscalation', 'capabilities', 'runAsNonRoot', 'seccompProfile'])
      expect(refused).toContain(reason)
  }, 150_000)

  test('LimitRange: by the numbers that the API server compares', async () => {
    const where = await newSite()
    // A minimum of a container becomes its default request, so it never refuses one that says nothing; one of a pod does not.
    const limits = [
      { type: 'Container', min: { memory: '8Mi' }, maxLimitRequestRatio: { cpu: '2' } },
      { type: 'Pod', min: { memory: '64Mi' } },
    ]
    await where.apply(`${V1}/limitranges`, object('v1', 'LimitRange', 'bounds', { limits }))
    const { code, log } = await release(where)
    expect(code).toBe(1)
    expect(log).toContain('LimitRange bounds would refuse canary pods: the pod requests 8Mi of memory, less than 64Mi')
    expect(log).toContain('container shop has no request for cpu')
    const container = { name: 'web', image: real.image('old') }
    const pod = object('v1', 'Pod', 'probe', { containers: [container] })
    const words = await where.admin
      .create(pods(where.namespace), pod as KubernetesObject, { dryRun: true })
      .catch(String)
    expect(words).toContain('minimum memory usage per Pod is 64Mi, but request is 8Mi')
    expect(words).toContain('cpu max limit to request ratio per Container is 2, but no request is specified')
  }, 150_000)

  test('ResourceQuota: what is left, what is needed, what it must be raised to', async () => {
    const where = await newSite()
    await where.apply(`${V1}/resourcequotas`, object('v1', 'ResourceQuota', 'team', { hard: { pods: '4' } }))
    await until(async () => {
      const quota = await where.get<KubernetesObject & { status?: { used?: { pods?: string } } }>(
        'v1',
        'resourcequotas',
        'team',
      )
      return quota?.status?.used?.pods === '2'
    })
    // 50 % beside two pods is one canary pod; promotion needs one more: four. One less does not do.
    await where.apply(`${V1}/resourcequotas`, object('v1', 'ResourceQuota', 'team', { hard: { pods: '3' } }))
    const hard = async () => {
      const quota = await where.get<KubernetesObject & { status?: { hard?: { pods?: string } } }>(
        'v1',
        'resourcequotas',
        'team',
      )
      return quota?.status?.hard?.pods
    }
    await until(async () => (await hard()) === '3')
    const { code, log } = await release(where)
    expect(code).toBe(1)
    expect(log).toContain(
      "ResourceQuota team leaves 1 of 3 pods; the release needs 2: 1 canary pods and 1 of promotion's surge",
    )
    expect(log).toContain('Raise it to 4')
    await where.apply(`${V1}/resourcequotas`, object('v1', 'ResourceQuota', 'team', { hard: { pods: '4' } }))
    await until(async () => (await hard()) === '4')
    const clients = where.clients(50)
    const promoted = await release(
      where,
      'steps: [{ weight: 50, hold: 5s }]\ninterval: 1s\nlease: 6s\ndrain: 4s\nready-within: 60s\nmin-canary: 1\nmin-requests: 40\nsettle: 1s\nmetrics: [{ name: errors, kind: ratio }]',
    )
    clients.stop()
    expect(promoted.outputs.verdict).toBe('promoted')
  }, 240_000)
})

describe('a PodDisruptionBudget', () => {
  test('has a twin while canary pods are there, which lets one of them go, and none after', async () => {
    const where = await newSite({ replicas: 3 })
    const selector = { matchLabels: { app: 'shop', tier: 'web' } }
    await where.apply(
      '/apis/policy/v1/poddisruptionbudgets',
      object('policy/v1', 'PodDisruptionBudget', 'shop', { minAvailable: 2, selector }),
    )
    const clients = where.clients(50)
    const plan =
      'steps: [{ weight: 50, hold: 8s }]\ninterval: 1s\nlease: 6s\ndrain: 4s\nready-within: 100s\nmin-canary: 2\nmin-requests: 40\nsettle: 1s\nmetrics: [{ name: errors, kind: ratio }]'
    const running = where.canary({ image: real.image('good'), plan })
    let ended: string | undefined
    const resource = { apiVersion: 'policy/v1', resource: 'poddisruptionbudgets', namespace: where.namespace }
    type Budget = KubernetesObject & {
      status?: { expectedPods?: number; disruptionsAllowed?: number; currentHealthy?: number }
    }
    void running.done.then(({ log }) => (ended = log))
    await until(
      async () => {
        if (ended !== undefined) throw new Error(ended)
        return ((await where.admin.get<Budget>(resource, 'shop-canary'))?.status?.currentHealthy ?? 0) >= 2
      },
      150_000,
      'the twin covers the canary',
    )
    const [twin, stable] = [
      await where.admin.get<Budget>(resource, 'shop-canary'),
      await where.admin.get<Budget>(resource, 'shop'),
    ]
    expect(twin?.spec).toMatchObject({ maxUnavailable: '33%', unhealthyPodEvictionPolicy: 'AlwaysAllow' })
    expect(twin?.status).toMatchObject({ expectedPods: 2, disruptionsAllowed: 1 })
    expect(stable?.status).toMatchObject({ expectedPods: 3 })
    // The eviction subresource says what a node's drain would: the first goes, the second has to wait.
    const canary = await where.admin.list(pods(where.namespace), { labels: { 'sluice.dev/track': 'canary' } })
    // Asked once: a client that waits and asks again, as ours does of a 429, is let through when the first one's successor is there.
    const evict = async (name: string) => {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: where.namespace } }
      const path = `/api/v1/namespaces/${where.namespace}/pods/${name}/eviction`
      const given = { type: 'application/json', text: JSON.stringify(eviction) }
      const { code, text } = await call(real.access, 'POST', path, given)
      return `${code} ${text}`
    }
    expect(await evict(canary[0]?.metadata.name ?? '')).toMatch(/^201 /)
    expect(await evict(canary[1]?.metadata.name ?? '')).toMatch(/^429 .*disruption budget/s)
    const { log } = await running.done
    expect(log).toContain('PodDisruptionBudget shop gets the twin shop-canary')
    expect(await where.leftovers()).toEqual([])
    expect((await where.admin.get<Budget>(resource, 'shop'))?.spec).toMatchObject({ minAvailable: 2 })
    clients.stop()
  }, 300_000)
})

describe('what the preflight takes for granted', () => {
  test('a pod that two budgets pick cannot be evicted at all, which is why a second one keeps the twin away', async () => {
    const where = await newSite()
    const selector = { matchLabels: { app: 'shop' } }
    const budgets = '/apis/policy/v1/poddisruptionbudgets'
    for (const name of ['first', 'second'])
      await where.apply(budgets, object('policy/v1', 'PodDisruptionBudget', name, { maxUnavailable: 2, selector }))
    const [pod] = await where.admin.list(pods(where.namespace), { labels: { app: 'shop' } })
    const name = pod?.metadata.name ?? ''
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: where.namespace } }
    const at = { ...pods(where.namespace), resource: `pods/${name}/eviction` }
    expect(await where.admin.create(at, eviction).catch(String)).toMatch(/more than one PodDisruptionBudget/)
  }, 150_000)

  test('a ReplicaSet without an owner is adopted by a Deployment whose selector picks it, so a canary is deleted with its own', async () => {
    const where = await newSite()
    const { namespace } = where
    const at = { apiVersion: 'apps/v1', resource: 'deployments', namespace }
    const sets = { apiVersion: 'apps/v1', resource: 'replicasets', namespace }
    const live = await where.get<KubernetesObject & { spec: { template: { spec: object } } }>(
      'apps/v1',
      'deployments',
      'shop',
    )
    const labels = { app: 'shop', tier: 'web', 'sluice.dev/track': 'canary' }
    const made = (name: string) => ({
      ...object('apps/v1', 'Deployment', name, {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: live?.spec.template.spec },
      }),
      metadata: { name, namespace },
    })
    const ownersOf = async (): Promise<readonly string[]> =>
      (await where.admin.list(sets, { labels: { 'sluice.dev/track': 'canary' } })).flatMap(({ metadata }) =>
        (metadata.ownerReferences ?? []).map(({ name }) => name),
      )
    for (const [name, propagation, owners] of [
      ['orphaning', 'Orphan', ['shop']],
      ['taking-along', 'Foreground', []],
    ] as const) {
      await where.admin.create(at, made(name))
      await until(async () => (await ownersOf()).includes(name), 60_000, `the ReplicaSet of ${name}`)
      await where.admin.remove(at, name, { propagation })
      await until(
        async () => (await ownersOf()).join() === owners.join(),
        60_000,
        `${name}: owned by ${owners.join() || 'nobody'}`,
      )
      for (const { metadata } of await where.admin.list(sets, { labels: { 'sluice.dev/track': 'canary' } }))
        await where.admin.remove(sets, metadata.name)
      await until(async () => (await ownersOf()).length === 0, 60_000, 'no ReplicaSet of it')
    }
  }, 300_000)
})

describe('metrics that the API server cannot reach', () => {
  const metrics = 'metrics: [{ name: errors, kind: ratio }]'
  test('are refused with the cause: nothing listens, or it speaks no TLS', async () => {
    const where = await newSite()
    const { code, log } = await release(where, `scrape: { port: 9, path: /metrics }\n${metrics}`)
    expect(code).toBe(1)
    expect(log).toMatch(/port 9\/metrics: .*connection refused/)
    expect(log).toContain('Nothing listens on that port')
    const at = { apiVersion: 'apps/v1', resource: 'deployments', namespace: where.namespace }
    const annotations = { 'prometheus.io/scheme': 'https' }
    await where.admin.mergePatch(at, 'shop', { spec: { template: { metadata: { annotations } } } })
    type Rolled = KubernetesObject & {
      status?: { replicas?: number; updatedReplicas?: number; availableReplicas?: number; observedGeneration?: number }
    }
    await until(
      async () => {
        const { metadata, status = {} } = (await where.get<Rolled>('apps/v1', 'deployments', 'shop')) ?? {
          metadata: { name: '' },
        }
        const counts = [status.replicas, status.updatedReplicas, status.availableReplicas]
        return status.observedGeneration === metadata.generation && counts.every((count) => count === 2)
      },
      200_000,
      'the roll-out',
    )
    const { log: tls } = await release(where, metrics)
    expect(tls).toContain('tls: first record does not look like a TLS handshake')
    expect(tls).toContain('prometheus.io/scheme')
  }, 300_000)
})

describe('objects that pick pods by their labels', () => {
  test('are compared with the labels that canary pods would have', async () => {
    const where = await newSite()
    const podSelector = { matchLabels: { app: 'shop', tier: 'web' } }
    const policies = '/apis/networking.k8s.io/v1/networkpolicies'
    const name = `guard-${randomBytes(2).toString('hex')}`
    await where.apply(
      policies,
      object('networking.k8s.io/v1', 'NetworkPolicy', name, { podSelector, policyTypes: ['Ingress'], ingress: [{}] }),
    )
    const { code, log } = await release(where)
    expect(code).toBe(1)
    expect(log).toContain(`NetworkPolicy ${name} would match canary pods differently from stable ones`)
    expect(log).toContain(`allow: ["networkpolicy/${name}"]`)
  }, 150_000)

  test('that Argo CD keeps are refused with what to write', async () => {
    const annotations = { 'argocd.argoproj.io/tracking-id': `shop:apps/Deployment:${site.namespace}/shop` }
    const at = { apiVersion: 'apps/v1', resource: 'deployments', namespace: site.namespace }
    await site.admin.mergePatch(at, 'shop', { metadata: { annotations } })
    const { code, log } = await release(site)
    expect(code).toBe(1)
    expect(log).toContain("Deployment shop is kept by Argo CD's Application shop, whose settings could not be read")
    expect(log).toContain('RespectIgnoreDifferences=true')
    await site.admin.mergePatch(at, 'shop', { metadata: { annotations: { 'argocd.argoproj.io/tracking-id': null } } })
  }, 150_000)

  test('of kinds that the cluster does not serve are not spoken of, though the account may read none of them', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'Helm' }
    await site.admin.mergePatch({ apiVersion: 'apps/v1', resource: 'deployments', namespace: site.namespace }, 'shop', {
      metadata: { labels },
    })
    const clients = site.clients(50)
    const { code, log } = await release(site)
    clients.stop()
    expect(log).not.toContain('Cilium')
    expect(log).toContain('came with the Helm release (unnamed)')
    expect(code).toBe(0)
  }, 240_000)
})

test('for an account that may create pods one of them is rehearsed, and the API server answers in its own words', async () => {
  const where = await newSite()
  await where.apply(
    `${V1}/limitranges`,
    object('v1', 'LimitRange', 'bounds', { limits: [{ type: 'Pod', min: { memory: '64Mi' } }] }),
  )
  const cluster = await admin(where.namespace)
  expect(cluster.namespace).toBe(where.namespace)
  const kubeconfig = kubeconfigOf(real.access, where.namespace)
  const { code, log } = await where.canary({ image: real.image('good'), kubeconfig }).done
  expect(code).toBe(1)
  expect(log).toContain("a dry run of the canary's Pod was refused")
  expect(log).toContain('minimum memory usage per Pod is 64Mi')
  expect(log).not.toContain('would refuse canary pods')
}, 150_000)
