import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { standing } from '../../cluster/box.ts'
import { locked } from '../../cluster/lock.ts'
import { pathsOf } from '../../cluster/paths.ts'
import { output } from '../../cluster/shell.ts'
import { type Real, realCluster } from '../../cluster/site.ts'
import { down } from '../../cluster/up.ts'
import { machine } from '../spread.ts'
import { askedOf, USAGE } from './asked.ts'
import { startFlagger } from './flagger.ts'
import { imagesOf } from './images.ts'
import { expected, lasting } from './pace.ts'
import { swept } from './place.ts'
import { type Kept, keep, readResults, resultsAt } from './results.ts'
import { round } from './round.ts'
import { SCENES, TITLES, type Turn, turnsOf } from './scenes.ts'
import { page } from './table.ts'
import { versionsIn } from './versions.ts'

const ROOT = join(import.meta.dirname, '../../..')
/** Acts that end what stands, the latest first; each is done once, also when the race is broken off. */
const ends = new Set<() => Promise<void> | void>()
const onStop = (act: () => Promise<void> | void): (() => void) => {
  ends.add(act)
  return () => void ends.delete(act)
}
let stopping = false
const endAll = async (): Promise<void> => {
  for (const act of [...ends].reverse()) {
    ends.delete(act)
    await (async () => act())().catch((thrown: unknown) => console.error(String(thrown)))
  }
}

const main = async (): Promise<number> => {
  const asked = askedOf(process.argv.slice(2), join(ROOT, 'docs/benchmarks'))
  if ('problem' in asked) {
    process.stderr.write(`${asked.problem}\n\n${USAGE}`)
    return 2
  }
  const [json, md] = [join(asked.out, 'rollback.json'), join(asked.out, 'rollback.md')]
  const remark = asked.remark === undefined ? {} : { remark: asked.remark }
  if (asked.table) {
    const found = readResults(json)
    if (found === undefined) throw new Error(`there is no ${json}`)
    const results = { ...found, ...remark }
    keep(json, results)
    writeFileSync(md, page(results))
    return 0
  }
  const paths = pathsOf()
  let results = resultsAt(json, {
    trial: asked.trial,
    machine: machine(),
    versions: versionsIn(paths.modules),
    bundle: process.env.SLUICE_FROM_SOURCE === undefined ? 'its bundle' : 'its source',
    asked: asked.counts,
    lanes: asked.lanes,
    ...remark,
  })
  const turns = turnsOf(asked.counts, asked.tools, results.rounds).filter(({ scene }) => asked.scenes.includes(scene))
  console.log(
    `${turns.length} rounds to come, about ${lasting(expected(turns, results.rounds) / asked.lanes)}; ${results.rounds.length} done`,
  )
  if (turns.length === 0) return 0
  const real = await ground(turns)
  const image = await imagesOf(real)
  const waiting = [...turns]
  let failures = 0
  // Each lane takes the next round when its own is over: they differ in length, so no two stay side by side.
  const lane = async (): Promise<void> => {
    for (let turn = waiting.shift(); turn !== undefined && !stopping && failures < 3; turn = waiting.shift()) {
      const load = Math.round((loadavg()[0] ?? 0) * 10) / 10
      const at = new Date().toISOString()
      const told = `${TITLES[turn.tool]}, ${SCENES[turn.scene].title} #${turn.index + 1}`
      try {
        const figures = await round({ real, image, random: Math.random, onStop }, turn)
        // Its namespace was taken from under it: these figures are of nothing.
        if (stopping) return
        const took = Math.round((Date.now() - Date.parse(at)) / 1000)
        const kept: Kept = { ...turn, ...figures, at, commit: commit(), load, took }
        results = { ...results, rounds: [...results.rounds, kept] }
        keep(json, results)
        writeFileSync(md, page(results))
        console.log(`${told}: ${lineOf(kept)}`)
        failures = 0
      } catch (thrown) {
        if (stopping) return
        // A round that came to no result is no figure; the next start of the race has it again.
        console.error(`${told}: no result: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
        failures += 1
      }
    }
  }
  await Promise.all(Array.from({ length: asked.lanes }, lane))
  if (stopping) return 130
  if (failures >= 3) throw new Error('three rounds in a row came to no result')
  return 0
}

/** The cluster, with nothing on it of a race before, and Flagger where it takes part. What was not there before is taken away at the end. */
const ground = async (turns: readonly Turn[]): Promise<Real> => {
  const paths = pathsOf()
  const stood = standing(paths) !== undefined
  const real = await realCluster()
  if (!stood) onStop(() => locked(paths, () => down(paths)))
  await swept(real)
  if (turns.some(({ tool }) => tool === 'flagger')) {
    const { stop } = await startFlagger(real)
    onStop(stop)
  }
  return real
}

const commit = (): string => {
  const head = output('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: ROOT }) ?? 'unknown'
  const changed = output('git', ['status', '--porcelain', '--', 'actions', 'packages', 'test/bench', 'test/cluster'], {
    cwd: ROOT,
  })
  return changed === '' ? head : `${head} and changes`
}

const lineOf = ({ verdict, wrong, stableAfter, saidAfter, failed, touched, left, load }: Kept): string =>
  [
    wrong ? `${verdict} (WRONG)` : verdict,
    `on stable after ${stableAfter ?? '–'} s, its word after ${saidAfter ?? '–'} s`,
    `${failed} failed, ${touched} not from stable`,
    left.length === 0 ? 'nothing left' : `left: ${left.join(', ')}`,
    `load ${load}`,
  ].join('; ')

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    stopping = true
    console.error(`${signal}: taking away what stands`)
    void endAll().then(() => process.exit(130))
  })
try {
  process.exitCode = await main()
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
} finally {
  await endAll()
}
