import { type Cell, keyOf } from './cells.ts'
import { detections, isPlain, leastExtra } from './detection.ts'
import { type Estimate, type Figure, finder } from './figures.ts'
import { isStrict } from './jobs.ts'
import { OURS, oursEachMinute, oursEachRead, PEERS } from './judges.ts'
import { digits, estimateText, shareText } from './text.ts'

/** What was to be reached, whether it was (`undefined`: not measured), and by which figures; `not`: each cell that did not, with its figure. */
export type Goal = {
  readonly text: string
  readonly met: boolean | undefined
  readonly came: string
  readonly not: readonly string[]
}

type Found = ReturnType<typeof finder>

/** The goals of the bench, each with what came of it. */
export const goalsOf = (cells: readonly Cell[], figures: readonly Figure[]): readonly Goal[] => {
  const found = finder(figures)
  const healthy = cells.filter(({ twin }) => twin === undefined)
  const regressions = cells.filter(({ twin }) => twin !== undefined)
  return [
    atMost(
      0.01,
      'stopped ≤ 1 % in every healthy cell of independent requests and of aligned outages',
      pairs(healthy.filter(isExact), found),
    ),
    atMost(
      0.02,
      'stopped ≤ 2 % in the cells of overdispersion, skew, retries and pods that differ',
      pairs(healthy.filter(isApproximate), found),
    ),
    atMost(
      0.02,
      'bursts of single pods and unequal populations: a named inconclusive or a slower verdict rather than a silent error (stopped ≤ 2 %)',
      pairs(healthy.filter(isNamed), found),
    ),
    third(regressions, found),
    eight(regressions, found),
    bounded(regressions, found),
  ]
}

/** Drifts are of independent requests too, and so are cold caches behind a warm-up. */
const isExact = (cell: Cell): boolean =>
  isStrict(cell) || cell.group === 'drift' || (cell.group === 'cold' && cell.warmUp !== undefined)

const isApproximate = ({ group }: Cell): boolean => ['overdispersed', 'skew', 'retries', 'pods'].includes(group)

const isNamed = ({ group }: Cell): boolean => group === 'bursts' || group === 'populations'

type Measured = { readonly cell: Cell; readonly figure: Figure }

const pairs = (cells: readonly Cell[], found: Found): readonly Measured[] =>
  cells.flatMap((cell) =>
    OURS.flatMap(({ name }) => {
      const figure = found(keyOf(cell), name)
      return figure === undefined ? [] : [{ cell, figure }]
    }),
  )

/** Met where no cell is above the limit beyond chance: the lower end of each interval is below it. */
const atMost = (limit: number, text: string, measured: readonly Measured[]): Goal => {
  const worst = worstOf(measured)
  const over = measured.filter(({ figure }) => figure.stopped.low >= limit)
  return {
    text,
    met: worst === undefined ? undefined : over.length === 0,
    came:
      worst === undefined
        ? 'not measured'
        : `${measured.length - over.length} of ${measured.length} (cells × two paces); the worst: ${told(worst)}`,
    not: over.map(told),
  }
}

const worstOf = (measured: readonly Measured[]): Measured | undefined =>
  measured.reduce<Measured | undefined>(
    (worst, each) => (worst !== undefined && worst.figure.stopped.value >= each.figure.stopped.value ? worst : each),
    undefined,
  )

const told = ({ cell, figure }: Measured): string =>
  `${keyOf(cell)} (${figure.judge}): ${shareText(figure.stopped)} of ${figure.n}${codesText(figure)}`

const codesText = ({ codes, n }: Figure): string =>
  Object.entries(codes)
    .map(([code, count]) => `; \`${code}\` ${((100 * count) / n).toFixed(count === n ? 0 : 1)} %`)
    .join('')

/** The peer with the fewest extra bad answers among those that leave the healthy twin alone. */
const bestPeer = (cell: Cell, found: Found): Figure | undefined =>
  PEERS.flatMap(({ name }) => {
    const twin = found(keyOf({ rate: cell.rate, name: cell.twin ?? '' }), name)
    const figure = found(keyOf(cell), name)
    return twin === undefined || figure === undefined || twin.stopped.low >= 0.01 ? [] : [figure]
  }).toSorted((a, b) => extraOf(a).value - extraOf(b).value)[0]

/** Every figure of a regression has one. */
const extraOf = ({ extra }: Figure): Estimate => extra ?? { value: Number.NaN, low: Number.NaN, high: Number.NaN }

const third = (cells: readonly Cell[], found: Found): Goal => {
  const compared = cells.flatMap((cell) => {
    const [ours, best] = [found(keyOf(cell), oursEachMinute.name), bestPeer(cell, found)]
    return ours === undefined || best === undefined
      ? []
      : [{ cell, ours, best, third: extraOf(best).value / 3, least: leastExtra(cell) }]
  })
  const over = compared.filter(({ ours, third: limit }) => extraOf(ours).value > limit)
  const beyond = over.filter(({ least, third: limit }) => least !== undefined && least > limit)
  return {
    text: 'checked each minute, at most a third of the extra bad answers of the best peer that does not stop the healthy twin',
    met: compared.length === 0 ? undefined : over.length === 0,
    came:
      compared.length === 0
        ? 'not measured'
        : `${compared.length - over.length} of ${compared.length} cells; in ${beyond.length} of the others a third is less than ln(1/α)/KL requests cost, which no test of this α can do without`,
    not: over.map(({ cell, ours, best, least }) => {
      const part = ((100 * extraOf(ours).value) / extraOf(best).value).toFixed(0)
      const bound = least === undefined ? '' : `; ln(1/α)/KL requests cost ${digits(least)}`
      return `${keyOf(cell)}: ${estimateText(extraOf(ours))} against ${estimateText(extraOf(best))} (${best.judge}), ${part} %${bound}`
    }),
  }
}

const eight = (cells: readonly Cell[], found: Found): Goal => {
  const asked = cells.filter(
    (cell) =>
      cell.rate === 50 &&
      cell.metric === 'errors' &&
      cell.from === undefined &&
      isPlain(cell) &&
      !cell.name.endsWith('1.5 %'),
  )
  const figures = asked.flatMap((cell) => found(keyOf(cell), oursEachRead.name) ?? [])
  const text = (figure: Figure): string => `${figure.cell}: ${estimateText(extraOf(figure))}`
  return {
    text: 'checked every 5 s at 50 requests/s, at most 8 extra bad answers for 0.5 → 3 %, 10 % and 50 %',
    met: figures.length === 0 ? undefined : figures.every((figure) => extraOf(figure).value <= 8),
    came: figures.length === 0 ? 'not measured' : figures.map(text).join('; '),
    not: figures.filter((figure) => extraOf(figure).value > 8).map(text),
  }
}

const bounded = (cells: readonly Cell[], found: Found): Goal => {
  const all = detections(cells, found)
  const over = all.filter(({ figure, limit }) => (figure.requests ?? 0) > limit)
  return {
    text: 'median canary requests to detection within 2 × ln(1/α)/KL and one check’s requests',
    met: all.length === 0 ? undefined : over.length === 0,
    came: all.length === 0 ? 'not measured' : `${all.length - over.length} of ${all.length} (cells × two paces)`,
    not: over.map(
      ({ cell, figure, limit }) =>
        `${keyOf(cell)} (${figure.judge}): ${figure.requests?.toFixed(0)}, within ${limit.toFixed(0)} asked`,
    ),
  }
}
