import { Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import { next } from '@sluice/release/next'
import type { Event, Image, Owner } from '@sluice/release/record'
import { startRelease } from '@sluice/release/start'
import { admissionFindings } from './admission.ts'
import { EPOCH } from './canary.ts'
import { credentialFindings } from './credential.ts'
import { drive, type Moment } from './drive.ts'
import {
  alreadyRunning,
  busy,
  type Ended,
  ended,
  type Mode,
  newerThan,
  notBegun,
  nothingInFlight,
  status,
  watched,
} from './ending.ts'
import { guardOf, guardPatience } from './guard.ts'
import type { WholePlan } from './inputs.ts'
import { beginWatch } from './judgement.ts'
import type { PodTemplate } from './objects.ts'
import type { Request, Snapshot } from './obstacles.ts'
import { planFindings, releasePlan, type Settings, settingsOf } from './plan.ts'
import type { Ports, Saved } from './ports.ts'
import { isTaken } from './progress.ts'
import { decideRollout } from './rollout.ts'
import { fingerprint, isSame, saveOwn } from './saving.ts'
import { decideSetup, runsAlready, type Setup } from './setup.ts'
import { canonical, imageIn, withImage } from './template.ts'
import { json } from './touched.ts'

/** What a run was asked for. `reap` is also what a post step does, with `until` on the monotonic clock. */
export type Asked = {
  readonly mode: Mode
  readonly owner: Owner
  readonly writer: string
  readonly namespace: string
  readonly deployment: string
  readonly container: string
  readonly service: string
  readonly router: Settings['router']
  readonly route: string | null
  readonly rule: number | null
  readonly image: Image | undefined
  readonly plan: WholePlan
  readonly until?: number
  /** Leave a release alone that is not this run's own: a post step ends what its main step began, nothing else. */
  readonly onlyOwn?: boolean
  /** Told just before the first write of this run, so that a post step knows that there is something to look after. */
  readonly onBegin: () => void
}

/**
 * The order of events of every mode. Refusals that the user can mend are faults, thrown before anything is written; everything after the first
 * write ends as a value.
 * @throws Fault('input') with all of the preflight's errors at once; Fault('upstream') for a cluster that cannot be read
 */
export const run = async (asked: Asked, ports: Ports): Promise<Ended> => {
  const mortal =
    asked.mode === 'run' ? credentialFindings(ports.cluster.credentialEnd, asked.plan, ports.clock.now()) : []
  // With a token that has ended nothing can be read either, and the API server would only say that it knows nobody by it.
  if (mortal.some(({ id }) => id === 'credential-ended')) throw refused(mortal)
  const saved = await ports.record.load()
  if (asked.mode === 'status') return status(saved)
  const inFlight = saved !== undefined && saved.record.state.phase !== 'done'
  const own = saved !== undefined && isSame(saved.record.owner, asked.owner)
  if (asked.onlyOwn === true && !own) return nothingInFlight(saved)
  if (asked.mode !== 'run') return inFlight ? continueOther(asked, saved, ports) : nothingInFlight(saved)
  if (!inFlight) return release(asked, saved, ports)

  const earlier = saved.record.owner
  ports.say(`run ${earlier.runId}/${earlier.attempt} left a release unfinished (${saved.record.state.phase})`)
  // What an earlier step of this run left may be of another image: only the one that was asked for is carried on.
  const resumed = own && saved.record.canary.image.digest === asked.image?.digest
  const cleared = await takeOver(asked, saved, ports, resumed ? 'resume' : 'reap')
  if (cleared === 'busy') return notOurs(ports, saved.record)
  const driven = await drive(cleared, ports, { heedCancel: true, unmarked: cleared.unmarked === true })
  if (driven.kind !== 'done' || resumed) return ended(driven, asked.mode)
  return release(asked, await ports.record.load(), ports, driven.moments)
}

/** A new release, from the preflight to its end. */
const release = async (
  asked: Asked,
  previous: Saved | undefined,
  ports: Ports,
  moments: readonly Moment[] = [],
): Promise<Ended> => {
  const prepared = await prepare(asked, ports)
  if (prepared.kind === 'nothing-to-do') return alreadyRunning(prepared.image, previous, prepared.findings)
  const newer = newerThan(asked.owner, previous?.record)
  if (newer !== undefined) return newer
  const { settings, findings, stable, canary, touched, stableReplicas, mark } = prepared
  const begun = startRelease({
    writer: asked.writer,
    owner: asked.owner,
    plan: releasePlan(asked.plan, settings),
    stable,
    canary,
    stableReplicas,
    marked: mark,
    touched,
    evidence: json(beginWatch(settings)),
    at: ports.clock.now(),
    ...(previous === undefined ? {} : { previous: previous.record }),
  })
  if (begun.kind === 'refused') throw new Fault('input', begun.why.text, begun.why.next)
  const { record } = begun
  for (const finding of findings) ports.say(`${finding.level}: ${finding.text}`)
  if (ports.cancelled.aborted) return notBegun()
  asked.onBegin()
  const taken = await ports.lease.take(asked.owner, {
    epoch: record.epoch,
    duration: record.plan.lease,
    force: false,
  })
  if (taken === 'busy') return notOurs(ports, previous?.record)
  const saved = await saveOwn(ports.record, record, previous?.version, [])
  if (saved === 'conflict') {
    // Another release came and went while this one waited: what was read before it says nothing any more.
    await ports.lease.release()
    return run(asked, ports)
  }
  const marked = await ports.cluster.stamp(record, 'stable')
  if (marked.kind === 'refused' && marked.cause === 'fenced') {
    await ports.lease.release()
    return busy((await ports.record.load())?.record)
  }
  const { repository, digest } = canary.image
  ports.say(`releasing ${repository}@${digest} beside ${stable.image.repository}@${stable.image.digest}`)
  // What may not be written now will not be later: the release ends the way it would if the write had come up in the middle of it.
  const command = { do: 'scale', role: 'stable', to: stableReplicas } as const
  const first: readonly Event[] =
    marked.kind === 'refused'
      ? [{ kind: 'refused', at: ports.clock.now(), command, cause: marked.cause, text: marked.text }]
      : []
  const driven = await drive({ record, version: saved.version }, ports, { first, heedCancel: true })
  const end = ended(driven, asked.mode)
  return { ...end, findings: [...findings, ...end.findings], moments: [...moments, ...end.moments] }
}

/** Reads everything that can be read and refuses what cannot be done; nothing is written. */
const prepare = async (asked: Asked, ports: Ports) => {
  const { image } = asked
  if (image === undefined) throw new Fault('input', 'Invalid input: image is required for mode run')
  const split = asked.router === 'replicas' ? 'replicas' : 'weights'
  const snapshot = await surveyed(ports)
  const { deployment } = snapshot
  const request: Request = {
    namespace: asked.namespace,
    deployment: asked.deployment,
    container: asked.container,
    service: asked.service,
    image,
    split,
    weights: sharesOf(asked.plan),
    minCanary: asked.plan['min-canary'],
    headroom: asked.plan.headroom,
    allow: asked.plan.allow,
    baseline: asked.plan.baseline,
  }
  const decided = asked.router === 'argo-rollouts' ? decideRollout(request, snapshot) : decideSetup(request, snapshot)
  const { setup } = decided
  if (setup === undefined || deployment === undefined) throw refused(decided.findings)
  if (runsAlready(deployment, setup.container, image)) {
    const running = imageIn(deployment.spec.template, setup.container)
    return { kind: 'nothing-to-do' as const, image: running, findings: decided.findings }
  }
  const settings = settingsFor(asked, setup)
  const canary = canonical(withImage(deployment.spec.template, setup.container, image), setup.container)
  const [cluster, metrics] = await Promise.all([
    ports.cluster.preflight(settings, canary, asked.plan.allow),
    ports.metrics.preflight(settings, asked.plan.interval),
  ])
  const findings = [
    ...decided.findings,
    ...planFindings(asked.plan),
    ...credentialFindings(ports.cluster.credentialEnd, asked.plan, ports.clock.now()),
    ...cluster.findings,
    ...admissionFindings(snapshot, {
      request,
      template: canary.body as unknown as PodTemplate,
      budgets: [setup.budget, setup.fresh?.budget].filter((budget) => budget !== undefined).length,
      rehearsed: cluster.rehearsed === true,
    }),
    ...metrics,
  ]
  if (findings.some(({ level }) => level === 'error')) throw refused(findings)
  return {
    kind: 'release' as const,
    settings,
    findings,
    stable: canonical(deployment.spec.template, setup.container),
    canary,
    touched: cluster.touched,
    stableReplicas: deployment.spec.replicas ?? 1,
    mark: Number(deployment.metadata.annotations?.[EPOCH]) || 0,
  }
}

/** What was written a moment ago, an annotation or a size, needs a moment of its controller; one that takes nothing for longer is the decision's to refuse. */
const surveyed = async (ports: Ports): Promise<Snapshot> => {
  let snapshot = await ports.cluster.survey()
  for (let tries = 1; tries < SURVEY_TRIES && !isTaken(snapshot) && !ports.cancelled.aborted; tries++) {
    await ports.clock.sleep(1000)
    snapshot = await ports.cluster.survey()
  }
  return snapshot
}

const SURVEY_TRIES = 10

/** Ends a release that another run, or an earlier process of this one, began. */
const continueOther = async (asked: Asked, saved: Saved, ports: Ports): Promise<Ended> => {
  const held = await takeOver(asked, saved, ports, asked.mode === 'resume' ? 'resume' : 'reap')
  if (held === 'busy') return asked.mode === 'guard' ? watched(saved) : notOurs(ports, saved.record)
  const driven = await drive(held, ports, {
    heedCancel: asked.until === undefined,
    unmarked: held.unmarked === true,
    ...(asked.until === undefined ? {} : { until: asked.until }),
  })
  return ended(driven, asked.mode)
}

/**
 * Makes this run the owner: the Lease first, then the epoch by compare-and-set, then the epoch on every touched object; only then a decision.
 * An abort takes the Lease from a live owner, whose next write is then refused.
 */
const takeOver = async (asked: Asked, saved: Saved, ports: Ports, mode: 'resume' | 'reap'): Promise<Taken | 'busy'> => {
  asked.onBegin()
  // Another job of this run may be alive and hold it: only what is meant to end or to go on with a release takes it at once.
  const force = asked.mode === 'abort' || (asked.mode !== 'run' && isSame(saved.record.owner, asked.owner))
  const { epoch, plan } = saved.record
  const still = guardPatience(saved.record, settingsOf(saved.record).guard, ports.clock.now())
  const taken = await ports.lease.take(asked.owner, {
    epoch: epoch + 1,
    duration: plan.lease,
    force,
    ...(asked.mode === 'guard' ? { still } : {}),
  })
  if (taken === 'busy') return 'busy'
  for (let tries = 0; tries < TAKE_TRIES; tries++) {
    // Whoever held it may have gone on while this run waited, and saves its evidence until it sees that it lost the Lease.
    const current = (await ports.record.load()) ?? saved
    if (current.record.state.phase === 'done') return current
    if (current.record.epoch !== epoch && asked.mode !== 'abort') break
    const at = ports.clock.now()
    // An abort goes back from wherever the release is, where a reap would carry a begun promotion on.
    const event = {
      kind: 'taken-over',
      at,
      mode: asked.mode === 'abort' ? 'resume' : mode,
      owner: asked.owner,
    } as const
    const owned = next(current.record, event).record
    const record = asked.mode === 'abort' ? next(owned, { kind: 'aborted', at }).record : owned
    const result = await saveOwn(ports.record, record, current.version, [fingerprint(current.record)])
    if (result === 'conflict') continue
    ports.say(
      `took the release over from run ${current.record.owner.runId}/${current.record.owner.attempt} (epoch ${record.epoch})`,
    )
    const held = await stamped({ record, version: result.version }, ports)
    return held === 'fenced' ? 'busy' : held
  }
  await ports.lease.release()
  return 'busy'
}

const TAKE_TRIES = 5

/** Why this run holds no release: somebody else does, or it was told to stop while it waited to see. */
const notOurs = (ports: Ports, record: Saved['record'] | undefined): Ended =>
  ports.cancelled.aborted ? notBegun() : busy(record)

/** `unmarked`: not every object could be marked yet, which is no reason to leave the traffic on the canary. */
type Taken = Saved & { readonly unmarked?: boolean }

const stamped = async (held: Saved, ports: Ports): Promise<Taken | 'fenced'> => {
  const result = await ports.cluster.stamp(held.record, 'all')
  if (result.kind === 'refused') {
    if (result.cause === 'fenced') return 'fenced'
    ports.say(`an object of the release could not be marked, which is tried again: ${result.text}`)
    return { ...held, unmarked: true }
  }
  if (result.touched === held.record.touched) return held
  const record = { ...held.record, touched: result.touched }
  const saved = await saveOwn(ports.record, record, held.version, [fingerprint(held.record)])
  return saved === 'conflict' ? 'fenced' : { record, version: saved.version }
}

/** What each step asks of the canary, percent: it has to carry a copy as well as a share. */
const sharesOf = ({ steps }: WholePlan): readonly number[] =>
  steps.map((step) => ('weight' in step ? step.weight : step.mirror))

const settingsFor = (asked: Asked, setup: Setup, guard = guardOf(asked.plan.guard)): Settings => ({
  ...(guard === undefined ? {} : { guard }),
  setup,
  router: asked.router,
  route: asked.route,
  rule: asked.rule,
  tester: asked.plan.tester ?? null,
  weights: sharesOf(asked.plan),
  mirrors: asked.plan.steps.flatMap((step) => ('mirror' in step ? [step.mirror] : [])),
  metrics: asked.plan.metrics,
  alpha: asked.plan['false-rollback-rate'],
  warmUp: asked.plan['warm-up'],
  settle: asked.plan.settle,
  provider: asked.plan.provider,
  scrape: asked.plan.scrape,
  probe: asked.plan.probe ?? null,
  prometheus: asked.plan.prometheus ?? null,
  datadog: asked.plan.datadog ?? null,
  cloudwatch: asked.plan.cloudwatch ?? null,
})

const refused = (findings: readonly Finding[]): Fault => {
  const errors = findings.filter(({ level }) => level === 'error')
  const lines = errors.map(({ text, hint }) => (hint === undefined ? text : `${text}. ${hint}`))
  const title = errors.length === 1 ? '' : `${errors.length} reasons not to begin:\n  `
  return new Fault('input', `${title}${lines.join('\n  ')}`, 'Nothing was changed in the cluster.')
}
