import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import type { ReleaseRecord } from '@sluice/release/record'
import type { Sandbox } from '@sluice/sandbox/sandbox'
import { parse } from 'yaml'
import type { Deployment } from '../src/objects.ts'
import { fromData } from '../src/saved.ts'
import { DIGEST } from './objects.ts'

const folder = join(import.meta.dirname, '..')
const manifest = parse(readFileSync(join(folder, 'action.yml'), 'utf8'))

/** Images of the test service, by what their release does. */
export const RELEASES = {
  old: DIGEST('a'),
  good: DIGEST('b'),
  errors: DIGEST('c'),
  'never-ready': DIGEST('d'),
  crash: DIGEST('e'),
} as const
export type Release = keyof typeof RELEASES
export const imageOf = (release: Release): string => `registry.test/shop@${RELEASES[release]}`

/** The sandbox's image table for `RELEASES`. */
export const images = (): Record<`sha256:${string}`, { command: string[]; env: Record<string, string> }> =>
  Object.fromEntries(
    Object.entries(RELEASES).map(([release, digest]) => [
      digest,
      {
        command: [process.execPath, join(folder, 'test/service/shop.ts')],
        env: { VERSION: release, FAULT: release === 'old' || release === 'good' ? 'none' : release },
      },
    ]),
  )

/** A short plan: everything that is minutes is seconds. */
export const PLAN = `
steps: [{ weight: 30, hold: 3s }, { weight: 60, hold: 2s }]
interval: 500ms
lease: 3s
drain: 2s
max-hold: 10s
ready-within: 6s
min-canary: 1
min-requests: 40
settle: 1s
metrics: [{ name: errors, kind: ratio }]
`

/** How one process of the action ended. */
export type Result = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly summary: string
  readonly log: string
  readonly tookMs: number
}

/** One namespace with the old release behind a route, clients that send 30 requests/s, and processes of the action. */
export type Stage = {
  readonly cluster: Cluster
  readonly namespace: string
  /** What the clients were answered, by body and status, since the last call. */
  readonly answered: () => Readonly<Record<string, number>>
  /** When a client got no good answer, and what it got instead. */
  readonly failures: () => readonly string[]
  readonly start: (inputs: Readonly<Record<string, string>>, env?: Readonly<Record<string, string>>) => Running
  readonly run: (inputs: Readonly<Record<string, string>>, env?: Readonly<Record<string, string>>) => Promise<Result>
  readonly record: () => Promise<ReleaseRecord | undefined>
  readonly weight: () => Promise<number>
  readonly live: () => Promise<Deployment | undefined>
  /** Everything of a release that is still there; the route's backends as they are. */
  readonly leftovers: () => Promise<readonly string[]>
  readonly end: () => Promise<void>
}
export type Running = { readonly child: ChildProcess; readonly done: Promise<Result> }

export const REPLICAS = 2

/** @param rules of the route; absent: one that sends everything to the Service */
export const stage = async (
  sandbox: Sandbox,
  namespace: string,
  rules: readonly object[] = [{ backendRefs: [SHOP] }],
): Promise<Stage> => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-canary-'))
  const cluster = await connect({ kubeconfig: sandbox.kubeconfig({ namespace }), env: {} })
  for (const [resource, object] of objects(namespace, rules)) await cluster.create(resource, object)
  const deployments = { apiVersion: 'apps/v1', resource: 'deployments', namespace }
  await until(async () => (await cluster.get<Deployment>(deployments, 'shop'))?.status?.availableReplicas === REPLICAS)
  const url = sandbox.gatewayUrl(namespace, 'web')
  // The data plane takes up a new route only some time after it was written.
  await until(async () => (await fetch(url)).ok)
  const clients = send(url)
  const running = new Set<ChildProcess>()

  const start: Stage['start'] = (inputs, env = {}) => {
    const began = Date.now()
    const files = Object.fromEntries(
      ['OUTPUT', 'STATE', 'STEP_SUMMARY'].map((name) => [
        `GITHUB_${name}`,
        join(directory, `${name}-${began}-${running.size}-${Math.random()}`),
      ]),
    )
    for (const path of Object.values(files)) writeFileSync(path, '')
    const defaults = Object.entries<{ default?: string }>(manifest.inputs).map(([name, field]) => [
      name,
      field.default ?? '',
    ])
    const given = {
      ...Object.fromEntries(defaults),
      kubeconfig: sandbox.kubeconfig({ namespace }),
      deployment: 'shop',
      plan: PLAN,
      ...inputs,
    }
    const child = spawn(process.execPath, [join(folder, 'src/main.ts')], {
      cwd: directory,
      env: {
        PATH: process.env.PATH ?? '',
        GITHUB_REPOSITORY: 'o/shop',
        GITHUB_RUN_ID: '100',
        GITHUB_RUN_ATTEMPT: '1',
        GITHUB_JOB: 'canary',
        RUNNER_TEMP: directory,
        ...files,
        ...Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
        ...env,
      },
    })
    running.add(child)
    const said: string[] = []
    child.stdout.on('data', (chunk) => said.push(String(chunk)))
    child.stderr.on('data', (chunk) => said.push(String(chunk)))
    const done = new Promise<Result>((resolve) => {
      child.on('close', (code, signal) => {
        running.delete(child)
        resolve({
          code,
          signal,
          outputs: commands(readFileSync(files.GITHUB_OUTPUT ?? '', 'utf8')),
          state: commands(readFileSync(files.GITHUB_STATE ?? '', 'utf8')),
          summary: readFileSync(files.GITHUB_STEP_SUMMARY ?? '', 'utf8'),
          log: said.join(''),
          tookMs: Date.now() - began,
        })
      })
    })
    return { child, done }
  }
  const route = () => cluster.get<Route>({ ...ROUTES, namespace }, 'shop')
  const before = await route()
  return {
    cluster,
    namespace,
    answered: clients.take,
    failures: clients.failures,
    start,
    run: (inputs, env) => start(inputs, env).done,
    record: async () => {
      const map = await cluster.get<KubernetesObject & { data?: Record<string, string> }>(
        { apiVersion: 'v1', resource: 'configmaps', namespace },
        'sluice-shop',
      )
      const read = map === undefined ? undefined : fromData(map.data ?? {})
      return read?.kind === 'record' ? read.record : undefined
    },
    weight: async () => {
      const refs = (await route())?.spec.rules[0]?.backendRefs ?? []
      const total = refs.reduce((sum, { weight = 1 }) => sum + weight, 0)
      const canary = refs.find(({ name }) => name === 'shop-canary')?.weight ?? 0
      return total === 0 ? 0 : (100 * canary) / total
    },
    live: () => cluster.get<Deployment>(deployments, 'shop'),
    leftovers: async () => {
      const names = ['shop-canary', 'shop-baseline']
      const services = { apiVersion: 'v1', resource: 'services', namespace }
      const pods = await Promise.all(names.map((name) => cluster.get(deployments, name)))
      const twins = await Promise.all(names.map((name) => cluster.get(services, name)))
      const live = await route()
      const refs = live?.spec.rules[0]?.backendRefs ?? []
      return [
        ...names.filter((_, nth) => pods[nth] !== undefined).map((name) => `Deployment ${name}`),
        ...names.filter((_, nth) => twins[nth] !== undefined).map((name) => `Service ${name}`),
        ...(JSON.stringify(live?.spec) === JSON.stringify(before?.spec) ? [] : [`route: ${JSON.stringify(refs)}`]),
        ...Object.keys(live?.metadata.annotations ?? {}).filter((key) => key.startsWith('sluice.dev/')),
      ]
    },
    end: async () => {
      clients.stop()
      for (const child of running) child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Asks again every 100 ms, at most 20 s. */
export const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return
    await sleep(100)
  }
  throw new Error('it did not come to pass within 20 s')
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const ROUTES = { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'httproutes' }
type Route = KubernetesObject & {
  readonly spec: { readonly rules: readonly { readonly backendRefs: readonly { name: string; weight?: number }[] }[] }
}

/** The Service as a route names it. */
export const SHOP = { name: 'shop', port: 80 }

const objects = (namespace: string, rules: readonly object[]): readonly (readonly [Resource, KubernetesObject])[] => {
  const labels = { app: 'shop', tier: 'web' }
  const metadata = (name: string) => ({ name, namespace })
  return [
    [
      { apiVersion: 'apps/v1', resource: 'deployments', namespace },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: metadata('shop'),
        spec: {
          replicas: REPLICAS,
          selector: { matchLabels: labels },
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          template: {
            metadata: { labels },
            spec: {
              terminationGracePeriodSeconds: 2,
              containers: [
                {
                  name: 'shop',
                  image: imageOf('old'),
                  ports: [{ name: 'http', containerPort: 8080 }],
                  readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
                },
              ],
            },
          },
        },
      },
    ],
    [
      { apiVersion: 'v1', resource: 'services', namespace },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: metadata('shop'),
        spec: { selector: { app: 'shop' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
      },
    ],
    [
      { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'gateways', namespace },
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: metadata('web'),
        spec: { gatewayClassName: 'sandbox', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
      },
    ],
    [
      { ...ROUTES, namespace },
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: metadata('shop'),
        spec: { parentRefs: [{ name: 'web' }], rules },
      },
    ],
  ]
}

/** Steady clients: one request every 33 ms, whatever the answers take. */
const send = (url: string) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  let counts: Record<string, number> = {}
  const failures: string[] = []
  const count = (key: string): void => {
    if (!key.endsWith(' 200')) failures.push(`${new Date().toISOString().slice(11, 23)} ${key}`)
    counts[key] = (counts[key] ?? 0) + 1
  }
  const timer = setInterval(() => {
    const sent = request(url, { agent, timeout: 2000 }, (response) => {
      const body: Buffer[] = []
      response.on('data', (chunk) => body.push(chunk))
      response.on('end', () => count(`${Buffer.concat(body).toString().slice(0, 20)} ${response.statusCode}`))
      response.on('error', () => count('cut off'))
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => count('no answer'))
    sent.end()
  }, 33)
  return {
    failures: () => failures,
    take: () => {
      const taken = counts
      counts = {}
      return taken
    },
    stop: () => {
      clearInterval(timer)
      agent.destroy()
    },
  }
}

/** The runner's command files: `name<<delimiter`, the value's lines, the delimiter. */
const commands = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...text.matchAll(/^(.+?)<<(.+)\n([\s\S]*?)\n?\2$/gm)].map(([, name = '', , value = '']) => [name, value]),
  )
