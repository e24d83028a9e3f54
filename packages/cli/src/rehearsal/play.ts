import { Fault } from '@sluice/kit/faults'
import type { RehearseOptions } from '../arguments.ts'
import { type Claim, firstClaims } from './claims.ts'
import type { Load } from './load.ts'
import type { Look } from './moments.ts'
import type { Opened } from './open.ts'
import { pause } from './pause.ts'
import { LOAD } from './plan.ts'
import { countsOf, readBack, routeOf, settledOf } from './read-back.ts'
import { productionState, pushRelease, type Rehearsed, type Scene, takeThrough } from './release.ts'
import { runFacts, troubles } from './run-facts.ts'
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

/** Pushes the first release, starts the clients, then takes the good release and the second one through. */
export const play = async (opened: Opened, options: RehearseOptions, told: Told): Promise<Played> => {
  const { stage, forge } = opened
  const { first, good, second } = stage.releases
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
  const { subject } = forge
  const place = await placeOf(stage.cluster, subject)
  const { load, path } = await startClients(stage, {
    door: await doorOf(stage, place),
    subject,
    paths: subject.paths,
    seed: options.seed,
  })
  told.began(load)
  const settled = await steady(load, first.label)
  told.tell(
    'traffic is steady',
    `${LOAD.rate} requests/s for ${path} through ${place.route === undefined ? 'the Service' : 'the gateway'}`,
  )
  const claims = firstClaims({
    name: 'first',
    label: first.label,
    image: first.digest,
    run: runFacts(trace),
    deployment: productionState(forge, first.digest),
    after: await readBack(stage.cluster, place, await routeOf(stage.cluster, place)),
    clients: {
      ...countsOf(settled, first.label),
      settled: settledOf(settled),
      settledFailed: settled.filter(isFailed).length,
    },
  })
  const scene: Scene = { stage, forge, place, ...told, load }
  const releases: Rehearsed[] = []
  if (!options.second)
    releases.push(
      await takeThrough({ name: 'good', release: good, previous: first, fault: 'none', act: 'none' }, scene),
    )
  const name = options.fault === 'none' || options.fault === 'outage' || options.act === 'refuse' ? 'second' : 'bad'
  const previous = options.second ? first : good
  releases.push(await takeThrough({ name, release: second, previous, fault: options.fault, act: options.act }, scene))
  return { claims, releases }
}

/**
 * Two seconds of answers from one release alone: only then can what follows be told from how it began. Gives the answers of that time.
 * @throws Fault('upstream') when that does not come
 */
const steady = async ({ answers }: Load, label: string): Promise<Load['answers']> => {
  const until = Date.now() + 20_000
  let since = answers.length
  for (let good = 0; good < 20; ) {
    const from = answers.length
    await pause(100)
    const fresh = answers.slice(from)
    good = fresh.length > 0 && fresh.every((answer) => answer.release === label && !isFailed(answer)) ? good + 1 : 0
    if (good === 0) since = answers.length
    if (Date.now() > until)
      throw new Fault(
        'upstream',
        `Production did not answer steadily within 20 s: ${answers.filter(isFailed).length} of ${answers.length} requests failed`,
      )
  }
  return answers.slice(since)
}
