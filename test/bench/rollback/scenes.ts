import type { Release } from '../../cluster/images.ts'

/** The tools that race, in the order of each rotation. */
export const TOOLS = ['sluice', 'argo-rollouts', 'argo-rollouts-nervous', 'flagger'] as const
export type Tool = (typeof TOOLS)[number]

/** How a tool is named in a table. */
export const TITLES: Readonly<Record<Tool, string>> = {
  sluice: 'Sluice',
  'argo-rollouts': 'Argo Rollouts',
  'argo-rollouts-nervous': 'Argo Rollouts, most nervous',
  flagger: 'Flagger',
}

/** Releases that fail by chance, as real services do: `noisy.mjs`. */
export type NoisyRelease = 'old-noisy' | 'good-noisy'

/** What serves before, what is released, and whether it should be stopped. `noisy`: failed answers of these two are the service's usual ones. */
export type Scene = {
  readonly title: string
  readonly stable: Release | NoisyRelease
  readonly release: Release | NoisyRelease
  readonly bad: boolean
  readonly noisy?: true
}

/** Per cent of the answers that a noisy release fails, before and after. */
export const NOISE = 0.5

export const SCENES = {
  errors: { title: '20 % errors', stable: 'old', release: 'errors', bad: true },
  'few-errors': { title: '2 % errors', stable: 'old', release: 'few-errors', bad: true },
  slow: { title: '300 ms slower', stable: 'old', release: 'slow', bad: true },
  crash: { title: 'Crash loop: ends at its first request', stable: 'old', release: 'crash', bad: true },
  'never-ready': { title: 'Never ready', stable: 'old', release: 'never-ready', bad: true },
  healthy: { title: 'Healthy, without an error', stable: 'old', release: 'good', bad: false },
  'healthy-noisy': {
    title: `Healthy, with ${NOISE} % errors before and after`,
    stable: 'old-noisy',
    release: 'good-noisy',
    bad: false,
    noisy: true,
  },
} as const satisfies Readonly<Record<string, Scene>>
export type SceneName = keyof typeof SCENES

/** Whether a tool meets a scene. The nervous settings are there for one question: what their speed costs a healthy release. */
const meets = (tool: Tool, scene: SceneName): boolean =>
  tool !== 'argo-rollouts-nervous' || scene === 'errors' || !SCENES[scene].bad

/** One round to come: the `index`-th of its tool and scene, from 0. */
export type Turn = { readonly tool: Tool; readonly scene: SceneName; readonly index: number }

/** How many rounds there are of each kind. `rounds`: of the 20 % fault; `others`: of each other fault; `healthy`: of each healthy release. */
export type Counts = { readonly rounds: number; readonly others: number; readonly healthy: number }

/**
 * The rounds that are still to come: one of every scene in turn, and each scene by all tools one after the other, so that whatever changes on the machine
 * meanwhile meets all of them alike. What was done is left out, so that an interrupted race goes on where it stopped.
 */
export const turnsOf = (counts: Counts, tools: readonly Tool[], done: readonly Turn[]): readonly Turn[] => {
  const wanted = (scene: SceneName): number =>
    scene === 'errors' ? counts.rounds : SCENES[scene].bad ? counts.others : counts.healthy
  const names = Object.keys(SCENES) as SceneName[]
  const key = ({ tool, scene, index }: Turn): string => `${tool} ${scene} ${index}`
  const over = new Set(done.map(key))
  return Array.from({ length: Math.max(0, ...names.map(wanted)) }, (_, index) =>
    names
      .filter((scene) => index < wanted(scene))
      .flatMap((scene) => tools.filter((tool) => meets(tool, scene)).map((tool): Turn => ({ tool, scene, index }))),
  )
    .flat()
    .filter((turn) => !over.has(key(turn)))
}
