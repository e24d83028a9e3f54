import { setTimeout as pause } from 'node:timers/promises'
import { startClients } from '../../cluster/clients.ts'
import type { Real } from '../../cluster/site.ts'
import { argoRollouts } from './argo-rollouts.ts'
import type { Begun, Contestant, Ready } from './contestant.ts'
import { flagger } from './flagger.ts'
import { SETTINGS } from './manifests.ts'
import { type Measured, measured, type Verdict } from './measured.ts'
import { placeOn } from './place.ts'
import { SCENES, type Scene, type Tool, type Turn } from './scenes.ts'
import { sluice } from './sluice.ts'
import { watch } from './watch.ts'

const CONTESTANTS: Readonly<Record<Tool, Contestant>> = {
  sluice,
  'argo-rollouts': argoRollouts,
  'argo-rollouts-nervous': argoRollouts,
  flagger,
}

/** Requests a second of the clients. */
export const RATE = 50

/** How long a round waits for a tool's word, ms. A release that is found in order takes two minutes; one that is not, less. */
export const LIMIT = 300_000

/** How long clients ask before the release: a baseline, and several scrapes. */
const BEFORE = 12_000
/** The release then comes at any moment of the slowest loop of all, Flagger's 10 s, whichever tool it is. */
const PHASE = 10_000
/** What a pod needs to end, beyond a tool's own delay: 3 s of preStop, 10 s of grace. */
const GRACE = 15_000

/** What a round needs: the cluster, the images, and chance (0 … 1) for the moment of the release. `onStop`: what must end when the race is broken off. */
export type Race = {
  readonly real: Real
  readonly image: (release: Scene['release']) => string
  readonly random: () => number
  onStop(act: () => Promise<void> | void): () => void
}

/** One release by one tool in a namespace of its own, from a healthy start to its end; nothing of it is left afterwards. @throws Error when it came to no result */
export const round = async (race: Race, { tool, scene: name }: Turn): Promise<Measured> => {
  const { real } = race
  const scene: Scene = SCENES[name]
  const contestant = CONTESTANTS[tool]
  const place = await placeOn(real, SETTINGS[tool], race.image(scene.stable))
  const open: (() => Promise<void> | void)[] = [() => place.remove()]
  const end = async (): Promise<void> => {
    // What does not end is told, and swept before the next race; the round's figures are not lost for it.
    for (const act of open.splice(0).reverse())
      await (async () => act())().catch((thrown: unknown) => process.stderr.write(`${String(thrown)}\n`))
  }
  const forget = race.onStop(end)
  try {
    const ready = await contestant.prepare(place, real)
    await place.answered()
    const clients = startClients(real.web, place.host, RATE)
    open.push(() => clients.stop())
    const watching = watch(clients, () => ready.weight())
    open.push(() => watching.stop())
    await pause(BEFORE + race.random() * PHASE)
    const begun = await ready.release(race.image(scene.release))
    open.push(() => begun.stop())
    const { verdict, saidAt } = await word(begun)
    const lost = race.image(verdict === 'promoted' ? scene.stable : scene.release)
    const left = await leftOf(ready, lost, contestant.delay + GRACE)
    await watching.stop()
    const answers = watching.answers.filter(({ at }) => at >= begun.wroteAt)
    return measured(scene, { ...begun, verdict, saidAt, weights: watching.weights, answers, left })
  } finally {
    forget()
    await end()
  }
}

const word = async (begun: Begun): Promise<{ readonly verdict: Verdict; readonly saidAt: number | null }> => {
  const last = performance.now() + LIMIT
  while (performance.now() < last) {
    const verdict = await begun.ended()
    if (verdict !== undefined) return { verdict, saidAt: verdict === 'none' ? null : Date.now() }
    await pause(100)
  }
  return { verdict: 'none', saidAt: null }
}

/** What is there when all that may pass has passed, or when its time is over. */
const leftOf = async (ready: Ready, lost: string, ms: number): Promise<readonly string[]> => {
  const last = performance.now() + ms
  for (;;) {
    const { passing, lasting } = await ready.left(lost)
    if (passing.length === 0 || performance.now() > last) return [...passing, ...lasting]
    await pause(500)
  }
}
