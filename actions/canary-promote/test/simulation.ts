import type { PodReading, Scrape } from '@sluice/evidence/reading'
import type { Command, ReleaseRecord, World } from '@sluice/release/record'
import type { WholePlan } from '../src/inputs.ts'
import type { Snapshot } from '../src/obstacles.ts'
import type { Settings } from '../src/plan.ts'
import type { Performed, Ports, Saved } from '../src/ports.ts'
import { type CanaryReport, reportOf } from '../src/report.ts'
import { type Asked, run } from '../src/run.ts'
import type { Setup } from '../src/setup.ts'
import { canonical, withImage } from '../src/template.ts'
import { withUid } from '../src/touched.ts'
import { DIGEST, podTemplate, snapshot } from './objects.ts'

/** What the simulated cluster is like. `errors`: share of bad answers by side; `ready`: canary pods become ready. */
export type Circumstances = {
  readonly errors: { readonly baseline: number; readonly canary: number }
  readonly ready: boolean
  readonly canaryServes: boolean
  /** What the route really does with a weight, percent; absent: what it says. `others`: requests a second that reach stable past the route. */
  readonly routes?: (weight: number) => number
  readonly others?: number
  /** Share of bad answers among those others; absent: as stable's. */
  readonly othersFail?: number
  /** Users' requests a second; absent: 100. */
  readonly rate?: number
}

/**
 * A cluster in memory behind the ports of the run, with a clock that only `sleep` moves: 100 requests a second, if nothing else is said, go to the sides by weight. Tests change
 * `circumstances` and `at` hooks while it runs.
 */
export const simulate = (start: Partial<Circumstances> = {}) => {
  const circumstances: Circumstances = { errors: { baseline: 0, canary: 0 }, ready: true, canaryServes: true, ...start }
  const stop = new AbortController()
  const lines: string[] = []
  const commands: string[] = []
  const hooks: { at: number; act: () => void }[] = []
  const counts = { baseline: { total: 1000, bad: 0 }, canary: { total: 0, bad: 0 } }
  const cluster = {
    stable: { hash: stableTemplate.hash, replicas: 3 },
    canary: undefined as { replicas: number; hash: string; since: number } | undefined,
    service: false,
    weight: 0,
    mirrored: 0,
    /** The fresh baseline: its Deployment, its Service, and the share that the route sends it. */
    baseline: undefined as { replicas: number; hash: string; since: number } | undefined,
    baselineService: false,
    beside: 0,
    marked: false,
    epoch: 0,
  }
  let store: Saved | undefined
  let holder = ''
  const baselinePods = cluster.stable.replicas
  let now = Date.UTC(2030, 0, 1)
  let credentialEnd: number | undefined

  const pass = (ms: number): void => {
    const requests = (ms * (circumstances.rate ?? 100)) / 1000
    const share = (circumstances.routes?.(cluster.weight) ?? cluster.weight) / 100
    const answered = circumstances.canaryServes && cluster.canary ? requests * (share + cluster.mirrored / 100) : 0
    counts.canary.total += answered
    counts.canary.bad += answered * circumstances.errors.canary
    const others = ((circumstances.others ?? 0) * ms) / 1000
    // Once there is a fresh baseline it is the one that is counted: others reach stable alone.
    const fresh = store?.record.plan.baseline === 'fresh'
    const baseline = requests * (fresh ? cluster.beside / 100 : 1 - share)
    counts.baseline.total += baseline + (fresh ? 0 : others)
    counts.baseline.bad +=
      baseline * circumstances.errors.baseline +
      (fresh ? 0 : others * (circumstances.othersFail ?? circumstances.errors.baseline))
    now += ms
    for (const hook of hooks.filter(({ at }) => at <= now)) {
      hooks.splice(hooks.indexOf(hook), 1)
      hook.act()
    }
  }
  const perform = (command: Command, record: ReleaseRecord): Performed => {
    if (record.epoch < cluster.epoch) return { kind: 'refused', cause: 'fenced', text: 'a later epoch' }
    const copies = command.do === 'weight' && command.mirror !== undefined ? ` and copies ${command.mirror}` : ''
    const beside = command.do === 'weight' && command.baseline !== undefined ? ` beside ${command.baseline}` : ''
    commands.push(command.do === 'weight' ? `weight ${command.to}${copies}${beside}` : command.do)
    let touched = record.touched
    if (command.do === 'apply' && command.role === 'service') {
      cluster.service = true
      touched = withUid(touched, 'service', 'uid-service')
    } else if (command.do === 'apply' && command.role === 'baseline-service') {
      cluster.baselineService = true
      touched = withUid(touched, 'baseline-service', 'uid-baseline-service')
    } else if (command.do === 'apply' && command.role === 'baseline') {
      const since = cluster.baseline?.since ?? now
      cluster.baseline = { replicas: command.replicas ?? 0, hash: record.stable.hash, since }
      touched = withUid(touched, 'baseline', 'uid-baseline')
    } else if (command.do === 'apply') {
      const since = cluster.canary?.since ?? now
      cluster.canary = { replicas: command.replicas ?? 0, hash: record.canary.hash, since }
      touched = withUid(touched, 'canary', 'uid-canary')
    } else if (command.do === 'weight') {
      cluster.weight = command.to
      cluster.mirrored = command.mirror ?? 0
      cluster.beside = command.baseline ?? 0
      cluster.marked = true
    } else if (command.do === 'scale' && command.role === 'canary' && cluster.canary) {
      cluster.canary = { ...cluster.canary, replicas: command.to }
    } else if (command.do === 'scale' && command.role === 'baseline' && cluster.baseline) {
      cluster.baseline = { ...cluster.baseline, replicas: command.to }
    } else if (command.do === 'scale' && command.role === 'stable') {
      cluster.stable.replicas = command.to
    } else if (command.do === 'write-stable') cluster.stable.hash = record.canary.hash
    else if (command.do === 'restore-stable') cluster.stable.hash = record.stable.hash
    else if (command.do === 'restore-route')
      Object.assign(cluster, { weight: 0, mirrored: 0, beside: 0, marked: false })
    else if (command.do === 'remove-created')
      Object.assign(cluster, { canary: undefined, service: false, baseline: undefined, baselineService: false })
    return { kind: 'done', touched }
  }
  const observe = (): World => {
    const { canary, stable, baseline } = cluster
    const ready = canary !== undefined && circumstances.ready && now - canary.since >= 1000 ? canary.replicas : 0
    const warm = baseline !== undefined && now - baseline.since >= 1000 ? baseline.replicas : 0
    return {
      at: now,
      weight: {
        written: cluster.weight,
        accepted: true,
        marked: cluster.marked,
        ...(cluster.mirrored === 0 ? {} : { mirrored: cluster.mirrored }),
        ...(cluster.beside === 0 ? {} : { baseline: cluster.beside }),
      },
      stable: { desired: stable.replicas, available: stable.replicas, hash: stable.hash, rolledOut: true },
      ...(canary === undefined ? {} : { canary: { desired: canary.replicas, ready, restarts: 0, hash: canary.hash } }),
      service: cluster.service,
      ...(baseline === undefined
        ? {}
        : { baseline: { desired: baseline.replicas, ready: warm, restarts: 0, hash: baseline.hash } }),
      ...(cluster.baselineService ? { baselineService: true } : {}),
      leftovers: [canary, cluster.service, baseline, cluster.baselineService].filter(Boolean).length,
    }
  }
  /** Pods of a side share its requests; whole numbers that add up to what was counted. */
  const readings = (side: 'baseline' | 'canary', pods: number): readonly PodReading[] =>
    Array.from({ length: pods }, (_, n) => {
      const part = (count: number): number => Math.floor((Math.floor(count) + n) / pods)
      return {
        side,
        pod: { name: `${side}-${n + 1}`, uid: `uid-${side}-${n + 1}` },
        containerId: side,
        restarts: 0,
        readAt: now,
        tookMs: 1,
        counters: { errors: { total: part(counts[side].total), bad: part(counts[side].bad) } },
        gauges: {},
      }
    })
  const readBaseline = (): number =>
    store?.record.plan.baseline === 'fresh' ? (cluster.baseline?.replicas ?? 0) : baselinePods
  const scrape = (): Scrape => ({
    kind: 'pods',
    readings: [...readings('baseline', readBaseline()), ...(cluster.canary === undefined ? [] : readings('canary', 1))],
    missing: [],
  })
  const ports = (cancelled: AbortSignal = stop.signal): Ports => ({
    metrics: {
      preflight: async () => [],
      read: async () => scrape(),
      queries: () => ({ errors: 'http_requests_total, bad: status 5xx' }),
    },
    lease: {
      take: async (owner, { epoch, force }) => {
        const mine = `${owner.runId}/${owner.attempt}`
        if (holder !== '' && !holder.startsWith(`${mine}#`) && !force) return 'busy'
        holder = `${mine}#${epoch}`
        return 'taken'
      },
      renew: async () => (store === undefined || holder.endsWith(`#${store.record.epoch}`) ? 'held' : 'lost'),
      release: async () => {
        holder = ''
      },
    },
    record: {
      load: async () => store,
      save: async (record, version) => {
        if (version !== store?.version) return 'conflict'
        store = { record, version: String(Number(store?.version ?? 0) + 1) }
        return { version: store.version }
      },
    },
    cluster: {
      ...(credentialEnd === undefined ? {} : { credentialEnd }),
      survey: async (): Promise<Snapshot> => snapshot(),
      preflight: async () => ({ findings: [], touched: intended }),
      stamp: async (record) => {
        if (record.epoch < cluster.epoch) return { kind: 'refused', cause: 'fenced', text: 'a later epoch' }
        cluster.epoch = record.epoch
        return { kind: 'done', touched: record.touched }
      },
      perform: async (command, record) => perform(command, record),
      observe: async () => observe(),
      authorOf: async () => 'kubectl',
    },
    clock: {
      now: () => now,
      monotonic: () => now,
      sleep: async (ms) => pass(Math.max(1, ms)),
    },
    cancelled,
    say: (line) => lines.push(line),
  })
  return {
    ports,
    lines,
    commands,
    cluster,
    counts,
    cancel: () => stop.abort(),
    /** Does something when the simulated clock has moved on by `ms`. */
    after: (ms: number, act: () => void) => hooks.push({ at: now + ms, act }),
    change: (more: Partial<Circumstances>) => Object.assign(circumstances, more),
    record: () => store?.record,
    setRecord: (record: ReleaseRecord) => {
      store = { record, version: '1' }
    },
    /** Somebody deletes the ConfigMap. */
    forget: () => {
      store = undefined
    },
    /** The run that held the Lease stops renewing it and it runs out. */
    expire: () => {
      holder = ''
    },
    /** The kubeconfig's own token ends after so many ms from now. */
    endCredential: (ms: number) => {
      credentialEnd = now + ms
    },
    hold: (by: string) => {
      holder = by
    },
  }
}

export const image = { repository: 'registry.test/shop', digest: DIGEST('b') }
const stableTemplate = canonical(podTemplate(), 'web')
export const canaryTemplate = canonical(withImage(podTemplate(), 'web', image), 'web')
const intended = (['stable', 'canary', 'service', 'route'] as const).map((role) => ({
  ref: { apiVersion: 'v1', kind: role, namespace: 'prod', name: `shop-${role}` },
  role,
  created: role === 'canary' || role === 'service',
  before: [],
}))

export const plan = (more: Partial<WholePlan> = {}): WholePlan => ({
  steps: [
    { weight: 10, hold: 20_000 },
    { weight: 50, hold: 20_000 },
  ],
  interval: 1000,
  metrics: [{ name: 'errors', kind: 'ratio', max: 0.05 }],
  baseline: 'stable',
  'false-rollback-rate': 0.01,
  'on-inconclusive': 'rollback',
  'max-hold': 60_000,
  drain: 5000,
  lease: 5000,
  'ready-within': 30_000,
  'min-canary': 2,
  headroom: 0,
  'min-requests': 50,
  'warm-up': 0,
  settle: 2000,
  provider: 'pods',
  scrape: {},
  allow: [],
  ...more,
})

/** What a release of `shop` by that plan's metrics is done with, by Gateway API and the pods' own metrics. */
export const settings = (more: Partial<Settings> = {}, setup: Partial<Setup> = {}): Settings => ({
  setup: {
    deployment: 'shop',
    container: 'web',
    canary: 'shop-canary',
    label: null,
    service: 'shop',
    canaryService: 'shop-canary',
    ...setup,
  },
  router: 'gateway-api',
  route: null,
  rule: null,
  tester: null,
  metrics: plan().metrics,
  alpha: 0.01,
  warmUp: 0,
  settle: 0,
  provider: 'pods',
  scrape: {},
  probe: null,
  ...more,
})

export const owner = (runId: string, attempt = 1) => ({ repository: 'o/shop', runId, attempt, job: 'canary' })

export const asked = (more: Partial<Asked> = {}): Asked => ({
  mode: 'run',
  owner: owner('100'),
  writer: '0.1.0',
  namespace: 'prod',
  deployment: 'shop',
  container: '',
  service: '',
  router: 'gateway-api',
  route: null,
  rule: null,
  image,
  plan: plan(),
  onBegin: () => undefined,
  ...more,
})

/** Takes a simulated release to its end, and gives its report. */
export const reported = async (sim: ReturnType<typeof simulate>, more: Partial<Asked> = {}): Promise<CanaryReport> => {
  const startedAt = sim.ports().clock.now()
  const end = await run(asked(more), sim.ports())
  return reportOf(end, {
    mode: 'run',
    namespace: 'prod',
    deployment: 'shop',
    tool: { version: '0.1.0', commit: '' },
    run: owner('100'),
    startedAt,
    endedAt: sim.ports().clock.now(),
  })
}
