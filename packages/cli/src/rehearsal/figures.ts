import type { Load } from './load.ts'
import type { Rehearsed } from './release.ts'
import { isBeyondService, isFailed, quantile } from './traffic.ts'

/** Numbers of one rehearsal. Times in ms; absent where it did not come to that. */
export type Figures = {
  readonly totalMs: number
  readonly requests: number
  readonly failed: number
  readonly beyondService: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly badAnswers?: number
  readonly badSpanMs?: number
  readonly verdictToZeroMs?: number
}

/** The numbers of what was done: the spans are those of the last release, `totalMs` is given. */
export const figuresOf = (done: readonly Rehearsed[], answers: Load['answers'], totalMs: number): Figures => {
  const last = done.at(-1)
  const answered = answers.filter(({ status }) => status > 0).map(({ took }) => took)
  return {
    totalMs,
    requests: answers.length,
    failed: answers.filter(isFailed).length,
    beyondService: answers.filter(isBeyondService).length,
    medianMs: quantile(answered, 0.5),
    p99Ms: quantile(answered, 0.99),
    ...(last?.badSpan === undefined
      ? {}
      : { badAnswers: last.badSpan.count, badSpanMs: last.badSpan.last - last.badSpan.first }),
    ...(last?.returnSpan === undefined ? {} : { verdictToZeroMs: last.returnSpan.took }),
  }
}

/** The numbers as rows to show: what it is, and the number with its unit. */
export const figureRows = (figures: Figures): readonly (readonly [string, string])[] => [
  [
    'requests of the clients',
    `${figures.requests}, of which failed ${figures.failed} (${figures.beyondService} without an answer of the service)`,
  ],
  ['time of an answer', `median ${figures.medianMs.toFixed(1)} ms, p99 ${figures.p99Ms.toFixed(1)} ms`],
  ...(figures.badSpanMs === undefined
    ? []
    : [
        [
          'first bad answer of the second release → last',
          `${(figures.badSpanMs / 1000).toFixed(1)} s, ${figures.badAnswers} bad answers`,
        ] as const,
      ]),
  ...(figures.verdictToZeroMs === undefined
    ? []
    : [['verdict → weight 0 read back', `${(figures.verdictToZeroMs / 1000).toFixed(2)} s`] as const]),
  ['the whole rehearsal', `${(figures.totalMs / 1000).toFixed(1)} s`],
]
