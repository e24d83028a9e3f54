import { Fault } from '@sluice/kit/faults'
import type { Platform, Run } from '@sluice/runner/github'
import type { RunTrace } from '@sluice/runner/trace'
import type { Act, FaultName } from '../arguments.ts'
import { actUpon, breakDependency, reap } from './acts.ts'
import type { Callers } from './callers.ts'
import type { ReleaseFacts } from './facts.ts'
import type { Load } from './load.ts'
import { type Look, momentOf, returnSpan } from './moments.ts'
import { pause } from './pause.ts'
import type { Release } from './plan.ts'
import type { Place } from './production.ts'
import { countsOf, readBack, routeOf, settledOf } from './read-back.ts'
import { storedAs } from './registry.ts'
import type { TemporaryRepository } from './repository.ts'
import { builtBy, jobOf, packageFacts, runFacts, scanFacts } from './run-facts.ts'
import type { Stage } from './stage.ts'
import type { Subject } from './subject.ts'
import { badSpan, isFailed, sentBetween } from './traffic.ts'
import { watchProduction } from './watch.ts'

/** One release to take through. */
export type Asked = {
  readonly name: string
  readonly release: Release
  readonly previous: Release
  readonly fault: FaultName
  readonly act: Act
}

/** Where releases are pushed: the temporary repository and the local GitHub that runs its workflows. */
export type Forge = {
  readonly subject: Subject
  readonly callers: Callers
  readonly repository: TemporaryRepository
  readonly platform: Platform
  /** The releases that runs deliver, by the run: what is heard of a run before it ends is put down to its release. */
  readonly pushed: Map<number, Release>
  /** Whether anything is to be scanned. */
  readonly gated: boolean
}

/** What a release is taken through, and who is told: `tell` an event, `at` the stage it is in, `see` each look at production. */
export type Scene = {
  readonly stage: Stage
  readonly forge: Forge
  readonly place: Place
  readonly load: Load
  tell(text: string, detail?: string): void
  at(stage: string): void
  see(look: Look | undefined): void
}

/** What a release did. The spans are absent when they did not happen; times in ms. */
export type Rehearsed = {
  readonly facts: ReleaseFacts
  readonly traces: readonly RunTrace[]
  readonly looks: readonly Look[]
  readonly began: number
  readonly ended: number
  readonly badSpan: ReturnType<typeof badSpan>
  readonly returnSpan: ReturnType<typeof returnSpan>
}

/** How long after the end the clients are listened to, ms, and what of that is left for requests that were under way. */
const SETTLE = { listen: 2_500, under: 500 } as const

/** Commits a release, pushes it, and gives the run that delivers it. @throws Fault('input') when the push starts none */
export const pushRelease = ({ repository, platform, callers, pushed }: Forge, release: Release): Run => {
  repository.commit(release)
  const run = platform.push({ branch: callers.branch }).find(({ file }) => file.endsWith(`/${callers.deliver}`))
  if (run === undefined) throw new Fault('input', `A push to ${callers.branch} starts no run of ${callers.deliver}`)
  pushed.set(run.id, release)
  return run
}

/** A release as its run delivered it: with the digest that a job gave, where one has built it. */
export const deliveredBy = (release: Release, trace: RunTrace): Release =>
  release.digest === '' ? { ...release, digest: builtBy(jobOf(trace, 'package / package')) ?? '' } : release

/** A release whose runs have ended. `listened` comes a little later: it hears who answers the clients now, and what the cluster holds. */
export type Taken = { readonly trace: RunTrace; readonly release: Release; readonly listened: Promise<Rehearsed> }

/** Pushes one release through the workflows, does to its run what is asked, and reads back what is there. */
export const takeThrough = async (asked: Asked, scene: Scene): Promise<Taken> => {
  const { stage, forge, place, load, tell, at } = scene
  const { name } = asked
  const { cluster } = stage
  const began = Date.now()
  at(`${name} release ${asked.release.label}`)
  const routeBefore = await routeOf(cluster, place)
  const before = await readBack(cluster, place, routeBefore)
  // In production alone, and for the second release alone: no earlier release leaves a canary behind.
  const heldBack =
    asked.fault === 'never-ready' && forge.subject.kind === 'own' ? stage.ground.neverReady(place.namespace) : undefined
  const run = pushRelease(forge, asked.release)
  tell(`${name}: ${asked.release.label} is pushed`, `run ${run.id} of ${forge.callers.deliver}`)

  let firstWeight: () => void = () => {}
  const weighted = new Promise<void>((resolve) => {
    firstWeight = resolve
  })
  const watch = watchProduction(cluster, place, (look, last) => {
    // The record of the release before stays until the new one writes its own.
    if (look.since < began) return
    scene.see(look)
    if (look.weight > 0) firstWeight()
    const told = momentOf(look, last)
    if (told !== undefined) tell(`${name}: ${told.text}`, told.detail)
  })
  stage.undo(watch.stop)
  const over = run.done.then(() => 'over' as const)
  const meanwhile = [
    ...(asked.fault === 'outage' ? [during(weighted, over, () => breakDependency(scene, name))] : []),
    during(weighted, over, () => actUpon(run, asked, scene)),
  ]
  const [trace, happened] = await Promise.all([run.done, Promise.all(meanwhile)])
  const release = deliveredBy(asked.release, trace)
  const [weightAtDeath] = happened.filter((weight) => weight !== undefined)
  const reaped = asked.act === 'kill-twice' ? await reap(run, asked, scene) : undefined
  heldBack?.()
  await watch.stop()
  scene.see(undefined)

  const ended = Date.now()
  const looks = watch.looks.filter(({ since }) => since >= began)
  const traces = [trace, ...(reaped === undefined ? [] : [reaped])]
  const listen = async (): Promise<Rehearsed> => {
    await pause(SETTLE.listen)
    const sent = sentBetween(load.answers, began, ended)
    const settled = sentBetween(load.answers, ended + SETTLE.under, Date.now() - SETTLE.under)
    const facts: ReleaseFacts = {
      name,
      label: release.label,
      previousLabel: asked.previous.label,
      fault: asked.fault,
      act: asked.act,
      image: release.digest,
      previousImage: asked.previous.digest,
      run: runFacts(trace),
      ...(reaped === undefined ? {} : { reap: runFacts(reaped) }),
      ...(await builtFacts(stage, release, trace)),
      ...(forge.gated ? { scan: scanFacts(trace) } : {}),
      ...(weightAtDeath === undefined ? {} : { weightThen: weightAtDeath }),
      recordedBefore: before.recorded,
      deployment: productionState(forge, release.digest),
      held: looks.some(({ phase }) => phase === 'holding'),
      after: await readBack(cluster, place, routeBefore),
      clients: {
        ...countsOf(sent, release.label),
        settled: settledOf(settled),
        settledFailed: settled.filter(isFailed).length,
      },
    }
    return {
      facts,
      traces,
      looks,
      began,
      ended,
      badSpan: badSpan(sentBetween(load.answers, began, Date.now()), asked.previous.label),
      returnSpan: returnSpan(looks),
    }
  }
  return { trace, release, listened: listen() }
}

/** What was built, as the job said and as the registry has it; nothing where no image is built. */
export const builtFacts = async (
  { ground, docker }: Stage,
  { digest }: Release,
  trace: RunTrace,
): Promise<Pick<ReleaseFacts, 'built'>> =>
  docker === undefined
    ? {}
    : { built: { ...packageFacts(trace), digest, stored: await storedAs(ground.repository, digest) } }

/** The state of a release's GitHub Deployment to production: its last status; `no Deployment` when there is none. */
export const productionState = ({ platform, subject }: Forge, digest: string): string => {
  const found = platform
    .deployments()
    .find(
      ({ payload, environment }) =>
        environment === subject.production.environment && JSON.stringify(payload).includes(digest),
    )
  return found === undefined || digest === '' ? 'no Deployment' : (found.statuses.at(-1)?.state ?? 'no status')
}

/** Does something once the canary has traffic, unless the run is over before it has. */
const during = async <T>(
  weighted: Promise<void>,
  over: Promise<'over'>,
  act: () => Promise<T>,
): Promise<T | undefined> => ((await Promise.race([weighted, over])) === 'over' ? undefined : act())
