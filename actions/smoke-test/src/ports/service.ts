import { retryAfter } from '@sluice/http/retry-after'
import { Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Answer, Request } from '../answer.ts'
import { type Pod, readPod } from '../image.ts'
import type { ServiceAddress } from '../inputs.ts'

const MAX_BYTES = 4 * 1024 * 1024

/** Sends requests to a Service's port through the API server's proxy, for services that nothing outside the cluster reaches. */
export const serviceAsker =
  (cluster: Cluster, { namespace, name, port }: ServiceAddress, userAgent: string) =>
  async (request: Request): Promise<Answer> => {
    const begun = performance.now()
    const answer = await cluster.proxy(
      { kind: 'services', namespace, name, port: /^\d+$/.test(port) ? Number(port) : port },
      {
        path: request.path === '' ? '/' : request.path,
        method: request.method,
        headers: { 'user-agent': userAgent, accept: '*/*', ...request.headers },
        ...(request.body === undefined ? {} : { body: request.body }),
        timeoutMs: request.timeoutMs,
        maxBytes: MAX_BYTES,
      },
    )
    const tookMs = performance.now() - begun
    if (answer.kind === 'answered') {
      const wait = retryAfter(answer.headers['retry-after'], Date.now())
      return { ...answer, tookMs, ...(wait === undefined ? {} : { retryAfterMs: wait }) }
    }
    if (answer.kind === 'forbidden') {
      throw new Fault(
        'upstream',
        `The API server does not let this account reach ${namespace}/${name}: ${answer.text}`,
        RULE,
      )
    }
    const text = `${namespace}/${name}:${port} through the API server: ${answer.text}`
    if (answer.kind === 'too-large') return { kind: 'no-answer', text, tookMs }
    return { kind: answer.kind === 'unreachable' ? 'unreachable' : 'no-answer', text, tookMs }
  }

/**
 * Reads the pods that a Service's selector picks.
 * @throws Fault('input') for a Service that is not there or picks no pods by itself
 */
export const podsBehind =
  (cluster: Cluster, { namespace, name }: ServiceAddress) =>
  async (): Promise<readonly Pod[]> => {
    const service = await cluster.get<KubernetesObject>({ apiVersion: 'v1', resource: 'services', namespace }, name)
    if (service === undefined) {
      throw new Fault(
        'input',
        `There is no Service ${name} in namespace ${namespace}`,
        'Give service as namespace/name:port',
      )
    }
    const { selector } = (service.spec ?? {}) as { selector?: Readonly<Record<string, string>> }
    if (selector === undefined || Object.keys(selector).length === 0) {
      throw new Fault(
        'input',
        `Service ${namespace}/${name} has no selector, so its pods are not known`,
        'Leave expect-image out',
      )
    }
    const pods = await cluster.list<KubernetesObject>(
      { apiVersion: 'v1', resource: 'pods', namespace },
      { labels: selector },
    )
    return pods.map(readPod)
  }

const RULE = 'Allow it: apiGroups [""], resources ["services/proxy"], verbs ["get", "create"]'
