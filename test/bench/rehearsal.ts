import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spread } from './spread.ts'

/**
 * How long clients see bad answers of a release that fails 20 % of its requests at 4 canary requests/s, and how soon after the verdict the weight reads
 * back as 0: one rehearsal of the second release for each seed, a cluster of its own each. Arguments: number of runs (20), then flags for `sluice rehearse`.
 * Goals: first bad answer → last: median ≤ 6 s, p90 ≤ 10 s; verdict → weight 0 read back: ≤ 1 s. Times decide nothing about the exit code, claims do.
 */
const runs = Number(process.argv[2] ?? '20')
if (!Number.isInteger(runs) || runs < 1)
  throw new Error(`The number of runs must be at least 1, not "${process.argv[2]}"`)

type Result = {
  readonly passed: boolean
  readonly machine: string
  readonly figures: { readonly badSpanMs?: number; readonly badAnswers?: number; readonly verdictToZeroMs?: number }
  readonly claims: readonly { readonly ok: boolean; readonly text: string; readonly actual: string }[]
}

const root = join(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
const results: Result[] = []
try {
  for (let seed = 1; seed <= runs; seed++) {
    const args = [
      'rehearse',
      '--second-only',
      '--json',
      '--seed',
      String(seed),
      '--report',
      join(directory, String(seed)),
    ]
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'packages/cli/src/main.ts'), ...args, ...process.argv.slice(3)],
      { encoding: 'utf8', cwd: root, maxBuffer: 64 * 2 ** 20 },
    )
    if (stdout === '') throw new Error(`Seed ${seed} came to no result: ${stderr}`)
    const result: Result = JSON.parse(stdout)
    results.push(result)
    const { badSpanMs = Number.NaN, badAnswers = 0, verdictToZeroMs = Number.NaN } = result.figures
    const failed = result.claims.filter(({ ok }) => !ok).map(({ text, actual }) => `${text}: ${actual}`)
    console.log(
      `seed ${String(seed).padStart(2)}: ${seconds(badSpanMs)} with ${badAnswers} bad answers, verdict → 0 in ${seconds(verdictToZeroMs)}${failed.length === 0 ? '' : `  FAILED: ${failed.join('; ')}`}`,
    )
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

const figure = (name: string, values: readonly number[], goal: string): void => {
  const { median, p10, p90, n } = spread(values)
  const most = Math.max(...values)
  console.log(
    `${name}: median ${seconds(median)}, p90 ${seconds(p90)} (p10 ${seconds(p10)}, most ${seconds(most)}, n = ${n}); goal ${goal}`,
  )
}

console.log(`\non ${results[0]?.machine ?? 'no machine'}`)
const passed = results.filter((result) => result.passed)
figure(
  'first bad canary answer → last',
  passed.flatMap(({ figures }) => figures.badSpanMs ?? []),
  'median ≤ 6 s, p90 ≤ 10 s',
)
figure(
  'verdict → weight 0 read back',
  passed.flatMap(({ figures }) => figures.verdictToZeroMs ?? []),
  '≤ 1 s',
)
const bad = spread(passed.map(({ figures }) => figures.badAnswers ?? 0))
console.log(`bad answers of a release: median ${bad.median}, p90 ${bad.p90} (p10 ${bad.p10})`)
console.log(`${passed.length} of ${results.length} runs ended as they should`)
process.exitCode = passed.length === results.length ? 0 : 1
