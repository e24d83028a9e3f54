/**
 * Shows how the always-valid judge behaves on simulated releases: `node test/bench/verdicts.ts [runs per cell]`.
 * Prints a table: share stopped, time from the fault to the stop, bad answers and extra failed requests. Seeds are 1 … n in every cell.
 */
import { quantile, type Scenario, simulate, usualSteps } from '../../packages/evidence/test/simulation.ts'

type Cell = { readonly name: string; readonly scenario: Scenario; readonly from?: number; readonly healthy?: boolean }

const steady = (p: number) => () => p
const from = (second: number, before: number, after: number) => (at: number) => (at >= second ? after : before)
const outage = (healthy: number, during: number) => (at: number) => (at >= 300 && at < 660 ? during : healthy)

const rehearsal = { rate: 80, interval: 1, seconds: 300, before: 10, weight: steady(5) }
const usual = { rate: 50, interval: 5, seconds: 1500, before: 60, weight: usualSteps }

const cells: readonly Cell[] = [
  ...[0, 0.001, 0.005].map((p) => ({
    name: `80/s, 5 %: ${percent(p)} → 20 %`,
    scenario: { ...rehearsal, baseline: steady(p), canary: steady(0.2) },
  })),
  { name: '80/s, 5 %: 0.5 % → 100 %', scenario: { ...rehearsal, baseline: steady(0.005), canary: steady(1) } },
  ...[0.015, 0.03, 0.1, 0.5].map((p) => ({
    name: `50/s, usual steps: 0.5 % → ${percent(p)}`,
    scenario: { ...usual, baseline: steady(0.005), canary: steady(p) },
  })),
  {
    name: '80/s, 5 %: 0.5 % → 20 % after 10 min',
    from: 600,
    scenario: { ...rehearsal, seconds: 720, baseline: steady(0.005), canary: from(600, 0.005, 0.2) },
  },
  {
    name: '50/s: 0.5 % → 3 % after 10 min',
    from: 600,
    scenario: { ...usual, baseline: steady(0.005), canary: from(600, 0.005, 0.03) },
  },
  {
    name: '50/s: 50 % outage, later 0.5 % → 3 %',
    from: 700,
    scenario: {
      ...usual,
      baseline: outage(0.005, 0.5),
      canary: (at) => (at >= 700 ? 0.03 : outage(0.005, 0.5)(at)),
    },
  },
  ...[0.001, 0.005, 0.02].map((p) => ({
    name: `50/s: healthy at ${percent(p)}`,
    healthy: true,
    scenario: { ...usual, baseline: steady(p), canary: steady(p) },
  })),
  ...[0.08, 0.5].map((p) => ({
    name: `50/s: shared outage of ${percent(p)}, 6 min`,
    healthy: true,
    scenario: { ...usual, baseline: outage(0.005, p), canary: outage(0.005, p) },
  })),
  {
    name: '50/s: shared 50 % outage, read 0.25 s apart',
    healthy: true,
    scenario: { ...usual, skew: 0.25, baseline: outage(0.005, 0.5), canary: outage(0.005, 0.5) },
  },
  {
    name: '80/s, 5 to 50 %: shared outage of 50 %, 20 s',
    healthy: true,
    scenario: {
      ...rehearsal,
      seconds: 60,
      weight: (at) => (at < 20 ? 5 : at < 40 ? 25 : 50),
      baseline: (at) => (at >= 8 && at < 28 ? 0.5 : 0.005),
      canary: (at) => (at >= 8 && at < 28 ? 0.5 : 0.005),
    },
  },
  {
    name: '0.5/s: shared outage of 50 %, 6 min',
    healthy: true,
    scenario: { ...usual, rate: 0.5, baseline: outage(0.005, 0.5), canary: outage(0.005, 0.5) },
  },
  {
    name: '0.5/s: healthy at 2 %',
    healthy: true,
    scenario: { ...usual, rate: 0.5, baseline: steady(0.02), canary: steady(0.02) },
  },
  {
    name: '80/s, reads of 1 s: healthy at 2 %',
    healthy: true,
    scenario: { ...rehearsal, seconds: 1500, weight: usualSteps, baseline: steady(0.02), canary: steady(0.02) },
  },
]

const runs = Number(process.argv[2] ?? 200)
console.log(
  `always-valid judge, α = 0.01, m = 4 (errors, errors max 5 %, latency, missing requests), seeds 1 … ${runs}\n`,
)
console.log('| scenario | stopped | median s | p90 s | bad answers, median | extra failed, mean | held s, mean |')
console.log('|---|---|---|---|---|---|---|')
for (const cell of cells) {
  const ended = Array.from({ length: runs }, (_, index) => simulate(index + 1, cell.scenario))
  const stopped = ended.filter(({ stoppedAt }) => Number.isFinite(stoppedAt))
  const after = stopped.map(({ stoppedAt }) => stoppedAt - (cell.from ?? 0))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const row = [
    cell.name,
    `${((100 * stopped.length) / runs).toFixed(1)} %`,
    after.length === 0 ? '–' : quantile(after, 0.5),
    after.length === 0 ? '–' : quantile(after, 0.9),
    after.length === 0
      ? '–'
      : quantile(
          stopped.map(({ badAnswers }) => badAnswers),
          0.5,
        ),
    cell.healthy ? '–' : mean(ended.map(({ extra }) => extra)).toFixed(1),
    mean(ended.map(({ held }) => held)).toFixed(0),
  ]
  console.log(`| ${row.join(' | ')} |`)
}

function percent(p: number): string {
  return `${Number((p * 100).toPrecision(3))} %`
}
