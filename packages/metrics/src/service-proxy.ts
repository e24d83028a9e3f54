import type { HttpRequest, HttpResult } from '@sluice/http/request'
import type { Cluster } from '@sluice/kubernetes/cluster'

/** A Service and one of its ports; by name or number. */
export type ServiceAddress = { readonly namespace: string; readonly name: string; readonly port: string }

/**
 * Sends requests to a Service through the API server, for a server that only the cluster reaches. The host of a request's address is not looked at. The
 * API server's own credential is all that counts: it hands no other on. Needs get on services/proxy.
 */
export const throughService =
  (cluster: Cluster, service: ServiceAddress) =>
  async (call: HttpRequest): Promise<HttpResult> => {
    const url = new URL(call.url)
    const started = performance.now()
    const answer = await cluster.proxy(
      { kind: 'services', ...service },
      {
        path: `${url.pathname}${url.search}`,
        method: call.method ?? 'GET',
        ...(call.headers === undefined ? {} : { headers: call.headers }),
        ...(call.body === undefined ? {} : { body: call.body }),
        timeoutMs: call.timeoutMs,
        maxBytes: call.maxBytes ?? 16 * 1024 * 1024,
      },
    )
    if (answer.kind === 'answered') {
      const { status, headers, body } = answer
      return { kind: 'answered', status, headers, body, tookMs: performance.now() - started }
    }
    if (answer.kind === 'too-large') return { kind: 'too-large', text: answer.text }
    const cause = answer.kind === 'timed-out' ? 'timeout' : 'network'
    return { kind: 'no-answer', cause, connected: false, text: answer.text }
  }
