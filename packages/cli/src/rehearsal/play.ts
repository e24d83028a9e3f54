import { Fault } from '@sluice/kit/faults'
import type { RunTrace } from '@sluice/runner/trace'
import type { RehearseOptions } from '../arguments.ts'
import { type Claim, firstClaims } from './claims.ts'
import type { Load } from './load.ts'
import type { Look } from './moments.ts'
import type { Opened } from './open.ts'
import { pause } from './pause.ts'
import { LOAD, type Release } from './plan.ts'
import { countsOf, readBack, routeOf, settledOf } from './read-back.ts'
import {
  type Asked,
  builtFacts,
  deliveredBy,
  productionState,
  pushRelease,
  type Rehearsed,
  type Scene,
  takeThrough,
} from './release.ts'
import { runFacts, scanFacts, troubles } from './run-facts.ts'
import { doorOf, placeOf, startClients } from './stage.ts'
import { isFailed } from './traffic.ts'

/** Who is told how it goes. */
export type Told = {
  tell(text: string, detail?: string): void
  at(stage: string): void
  see(look: Look | undefined): void
  /** The clients have begun. */
  began(load: Load): void
}

/** What a rehearsal came to: the claims of its first release, and the releases after it. */
export type Played = { readonly claims: readonly Claim[]; readonly releases: readonly Rehearsed[] }

/**
 * Pushes the first release, starts the clients, then takes the good release and the second one through. While the clients are still listened to after one
 * release, the next is already checked and staged; production has to wait for the reviewer, who answers once all is read back.
 */
export const play = async (opened: Opened, options: RehearseOptions, told: Told): Promise<Played> => {
  const { stage, forge } = opened
  const { good, second } = stage.releases
  const trace = await deliverFirst(opened, told)
  const first = deliveredBy(stage.releases.first, trace)
  const place = await placeOf(stage.cluster, forge.subject)
  const { load, path } = await startClients(stage, {
    door: await doorOf(stage, place),
    subject: forge.subject,
    seed: options.seed,
  })
  told.began(load)
  const steadied = steady(load, first.label).then(async (answers): Promise<readonly Claim[]> => {
    const way = place.route === undefined ? 'the Service' : 'the gateway'
    told.tell('traffic is steady', `${LOAD.rate} requests/s for ${path} through ${way}`)
    return firstClaims({
      name: 'first',
      label: first.label,
      image: first.digest,
      run: runFacts(trace),
      ...(await builtFacts(stage, first, trace)),
      ...(forge.gated ? { scan: scanFacts(trace) } : {}),
      deployment: productionState(forge, first.digest),
      after: await readBack(stage.cluster, place, await routeOf(stage.cluster, place)),
      clients: {
        ...countsOf(answers, first.label),
        settled: settledOf(answers),
        settledFailed: answers.filter(isFailed).length,
      },
    })
  })
  const scene: Scene = { stage, forge, place, ...told, load }
  const ready = async (before: Promise<unknown>): Promise<void> => {
    opened.review.after(before)
    // Nobody is asked, so nothing holds production back: the next release is pushed only then.
    if (forge.subject.production.approval === 'none') await before
  }
  await ready(steadied)
  const taken: Promise<Rehearsed>[] = []
  const take = async (asked: Asked): Promise<Release> => {
    const { listened, release } = await takeThrough(asked, scene)
    taken.push(listened)
    await ready(listened)
    return release
  }
  const releases = async (): Promise<void> => {
    const previous = options.second
      ? first
      : await take({ name: 'good', release: good, previous: first, fault: 'none', act: 'none' })
    const name = options.fault === 'none' || options.fault === 'outage' ? 'second' : 'bad'
    await take({ name, release: second, previous, fault: options.fault, act: options.act })
    told.at('listening to the clients')
  }
  const [claims] = await Promise.all([steadied, releases()])
  return { claims, releases: await Promise.all(taken) }
}

/** @throws Fault('upstream') when the first release is not delivered: then there is nothing to compare with */
const deliverFirst = async ({ stage, forge }: Opened, told: Told): Promise<RunTrace> => {
  const { first } = stage.releases
  told.at(`first release ${first.label}`)
  const run = pushRelease(forge, first)
  told.tell(`first: ${first.label} is pushed`, `run ${run.id} of ${forge.callers.deliver}`)
  const trace = await run.done
  if (trace.conclusion !== 'success')
    throw new Fault(
      'upstream',
      `The first release was not delivered: run ${trace.id} ended as ${trace.conclusion}.\n${troubles(trace)}`,
    )
  told.tell(`first: ${first.label} is in production`)
  return trace
}

/**
 * Two seconds of answers from one release alone: only then can what follows be told from how it began. Gives the answers of that time. A moment without any
 * answer neither counts nor starts it anew: on a busy machine the clients come late.
 * @throws Fault('upstream') when that does not come
 */
const steady = async ({ answers }: Load, label: string): Promise<Load['answers']> => {
  const until = Date.now() + STEADY.limit
  let since = answers.length
  for (let good = 0; good < STEADY.moments; ) {
    const from = answers.length
    await pause(100)
    const fresh = answers.slice(from)
    const bad = fresh.some((answer) => answer.release !== label || isFailed(answer))
    if (bad) {
      good = 0
      since = answers.length
    } else if (fresh.length > 0) good++
    if (Date.now() > until)
      throw new Fault(
        'upstream',
        `Production did not answer steadily within ${STEADY.limit / 1000} s: ${answers.filter(isFailed).length} of ${answers.length} requests failed`,
        'If the machine is busy with other work, try again when it is not.',
      )
  }
  return answers.slice(since)
}

/** How many tenths of a second in a row have to be good, and how long that may take, ms. */
const STEADY = { moments: 20, limit: 60_000 } as const
