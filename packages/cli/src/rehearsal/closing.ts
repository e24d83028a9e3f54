import { cpus, totalmem, type } from 'node:os'
import { join } from 'node:path'
import type { RehearseOptions } from '../arguments.ts'
import type { Claim } from './claims.ts'
import { type Figures, figureRows } from './figures.ts'
import type { Rehearsed } from './release.ts'
import { claimTable } from './view.ts'

/** The last lines of a rehearsal: each release's claims, the numbers, and whether it passed. `report` is the path of the HTML page. */
export const closing = (
  done: readonly Rehearsed[],
  claims: readonly Claim[],
  figures: Figures,
  report: string,
): readonly string[] => [
  ...done.flatMap(({ facts }) => [
    '',
    `The ${facts.name} release (${facts.label}, ${facts.fault === 'none' ? 'nothing wrong with it' : facts.fault}):`,
    ...claimTable(claims.filter(({ release }) => release === facts.name)),
  ]),
  '',
  ...figureRows(figures).map(([name, value]) => `  ${name}: ${value}`),
  '',
  claims.every(({ ok }) => ok)
    ? `Passed: all ${claims.length} claims hold, read back from the cluster and from the clients.`
    : `FAILED: ${claims.filter(({ ok }) => !ok).length} of ${claims.length} claims do not hold. Logs of the actions: ${join(report, '../logs')}`,
  `Report: ${report}`,
]

/** What the second release is, for a title. */
export const faultTitle = ({ fault, kill }: RehearseOptions): string => {
  const what = {
    errors: 'one that fails 20 % of its requests',
    latency: 'a slow one',
    crash: 'one that crashes',
    hang: 'one that hangs',
    'never-ready': 'one that is never ready',
    outage: 'one that meets an outage',
    none: 'another good one',
  }
  return `${what[fault]}${kill ? ', and a runner that dies' : ''}`
}

/** The machine that the numbers were measured on, in one line. */
export const machineName = (): string => {
  const [cpu, ...more] = cpus()
  return `${more.length + 1} × ${cpu?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()}, Node ${process.versions.node}`
}
