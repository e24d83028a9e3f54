import { retryAfter } from '@sluice/http/retry-after'
import { describe, Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'
import type { Cluster, KubernetesObject, ProxyAnswer } from '@sluice/kubernetes/cluster'
import type { Answer, Request } from '../answer.ts'
import { type Pod, readPod } from '../image.ts'
import type { ServiceAddress } from '../inputs.ts'

const MAX_BYTES = 4 * 1024 * 1024

/**
 * Reads the Service once, so that a wrong name or a missing right is told at once and not after all retries.
 * @returns its selector; empty when the account may reach the Service without reading it
 * @throws Fault('input') for a Service that is not there, Fault('upstream') for an API server that does not answer or does not know us
 */
export const findService = async (
  cluster: Cluster,
  { namespace, name }: ServiceAddress,
): Promise<Readonly<Record<string, string>>> => {
  const resource = { apiVersion: 'v1', resource: 'services', namespace }
  try {
    const service = await cluster.get<KubernetesObject>(resource, name)
    if (service !== undefined) return ((service.spec ?? {}) as { selector?: Record<string, string> }).selector ?? {}
  } catch (thrown) {
    if (isForbidden(thrown)) return {}
    throw thrown
  }
  const known = await cluster.list(resource).catch((thrown: unknown) => {
    if (thrown instanceof Fault) return []
    throw thrown
  })
  const hint =
    known.length === 0
      ? 'Check the namespace and the context'
      : unknownName(
          'Service',
          name,
          known.map(({ metadata }) => metadata.name),
        )
  throw new Fault('input', `There is no Service ${name} in namespace ${namespace}`, hint)
}

/** Sends requests to a Service's port through the API server's proxy, for services that nothing outside the cluster reaches. */
export const serviceAsker =
  (cluster: Cluster, address: ServiceAddress, userAgent: string) =>
  async (request: Request): Promise<Answer> => {
    const begun = performance.now()
    const answer = await inTime(send(cluster, address, request, userAgent), request.timeoutMs)
    const tookMs = performance.now() - begun
    if (answer.kind === 'answered') {
      const wait = retryAfter(answer.headers['retry-after'], Date.now())
      return { ...answer, tookMs, ...(wait === undefined ? {} : { retryAfterMs: wait }) }
    }
    const { namespace, name, port } = address
    if (answer.kind === 'forbidden') {
      throw new Fault(
        'upstream',
        `This account may not reach ${namespace}/${name} through the API server: ${answer.text}`,
      )
    }
    const text = `${namespace}/${name}:${port} through the API server: ${answer.text}`
    return { kind: answer.kind === 'unreachable' ? 'unreachable' : 'no-answer', text, tookMs }
  }

/**
 * Reads the pods that a Service's selector picks.
 * @throws Fault('input') for a Service that picks none by itself
 */
export const podsBehind =
  (cluster: Cluster, { namespace, name }: ServiceAddress, selector: Readonly<Record<string, string>>) =>
  async (): Promise<readonly Pod[]> => {
    if (Object.keys(selector).length === 0) {
      const hint = 'expect-image needs a Service with a selector, and an account that may get it'
      throw new Fault('input', `The pods behind Service ${namespace}/${name} are not known`, hint)
    }
    const resource = { apiVersion: 'v1', resource: 'pods', namespace }
    return (await cluster.list<KubernetesObject>(resource, { labels: selector })).map(readPod)
  }

const send = async (
  cluster: Cluster,
  { namespace, name, port }: ServiceAddress,
  request: Request,
  userAgent: string,
): Promise<ProxyAnswer> => {
  const target = { kind: 'services', namespace, name, port: /^\d+$/.test(port) ? Number(port) : port } as const
  const asked = {
    path: request.path === '' ? '/' : request.path,
    method: request.method,
    headers: { 'user-agent': userAgent, ...request.headers },
    ...(request.body === undefined ? {} : { body: request.body }),
    timeoutMs: Math.round(request.timeoutMs),
    maxBytes: MAX_BYTES,
  }
  try {
    return await cluster.proxy(target, asked)
  } catch (thrown) {
    // The API server was there at the start; a short absence is one failed try, not the end.
    if (thrown instanceof Fault && thrown.kind === 'upstream') return { kind: 'unreachable', text: describe(thrown) }
    throw thrown
  }
}

/** The way to the API server may retry by itself; the check's own time holds all the same. */
const inTime = (answer: Promise<ProxyAnswer>, timeoutMs: number): Promise<ProxyAnswer> =>
  new Promise((resolve, reject) => {
    const late = (): void => resolve({ kind: 'timed-out', text: `no answer within ${Math.round(timeoutMs)} ms` })
    const timer = setTimeout(late, timeoutMs + 50)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })

const isForbidden = (thrown: unknown): boolean => thrown instanceof Fault && thrown.message.endsWith('(403)')
