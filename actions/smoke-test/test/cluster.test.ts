import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionAt, type Ran } from '../../../test/action.ts'

const runAction = actionAt(join(import.meta.dirname, '..'))

const FIRST = `sha256:${'a'.repeat(64)}`
const SECOND = `sha256:${'b'.repeat(64)}`
const SERVER = `require('node:http').createServer((request, response) => {
  if (request.url.startsWith('/hang')) return console.log(request.url)
  if (request.url === '/busy') return response.writeHead(429, { 'retry-after': '1' }).end('busy')
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ path: request.url, method: request.method, agent: request.headers['user-agent'] }))
}).listen(Number(process.env.PORT), process.env.HOST)`

let folder: string
let sandbox: Sandbox
let cluster: Cluster

const deployment = (image: string): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'api', namespace: 'shop' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'api' } },
    template: {
      metadata: { labels: { app: 'api' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'app',
            image: `api@${image}`,
            ports: [{ name: 'http', containerPort: 8080 }],
            readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
})

const service = (name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
})

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-smoke-'))
  const image = { command: [process.execPath, '-e', SERVER] }
  sandbox = await startSandbox({ namespaces: ['shop'], images: { [FIRST]: image, [SECOND]: image } })
  writeFileSync(join(folder, 'kubeconfig'), sandbox.kubeconfig())
  cluster = await connect({ kubeconfig: sandbox.kubeconfig(), env: {} })
  await cluster.create({ apiVersion: 'v1', resource: 'services', namespace: 'shop' }, service('api'))
  await cluster.create({ apiVersion: 'v1', resource: 'services', namespace: 'shop' }, service('ghost'))
  await cluster.create({ apiVersion: 'apps/v1', resource: 'deployments', namespace: 'shop' }, deployment(FIRST))
})
afterAll(async () => {
  await sandbox.stop()
  rmSync(folder, { recursive: true })
})

const smoke = (inputs: Record<string, string>): Promise<Ran> =>
  runAction({ kubeconfig: 'kubeconfig', interval: '100ms', timeout: '2s', deadline: '60s', ...inputs }, { cwd: folder })

describe('a smoke test of a Service inside the cluster', { timeout: 120_000 }, () => {
  it('reaches it through the API server, waits until it is up, and proves the image that runs', async () => {
    const checks = `
- path: /orders?limit=1
  expect:
    json:
      - { path: $.path, op: eq, value: /orders?limit=1 }
      - { path: $.agent, op: matches, value: "^sluice/.* \\\\(smoke-test\\\\)$" }
- path: /orders
  body: { id: 1 }
  expect: { json: [{ path: $.method, op: eq, value: POST }] }
`
    const ran = await smoke({ service: 'shop/api:80', checks, 'expect-image': `api@${FIRST}` })
    expect(ran.log).toContain('3 of 3 checks pass')
    expect(ran).toMatchObject({ code: 0, outputs: { verdict: 'pass' } })
    expect(ran.report).toMatchObject({
      subject: { image: { repository: 'api', digest: FIRST } },
      details: { target: 'shop/api:80', checks: [{ result: 'passed' }, {}, { name: `runs ${FIRST.slice(0, 19)}…` }] },
    })
  })

  it('fails when another image runs, however well it answers', async () => {
    const ran = await smoke({ service: 'shop/api:http', paths: '/', 'expect-image': `api@${SECOND}`, retries: '1' })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'wrong-image' } })
    expect(ran.summary).toMatch(/2 of 2 ready pods do not run sha256:b+: api-\S+ runs sha256:a+/)
  })

  it('waits for the rollout of the expected image, looking at pods alone', async () => {
    await cluster.apply({ apiVersion: 'apps/v1', resource: 'deployments', namespace: 'shop' }, deployment(SECOND), {
      fieldManager: 'test',
      force: true,
    })
    const ran = await smoke({ service: 'shop/api:80', 'expect-image': `api@${SECOND}`, retries: '100' })
    expect(ran).toMatchObject({ code: 0, outputs: { verdict: 'pass' } })
    expect(ran.report.details.checks).toHaveLength(1)
  })

  it('checks an address outside and the image inside', async () => {
    const url = sandbox.serviceUrl('shop', 'api', 80)
    const ran = await smoke({ url, service: 'shop/api:80', paths: '/', 'expect-image': `api@${SECOND}` })
    expect(ran.report).toMatchObject({ verdict: 'pass', details: { target: `${url}/` } })
  })

  it.each([
    ['no pod', { service: 'shop/ghost:80', retries: '1' }, 'error', 'unreachable'],
    [
      'a pod that hangs',
      { service: 'shop/api:80', paths: '/hang', retries: '0', timeout: '500ms' },
      'fail',
      'no-answer',
    ],
    [
      'a pod that asks for patience',
      { service: 'shop/api:80', paths: '/busy', deadline: '900ms' },
      'fail',
      'wrong-answer',
    ],
  ])('tells %s', async (_what, inputs, verdict, code) => {
    const ran = await smoke(inputs)
    expect(ran.outputs).toMatchObject({ verdict, 'reason-code': code })
    expect(ran.report.details.tookMs).toBeLessThan(4000)
  })

  it('stops soon after a signal, though the pod hangs', async () => {
    let kill: (signal: NodeJS.Signals) => void = () => {}
    const checks = '- path: /hang?until=told'
    const running = runAction(
      { kubeconfig: 'kubeconfig', service: 'shop/api:80', checks, timeout: '60s', deadline: '60s', retries: '0' },
      {
        cwd: folder,
        started: (way) => {
          kill = way
        },
      },
    )
    const pods = { apiVersion: 'v1', resource: 'pods', namespace: 'shop' }
    const asked = async (): Promise<boolean> => {
      const names = (await cluster.list(pods, { labels: { app: 'api' } })).map(({ metadata }) => metadata.name)
      const logs = await Promise.all(names.map((name) => cluster.logs('shop', name, { tailLines: 100 })))
      return logs.join('').includes('/hang?until=told')
    }
    await expect.poll(asked, { timeout: 60_000 }).toBe(true)
    kill('SIGINT')
    const ran = await running
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'cancelled' } })
    expect(ran.afterSignalMs).toBeLessThan(10_000)
  })

  it('says at once what is wrong with a Service, a right or the API server', async () => {
    const nobody = sandbox.issueToken([{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }])
    const proxyOnly = sandbox.issueToken([{ apiGroups: [''], resources: ['services/proxy'], verbs: ['get'] }])
    writeFileSync(join(folder, 'nobody'), sandbox.kubeconfig({ token: nobody }))
    writeFileSync(join(folder, 'proxy-only'), sandbox.kubeconfig({ token: proxyOnly }))
    writeFileSync(join(folder, 'stranger'), sandbox.kubeconfig({ token: 'stranger' }))
    writeFileSync(join(folder, 'closed'), sandbox.kubeconfig().replace(sandbox.server, 'http://127.0.0.1:9'))
    const [misspelt, unauthorised, stranger, closed, limited] = await Promise.all([
      smoke({ service: 'shop/apo:80' }),
      smoke({ service: 'shop/api:80', kubeconfig: 'nobody' }),
      smoke({ service: 'shop/api:80', kubeconfig: 'stranger' }),
      smoke({ service: 'shop/api:80', kubeconfig: 'closed' }),
      smoke({ service: 'shop/api:80', kubeconfig: 'proxy-only' }),
    ])
    expect(misspelt.outputs).toMatchObject({ 'reason-code': 'input-fault' })
    expect(misspelt.summary).toContain(
      'There is no Service apo in namespace shop. unknown Service "apo"; did you mean "api"?',
    )
    expect(unauthorised.summary).toContain('resources: ["services/proxy"]')
    expect(stranger.summary).toContain('(401)')
    expect(closed.outputs).toMatchObject({ verdict: 'error', 'reason-code': 'upstream-fault' })
    expect(closed.summary).toContain('cannot be reached (refused)')
    expect(limited).toMatchObject({ code: 0, outputs: { verdict: 'pass' } })
  })
})
