import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionNames } from '../../scripts/manifest.ts'
import { startLimit } from '../bundles/bundle.ts'

const ROOT = join(import.meta.dirname, '../..')
const ROUNDS = 15

/** The middle of some times. */
const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN

const milliseconds = (args: readonly string[]): number => {
  const from = performance.now()
  spawnSync(process.execPath, args, { env: { PATH: process.env.PATH }, stdio: 'ignore' })
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

console.log(`Started and stopped on bad input, median of ${ROUNDS}, bare Node ${median(bare).toFixed(0)} ms:`)
for (const { action, dist } of bundles) {
  const more = median(times.get(action) ?? []) - median(bare)
  const limit = startLimit(readFileSync(join(dist, '.sources'), 'utf8'))
  const kilobytes = Math.round(readFileSync(join(dist, 'index.js')).length / 1000)
  console.log(`${more <= limit ? 'ok  ' : 'SLOW'} ${action}: + ${more.toFixed(0)} ms (limit ${limit}), ${kilobytes} kB`)
  if (more > limit) process.exitCode = 1
}
