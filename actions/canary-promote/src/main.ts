import { existsSync, readFileSync } from 'node:fs'
import { page } from '@sluice/canary-report/page'
import { type Outcome, reportPath, runAction } from '@sluice/kit/action'
import { type Clock, cancellation, realClock } from '@sluice/kit/clock'
import { describe, Fault } from '@sluice/kit/faults'
import { readInputs } from '@sluice/kit/inputs'
import { logged } from '@sluice/kit/log'
import type { Run } from '@sluice/kit/report'
import { currentRun, tool, VERSION } from '@sluice/kit/run'
import { keep, kept, mask } from '@sluice/kit/state'
import { connect } from '@sluice/kubernetes/connect'
import { ownerName } from './canary.ts'
import type { Ended } from './ending.ts'
import { GUARD } from './guard.ts'
import { type Inputs, inputs, isInline, planInputs, readPlan, type WholePlan } from './inputs.ts'
import { planProblems, stepsOf } from './plan.ts'
import { clusterPort } from './ports/cluster.ts'
import { metricCredentials } from './ports/credentials.ts'
import { guarded } from './ports/guard.ts'
import { leasePort } from './ports/lease.ts'
import { metricsPort } from './ports/metrics.ts'
import { recordPort } from './ports/record.ts'
import { handsFor, rolloutPort } from './ports/rollout.ts'
import { sidesOfRollouts } from './ports/rollout-sides.ts'
import { routerFor } from './ports/router.ts'
import type { Ports } from './ports.ts'
import { reportOf, rollbackSeconds } from './report.ts'
import { type Asked, run } from './run.ts'
import { summarize } from './summary.ts'

/** The runner kills ten seconds after its first signal; whatever still hangs by then must not be cut off in the middle of a write. */
const LAST_MOMENT = 4500
/** What a process may still take to close its connections, ms. */
const LINGER = 1000
/** A post step shares about 285 s with every other post step of its job. */
const POST_DEADLINE = 120_000

/** One process of the action: the main step, or the post step, which looks after a release that the main step left. */
const start = async (): Promise<void> => {
  const phase = kept('phase')
  if (phase === '') {
    keep('phase', 'started')
    await runAction('canary-promote', () => body('main'))
  } else if (phase === 'begun') {
    process.stdout.write('the main step left its release unfinished: taking it over\n')
    await runAction('canary-promote', () => body('post'))
  } else {
    process.stdout.write('nothing to look after\n')
  }
  // A request or a login plugin that hangs must not keep the job waiting once all is said.
  setTimeout(() => process.exit(), LINGER).unref()
}

const body = async (phase: 'main' | 'post'): Promise<Outcome> => {
  const startedAt = Date.now()
  const { given, plan } = readAll()
  maskCredentials(given.kubeconfig)
  const stopped = phase === 'main' ? stopSignals() : new AbortController().signal
  const cluster = await connect({
    kubeconfig: given.kubeconfig,
    context: given.context,
    namespace: given.namespace,
    env: process.env,
  })
  const clock = realClock(stopped)
  const self = currentRun(process.env, process.pid)
  const owner = given.mode === 'guard' ? { ...self, job: GUARD } : self
  const namespace = cluster.namespace
  const where = { cluster, namespace, deployment: given.deployment, clock, cancelled: stopped, say }
  const ports: Ports = {
    metrics: sidesOfRollouts(metricsPort({ ...where, credentials: metricCredentials(given, process.env) }), where),
    lease: leasePort(cluster, where),
    record: recordPort(cluster, namespace, given.deployment),
    cluster: guarded(
      handsFor(given.router, {
        rollout: rolloutPort({ ...where, weights: stepsOf(plan).map(({ weight }) => weight) }),
        deployment: clusterPort({
          ...where,
          router: (settings, owned) => routerFor({ cluster, namespace, owner: ownerName(owner) }, settings, owned),
        }),
      }),
      where,
    ),
    clock,
    cancelled: stopped,
    say,
  }
  const end = await run(askedFor(given, { plan, phase, owner, namespace, clock }), ports)
  if (end.driven === undefined || end.driven.kind === 'done') keep('phase', 'done')
  return outcomeOf(end, { given, phase, namespace, owner, startedAt })
}

const askedFor = (
  given: Inputs,
  known: {
    readonly plan: WholePlan
    readonly phase: 'main' | 'post'
    readonly owner: Run
    readonly namespace: string
    readonly clock: Clock
  },
): Asked => ({
  mode: known.phase === 'post' ? 'reap' : given.mode,
  owner: known.owner,
  writer: VERSION,
  namespace: known.namespace,
  deployment: given.deployment,
  container: given.container ?? '',
  service: given.service ?? '',
  router: given.router,
  route: given.route ?? null,
  rule: given.rule ?? null,
  image: given.image,
  plan: known.plan,
  ...(known.phase === 'post' ? { until: known.clock.monotonic() + POST_DEADLINE, onlyOwn: true } : {}),
  onBegin: () => keep('phase', 'begun'),
})

/** What the end is to the runner: outputs, report, summary, and whether the job is red. */
const outcomeOf = (
  end: Ended,
  known: {
    readonly given: Inputs
    readonly phase: 'main' | 'post'
    readonly namespace: string
    readonly owner: Run
    readonly startedAt: number
  },
): Outcome => {
  const { given } = known
  const report = reportOf(end, {
    mode: known.phase === 'post' ? 'post' : given.mode,
    namespace: known.namespace,
    deployment: given.deployment,
    tool: tool(process.env),
    run: known.owner,
    startedAt: known.startedAt,
    endedAt: Date.now(),
  })
  const { record } = end
  const name = (image: { repository: string; digest: string } | undefined) =>
    image === undefined ? '' : `${image.repository}@${image.digest}`
  const promoted = end.verdict === 'promoted'
  const rollback = rollbackSeconds(end)
  return {
    outputs: {
      reason: end.reason.text,
      image: name(record === undefined ? given.image : promoted ? record.canary.image : record.stable.image),
      'previous-image': name(record?.stable.image),
      weight: end.driven?.world === undefined ? '' : String(end.driven.world.weight.written),
      'rollback-seconds': rollback === undefined ? '' : rollback.toFixed(1),
    },
    report,
    reportPath: reportPath(known.phase === 'post' ? 'canary-promote-post' : 'canary-promote'),
    page: () => page(report),
    summary: summarize(report),
    ...(end.ok ? {} : { failed: `${end.verdict}: ${end.reason.text}. ${end.reason.next}` }),
  }
}

/** @throws Fault('input') with every problem of the inputs and of the plan */
const readAll = (): { readonly given: Inputs; readonly plan: WholePlan } => {
  const problems: string[] = []
  const attempt = <T>(read: () => T, told = (text: string) => void problems.push(text)): T | undefined => {
    try {
      return read()
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.kind !== 'input') throw thrown
      told(describe(thrown))
      return undefined
    }
  }
  const given = attempt(() => readInputs(inputs))
  if (given?.mode === 'run' && given.image === undefined) {
    problems.push('image is required for mode run: name@sha256:… (64 hexadecimal digits)')
  }
  // Where the plan's inputs are wrong themselves, they are among the problems already.
  const sources =
    given ??
    attempt(
      () => readInputs(planInputs),
      () => undefined,
    )
  const plan = sources && attempt(() => readPlan(planSource(sources.plan), sources['plan-defaults']))
  if (plan !== undefined) problems.push(...planProblems(plan, given))
  if (given === undefined || plan === undefined || problems.length > 0) {
    throw new Fault('input', problems.join('\n  '))
  }
  return { given, plan }
}

const planSource = (plan: string | undefined): { readonly source: string; readonly file: string } | undefined => {
  if (plan === undefined) return undefined
  if (isInline(plan)) return { source: plan, file: 'plan' }
  if (!existsSync(plan)) {
    throw new Fault(
      'input',
      `plan: the file ${plan} does not exist in ${process.cwd()}`,
      'Give a path that the job has checked out, or the YAML itself.',
    )
  }
  return { source: readFileSync(plan, 'utf8'), file: plan }
}

const stopSignals = (): AbortSignal =>
  cancellation((signal) => {
    say(`received ${signal}: stopping`)
    setTimeout(() => {
      process.stdout.write('::error::Cancelled before the weight was read back; the post step goes on\n')
      process.exit(1)
    }, LAST_MOMENT).unref()
  })

const maskCredentials = (kubeconfig: string | undefined): void => {
  for (const match of (kubeconfig ?? '').matchAll(/(?:token|password|client-key-data):\s*["']?([^\s"']+)/g)) {
    mask(match[1] ?? '')
  }
}

const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${logged(line)}\n`)
}

void start()
