import { type Cell, keyOf } from './cells.ts'
import { detections } from './detection.ts'
import { type Figure, finder } from './figures.ts'
import { type Goal, goalsOf } from './goals.ts'
import { JUDGES, OURS } from './judges.ts'
import { digits, estimateText, shareText } from './text.ts'
import { WORDS } from './words.ts'

/** The file of a bench. `took`: seconds of processor time; `wall`: from begin to end, absent where it was broken off; `decision`: see `speed.ts`. */
export type Results = {
  readonly schema: 'sluice.dev/bench-judges/v1'
  readonly at: string
  readonly commit: string
  readonly sources: string
  readonly machine: string
  readonly took: number
  readonly wall?: number
  readonly decision?: { readonly text: string; readonly median: number }
  readonly remark?: string
  readonly figures: readonly Figure[]
}

/** The page of a bench, made of its file and the cells alone. */
export const page = (cells: readonly Cell[], results: Results): string => {
  const { figures, at, commit, machine, took, wall, decision, remark } = results
  const found = finder(figures)
  const rates = [...new Set(cells.map(({ rate }) => rate))]
  const goals = goalsOf(cells, figures)
  const healthy = cells.filter(({ twin }) => twin === undefined)
  const regressions = cells.filter(({ twin }) => twin !== undefined)
  return `# Which judge stops which release

Made by \`npm run bench:judges\` of [judges.json](judges.json), ${at.slice(0, 16)} UTC, at ${commit}, on ${machine}: ${Math.round(took / 60)} min of processor time${wall === undefined ? '' : `, ${Math.round(wall / 60)} min in all`}.
Simulated releases of known truth: what a judge should have said is known of each. Intervals are of 95 %.${remark === undefined ? '' : ` ${remark}`}

**The worst healthy cell**: ${worst(healthy, found)}

## To reach

| Goal | Met | What came of it |
| --- | --- | --- |
${[...goals.map(goalLine), speedLine(decision), timeLine(wall)].join('\n')}

${shortfalls(goals)}
## The price of a regression

![Extra bad answers until the stop, by judge and regression, at 50 requests/s](judges.svg)

## Healthy releases

Stopped releases, in percent of n: each is a false alarm. Below them what was held or ended without a verdict, by code.
${rates.map((rate) => healthyTable(rate, healthy, found)).join('\n')}
## Regressions

Stopped; median minutes from the fault to the stop (quartiles); extra bad answers a release, mean (interval).
${rates.map((rate) => regressionTable(rate, regressions, found)).join('\n')}
## Beside the information bound

No test that errs in α = 1 % of the healthy releases can do with fewer canary requests than ln(1/α)/KL on average, even one that knows both ratios. The goal is twice that, and one check's requests.

| release | judge | median canary requests to the stop | ln(1/α)/KL | one check | goal |
| --- | --- | --- | --- | --- | --- |
${detections(cells, found)
  .map(
    ({ cell, figure, least, check, limit }) =>
      `| ${keyOf(cell)} | ${figure.judge} | ${digits(figure.requests ?? Number.NaN)} | ${digits(least)} | ${digits(check)} | ${(figure.requests ?? 0) <= limit ? 'within' : '**above**'} ${digits(limit)} |`,
  )
  .join('\n')}

${WORDS}`
}

type Found = ReturnType<typeof finder>

const goalLine = ({ text, met, came }: Goal): string =>
  `| ${text} | ${met === undefined ? '–' : met ? 'yes' : '**no**'} | ${came} |`

const speedLine = (decision: Results['decision']): string =>
  goalLine({
    text: 'one decision over 20 metrics × 1,000 intervals under 50 ms',
    met: decision === undefined ? undefined : decision.median < 50,
    came: decision?.text ?? 'not measured',
    not: [],
  })

const timeLine = (wall: number | undefined): string =>
  goalLine({
    text: 'the whole bench under 60 minutes on 2 cores',
    met: wall === undefined ? undefined : wall < 3600,
    came:
      wall === undefined ? 'not measured: this was not the whole, or not in one piece' : `${Math.round(wall / 60)} min`,
    not: [],
  })

/** Every cell that missed its goal, by name: none is left out. */
const shortfalls = (goals: readonly Goal[]): string => {
  const missed = goals.filter(({ not }) => not.length > 0)
  if (missed.length === 0) return ''
  return `Not reached:\n\n${missed.map(({ text, not }) => `- ${text}:\n${not.map((each) => `  - ${each}`).join('\n')}`).join('\n')}\n`
}

const worst = (healthy: readonly Cell[], found: Found): string => {
  const all = healthy.flatMap((cell) =>
    OURS.flatMap(({ name }) => {
      const figure = found(keyOf(cell), name)
      return figure === undefined ? [] : [{ cell, figure }]
    }),
  )
  const [first] = all.toSorted((a, b) => b.figure.stopped.value - a.figure.stopped.value)
  const [fair] = all
    .filter(({ cell }) => cell.group !== 'cold' || cell.warmUp !== undefined)
    .toSorted((a, b) => b.figure.stopped.value - a.figure.stopped.value)
  if (first === undefined || fair === undefined) return 'none was measured.'
  const text = ({ figure }: typeof first): string =>
    `${figure.cell}, ${figure.judge}: stopped ${shareText(figure.stopped)} of ${figure.n}`
  return first === fair
    ? `${text(first)}.`
    : `${text(first)}. Of those whose plan knows of the service's warm-up: ${text(fair)}.`
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

const table = (head: string, cells: readonly Cell[], text: (figure: Figure) => string, found: Found): string => {
  const judges = JUDGES.filter(({ name }) => cells.some((cell) => found(keyOf(cell), name) !== undefined))
  const rows = cells
    .filter((cell) => judges.some(({ name }) => found(keyOf(cell), name) !== undefined))
    .map((cell) =>
      line([
        cell.name,
        ...judges.map(({ name }) => {
          const figure = found(keyOf(cell), name)
          return figure === undefined ? '–' : text(figure)
        }),
      ]),
    )
  if (rows.length === 0) return ''
  const heads = ['', ...judges.map(({ name }) => name)]
  return `\n### ${head}\n\n${line(heads)}\n${line(heads.map(() => '---'))}\n${rows.join('\n')}\n`
}

const healthyTable = (rate: number, cells: readonly Cell[], found: Found): string =>
  table(
    `${rate} requests/s`,
    cells.filter((cell) => cell.rate === rate),
    (figure) => `${shareText(figure.stopped)} n ${figure.n}${codes(figure)}`,
    found,
  )

const codes = ({ codes: counted, n }: Figure): string =>
  Object.entries(counted)
    .toSorted(([, a], [, b]) => b - a)
    .map(([code, count]) => `<br>${code} ${digits((100 * count) / n)} %`)
    .join('')

const regressionTable = (rate: number, cells: readonly Cell[], found: Found): string =>
  table(
    `${rate} requests/s`,
    cells.filter((cell) => cell.rate === rate),
    (figure) => {
      const { minutes, stopped, extra, n } = figure
      const time =
        minutes === undefined ? '–' : `${number(minutes.median)} min (${number(minutes.q1)} to ${number(minutes.q3)})`
      return `${digits(100 * stopped.value)} % n ${n}; ${time}; ${extra === undefined ? '–' : estimateText(extra)}${codes(figure)}`
    },
    found,
  )

const number = (value: number): string => value.toFixed(value < 10 ? 2 : 1).replace(/\.?0+$/, '')
