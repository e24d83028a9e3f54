import { randomBytes } from 'node:crypto'
import { apply, call } from './access.ts'
import { type Inputs, type Running, startAction } from './action.ts'
import { type Clients, startClients } from './clients.ts'
import type { Real } from './site.ts'

/** A namespace of a test and what the test started beside it: clients and actions, which end with it. `host`: what its gateway answers for. */
export type Ground = {
  readonly namespace: string
  readonly host: string
  /** Server-side apply; `collection` without a namespace, such as `/apis/apps/v1/deployments`. */
  apply(collection: string, object: object): Promise<void>
  clients(rate?: number): Clients
  /** A process of canary-promote; what `inputs` names wins over `defaults`. */
  canary(defaults: Inputs, inputs: Inputs, env?: Inputs): Running
  remove(): Promise<void>
}

/** Makes a namespace of an unused name that begins with `prefix`. */
export const groundOn = async (
  { access, web }: Pick<Real, 'access' | 'web'>,
  prefix: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<Ground> => {
  const namespace = `${prefix}-${randomBytes(4).toString('hex')}`
  const host = `${namespace}.test`
  type Named = { readonly metadata: { readonly name: string } }
  const put = (collection: string, object: object): Promise<void> => apply(access, collection, object as Named)
  await put('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
  const running = new Set<Running>()
  const loads = new Set<Clients>()
  return {
    namespace,
    host,
    apply: (collection, object) => put(collection.replace(/\/([^/]+)$/, `/namespaces/${namespace}/$1`), object),
    clients: (rate = 50) => {
      const clients = startClients(web, host, rate)
      loads.add(clients)
      return clients
    },
    canary: (defaults, inputs, env) => {
      const started = startAction('canary-promote', { ...defaults, ...inputs }, env)
      running.add(started)
      void started.done.then(() => running.delete(started))
      return started
    },
    remove: async () => {
      for (const each of loads) each.stop()
      for (const each of running) each.kill('SIGKILL')
      await call(access, 'DELETE', `/api/v1/namespaces/${namespace}`)
    },
  }
}
