import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { output } from '../../cluster/shell.ts'
import { machine } from '../spread.ts'
import { type Asked, askedOf, USAGE } from './asked.ts'
import { type Cell, cellsOf, keyOf, REPORTED, TUNED_ON } from './cells.ts'
import { keepDone, missingJobs, openCheckpoint, sourcesHash } from './checkpoint.ts'
import { startCrew } from './crew.ts'
import { figuresOf } from './figures.ts'
import { COUNTS, jobsOf } from './jobs.ts'
import { page, type Results } from './page.ts'
import { plot } from './plot.ts'
import { decisionTime } from './speed.ts'
import type { Done } from './worker.ts'

const ROOT = join(import.meta.dirname, '../../..')
const KEPT = join(ROOT, '.cache/bench-judges')

const main = async (): Promise<number> => {
  const asked = askedOf(process.argv.slice(2), join(ROOT, 'docs/benchmarks'))
  if ('problem' in asked) {
    process.stderr.write(`${asked.problem}\n\n${USAGE}`)
    return 2
  }
  if (asked.table) {
    tabulate(asked.out ?? '', cellsOf(REPORTED))
    return 0
  }
  // Whoever works on the machine comes first; the threads inherit it.
  setPriority(10)
  const cells = askedCells(asked)
  if (cells.length === 0) throw new Error(`no cell has ${asked.cells} in its name`)
  const jobs = jobsOf(asked.tuning ? 'tuned-on' : 'reported', cells, COUNTS[asked.quick ? 'quick' : 'whole'])
  const kind = `${asked.tuning ? 'tuning' : 'reported'}${asked.quick ? '-quick' : ''}${asked.cells === undefined ? '' : '-cells'}`
  const kept = openCheckpoint(join(KEPT, `${kind}.jsonl`), asked.resume)
  const done: Done[] = [...kept.done]
  const begun = performance.now()
  const crew = startCrew(missingJobs(jobs, done), asked.workers, (result) => {
    done.push(result)
    keepDone(kept, result)
    progress(result, done.length, jobs.length)
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, crew.stop)
  await crew.ended
  const whole = kind === 'reported' && kept.done.length === 0 && done.length === jobs.length
  const results = resultsOf(cells, done, whole ? (performance.now() - begun) / 1000 : undefined)
  if (asked.out === undefined) console.log(page(cells, results))
  else write(asked.out, cells, results)
  return done.length < jobs.length ? 1 : 0
}

const askedCells = ({ tuning, quick, cells }: Asked): readonly Cell[] => {
  const all = cellsOf(tuning ? TUNED_ON : REPORTED)
  const some = quick ? all.filter(({ rate, group }) => rate === (tuning ? 20 : 50) || group === 'pods') : all
  return cells === undefined ? some : some.filter((cell) => cells.test(keyOf(cell)))
}

const progress = ({ job, tallies, took }: Done, done: number, all: number): void => {
  const stopped = job.judges.map((judge, index) => `${judge}: ${tallies[index]?.stops.length ?? 0}`)
  process.stderr.write(
    `${done}/${all} ${job.cell} (${job.count} in ${took.toFixed(0)} s) stopped ${stopped.join('; ')}\n`,
  )
}

const resultsOf = (cells: readonly Cell[], done: readonly Done[], wall: number | undefined): Results => ({
  schema: 'sluice.dev/bench-judges/v1',
  at: new Date().toISOString(),
  commit: commit(),
  sources: sourcesHash(),
  machine: machine(),
  took: done.reduce((sum, { took }) => sum + took, 0),
  ...(wall === undefined ? {} : { wall }),
  decision: decisionTime(),
  figures: figuresOf(cells, done),
})

/** A line a figure, so that a change can be read. What was remarked in the file stays. */
const write = (out: string, cells: readonly Cell[], results: Results): void => {
  mkdirSync(out, { recursive: true })
  const remark = readResults(out)?.remark
  const { figures, ...head } = remark === undefined ? results : { ...results, remark }
  const lines = figures.map((figure) => `  ${JSON.stringify(figure)}`).join(',\n')
  const text = `${JSON.stringify(head, null, 1).slice(0, -2)},\n "figures": [\n${lines}\n ]\n}\n`
  writeFileSync(join(out, 'judges.json'), text)
  tabulate(out, cells)
}

/** Makes the page and its plot of the file. */
const tabulate = (out: string, cells: readonly Cell[]): void => {
  const results = readResults(out)
  if (results === undefined) throw new Error(`there is no judges.json in ${out}: run the bench first`)
  writeFileSync(join(out, 'judges.svg'), plot(cells, results.figures))
  writeFileSync(join(out, 'judges.md'), page(cells, results))
}

const readResults = (out: string): Results | undefined => {
  const path = join(out, 'judges.json')
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : undefined
}

const commit = (): string => {
  const head = output('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: ROOT }) ?? 'unknown'
  const changed = output('git', ['status', '--porcelain', '--', 'packages/evidence', 'test/bench/judges'], {
    cwd: ROOT,
  })
  return changed === '' ? head : `${head} and changes`
}

try {
  process.exitCode = await main()
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
}
