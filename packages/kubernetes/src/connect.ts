import { isDeepStrictEqual } from 'node:util'
import type { HttpAnswer } from '@sluice/http/request'
import { type Clock, realClock } from '@sluice/http/retry'
import type {
  Cluster,
  KubernetesObject,
  ListOptions,
  Metadata,
  PatchOperation,
  ProxyAnswer,
  ProxyRequest,
  ProxyTarget,
  Resource,
  Written,
} from './cluster.ts'
import { valueAt } from './json-pointer.ts'
import { collectionPath, objectPath, queryOf } from './paths.ts'
import { proxyAnswer, proxyPath } from './proxy.ts'
import { type Access, refusal, statusOf } from './refusal.ts'
import { openSession, type Session } from './session.ts'

/** Any one call to the API server takes at most this long, ms. */
const TIMEOUT = 30_000

/**
 * Opens the way to a cluster. Reads the kubeconfig and sends nothing yet.
 * @param kubeconfig a path or the text itself; empty: KUBECONFIG, ~/.kube/config, then the pod's own account
 * @param namespace overrides the one of the kubeconfig's context
 * @throws Fault('input') for a kubeconfig that cannot be used; says where it was found and what it lacks
 */
export const connect = async (given: {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly namespace?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock?: Clock | undefined
}): Promise<Cluster> => {
  const clock = given.clock ?? realClock
  // A chunk of its own, with the client library: an action whose input is bad is told so without loading a megabyte.
  const { loadKubeconfig } = await import('./kubeconfig.ts')
  const session = openSession(() => loadKubeconfig(given), clock)
  return clusterOf(session, clock, given.namespace?.trim() || session.namespace)
}

const clusterOf = (session: Session, clock: Clock, namespace: string): Cluster => {
  const refuse = (answer: HttpAnswer, access: Access): Error => refusal(answer, access, session.identity(), clock.now())

  const write = async <T extends KubernetesObject>(
    access: Access,
    call: Omit<Parameters<Session['ask']>[0], 'timeoutMs'>,
    untrue?: () => Promise<boolean>,
  ): Promise<Written<T>> => {
    const answer = await session.ask({ ...call, timeoutMs: TIMEOUT })
    if (answer.status < 300) return { kind: 'written', object: parse<T>(answer, session.server) }
    if (answer.status === 409) return { kind: 'conflict', text: statusOf(answer.body)?.message ?? 'conflict' }
    if (answer.status === 404 && access.verb !== 'create') return { kind: 'absent' }
    if (answer.status === 422 && (await untrue?.()))
      return { kind: 'conflict', text: 'a test of the patch does not hold' }
    throw refuse(answer, access)
  }

  /** The API server does not say which operation of a patch failed, so the tests are made again on what is there now. */
  const failsTest = async (path: string, operations: readonly PatchOperation[]): Promise<boolean> => {
    const tests = operations.flatMap((operation) => (operation.op === 'test' ? [operation] : []))
    if (tests.length === 0) return false
    const answer = await session.ask({ method: 'GET', path, timeoutMs: TIMEOUT, repeatable: true })
    if (answer.status >= 300) return answer.status === 404
    const live = parse<KubernetesObject>(answer, session.server)
    return tests.some((each) => !isDeepStrictEqual(valueAt(live, each.path), each.value))
  }

  return {
    server: session.server,
    namespace,
    ...(session.credentialEnd === undefined ? {} : { credentialEnd: session.credentialEnd }),

    version: async () => {
      const answer = await session.ask({ method: 'GET', path: '/version', timeoutMs: TIMEOUT, repeatable: true })
      return answer.status >= 300 ? undefined : parse<{ gitVersion?: string }>(answer, session.server).gitVersion
    },

    get: async <T extends KubernetesObject>(resource: Resource, name: string) => {
      const path = objectPath(resource, name)
      const answer = await session.ask({ method: 'GET', path, timeoutMs: TIMEOUT, repeatable: true })
      if (answer.status === 404) return undefined
      if (answer.status >= 300) throw refuse(answer, accessTo('get', resource, name))
      return parse<T>(answer, session.server)
    },

    list: async <T extends KubernetesObject>(resource: Resource, options: ListOptions = {}) => {
      const page = async (limit?: number, next?: string): Promise<readonly T[]> => {
        const path = `${collectionPath(resource)}${queryOf({ ...selectors(options), limit, continue: next })}`
        const answer = await session.ask({ method: 'GET', path, timeoutMs: TIMEOUT, repeatable: true })
        // The snapshot behind the token is gone: once more, in one piece.
        if (answer.status === 410 && next !== undefined) throw EXPIRED
        if (answer.status >= 300) throw refuse(answer, accessTo('list', resource))
        const { kind, items = [], metadata } = parse<ObjectList<T>>(answer, session.server)
        const single = String(kind).replace(/List$/, '')
        const found = items.map((item) => ({ ...item, apiVersion: resource.apiVersion, kind: item.kind ?? single }))
        return metadata?.continue ? [...found, ...(await page(limit, metadata.continue))] : found
      }
      return page(500).catch((thrown) => {
        if (thrown === EXPIRED) return page()
        throw thrown
      })
    },

    create: (resource, object, options = {}) =>
      write(accessTo('create', resource), {
        method: 'POST',
        path: `${collectionPath(resource)}${queryOf({ dryRun: options.dryRun ? 'All' : undefined })}`,
        headers: JSON_TYPE,
        body: JSON.stringify(object),
        repeatable: options.dryRun === true,
      }),

    update: (resource, object) =>
      write(accessTo('update', resource, object.metadata.name), {
        method: 'PUT',
        path: objectPath(resource, object.metadata.name),
        headers: JSON_TYPE,
        body: JSON.stringify(object),
        repeatable: object.metadata.resourceVersion !== undefined,
      }),

    jsonPatch: (resource, name, operations) => {
      const path = objectPath(resource, name)
      return write(
        accessTo('patch', resource, name),
        {
          method: 'PATCH',
          path,
          headers: { 'content-type': 'application/json-patch+json' },
          body: JSON.stringify(operations),
          repeatable: operations.some(isVersionTest),
        },
        () => failsTest(path, operations),
      )
    },

    mergePatch: (resource, name, patch) =>
      write(accessTo('patch', resource, name), {
        method: 'PATCH',
        path: objectPath(resource, name),
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify(patch),
        repeatable: hasVersion(patch),
      }),

    apply: (resource, object, { fieldManager, force, dryRun }) =>
      write(accessTo('patch', resource, object.metadata.name), {
        method: 'PATCH',
        path: `${objectPath(resource, object.metadata.name)}${queryOf({
          fieldManager,
          force: force ? 'true' : undefined,
          dryRun: dryRun ? 'All' : undefined,
        })}`,
        headers: { 'content-type': 'application/apply-patch+yaml' },
        body: JSON.stringify(object),
        // The same fields applied twice are the same fields.
        repeatable: true,
      }),

    remove: async (resource, name, { uid, propagation } = {}) => {
      const answer = await session.ask({
        method: 'DELETE',
        path: objectPath(resource, name),
        headers: JSON_TYPE,
        body: JSON.stringify({
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          ...(uid === undefined ? {} : { preconditions: { uid } }),
          ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
        }),
        timeoutMs: TIMEOUT,
        repeatable: uid !== undefined,
      })
      if (answer.status < 300) return 'removed'
      if (answer.status === 404) return 'absent'
      if (answer.status === 409) return 'conflict'
      throw refuse(answer, accessTo('delete', resource, name))
    },

    logs: async (inNamespace, pod, { container, tailLines, previous }) => {
      const resource = { apiVersion: 'v1', resource: 'pods', namespace: inNamespace }
      const query = queryOf({ container, tailLines, previous: previous ? 'true' : undefined })
      const answer = await session.ask({
        method: 'GET',
        path: `${objectPath(resource, pod)}/log${query}`,
        timeoutMs: TIMEOUT,
        repeatable: true,
      })
      // 400: the container has not started, or has no previous run.
      if (answer.status === 404 || answer.status === 400) return ''
      if (answer.status >= 300) throw refuse(answer, { ...accessTo('get', resource, pod), resource: 'pods/log' })
      return answer.body
    },

    proxy: async (target: ProxyTarget, asked: ProxyRequest): Promise<ProxyAnswer> => {
      const call = {
        method: asked.method ?? 'GET',
        path: proxyPath(target, asked.path),
        headers: { accept: '*/*', ...asked.headers },
        ...(asked.body === undefined ? {} : { body: asked.body }),
        timeoutMs: asked.timeoutMs,
        maxBytes: asked.maxBytes,
        repeatable: false,
        proxied: true,
      }
      const result = await session.send(call)
      return proxyAnswer(result, target, asked, session, clock.now())
    },
  }
}

type ObjectList<T> = {
  readonly kind?: string
  readonly items?: readonly T[]
  readonly metadata?: Partial<Metadata> & { readonly continue?: string }
}

const EXPIRED = Symbol('expired')
const JSON_TYPE = { 'content-type': 'application/json' }

const accessTo = (verb: Access['verb'], { apiVersion, resource, namespace }: Resource, name?: string): Access => ({
  verb,
  group: apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '',
  resource,
  namespace,
  name,
})

const selectors = ({ labels, fields }: ListOptions): Readonly<Record<string, string | undefined>> => ({
  labelSelector:
    labels &&
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  fieldSelector: fields,
})

const parse = <T>(answer: HttpAnswer, server: string): T => {
  try {
    return JSON.parse(answer.body) as T
  } catch {
    throw refusal(
      { status: 404, body: answer.body },
      { verb: 'get', group: '', resource: 'JSON' },
      { server, user: '', origin: '' },
      0,
    )
  }
}

const isVersionTest = (operation: PatchOperation): boolean =>
  operation.op === 'test' && operation.path === '/metadata/resourceVersion'

const hasVersion = (patch: unknown): boolean =>
  typeof patch === 'object' &&
  patch !== null &&
  'metadata' in patch &&
  typeof patch.metadata === 'object' &&
  patch.metadata !== null &&
  'resourceVersion' in patch.metadata
