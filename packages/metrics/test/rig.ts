import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'

/** A service that counts its answers; MODE bends its /metrics: html, hang, stall (the first time only), several (two processes), bare (no status label). */
const SERVICE = `
import { createServer } from 'node:http'
const counts = [new Map(), new Map()]
let turn = 0
const started = Date.now() / 1000
createServer((request, response) => {
  const { MODE = '', NAME = '', FAIL = '' } = process.env
  const path = request.url.split('?')[0]
  const own = counts[MODE === 'several' ? turn++ % 2 : 0]
  const code = path === '/nowhere' ? 404 : path === '/work' && FAIL === 'yes' ? 500 : 200
  if (path === '/metrics') {
    if (MODE === 'hang' || (MODE === 'stall' && turn++ === 0)) return
    if (MODE === 'html') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hello')
    const lines = MODE === 'bare' ? ['widgets_total 1'] : [...own].map(([key, value]) => 'http_requests_total{' + key + '} ' + value)
    lines.push('process_start_time_seconds ' + (MODE === 'several' ? started + (turn % 2) : started))
    return void response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(lines.join('\\n') + '\\n')
  }
  const key = 'route="' + path + '",code="' + code + '"'
  own.set(key, (own.get(key) ?? 0) + 1)
  response.writeHead(code, { 'x-served-by': NAME }).end()
}).listen(Number(process.env.PORT), '127.0.0.1')
`

export const DIGEST = `sha256:${'a'.repeat(64)}`
const IMAGE = `registry.test/work@${DIGEST}`

export type Rig = { readonly sandbox: Sandbox; readonly cluster: Cluster; readonly stop: () => Promise<void> }

/** A sandbox that knows one image, and the way to it. */
export const startRig = async (): Promise<Rig> => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-rig-'))
  writeFileSync(join(folder, 'service.mjs'), SERVICE)
  const sandbox = await startSandbox({
    images: { [DIGEST]: { command: [process.execPath, join(folder, 'service.mjs')] } },
    namespaces: ['shop'],
    reloadMs: 50,
  })
  const cluster = await connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'shop' }), env: {} })
  return {
    sandbox,
    cluster,
    stop: async () => {
      await sandbox.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Runs a Deployment and waits until its pods are ready. */
export const deploy = async (
  { cluster }: Rig,
  name: string,
  { replicas = 1, env = {} }: { readonly replicas?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<void> => {
  const labels = { app: name }
  const deployments = { apiVersion: 'apps/v1', resource: 'deployments', namespace: 'shop' }
  await cluster.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: 'work',
              image: IMAGE,
              ports: [{ name: 'metrics', containerPort: 8080 }],
              env: Object.entries({ NAME: name, ...env }).map(([key, value]) => ({ name: key, value })),
              readinessProbe: { httpGet: { path: '/health', port: 8080 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  } as KubernetesObject)
  await until(async () => {
    const live = await cluster.get<KubernetesObject & { status?: { readyReplicas?: number } }>(deployments, name)
    return (live?.status?.readyReplicas ?? 0) === replicas
  })
}

/** Waits until it holds, at most 10 s. */
export const until = async (holds: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('did not come to hold within 10 s')
}

export const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  /** Five times as quick as asked. */
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms / 5)),
}
