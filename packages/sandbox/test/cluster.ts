import { fileURLToPath } from 'node:url'
import { type Sandbox, type SandboxOptions, startSandbox } from '../src/sandbox.ts'

/** The digest under which the test service is known, and how to run it. */
export const DIGEST = `sha256:${'a'.repeat(64)}`
export const IMAGE = `registry.example/web@${DIGEST}`
const WEB = fileURLToPath(new URL('./service/web.ts', import.meta.url))

export type Reply = {
  readonly code: number
  // Tests compare what they read; a wrong shape fails there.
  readonly body: Reading
  readonly text: string
  readonly headers: Headers
}
export type Reading = { readonly [field: string]: Reading } & readonly Reading[]

/** A sandbox with the test service as its image, and a few words to speak to it. */
export type TestCluster = Sandbox & {
  call(method: string, path: string, body?: unknown, options?: { type?: string; token?: string }): Promise<Reply>
  /** Creates a Deployment `name` of the test service (and a Service of the same name on port 80). */
  deploy(name: string, replicas: number, more?: DeployOptions): Promise<void>
  available(name: string, replicas: number): Promise<Reply>
  pods(app: string): Promise<readonly Reading[]>
}

export type DeployOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly container?: Readonly<Record<string, unknown>>
  readonly pod?: Readonly<Record<string, unknown>>
  readonly spec?: Readonly<Record<string, unknown>>
}

export const NS = 'shop'
export const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NS}/deployments`
export const SERVICES = `/api/v1/namespaces/${NS}/services`
export const PODS = `/api/v1/namespaces/${NS}/pods`
export const GATEWAY_API = `/apis/gateway.networking.k8s.io/v1/namespaces/${NS}`
export const MERGE = { type: 'application/merge-patch+json' }

export const startCluster = async (options: Partial<SandboxOptions> = {}): Promise<TestCluster> => {
  const sandbox = await startSandbox({
    images: { [DIGEST]: { command: [process.execPath, WEB] } },
    namespaces: [NS],
    log: (line) => console.error(line),
    ...options,
  })
  const call: TestCluster['call'] = async (method, path, body, given = {}) => {
    const answer = await fetch(`${sandbox.server}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${given.token ?? sandbox.token}`,
        'content-type': given.type ?? 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const json = (answer.headers.get('content-type') ?? '').includes('json') ? JSON.parse(text) : {}
    return { code: answer.status, body: json as Reading, text, headers: answer.headers }
  }
  return {
    ...sandbox,
    call,
    deploy: async (name, replicas, more = {}) => {
      const container = {
        name: 'web',
        image: IMAGE,
        ports: [{ name: 'http', containerPort: 8080 }],
        env: Object.entries(more.env ?? {}).map(([key, value]) => ({ name: key, value })),
        readinessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 1, failureThreshold: 1 },
        ...more.container,
      }
      const template = {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 2, containers: [container], ...more.pod },
      }
      const made = await call('POST', DEPLOYMENTS, {
        metadata: { name },
        spec: { replicas, selector: { matchLabels: { app: name } }, template, ...more.spec },
      })
      if (made.code !== 201) throw new Error(made.text)
      await call('POST', SERVICES, {
        metadata: { name },
        spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 'http' }] },
      })
    },
    available: (name, replicas) =>
      until(
        () => call('GET', `${DEPLOYMENTS}/${name}`),
        ({ body }) =>
          same(body.status?.observedGeneration, body.metadata?.generation) &&
          ['updatedReplicas', 'availableReplicas', 'replicas'].every(
            (field) => Number(body.status?.[field] ?? 0) === replicas,
          ),
      ),
    pods: async (app) => (await call('GET', `${PODS}?labelSelector=app%3D${app}`)).body.items ?? [],
  }
}

const same = (a: unknown, b: unknown): boolean => a === b

/** Asks until the answer is as wanted. @throws with the last answer when it is not within 10 s */
export const until = async <T>(ask: () => Promise<T> | T, wanted: (value: T) => boolean, ms = 10_000): Promise<T> => {
  const end = performance.now() + ms
  for (;;) {
    const value = await ask()
    if (wanted(value)) return value
    if (performance.now() > end) throw new Error(`never as wanted; last: ${JSON.stringify(value).slice(0, 3_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
