import type { Answer } from './traffic.ts'
import { byRelease, type Share } from './traffic.ts'

/** One look at production while a release is on its way. Weights in whole percent of the traffic. */
export type Look = {
  readonly at: number
  readonly weight: number
  readonly phase: string
  readonly step: number | undefined
  readonly reason: string
  /** When the phase began, by the clock of the run that saved it; ms UTC. */
  readonly since: number
  readonly direction: 'forward' | 'back' | undefined
  /** The strongest evidence against the canary, and how much would reject it; absent before there is any. */
  readonly evidence: { readonly value: number; readonly limit: number } | undefined
}

/** Something that happened, for the table and as a mark in the plots. */
export type Moment = { readonly at: number; readonly text: string; readonly detail: string }

/** From the verdict to the first look that found weight 0, in ms; absent when there was no way back. */
export const returnSpan = (
  looks: readonly Look[],
): { readonly verdict: number; readonly zero: number; readonly took: number } | undefined => {
  const begun = looks.findIndex(({ direction }) => direction === 'back')
  const first = looks[begun]
  if (first === undefined) return undefined
  const zero = looks.slice(begun).find(({ weight }) => weight === 0)
  return zero === undefined
    ? undefined
    : { verdict: first.since, zero: zero.at, took: Math.max(0, zero.at - first.since) }
}

/** The looks at which weight or phase changed: what a table of the release shows. */
export const changes = (looks: readonly Look[]): readonly Look[] =>
  looks.filter((look, index) => {
    const before = looks[index - 1]
    return (
      before === undefined || before.weight !== look.weight || before.phase !== look.phase || before.step !== look.step
    )
  })

/** What the live view shows of the clients: the last five seconds, and everything. */
export const recent = (
  answers: readonly Answer[],
  now: number,
): { readonly perSecond: number; readonly shares: ReadonlyMap<string, Share> } => {
  // Answers come in the order of their end; those of the last seconds are at the tail.
  const tail: Answer[] = []
  for (let at = answers.length - 1; at >= 0; at--) {
    const answer = answers[at]
    if (answer === undefined || answer.at + answer.took < now - 5_000) break
    tail.push(answer)
  }
  return { perSecond: tail.length / 5, shares: byRelease(tail) }
}

/** What a look at production has to tell that the one before had not. */
export const momentOf = (
  look: Look,
  before: Look | undefined,
): { readonly text: string; readonly detail: string } | undefined => {
  if (look.direction === 'back' && before?.direction !== 'back')
    return { text: 'verdict: take it back', detail: look.reason }
  if (before?.weight !== look.weight && (before !== undefined || look.weight > 0))
    return { text: `canary weight ${look.weight} %`, detail: '' }
  if (look.phase !== before?.phase && look.phase === 'holding')
    return { text: 'held at its weight', detail: look.reason }
  if (look.phase !== before?.phase && before?.phase === 'holding' && look.phase === 'analysing')
    return { text: 'goes on', detail: '' }
  if (look.phase !== before?.phase && look.phase === 'promoting')
    return { text: 'passed its steps, stable gets the new template', detail: '' }
  return undefined
}
