import type { Cell } from './cells.ts'
import type { Judge } from './judge.ts'
import { BEFORE, beginRelease, INTERVALS } from './release.ts'
import { type Ending, type Tally, tallyOf } from './tally.ts'

/**
 * Plays releases of a cell to judges that all see the same ones, each until its word or the end. Seeds are whole numbers, from `from` on.
 * @returns one tally a judge, in their order
 */
export const play = (
  cell: Cell,
  judges: readonly Judge[],
  { from, count }: { readonly from: number; readonly count: number },
): readonly Tally[] => {
  const endings = Array.from({ length: count }, (_, index) => playOne(cell, judges, from + index))
  return judges.map((_, judge) => tallyOf(endings.flatMap((each) => each[judge] ?? [])))
}

const playOne = (cell: Cell, judges: readonly Judge[], seed: number): readonly (Ending | undefined)[] => {
  const next = beginRelease(seed, cell.rate, cell.truth)
  const working = judges.map((judge, index) => ({
    index,
    every: judge.every(cell),
    past: judge.past ?? BEFORE,
    judging: judge.begin(cell),
  }))
  const endings: (Ending | undefined)[] = judges.map(() => undefined)
  let active = working
  let before = 0
  for (let interval = 0; interval < INTERVALS && active.length > 0; interval += 1) {
    const moment = next()
    if (moment.at <= (cell.from ?? 0)) before = moment.asked
    for (const { index, every, past, judging } of active) {
      if (moment.at < -past || (moment.at + BEFORE) % every !== 0) continue
      const word = judging.look(moment)
      const last = interval === INTERVALS - 1
      if (word === undefined && !last) continue
      const { at, extra, asked } = moment
      const code = word?.code ?? judging.held?.()
      const kind = word?.kind ?? (code === undefined ? 'passed' : 'inconclusive')
      endings[index] = { kind, code, at, extra, requests: asked - before }
    }
    if (active.some(({ index }) => endings[index] !== undefined))
      active = active.filter(({ index }) => endings[index] === undefined)
  }
  return endings
}
