import { spread } from '../spread.ts'

/** One round: `jq length` and one reading with its verdict, one after the other; ms of the whole process, of the reading and of the verdict, and its peak memory (RSS). */
export type Round = {
  readonly jqMs: number | null
  readonly ms: number
  readonly readMs: number
  readonly judgeMs: number
  readonly peakBytes: number
  readonly load: number
}

/** What the bench keeps. `trial`: its figures say nothing. */
export type Results = {
  readonly schema: 'sluice.dev/bench-gates/v1'
  readonly trial: boolean
  readonly machine: string
  readonly jq: string | null
  readonly commit: string
  readonly at: string
  readonly bytes: number
  readonly findings: number
  readonly rounds: readonly Round[]
}

/** As often as `jq length` may the reading and the verdict take. */
export const TIMES = 10
/** Bytes of memory that they may take. */
export const MEMORY = 1.5e9

/** Whether a goal was reached; `undefined` where it was not measured. */
export type Goal = { readonly name: string; readonly met: boolean | undefined; readonly came: string }

/** What was to be reached, and what came of it. The time is compared round by round, beside the `jq` of the same moment. */
export const goalsOf = ({ rounds }: Results): readonly Goal[] => {
  const ratios = rounds.flatMap(({ ms, jqMs }) => (jqMs === null ? [] : [ms / jqMs]))
  const most = Math.max(...rounds.map(({ peakBytes }) => peakBytes))
  return [
    {
      name: `at most ${TIMES} times as long as \`jq length\` (median of the rounds)`,
      met: ratios.length === 0 ? undefined : spread(ratios).median <= TIMES,
      came: ratios.length === 0 ? 'not measured: no jq on PATH' : `${told(ratios, 1, 2)} times`,
    },
    {
      name: `at most ${(MEMORY / 1e9).toFixed(1)} GB of memory (the most of all rounds)`,
      met: most <= MEMORY,
      came: `${(most / 1e9).toFixed(2)} GB`,
    },
  ]
}

/** The page of a run. */
export const page = (results: Results): string => {
  const { rounds, bytes, findings, machine, jq, commit, at, trial } = results
  const loads = rounds.map(({ load }) => load)
  const column = (name: string, values: readonly number[], per: number, digits: number): string =>
    `| ${name} | ${values.length === 0 ? '–' : told(values, per, digits)} |`
  const jqs = rounds.flatMap(({ jqMs }) => (jqMs === null ? [] : [jqMs]))
  return `# How large a report the gate reads

Made by \`npm run bench:gates\` from [gates.json](gates.json), which has every round. ${rounds.length} rounds, ${at.slice(0, 16)} UTC, at ${commit}, from source.
${trial ? '\n**A trial: its figures say nothing.**\n' : ''}
On ${machine}, ${jq ?? 'without jq'}; load of the machine before a round: median ${spread(loads).median.toFixed(1)}, most ${Math.max(...loads).toFixed(1)}.
The report is made up in the shape of Trivy's JSON: ${(bytes / 1e6).toFixed(1)} MB, ${findings} vulnerabilities. It is judged with grace, both feeds and 200 exceptions. In each round \`jq length\` and
the gate read the same file, one after the other, each in a process of its own; the time is that of the whole process. What the gate writes afterwards (SARIF, summary) is not in it.

| Goal | Met | What came of it |
| --- | --- | --- |
${goalsOf(results)
  .map(({ name, met, came }) => `| ${name} | ${met === undefined ? '–' : met ? 'yes' : '**no**'} | ${came} |`)
  .join('\n')}

A cell has the median, then (the range that holds four fifths; least to most).

| n = ${rounds.length} | |
| --- | --- |
${[
  column('`jq length`, s', jqs, 1000, 2),
  column(
    'the gate, s',
    rounds.map(({ ms }) => ms),
    1000,
    2,
  ),
  column(
    'of it: reading, s',
    rounds.map(({ readMs }) => readMs),
    1000,
    2,
  ),
  column(
    'of it: the verdict, s',
    rounds.map(({ judgeMs }) => judgeMs),
    1000,
    2,
  ),
  column(
    'peak memory (RSS), GB',
    rounds.map(({ peakBytes }) => peakBytes),
    1e9,
    2,
  ),
].join('\n')}
`
}

const told = (values: readonly number[], per: number, digits: number): string => {
  const show = (value: number): string => (value / per).toFixed(digits)
  const { median, p10, p90 } = spread(values)
  return `${show(median)} (${show(p10)} to ${show(p90)}; ${show(Math.min(...values))} to ${show(Math.max(...values))})`
}
