import { SCENES, type SceneName, type Tool, type Turn } from './scenes.ts'
import { five } from './statistics.ts'

/** Seconds that a round takes, all in, before one of its kind was run: 35 s to begin with, then the release, then its end. */
const FIRST = { bad: 70, healthy: 170 }

/** Seconds that some rounds will take: each as long as those of its tool and release took so far. */
export const expected = (turns: readonly Turn[], done: readonly (Turn & { readonly took: number })[]): number => {
  const known = new Map<string, number>()
  const of = (tool: Tool, scene: SceneName): number => {
    const key = `${tool} ${scene}`
    const seconds =
      known.get(key) ??
      five(done.filter((round) => round.tool === tool && round.scene === scene).map(({ took }) => took))?.median ??
      (SCENES[scene].bad ? FIRST.bad : FIRST.healthy)
    known.set(key, seconds)
    return seconds
  }
  return turns.reduce((sum, { tool, scene }) => sum + of(tool, scene), 0)
}

/** `4 h 5 min` or `5 min`. */
export const lasting = (seconds: number): string => {
  const minutes = Math.ceil(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
