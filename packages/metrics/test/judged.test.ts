import type { Cluster } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import { beginEvidence, type Judged, type JudgePlan, judge, type MetricPlan } from '../../evidence/src/judge.ts'
import { type MetricSource, podsSource } from '../src/pods.ts'
import { probeSource } from '../src/probe.ts'

/** What the judge makes of what the sources read: counts that must not jump, and metrics that must not take each other with them. */
type ShownPod = {
  readonly side: 'shop' | 'shop-canary'
  readonly name: string
  readonly metrics?: string
  readonly restarts?: number
  readonly startedAt?: string
}

/** A cluster that shows these pods, each answering 200 with its metrics. */
const clusterOf = (pods: () => readonly ShownPod[]): Cluster => {
  const owned = (uid: string) => ({ ownerReferences: [{ apiVersion: 'apps/v1', kind: 'X', name: uid, uid }] })
  const shown = ({ side, name, restarts = 0, startedAt }: ShownPod) => ({
    metadata: { name, uid: `uid-${name}`, creationTimestamp: name, ...owned(`set-${side}`) },
    spec: { containers: [{ name: 'web', ports: [{ name: 'metrics', containerPort: 8080 }] }, { name: 'sidecar' }] },
    status: {
      phase: 'Running',
      containerStatuses: [
        {
          name: 'web',
          containerID: `container-${name}`,
          restartCount: 0,
          ...(startedAt === undefined ? {} : { state: { running: { startedAt } } }),
        },
        { name: 'sidecar', containerID: `sidecar-${restarts}`, restartCount: restarts },
      ],
    },
  })
  const sets = ['shop', 'shop-canary'].map((side) => ({ metadata: { name: side, uid: `set-${side}`, ...owned(side) } }))
  const cluster = {
    namespace: 'prod',
    get: async (_: unknown, name: string) => ({ metadata: { name, uid: name }, spec: {} }),
    list: async ({ resource }: { readonly resource: string }) => (resource === 'pods' ? pods().map(shown) : sets),
    proxy: async ({ name }: { readonly name: string }) => ({
      kind: 'answered',
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: `${pods().find((pod) => pod.name === name)?.metrics ?? ''}\n`,
    }),
  }
  return cluster as unknown as Cluster
}

const clock = { now: () => NOW, monotonic: () => 0, sleep: async () => undefined }
const NOW = Date.parse('2026-01-01T12:00:00Z')
const LONG_AGO = '2026-01-01T00:00:00Z'
const sides = { namespace: 'prod', baseline: 'shop', canary: 'shop-canary' }

/** Looks once a second, at weight 10 from the second look on. @param show sets what the look is to see */
const looks = async (
  source: MetricSource,
  metrics: readonly MetricPlan[],
  count: number,
  show: (look: number) => void,
): Promise<readonly Judged[]> => {
  const plan: JudgePlan = { metrics, alpha: 0.01, warmUp: 0, settle: 10_000, missing: 'silence' }
  const judged: Judged[] = []
  let evidence = beginEvidence(plan)
  for (let look = 0; look < count; look++) {
    show(look)
    const scrape = await source.read(0)
    const result = judge(evidence, { at: NOW + look * 1000, scrape, weight: look === 0 ? 0 : 10, step: 0 }, plan)
    evidence = JSON.parse(JSON.stringify(result.evidence))
    judged.push(result)
  }
  return judged
}
const countedOf = (judged: Judged | undefined, name: string) => {
  const metric = judged?.metrics.find((each) => each.name === name)
  if (metric === undefined || metric.kind === 'gauge') throw new Error(`no counts of ${name}`)
  return { baseline: metric.step.baseline.n, canary: metric.step.canary.n }
}

describe('a metric that a pod shows wrongly', () => {
  const errors = { name: 'errors', kind: 'ratio' } as const
  const queue = { name: 'queue', kind: 'gauge', max: 100 } as const
  const slow = { name: 'slow', kind: 'latency' } as const
  const specs = [
    { name: 'errors', kind: 'ratio' },
    { name: 'queue', kind: 'gauge', series: 'queue_depth' },
    { name: 'slow', kind: 'latency', threshold: 500, histogram: 'wait_seconds' },
  ] as const

  type Bent = { readonly queue?: string; readonly bound?: string; readonly all?: string }
  const page = (
    requests: number,
    failed: number,
    { queue: depth = 'queue_depth 3', bound = '0.5', all = `${requests}` }: Bent = {},
  ): string =>
    [
      `http_requests_total{code="200"} ${requests - failed}`,
      `http_requests_total{code="500"} ${failed}`,
      depth,
      `wait_seconds_bucket{le="${bound}"} ${requests}`,
      `wait_seconds_bucket{le="+Inf"} ${all}`,
    ].join('\n')

  /** The baseline has counted a million before the first look; then 90 a look, and the canary 10, all of them failed if it is `failing`. */
  const run = async (count: number, metrics: readonly MetricPlan[], bent: (look: number) => Bent, failing = false) => {
    let pods: readonly ShownPod[] = []
    const asked = specs.filter(({ name }) => metrics.some((metric) => metric.name === name))
    const source = podsSource(
      clusterOf(() => pods),
      { ...sides, metrics: asked },
      clock,
    )
    return looks(source, metrics, count, (look) => {
      pods = [
        { side: 'shop', name: 'shop-1', metrics: page(1_000_000 + 90 * look, 0) },
        { side: 'shop-canary', name: 'shop-canary-1', metrics: page(10 * look, failing ? 10 * look : 0, bent(look)) },
      ]
    })
  }

  test.each([
    ['a gauge of two series', { queue: 'queue_depth{pool="a"} 1\nqueue_depth{pool="b"} 2' }, 'queue', 'several-series'],
    ['a gauge that is not a number', { queue: 'queue_depth NaN' }, 'queue', 'nan'],
    ['other buckets', { bound: '0.7' }, 'slow', 'unreliable'],
  ] as const)(
    'takes no other with it: a canary that fails all is sent back beside %s',
    async (_, bent, metric, kind) => {
      const judged = await run(6, [errors, queue, slow], (look) => (look < 1 ? {} : bent), true)
      expect(judged.at(-1)?.decision).toMatchObject({ kind: 'reject', metric: 'errors' })
      expect(judged.at(-1)?.evidence.unseen).toMatchObject({
        [metric]: { kind, looks: 5, text: expect.stringContaining('pod shop-canary-1') },
      })
      expect(Object.keys(judged.at(-1)?.evidence.unseen ?? {})).toEqual([metric])
    },
  )

  test('is passed over where the plan says so, and the others are judged', async () => {
    const ignored = { ...queue, noData: { nan: 'ignore' } } as const
    const judged = await run(6, [errors, ignored], (look) => (look < 1 ? {} : { queue: 'queue_depth NaN' }))
    expect(judged.map(({ decision }) => decision.kind)).toEqual(Array.from({ length: 6 }, () => 'continue'))
    expect(countedOf(judged.at(-1), 'errors')).toEqual({ baseline: 450, canary: 50 })
  })

  test('is counted on where it was once it is right again, and the others never noticed', async () => {
    const judged = await run(9, [errors, queue, slow], (look) => (look >= 3 && look < 6 ? { bound: '0.7' } : {}))
    expect(judged.map((each) => countedOf(each, 'errors').baseline)).toEqual([0, 90, 180, 270, 360, 450, 540, 630, 720])
    expect(judged.map((each) => countedOf(each, 'slow'))).toEqual(
      [0, 1, 2, 2, 2, 2, 6, 7, 8].map((times) => ({ baseline: 90 * times, canary: 10 * times })),
    )
  })

  test.each([
    ['beside others', [errors, queue, slow]],
    ['alone', [slow]],
  ] as const)('from the first look on begins with the first value that is read, %s', async (_, metrics) => {
    const judged = await run(6, metrics, (look) => (look < 3 ? { all: 'NaN' } : {}))
    // Nothing of the million that the baseline had counted before anybody looked.
    expect(judged.map((each) => countedOf(each, 'slow').baseline)).toEqual([0, 0, 0, 0, 90, 180])
  })
})

test('a container that restarts does not bring back what a probe has counted of its pod', async () => {
  let restarts = 0
  const pods = (): readonly ShownPod[] => [
    { side: 'shop', name: 'shop-1', restarts },
    { side: 'shop-canary', name: 'shop-canary-1' },
  ]
  const own = { name: 'own', kind: 'ratio', synthetic: true } as const
  const source = probeSource(clusterOf(pods), { ...sides, metrics: [own], path: '/', requests: 5 }, clock)
  const judged = await looks(source, [own], 7, (look) => (restarts = look >= 5 ? 1 : 0))
  expect(judged.map((each) => countedOf(each, 'own'))).toEqual(
    [0, 1, 2, 3, 4, 5, 6].map((times) => ({ baseline: 5 * times, canary: 5 * times })),
  )
})

test('a probe sends to each side what its read asks for, nothing where that is nothing, and never more than a hundred', async () => {
  const pods = (): readonly ShownPod[] => [
    { side: 'shop', name: 'shop-1' },
    { side: 'shop', name: 'shop-2' },
    { side: 'shop-canary', name: 'shop-canary-1' },
  ]
  const source = probeSource(clusterOf(pods), { ...sides, metrics: [{ name: 'own', kind: 'ratio' }], path: '/' }, clock)
  const counted: unknown[] = []
  for (const own of [3, 0, 500]) {
    const scrape = await source.read(0, own)
    const readings = scrape.kind === 'pods' ? scrape.readings : []
    const of = (wanted: string) =>
      readings.reduce((sum, { side, counters }) => sum + (side === wanted ? (counters.own?.total ?? 0) : 0), 0)
    counted.push([of('baseline'), of('canary')])
  }
  expect(counted).toEqual([
    [3, 3],
    [3, 3],
    [103, 103],
  ])
})

describe('pods that do not say when their process began', () => {
  const errors = { name: 'errors', kind: 'ratio' } as const

  test('are known by their container: one that enters the twenty that are read brings no lifetime with it', async () => {
    let pods: readonly ShownPod[] = []
    const source = podsSource(
      clusterOf(() => pods),
      { ...sides, metrics: [errors] },
      clock,
    )
    const judged = await looks(source, [errors], 5, (look) => {
      const stable = Array.from({ length: 21 }, (_, index) => ({
        side: 'shop' as const,
        name: `shop-${String(index).padStart(2, '0')}`,
        metrics: `http_requests_total{code="200"} ${50_000 + 9 * look}`,
        startedAt: LONG_AGO,
      }))
      const canary = {
        side: 'shop-canary',
        name: 'shop-canary-1',
        metrics: `http_requests_total{code="200"} ${look}`,
      } as const
      pods = [...stable.slice(look >= 3 ? 1 : 0), canary]
    })
    expect(judged.map((each) => countedOf(each, 'errors').baseline)).toEqual([0, 180, 360, 531, 711])
  })
})
