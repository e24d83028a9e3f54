import { describe, Fault } from '@sluice/kit/faults'
import { createApi } from './api.ts'
import { roundRobin } from './balance.ts'
import type { Image } from './container.ts'
import { startControllers } from './controllers.ts'
import { endpointsOf } from './endpoints.ts'
import { createFaults, type Faults } from './faults.ts'
import { createForwarder } from './forward.ts'
import { createGateways } from './gateway.ts'
import { createKinds, NAMESPACES } from './kinds.ts'
import { kubeconfigText } from './kubeconfig.ts'
import { createKubelet } from './kubelet.ts'
import { openListeners } from './listeners.ts'
import { createProcesses } from './processes.ts'
import { createQueue } from './queue.ts'
import { ADMIN, createTokens, type PolicyRule } from './rbac.ts'
import { startServer } from './server.ts'
import { createStore } from './store.ts'

export type { Image } from './container.ts'
export type { ApiFault, Clear, Faults, GatewayFault, Where } from './faults.ts'
export type { PolicyRule } from './rbac.ts'

/** What an embedded cluster starts with. */
export type SandboxOptions = {
  /** What each image runs, by digest. A pod whose image is not here stays in ErrImagePull. */
  readonly images: Readonly<Record<string, Image>>
  /** Namespaces to begin with; `default` is always there. */
  readonly namespaces?: readonly string[]
  /** Told one line for whatever the cluster itself finds wrong. */
  readonly log?: (line: string) => void
  /** From a changed HTTPRoute to the data plane that acts by it; default 300 ms. */
  readonly reloadMs?: number
}

/** The embedded cluster. Everything it serves is on loopback; everything it started ends with it. */
export type Sandbox = {
  /** The API server's URL. */
  readonly server: string
  /** A bearer token that may do everything. */
  readonly token: string
  kubeconfig(options?: { readonly namespace?: string; readonly token?: string }): string
  /** @throws Fault('input') when there is no such Gateway */
  gatewayUrl(namespace: string, gateway: string): string
  /** A URL that is balanced over the Service's ready pods, as a cluster IP is. The Service may come later: until then it answers 503. */
  serviceUrl(namespace: string, service: string, port: number | string): string
  addImage(digest: string, image: Image): void
  /** A token limited to these rules. */
  issueToken(
    rules: readonly PolicyRule[],
    options?: { readonly user?: string; readonly expiresInMs?: number; readonly token?: string },
  ): string
  /** Ends one token: calls with it answer 401 from now on. */
  revokeToken(token: string): void
  readonly faults: Faults
  stop(): Promise<void>
}

/** Starts an embedded cluster on free loopback ports. `stop` ends all of its processes. */
export const startSandbox = async (options: SandboxOptions): Promise<Sandbox> => {
  const log = options.log ?? (() => undefined)
  const failed = (error: unknown): void =>
    log(`sandbox: ${error instanceof Error ? (error.stack ?? error.message) : describe(error)}`)
  const now = Date.now
  const images = new Map(Object.entries(options.images))
  const api = createApi(createStore(), createKinds(), now)
  const queue = createQueue((error, key) => failed(new Error(`controller of ${key}`, { cause: error })))
  const processes = createProcesses()
  const tokens = createTokens(now)
  const token = tokens.issue(ADMIN, { user: 'kubernetes-admin' })
  const active = createFaults({ watches: () => server.dropWatches(), readiness: () => kubelet.refresh() })
  const kubelet = createKubelet(api, { processes, image: (digest) => images.get(digest), heldBack: active.heldBack })
  const stopControllers = startControllers(api, queue)
  const forwarder = createForwarder()
  const listeners = await openListeners(16)
  const gateways = createGateways({
    api,
    kubelet,
    listeners,
    forwarder,
    queue,
    faults: active,
    reloadMs: options.reloadMs ?? 300,
  })
  const server = await startServer({ api, kubelet, tokens, faults: active, forwarder, now, failed })
  for (const name of new Set(['default', 'kube-system', ...(options.namespaces ?? [])])) {
    api.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, { manager: 'sandbox' })
  }
  const services = new Map<string, string>()
  const turn = roundRobin()

  const serviceUrl: Sandbox['serviceUrl'] = (namespace, name, port) => {
    const key = `${namespace}/${name}:${port}`
    const known = services.get(key)
    if (known !== undefined) return known
    const { url } = listeners.take((request, response) => {
      const found = endpointsOf(api, kubelet, { namespace, name }, port)
      const endpoint = found.kind === 'endpoints' ? turn(key, found.endpoints) : undefined
      const refuse = (text: string): void => {
        response.writeHead(503, { 'content-type': 'text/plain' }).end(`${text}\n`)
      }
      if (endpoint === undefined) return refuse(found.kind === 'invalid' ? found.text : `no ready endpoint of ${key}`)
      const to = { port: endpoint.port, path: request.url ?? '/', headers: request.headers, timeoutMs: 60_000 }
      // A cluster IP has no proxy that could answer for the pod: the client sees the connection fail.
      forwarder.forward(request, response, to, () => request.socket.resetAndDestroy())
    })
    services.set(key, url)
    return url
  }

  return {
    server: server.url,
    token,
    kubeconfig: (given = {}) =>
      kubeconfigText({ server: server.url, token: given.token ?? token, namespace: given.namespace ?? 'default' }),
    gatewayUrl: (namespace, name) => {
      const url = gateways.url(namespace, name)
      if (url === undefined)
        throw new Fault('input', `There is no Gateway ${namespace}/${name}`, 'Create it before asking for its URL')
      return url
    },
    serviceUrl,
    addImage: (digest, image) => images.set(digest, image),
    issueToken: tokens.issue,
    revokeToken: tokens.revoke,
    faults: active.faults,
    stop: async () => {
      stopControllers()
      queue.stop()
      gateways.stop()
      kubelet.stop()
      processes.stop()
      forwarder.stop()
      await Promise.all([server.stop(), listeners.stop()])
    },
  }
}
