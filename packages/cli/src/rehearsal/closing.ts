import { cpus, totalmem, type } from 'node:os'
import { join } from 'node:path'
import type { RehearseOptions } from '../arguments.ts'
import type { Claim } from './claims.ts'
import type { JobFacts } from './facts.ts'
import { type Figures, figureRows } from './figures.ts'
import type { Rehearsed } from './release.ts'
import { claimTable } from './view.ts'

/** What a rehearsal closes with. `report` is the path of the HTML page, `advice` a caller to add, empty for none. */
export type Closing = {
  readonly claims: readonly Claim[]
  readonly figures: Figures
  readonly report: string
  readonly advice: string
}

/** The last lines of a rehearsal: each release's claims, the numbers, and whether it passed. */
export const closing = (
  done: readonly Rehearsed[],
  { claims, figures, report, advice }: Closing,
): readonly string[] => [
  '',
  'The first release:',
  ...claimTable(claims.filter(({ release }) => release === 'first')),
  ...done.flatMap(({ facts }) => [
    '',
    `The ${facts.name} release (${facts.label}, ${facts.fault === 'none' ? 'nothing wrong with it' : facts.fault}):`,
    ...[facts.run, ...(facts.reap === undefined ? [] : [facts.reap])].flatMap((run) => [
      `  run ${run.id} of ${run.file}: ${run.conclusion}`,
      ...run.jobs.filter(({ conclusion }) => conclusion !== 'skipped').map(jobLine),
    ]),
    ...claimTable(claims.filter(({ release }) => release === facts.name)),
  ]),
  '',
  ...figureRows(figures).map(([name, value]) => `  ${name}: ${value}`),
  '',
  claims.every(({ ok }) => ok)
    ? `Passed: all ${claims.length} claims hold, read back from the cluster and from the clients.`
    : `FAILED: ${claims.filter(({ ok }) => !ok).length} of ${claims.length} claims do not hold. Logs of the jobs: ${join(report, '../logs')}`,
  ...(advice === ''
    ? []
    : [
        '',
        'To deliver so, add .github/workflows/deliver.yml:',
        '',
        ...advice
          .trimEnd()
          .split('\n')
          .map((line) => `  ${line}`),
        '',
      ]),
  `Report: ${report}`,
]

const jobLine = ({ path, conclusion, verdict, reasonCode, seconds }: JobFacts): string =>
  `    ${path.padEnd(32)} ${conclusion.padEnd(9)} ${`${seconds.toFixed(1)} s`.padStart(7)}  ${[verdict, reasonCode].filter((word) => word !== '').join(', ')}`.trimEnd()

/** What the second release is, for a title. */
export const faultTitle = ({ fault, act }: RehearseOptions): string => {
  const what = {
    errors: 'one that fails 20 % of its requests',
    latency: 'a slow one',
    crash: 'one that crashes',
    hang: 'one that hangs',
    'never-ready': 'one that is never ready',
    outage: 'one that meets an outage',
    none: 'another good one',
  }
  const acts = {
    none: '',
    cancel: ', whose run is cancelled',
    'kill-once': ', whose runner dies',
    'kill-twice': ', whose runner dies, and the one that recovers',
    refuse: ', which the reviewer refuses',
  }
  return `${what[fault]}${acts[act]}`
}

/** The machine that the numbers were measured on, in one line. */
export const machineName = (): string => {
  const [cpu, ...more] = cpus()
  return `${more.length + 1} × ${cpu?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()}, Node ${process.versions.node}`
}
