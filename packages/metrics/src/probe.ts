import { describe, Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { type Pod, podsOf, type Target, targetOf } from './membership.ts'
import { inTurn, type MetricSource, type PodsClock } from './pods.ts'
import type { PodReading, Scrape, Side } from './reading.ts'

/** `requests`: how many are sent to each side per read where the read does not say (default 5). `threshold`: ms, for latency metrics. */
export type ProbeGiven = {
  readonly namespace: string
  readonly baseline: string
  readonly canary: string
  readonly metrics: readonly {
    readonly name: string
    readonly kind: 'ratio' | 'latency' | 'gauge'
    readonly threshold?: number | undefined
  }[]
  readonly path: string
  readonly port?: number | string | undefined
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  readonly requests?: number | undefined
  readonly timeoutMs?: number | undefined
}

type Tally = { total: number; failed: number; slow: Record<string, number> }

/**
 * Sends requests of our own to the pods of both sides through the API server and counts how they end. They are a metric of their own: never pooled
 * with the users' requests. Each read sends at most 100 to each side, spread over its pods. Failed: status 4xx or 5xx, or no answer from the pod. Counted per pod since this source was made.
 * @throws Fault('input') for a gauge: an answer has none
 */
export const probeSource = (cluster: Cluster, given: ProbeGiven, clock: PodsClock): MetricSource => {
  const gauge = given.metrics.find(({ kind }) => kind === 'gauge')
  if (gauge !== undefined)
    throw new Fault(
      'input',
      `metric ${gauge.name}: a gauge cannot be read by provider probe`,
      'Use provider pods for it',
    )
  const tallies = new Map<string, Tally>()
  const began = clock.now()

  const targetsOf = async (side: Side): Promise<readonly Target[]> => {
    const pods = (await podsOf(cluster, given.namespace, side === 'canary' ? given.canary : given.baseline)) ?? []
    return pods
      .map((pod: Pod) => targetOf(pod, side, { port: given.port, path: given.path }))
      .filter((target) => 'pod' in target)
  }

  const send = async (target: Target): Promise<{ readonly status?: number; readonly tookMs: number }> => {
    const started = clock.monotonic()
    const answer = await cluster.proxy(
      {
        kind: 'pods',
        namespace: given.namespace,
        name: target.pod.metadata.name,
        port: target.port,
        scheme: target.scheme,
      },
      {
        path: given.path,
        method: given.method ?? 'GET',
        headers: {
          ...(given.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...given.headers,
          'user-agent': 'sluice-probe',
        },
        ...(given.body === undefined ? {} : { body: given.body }),
        timeoutMs: given.timeoutMs ?? 5000,
        maxBytes: 4 * 1024 * 1024,
      },
    )
    const tookMs = clock.monotonic() - started
    if (answer.kind === 'forbidden') throw new Fault('upstream', answer.text)
    if (answer.kind === 'too-large') return { status: 200, tookMs }
    return answer.kind === 'answered' ? { status: answer.status, tookMs } : { tookMs }
  }

  const count = async (target: Target): Promise<void> => {
    const { status, tookMs } = await send(target)
    const key = keyOf(target)
    const tally = tallies.get(key) ?? { total: 0, failed: 0, slow: {} }
    tallies.set(key, tally)
    tally.total++
    // Stable was tried out and does not refuse this request: whoever refuses it now has lost the path, or the right to it.
    if (status === undefined || status >= 400) tally.failed++
    for (const { name, threshold } of given.metrics)
      if (threshold !== undefined && tookMs > threshold) tally.slow[name] = (tally.slow[name] ?? 0) + 1
  }

  return {
    preflight: async () => {
      const targets = await Promise.all([targetsOf('baseline'), targetsOf('canary')])
      const first = targets.map(([target]) => target).filter((target) => target !== undefined)
      if (targets[0]?.length === 0)
        return [
          wrong(
            'probe-target',
            `Deployment ${given.baseline} has no running pod with a known port`,
            'Give probe.port in the plan',
          ),
        ]
      const findings = await Promise.all(first.map((target) => tryOut(target, send, given)))
      return findings.flat()
    },
    read: async (_, own = given.requests ?? 5): Promise<Scrape> => {
      try {
        const [baseline, canary] = await Promise.all([targetsOf('baseline'), targetsOf('canary')])
        const all = [...canary, ...baseline]
        if (all.length === 0) return { kind: 'empty', query: given.path, text: 'no running pod to send requests to' }
        const started = clock.now()
        const plan = Array.from({ length: Math.min(MOST, own) }, (_, index) => [
          canary[index % Math.max(1, canary.length)],
          baseline[index % Math.max(1, baseline.length)],
        ])
          .flat()
          .filter((target) => target !== undefined)
        await inTurn(plan, 8, count)
        const ended = clock.now()
        const readings = all.map((target) =>
          readingOf(target, tallies.get(keyOf(target)), given, { started, ended, began }),
        )
        return { kind: 'pods', readings, missing: [] }
      } catch (thrown) {
        if (!(thrown instanceof Fault) || thrown.kind === 'input') throw thrown
        return { kind: 'outage', query: given.path, text: describe(thrown) }
      }
    },
    queries: () =>
      Object.fromEntries(
        given.metrics.map(({ name, threshold }) => {
          const bad = threshold === undefined ? 'status 4xx or 5xx, or no answer' : `slower than ${threshold} ms`
          return [name, `${given.method ?? 'GET'} ${given.path} of our own to each pod, bad: ${bad}`]
        }),
      ),
  }
}

/** Requests of one read to one side. */
const MOST = 100

const keyOf = ({ pod }: Target): string => pod.metadata.uid ?? pod.metadata.name

const wrong = (id: string, text: string, hint: string): Finding => ({ id, level: 'error', text, hint })

const tryOut = async (
  target: Target,
  send: (target: Target) => Promise<{ readonly status?: number }>,
  { method = 'GET', path }: ProbeGiven,
): Promise<readonly Finding[]> => {
  const { status } = await send(target)
  const call = `${method} ${path} on pod ${target.pod.metadata.name} port ${target.port}`
  if (status === undefined)
    return [
      wrong('probe-unreachable', `${call}: no answer`, 'Check probe.port, and that the API server can reach the pods'),
    ]
  if (status >= 400 && status < 500)
    return [
      wrong(
        'probe-refused',
        `${call}: answered ${status}`,
        'A request that is refused measures nothing; check probe.path, headers and body',
      ),
    ]
  return []
}

/** Our own process counts, so its start and no container's is what a reset is judged by. */
const readingOf = (
  { side, pod, restarts }: Target,
  tally: Tally | undefined,
  { metrics }: ProbeGiven,
  { started, ended, began }: { readonly started: number; readonly ended: number; readonly began: number },
): PodReading => ({
  side,
  pod: { name: pod.metadata.name, uid: pod.metadata.uid ?? '' },
  containerId: `probe-${began}`,
  restarts,
  processStart: began,
  readAt: Math.round((started + ended) / 2),
  tookMs: ended - started,
  counters: Object.fromEntries(
    metrics.map(({ name, kind }) => [
      name,
      { total: tally?.total ?? 0, bad: (kind === 'latency' ? tally?.slow[name] : tally?.failed) ?? 0 },
    ]),
  ),
  gauges: {},
})
