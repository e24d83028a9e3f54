import type { Cluster } from '@sluice/kubernetes/cluster'
import type { Target } from './membership.ts'
import { type Exposition, parseExposition } from './prometheus-text.ts'

/** `readAt` ms UTC, the middle of the request; `tookMs` its length. */
export type Scraped =
  | { readonly kind: 'read'; readonly exposition: Exposition; readonly readAt: number; readonly tookMs: number }
  | { readonly kind: 'failed'; readonly cause: FailedCause; readonly text: string }
/** Why a pod's metrics could not be read. */
export type FailedCause =
  | 'timeout'
  | 'forbidden'
  | 'tls'
  | 'mtls'
  | 'denied'
  | 'refused'
  | 'gone'
  | 'too-large'
  | 'html'
  | 'status'
  | 'malformed'
  | 'unreachable'

/** The longest metrics page that is read, bytes. */
export const MAX_BYTES = 4 * 1024 * 1024

/** `now` in ms UTC, `monotonic` in ms from any zero. */
export type ReadClock = { readonly now: () => number; readonly monotonic: () => number }

/**
 * Reads one pod's metrics through the API server.
 * @throws Fault('upstream') when the API server itself cannot be reached
 */
export const scrape = async (
  cluster: Cluster,
  target: Target,
  timeoutMs: number,
  clock: ReadClock,
): Promise<Scraped> => {
  const started = clock.monotonic()
  const { pod, port, path, scheme } = target
  const where = `pod ${pod.metadata.name} port ${port}${path}`
  const failed = (cause: FailedCause, text: string): Scraped => ({ kind: 'failed', cause, text: `${where}: ${text}` })
  const answer = await cluster.proxy(
    { kind: 'pods', namespace: pod.metadata.namespace ?? cluster.namespace, name: pod.metadata.name, port, scheme },
    { path, headers: { accept: 'text/plain;version=0.0.4', 'user-agent': 'sluice' }, timeoutMs, maxBytes: MAX_BYTES },
  )
  const tookMs = clock.monotonic() - started
  if (answer.kind === 'timed-out') return failed('timeout', 'no answer in time')
  if (answer.kind === 'forbidden') return failed('forbidden', answer.text)
  if (answer.kind === 'too-large') return failed('too-large', `more than ${MAX_BYTES / 1024 / 1024} MiB`)
  if (answer.kind !== 'answered') return failed(unreachableCause(answer.text), answer.text)
  if (/HTTP request to an HTTPS server/i.test(answer.body)) return failed('tls', 'the port speaks TLS')
  if (answer.status === 401 || answer.status === 403)
    return failed('denied', `the pod itself answered ${answer.status}`)
  if (answer.status !== 200) return failed('status', `answered ${answer.status}`)
  if (/text\/html/.test(answer.headers['content-type'] ?? '') || /^\s*<(!doctype|html)/i.test(answer.body))
    return failed('html', 'answered with an HTML page, not with metrics')
  const parsed = parseExposition(answer.body)
  if (parsed.kind === 'malformed')
    return failed('malformed', `line ${parsed.line} is not in the Prometheus format: ${parsed.text}`)
  return { kind: 'read', exposition: parsed, readAt: Math.round(clock.now() - tookMs / 2), tookMs }
}

const unreachableCause = (text: string): FailedCause => {
  // A mesh that takes only its own certificates ends the handshake, or the connection before a word is said.
  if (/certificate required|bad certificate|connection reset by peer|\bEOF\b/i.test(text)) return 'mtls'
  if (/tls|x509|malformed HTTP response|HTTP response to HTTPS client/i.test(text)) return 'tls'
  if (/refused/i.test(text)) return 'refused'
  return /not found/i.test(text) ? 'gone' : 'unreachable'
}

/** What is usually behind a scrape that failed, and what to do. */
export const adviceFor: Readonly<Record<FailedCause, string>> = {
  timeout:
    'A firewall between control plane and nodes (private GKE or EKS), a NetworkPolicy or strict mTLS keeps the API server from the pods: allow that port, or use another provider',
  forbidden: 'The rule above would allow it. It reaches every port of every pod in the namespace',
  tls: 'Set the annotation prometheus.io/scheme: https on the pods if the port speaks TLS, or take it off if it does not',
  mtls: 'The connection is ended unanswered, as a mesh with strict mTLS ends those without its certificate (a process that crashes does, too): leave the metrics port out of it (Istio: portLevelMtls of a PeerAuthentication, or the annotation traffic.sidecar.istio.io/excludeInboundPorts), or use another provider',
  denied:
    'The endpoint asks for a credential of its own, which cannot be sent along: open that port to the API server, or use another provider',
  refused:
    'Nothing listens on that port: check the annotation prometheus.io/port, the port named metrics, or scrape.port of the plan',
  gone: 'The pod went away while it was read',
  'too-large': 'Export fewer series, or use provider prometheus',
  html: 'Check the path: annotation prometheus.io/path, or scrape.path of the plan',
  status: 'Check the path: annotation prometheus.io/path, or scrape.path of the plan',
  malformed: 'The path must answer in the Prometheus text format',
  unreachable: 'The API server could not reach the pod',
}
