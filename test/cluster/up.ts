import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Access, adminAccess, apply, call, kubeconfigOf, writeCredentials } from './access.ts'
import { begin, enter, groupOf, leave, standing } from './box.ts'
import { debian } from './debian.ts'
import { applyDefinitions } from './definitions.ts'
import { pushPause } from './images.ts'
import { kindDown, kindUp } from './kind.ts'
import { built, CLUSTER_PROGRAMS } from './modules.ts'
import { type Paths, type Provider, say } from './paths.ts'
import { filesOf, type Layout, PORTS } from './processes.ts'
import type { Told } from './supervisor.ts'

/** One program as its supervisor sees it. */
export type Running = {
  readonly name: string
  readonly pid?: number
  readonly ready: boolean
  readonly wanted: boolean
}

/**
 * Brings the cluster up, or finds that it stands. Whatever an earlier start left half done is taken away first.
 * @returns how to reach it
 * @throws Error with what did not start and the end of its log
 */
export const up = async (
  paths: Paths,
  provider: Provider = 'modules',
): Promise<{ readonly access: Access; readonly address: string }> => {
  const there = standing(paths)
  if (there !== undefined && (await isWhole(paths)))
    return { access: adminAccess(paths.run, there.address, PORTS.api), address: there.address }
  const programs = Object.fromEntries(CLUSTER_PROGRAMS.map((name) => [name, built(paths, name)])) as Layout['programs']
  const system = debian(paths)
  await down(paths)
  const started = performance.now()
  const node = provider === 'kind' ? await kindUp(paths) : undefined
  const box = await enter(paths, system, node)
  try {
    const { run } = paths
    const layout: Layout = { group: groupOf(run), provider, run, address: box.address, programs, debian: system }
    const told: Told = { layout, path: system.path, libraries: system.libraries }
    writeFileSync(join(paths.run, 'layout.json'), JSON.stringify(told))
    for (const [name, text] of Object.entries(filesOf(layout))) {
      mkdirSync(dirname(join(paths.run, name)), { recursive: true })
      writeFileSync(join(paths.run, name), text)
    }
    if (node === undefined) writeCredentials(paths.run, PORTS.api)
    begin(paths)
    await until('the registry', paths, () => isReady(paths, ['registry']))
    if (node === undefined) await until('the API server', paths, () => isReady(paths, ['kube-apiserver']))
    const access = adminAccess(paths.run, box.address, PORTS.api)
    await Promise.all([
      applyDefinitions(access).then(() => applyClass(access)),
      pushPause(registryOf(box.address), system),
      furnish(access, box.address),
    ])
    await until('all programs', paths, () => isReady(paths))
    await until('the node', paths, async () =>
      /"type":"Ready","status":"True"|"status":"True"[^{}]*"type":"Ready"/.test(
        (await call(access, 'GET', '/api/v1/nodes')).text,
      ),
    )
    // While an API of an extension does not answer, no namespace can be deleted: the next test would pay for it.
    await until('the metrics API', paths, async () =>
      (await call(access, 'GET', '/apis/metrics.k8s.io/v1beta1/nodes')).text.includes('"NodeMetricsList"'),
    )
    writeFileSync(join(paths.run, 'kubeconfig'), kubeconfigOf(access), { mode: 0o600 })
    writeFileSync(join(paths.run, 'whole'), '')
    say(`up in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    return { access, address: box.address }
  } catch (thrown) {
    say(`it did not come up; its logs are in ${paths.run}/logs until the next start or down`)
    throw thrown
  }
}

/** Ends whatever stands under this name, by whichever provider, and takes away all it left. */
export const down = async (paths: Paths): Promise<void> => {
  kindDown(paths)
  await leave(paths)
}

/** Where images are pushed, from the machine. Inside, the same registry is 127.0.0.1. */
export const registryOf = (address: string): string => `http://${address}:${PORTS.registry}`

/** The programs as they are; empty when none of them can be asked. */
export const programsOf = async (paths: Paths): Promise<readonly Running[]> => {
  try {
    return JSON.parse(await order(paths, '/')) as readonly Running[]
  } catch {
    return []
  }
}

/**
 * Tells the supervisor what to do with a program: `stop` (SIGTERM) and `kill` keep it down until `start`; `freeze` and `thaw` stop it and let it go on.
 */
export const tell = async (
  paths: Paths,
  program: string,
  what: 'stop' | 'kill' | 'start' | 'freeze' | 'thaw',
): Promise<void> => {
  await order(paths, `/${program}/${what}`)
}

const order = (paths: Paths, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = request({ socketPath: join(paths.run, 'control.sock'), path, timeout: 30_000 }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))))
    })
    sent.once('timeout', () => sent.destroy(new Error('the supervisor does not answer')))
    sent.once('error', reject)
    sent.end()
  })

const isReady = async (paths: Paths, names?: readonly string[]): Promise<boolean> => {
  const running = await programsOf(paths)
  const asked = names === undefined ? running : running.filter(({ name }) => names.includes(name))
  return asked.length > 0 && asked.every(({ ready }) => ready)
}

/** Whether it came up once and all of it runs. */
const isWhole = async (paths: Paths): Promise<boolean> => existsSync(join(paths.run, 'whole')) && isReady(paths)

const LONGEST = 120_000

const until = async (what: string, paths: Paths, look: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + LONGEST
  while (!(await look())) {
    if (performance.now() > end) {
      const late = (await programsOf(paths)).filter(({ ready }) => !ready).map(({ name }) => name)
      throw new Error(
        `${what} did not get ready in ${LONGEST / 1000} s${late.length === 0 ? '' : `; not ready: ${late.join(', ')}`}`,
      )
    }
    await pause(100)
  }
}

const applyClass = (access: Access): Promise<void> =>
  apply(access, '/apis/gateway.networking.k8s.io/v1/gatewayclasses', {
    ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'GatewayClass', metadata: { name: 'traefik' } },
    ...{ spec: { controllerName: 'traefik.io/gateway-controller' } },
  })

/** The metrics API by its server, which runs beside the API server and not in it. */
const furnish = async (access: Access, address: string): Promise<void> => {
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const meta = (name: string) => ({ metadata: { name } })
  await Promise.all([
    // The API server comes to the metrics server without a certificate: what it may see there is anybody's in this cluster.
    apply(access, `${rbac}/clusterroles`, {
      ...meta('read-metrics'),
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' },
      ...{
        rules: [
          { apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: ['get', 'list'] },
          { nonResourceURLs: ['/apis/metrics.k8s.io', '/apis/metrics.k8s.io/*'], verbs: ['get'] },
        ],
      },
    }),
    apply(access, `${rbac}/clusterrolebindings`, {
      ...meta('read-metrics'),
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' },
      ...{ roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'read-metrics' } },
      ...{ subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:anonymous' }] },
    }),
    apply(access, '/api/v1/namespaces/kube-system/services', {
      ...meta('metrics-server'),
      ...{ apiVersion: 'v1', kind: 'Service', spec: { ports: [{ port: 443, targetPort: PORTS.metricsServer }] } },
    }),
    apply(access, '/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices', {
      metadata: { name: 'metrics-server', labels: { 'kubernetes.io/service-name': 'metrics-server' } } as {
        name: string
      },
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
      ...{
        endpoints: [{ addresses: [address], conditions: { ready: true } }],
        ports: [{ port: PORTS.metricsServer, protocol: 'TCP' }],
      },
    }),
    apply(access, '/apis/apiregistration.k8s.io/v1/apiservices', {
      ...meta('v1beta1.metrics.k8s.io'),
      ...{ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService' },
      ...{
        spec: {
          group: 'metrics.k8s.io',
          version: 'v1beta1',
          service: { namespace: 'kube-system', name: 'metrics-server' },
          insecureSkipTLSVerify: true,
          groupPriorityMinimum: 100,
          versionPriority: 100,
        },
      },
    }),
  ])
}
