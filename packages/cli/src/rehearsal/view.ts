import type { JobRow } from './board.ts'
import type { Claim } from './claims.ts'
import type { Look, Moment } from './moments.ts'
import type { Share } from './traffic.ts'

/** Everything one frame of the live view shows. Times in ms; `elapsed` since the rehearsal began. */
export type Frame = {
  readonly elapsed: number
  readonly stage: string
  readonly sent: number
  readonly perSecond: number
  readonly shares: ReadonlyMap<string, Share>
  readonly look: Look | undefined
  readonly moments: readonly Moment[]
  readonly began: number
  /** The jobs of the run that goes on. */
  readonly jobs: readonly JobRow[]
}

/** The live view's lines, each cut to `columns`. */
export const frame = (
  { elapsed, stage, sent, perSecond, shares, look, moments, began, jobs }: Frame,
  columns: number,
): readonly string[] => {
  const parts = [...shares].map(([release, { total, failed, slow }]) => {
    const extra = slow > 0 ? `, ${percent(slow, total)} slow` : ''
    return `${release || '(no answer)'} ${total} requests, ${percent(failed, total)} failed${extra}`
  })
  const lines = [
    '',
    `${clock(elapsed)}  ${stage}`,
    `  clients   ${sent} requests, ${perSecond.toFixed(0)}/s; last 5 s: ${parts.join(' · ') || 'none'}`,
    `  jobs      ${jobLine(jobs)}`,
    look === undefined ? '' : `  canary    ${bar(look.weight)} ${String(look.weight).padStart(3)} %  ${phase(look)}`,
    look?.evidence === undefined ? '' : `  evidence  ${evidence(look.evidence)}`,
    '',
    ...moments.slice(-6).map(({ at, text, detail }) => `  ${clock(at - began)}  ${text}${detail && `  ${detail}`}`),
  ]
  return lines.map((line) => (line.length > columns ? `${line.slice(0, Math.max(1, columns - 1))}…` : line))
}

/** The jobs of a run in one line: those that ended by a mark, the others by what they do. */
export const jobLine = (jobs: readonly JobRow[]): string =>
  jobs.map(({ path, state }) => `${MARKS[state]} ${path.split(' / ').slice(1).join(' / ') || path}`).join('  ') ||
  'none'

const MARKS: Readonly<Record<JobRow['state'], string>> = {
  queued: '○',
  waiting: '◔',
  running: '▶',
  success: '✓',
  failure: '✗',
  cancelled: '⊘',
  skipped: '–',
}

/** A moment as one line of plain output. */
export const momentLine = ({ at, text, detail }: Moment, began: number): string =>
  `${clock(at - began)}  ${text}${detail && `  ${detail}`}`

/** One line about where things are, for output that is no terminal. */
export const statusLine = (frameOf: Frame): string => {
  const { elapsed, stage, look, perSecond, jobs } = frameOf
  const where = look === undefined ? '' : `, canary ${look.weight} %, ${phase(look)}`
  const parts = [...frameOf.shares].map(([name, { total, failed }]) => `${name || '(none)'} ${failed}/${total}`)
  const against = look?.evidence === undefined ? '' : `, evidence ${evidence(look.evidence)}`
  const running = jobs.filter(({ state }) => state === 'running' || state === 'waiting').map(({ path }) => path)
  const job = running.length === 0 ? '' : ` (${running.join(', ')})`
  return `${clock(elapsed)}    … ${stage}${job}${where}${against}; ${perSecond.toFixed(0)} requests/s, failed in 5 s: ${parts.join(', ') || 'none'}`
}

/** The claims as a table of text: what was claimed, what was read back, and a mark that needs no colour. */
export const claimTable = (claims: readonly Claim[]): readonly string[] => {
  const widths = [
    Math.max(...claims.map(({ text }) => text.length), 0),
    Math.max(...claims.map(({ expected }) => expected.length), 0),
  ]
  return claims.map(
    ({ ok, text, expected, actual }) =>
      `  ${ok ? 'ok  ' : 'FAIL'}  ${text.padEnd(widths[0] ?? 0)}  ${ok ? actual : `${actual}  (expected: ${expected})`}`,
  )
}

/** `0:07.3` since the beginning. */
export const clock = (ms: number): string => {
  const tenths = Math.round(Math.max(0, ms) / 100)
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, '0')}`
}

const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`)

const bar = (weight: number): string => '█'.repeat(Math.round(weight / 5)).padEnd(20, '░')

const phase = ({ phase: name, step, reason }: Look): string =>
  `${name}${step === undefined ? '' : ` step ${step + 1}`}${reason && `: ${reason}`}`

const evidence = ({ value, limit }: { readonly value: number; readonly limit: number }): string =>
  `${value < 1000 ? value.toFixed(1) : value.toExponential(1)} of ${limit.toFixed(0)}`
