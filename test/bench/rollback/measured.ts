import type { Scene } from './scenes.ts'

/** How a tool ended a release: `stopped` and taken back, `promoted`, or no word within the limit. */
export type Verdict = 'stopped' | 'promoted' | 'none'

/** What was seen of one round; times in ms UTC. */
export type Watched = {
  /** When the user began: the process was started, or the image was about to be patched. */
  readonly startedAt: number
  /** The first write of the release to the cluster, never later than it was. */
  readonly wroteAt: number
  /** When the tool said how it ended; `null`: it did not. */
  readonly saidAt: number | null
  readonly verdict: Verdict
  /** The canary's share in the route as it was read back, per cent; each change, from before the first write on. */
  readonly weights: readonly { readonly at: number; readonly weight: number }[]
  /** Answers to clients as `version status`, counted up between two looks; `at` is the later look. From the first write on. */
  readonly answers: readonly { readonly at: number; readonly answer: string; readonly count: number }[]
  /** What the release left, after the tool's word and its own documented delay. */
  readonly left: readonly string[]
}

/** What one round came to. Seconds count from the first write. */
export type Measured = {
  readonly verdict: Verdict
  readonly wrong: boolean
  /** To the later of weight 0 read back and the last answer that was not stable's. `null`: not taken back, or clients never left stable. */
  readonly stableAfter: number | null
  /** To the tool's word. */
  readonly saidAfter: number | null
  /** From the start of the user's command to the first write. */
  readonly before: number
  readonly requests: number
  /** Requests without a good answer, but for those that the service always fails. */
  readonly failed: number
  /** Those, by what was answered or why nothing was. */
  readonly failures: Readonly<Record<string, number>>
  /** Answers that clients got from the release, good or not, and failures that no version answered. */
  readonly touched: number
  readonly left: readonly string[]
}

/** What was seen, as figures. */
export const measured = (scene: Scene, watched: Watched): Measured => {
  const { startedAt, wroteAt, saidAt, verdict, weights, answers, left } = watched
  const ofStable = (answer: string): boolean => answer.startsWith(`${scene.stable} `)
  const isUsual = (answer: string): boolean =>
    scene.noisy === true && (ofStable(answer) || answer.startsWith(`${scene.release} `))
  const sum = (counted: Watched['answers']): number => counted.reduce((total, { count }) => total + count, 0)
  // An answer that names no version is the canary's: stable is sound, so only what went to the canary can be lost.
  const elsewhere = answers.filter(({ answer }) => !ofStable(answer))
  const failed = answers.filter(({ answer }) => !answer.endsWith(' 200') && !isUsual(answer))
  return {
    verdict,
    wrong: verdict !== (scene.bad ? 'stopped' : 'promoted'),
    stableAfter: verdict === 'stopped' ? since(wroteAt, weights, elsewhere) : null,
    saidAfter: saidAt === null ? null : seconds(saidAt - wroteAt),
    before: seconds(wroteAt - startedAt),
    requests: sum(answers),
    failed: sum(failed),
    failures: byAnswer(failed),
    touched: sum(elsewhere),
    left,
  }
}

const byAnswer = (answers: Watched['answers']): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { answer, count } of answers) counts[answer] = (counts[answer] ?? 0) + count
  return counts
}

const since = (
  wroteAt: number,
  weights: Watched['weights'],
  elsewhere: readonly { readonly at: number }[],
): number | null => {
  const raised = weights.findLastIndex(({ weight }) => weight > 0)
  const zero = raised === -1 ? undefined : weights[raised + 1]
  // A weight that never came back is no time at all: it is among what was left.
  if (raised !== -1 && zero === undefined) return null
  const ends = [...(zero === undefined ? [] : [zero.at]), ...elsewhere.map(({ at }) => at)]
  return ends.length === 0 ? null : seconds(Math.max(...ends) - wroteAt)
}

const seconds = (ms: number): number => Math.round(ms) / 1000
