import { Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { choose, type Extractor } from './extraction.ts'
import type { Target } from './membership.ts'
import type { PodsClock, PodsGiven } from './pods.ts'
import { boundsOf } from './presets.ts'
import type { Exposition } from './prometheus-text.ts'
import type { Side } from './reading.ts'
import { adviceFor, type Scraped, scrape } from './scrape.ts'

type Inspection = {
  readonly cluster: Cluster
  readonly given: PodsGiven
  readonly extractors: readonly Extractor[]
  readonly timeoutMs: number
  readonly clock: PodsClock
  readonly sideOf: (
    side: Side,
  ) => Promise<readonly (Target | { readonly kind: 'no-port'; readonly text: string })[] | undefined>
}

const SCRAPES = 5
const SPACING = 200

/**
 * Reads one pod a side, five times within a second, before anything is touched: whether it can be read at all and why not, whether several processes
 * answer behind one endpoint, which series each metric is taken from, and whether a latency threshold is a bound of its buckets.
 * A side whose Deployment is not there yet is passed over.
 */
export const inspect = async (inspection: Inspection): Promise<readonly Finding[]> => {
  const sides = await Promise.all((['baseline', 'canary'] as const).map((side) => inspectSide(inspection, side)))
  const read = sides.flatMap(({ exposition }) => (exposition === undefined ? [] : [exposition]))
  return [
    ...sides.flatMap(({ findings }) => findings),
    ...layouts(inspection, read),
    ...(read.length > 0 ? [reach] : []),
  ]
}

const reach: Finding = {
  id: 'pods-proxy',
  level: 'note',
  text: 'metrics are read by get pods/proxy, which reaches every port of every pod in the namespace',
}

const error = (id: string, text: string, hint: string, where?: string): Finding => ({
  id,
  level: 'error',
  text,
  hint,
  ...(where === undefined ? {} : { where }),
})

type Inspected = { readonly findings: readonly Finding[]; readonly exposition?: Exposition }

const inspectSide = async (
  { cluster, given, extractors, timeoutMs, clock, sideOf }: Inspection,
  side: Side,
): Promise<Inspected> => {
  const targets = await sideOf(side)
  const deployment = side === 'canary' ? given.canary : given.baseline
  const target = targets?.[0]
  if (target === undefined) {
    if (side === 'canary' || targets === undefined) return { findings: [] }
    return {
      findings: [
        error('no-pods', `Deployment ${deployment} has no running pod to read`, 'Scale it up, and let it become ready'),
      ],
    }
  }
  if (!('pod' in target))
    return {
      findings: [
        error(
          'metrics-port',
          target.text,
          'Set the annotation prometheus.io/port on the pods, name the port metrics, or give scrape.port in the plan',
        ),
      ],
    }

  const scraped: Scraped[] = []
  for (let count = 0; count < SCRAPES; count++) {
    if (count > 0) await clock.sleep(SPACING)
    const result = await scrape(cluster, target, timeoutMs, clock)
    // One slow answer among quick ones is a busy moment, and nothing was touched yet; what never answers is slow twice.
    const isSlow = result.kind === 'failed' && result.cause === 'timeout'
    const forgiven = isSlow && !scraped.some(({ kind }) => kind === 'failed')
    scraped.push(result)
    if (result.kind === 'failed' && !forgiven)
      return { findings: [error(`metrics-${result.cause}`, result.text, adviceFor[result.cause])] }
  }
  const read = scraped.filter((result) => result.kind === 'read')
  const first = read[0]
  if (first === undefined) throw new Fault('upstream', `pod ${target.pod.metadata.name} was not read`)
  const where = `pod ${target.pod.metadata.name}`
  const times = read.map(({ tookMs }) => tookMs).sort((a, b) => a - b)
  const median = times[Math.floor(times.length / 2)] ?? 0
  return {
    exposition: first.exposition,
    findings: [
      ...severalProcesses(
        read.map(({ exposition }) => exposition),
        where,
      ),
      ...extractors.flatMap((extractor) => seriesFindings(extractor, first.exposition, side, where)),
      ...(given.interval !== undefined && median * 20 > given.interval
        ? [
            {
              id: 'slow-reads',
              level: 'warning' as const,
              text: `${where} takes ${Math.round(median)} ms to read; the interval should be at least 20 times that`,
              measured: given.interval,
              limit: Math.ceil(median * 20),
              unit: 'ms',
              where,
            },
          ]
        : []),
    ],
  }
}

/** A counter that goes down within a second without a restart, or a start time that changes, is another process answering. */
const severalProcesses = (expositions: readonly Exposition[], where: string): readonly Finding[] => {
  const totals = expositions.map(({ samples, types }) => {
    const sums = new Map<string, number>()
    for (const { name, value } of samples)
      if (/_(total|count)$/.test(name) || types[name] === 'counter') sums.set(name, (sums.get(name) ?? 0) + value)
    return sums
  })
  const starts = new Set(
    expositions.map(({ samples }) => samples.find(({ name }) => name === 'process_start_time_seconds')?.value),
  )
  const fell = totals.flatMap((sums, index) => {
    const before = totals[index - 1]
    return [...sums].flatMap(([name, value]) => (value < (before?.get(name) ?? Number.NEGATIVE_INFINITY) ? [name] : []))
  })
  if (fell.length === 0 && starts.size <= 1) return []
  const seen =
    fell.length > 0 ? `${fell[0]} went down between two reads` : 'process_start_time_seconds changes between reads'
  return [
    error(
      'several-processes',
      `${where}: several processes answer behind one endpoint: ${seen}`,
      'Each read shows a random one, so nothing can be counted. For Python servers set PROMETHEUS_MULTIPROC_DIR; else run one process a pod',
      where,
    ),
  ]
}

const seriesFindings = ({ spec }: Extractor, exposition: Exposition, side: Side, where: string): readonly Finding[] => {
  const found = choose(spec, exposition)
  if (found === undefined) {
    const counters = namesOf(exposition)
    const named = spec.kind === 'ratio' ? spec.counter : spec.kind === 'latency' ? spec.histogram : spec.series
    const text =
      named === undefined
        ? `metric ${spec.name}: ${where} exports no ${spec.kind === 'ratio' ? 'counter of requests with a status' : 'histogram of durations'} that is known`
        : `metric ${spec.name}: ${where} does not export ${named}`
    // Counters with labels appear with the first request; the canary has had none yet.
    const level = side === 'canary' ? ('note' as const) : ('error' as const)
    return [
      {
        id: 'metric-missing',
        level,
        text,
        hint: `It exports ${counters.length === 0 ? 'nothing' : counters.slice(0, 15).join(', ')}${counters.length > 15 ? ` and ${counters.length - 15} more` : ''}. Name one in the plan`,
        where,
      },
    ]
  }
  if (found.kind !== 'latency' || spec.kind !== 'latency') {
    return side === 'baseline'
      ? [{ id: 'series', level: 'note', text: `metric ${spec.name} is read from ${found.series}`, where }]
      : []
  }
  if (side === 'canary') return []
  const exact = found.bound === spec.threshold
  return [
    {
      id: exact ? 'series' : 'threshold',
      level: exact ? 'note' : 'warning',
      text: exact
        ? `metric ${spec.name} is read from ${found.series}, slower than ${found.bound} ms`
        : `metric ${spec.name}: ${spec.threshold} ms is no bound of ${found.series}; the nearest, ${found.bound} ms, is used`,
      measured: found.bound,
      limit: spec.threshold,
      unit: 'ms',
      where,
    },
  ]
}

/** Counters and histograms by name, without what a runtime exports of itself. */
const namesOf = ({ samples, types }: Exposition): readonly string[] =>
  [...new Set(samples.map(({ name }) => name))]
    .filter((name) => /_(total|count)$/.test(name) || types[name] === 'counter')
    .filter((name) => !/^(process_|go_|nodejs_|jvm_|python_|promhttp_)/.test(name))
    .sort()

/** Buckets that differ between the sides cannot be compared. */
const layouts = ({ extractors }: Inspection, [first, second]: readonly Exposition[]): readonly Finding[] => {
  if (first === undefined || second === undefined) return []
  return extractors.flatMap(({ spec }) => {
    if (spec.kind !== 'latency') return []
    const [one, other] = [choose(spec, first), choose(spec, second)]
    if (one === undefined || other === undefined) return []
    const shown = [boundsOf(first.samples, one.series).join(', '), boundsOf(second.samples, other.series).join(', ')]
    if (shown[0] === shown[1]) return []
    return [
      error(
        'buckets-differ',
        `metric ${spec.name}: the buckets of baseline (${shown[0]} ms) and canary (${shown[1]} ms) differ`,
        'The two cannot be compared; release the change of buckets without this metric first',
      ),
    ]
  })
}
