import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filesIn } from '../../scripts/build/bundle.ts'
import { actionNames } from '../../scripts/manifest.ts'
import { startLimit } from '../bundles/bundle.ts'
import { machine, spread } from './spread.ts'

const ROOT = join(import.meta.dirname, '../..')
const ROUNDS = 20
const reports = mkdtempSync(join(tmpdir(), 'sluice-start-'))
process.on('exit', () => rmSync(reports, { recursive: true, force: true }))

const milliseconds = (args: readonly string[]): number => {
  const from = performance.now()
  spawnSync(process.execPath, args, { env: { PATH: process.env.PATH, RUNNER_TEMP: reports }, stdio: 'ignore' })
  return performance.now() - from
}

const bundles = actionNames(ROOT)
  .map((action) => ({ action, dist: join(ROOT, 'actions', action, 'dist') }))
  .filter(({ dist }) => existsSync(join(dist, 'index.js')))
const bare: number[] = []
const times = new Map(bundles.map(({ action }) => [action, [] as number[]]))

// Bare Node in every round, so that a busy machine slows both. The first round warms the file cache and is not counted.
for (let round = 0; round <= ROUNDS; round += 1) {
  const nothing = milliseconds(['--input-type=module', '-e', ''])
  if (round > 0) bare.push(nothing)
  for (const { action, dist } of bundles) {
    const time = milliseconds([join(dist, 'index.js')])
    if (round > 0) times.get(action)?.push(time)
  }
}

console.log(`On ${machine()}; n = ${ROUNDS} each, taking turns`)
const base = spread(bare)
console.log(
  `     bare Node: median ${base.median.toFixed(0)} ms (p10 ${base.p10.toFixed(0)}, p90 ${base.p90.toFixed(0)})`,
)
console.log('Started and stopped on bad input, beyond the median of bare Node:')
for (const { action, dist } of bundles) {
  const { median, p10, p90 } = spread((times.get(action) ?? []).map((time) => time - base.median))
  const limit = startLimit(readFileSync(join(dist, '.sources'), 'utf8'))
  const scripts = [...filesIn(dist)].filter(([path]) => path.endsWith('.js'))
  const kilobytes = Math.round(scripts.reduce((sum, [, file]) => sum + file.length, 0) / 1000)
  const range = `p10 ${p10.toFixed(0)}, p90 ${p90.toFixed(0)}`
  console.log(
    `${median <= limit ? 'ok  ' : 'SLOW'} ${action}: median + ${median.toFixed(0)} ms (${range}; limit ${limit}), ${kilobytes} kB`,
  )
  if (median > limit) process.exitCode = 1
}
