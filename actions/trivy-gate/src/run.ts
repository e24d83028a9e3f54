import { SAME_REPORT } from './baseline.ts'
import { readIgnoreFile } from './exceptions/ignore-file.ts'
import { readIgnoreYaml } from './exceptions/ignore-yaml.ts'
import { readOpenVexFiles } from './exceptions/openvex.ts'
import { readEpss, readKev } from './feeds.ts'
import type { Exception, Gate, Scan } from './found.ts'
import { readReport } from './read-report.ts'
import { type Ended, type Failure, failureOf, isMirrorFault } from './scanner.ts'
import { judge, type Settings, unusable } from './verdict.ts'
import { withoutStop } from './words.ts'

/** What is decided, and by which files. Paths are as they were given; ages are days, times ms. */
export type Plan = {
  /** What is looked at, for people. */
  readonly target: string
  /** A report that is there already; absent: there is a scan. */
  readonly report?: string
  /** What that report must be of; absent: whatever it is of. */
  readonly digest?: string
  /** Whether vulnerabilities are looked for, as far as anybody knows. */
  readonly vulnerabilities: boolean
  readonly policy: Omit<Settings, 'kev' | 'epss' | 'exceptions' | 'baseline' | 'problems'>
  /** Absent: those in the workspace, where they are there. */
  readonly ignoreFiles?: readonly string[]
  readonly vex: readonly string[]
  readonly kev?: string
  readonly epss?: string
  readonly feedMaxAge: number
  readonly baseline?: string
  readonly mirrors: readonly Mirror[]
  readonly timeoutMs: number
}

/** Where the two databases come from. */
export type Mirror = { readonly database: string; readonly java: string }

/** The few things that a gate needs of the world. */
export type Ports = {
  /**
   * A file that an input names, or that is looked for by itself, which a pull request could make a link to what nobody should see.
   * @throws Fault('input') where it cannot be read
   */
  read(input: string, path: string, named: 'named' | 'unnamed'): string
  isThere(path: string): boolean
  /** Makes the scanner ready. Only called where there is something to scan. */
  open(): Promise<Scanner>
  readonly clock: { now(): number; monotonic(): number }
  /** A line for the log. */
  say(line: string): void
}

/** The scanner, ready. */
export type Scanner = {
  scan(mirror: Mirror | undefined, timeoutMs: number): Promise<Ended>
  here(): { readonly database: boolean }
  /** Its report; `undefined` where it wrote none. */
  written(): string | undefined
  close(): void
}

/** What came of it. `scan` is empty where there is none; `scanned`: whether there is a report of the scanner's own. */
export type Gated = { readonly gate: Gate; readonly scan: Scan; readonly scanned: boolean }

/** Where exceptions are, unless the caller says otherwise. */
export const IGNORE_FILES = ['.trivyignore', '.trivyignore.yaml']

/**
 * Reads what the gate decides by, then scans, then decides. So that what is wrong with a file of exceptions, a feed or the baseline is told before minutes of scanning.
 * @throws Fault where a file that was named is not there, or the scanner cannot be had
 */
export const run = async (plan: Plan, ports: Ports): Promise<Gated> => {
  const base = plan.baseline === undefined ? undefined : ports.read('baseline', plan.baseline, 'named')
  const settings = settingsOf(plan, ports, base)
  if (settings.problems.length > 0) return without(plan, unusable(settings.problems))
  const text = plan.report === undefined ? await scanned(plan, ports) : ports.read('report', plan.report, 'named')
  if (typeof text !== 'string') return without(plan, failed(text))
  if (text === base) return without(plan, unusable([SAME_REPORT]))
  const read = readReport(text, plan.vulnerabilities)
  if ('problem' in read) {
    const next = plan.report === undefined ? 'Scan again' : 'Give a report that trivy --format json wrote'
    return without(plan, failed({ code: 'unreadable-report', text: withoutStop(read.problem), next }))
  }
  if (plan.digest !== undefined && !(read.scan.digests ?? []).includes(plan.digest))
    return without(plan, failed(otherImage(plan.digest, read.scan)))
  return { gate: judge(read.scan, settings, new Date(ports.clock.now())), scan: read.scan, scanned: true }
}

/** A report says nothing about an image that it is not of, however clean it is. */
const otherImage = (digest: string, { artifact, digests = [] }: Scan): Failure => ({
  code: 'other-image',
  text: `the report is of ${artifact.name}${digests.length === 0 ? ', without a digest' : ` (${digests.join(', ')})`}, not of ${digest}`,
  next: 'Give the report of this very image, or scan it',
})

const settingsOf = (plan: Plan, ports: Ports, base: string | undefined): Settings => {
  const problems: string[] = []
  const now = new Date(ports.clock.now())
  const named = plan.ignoreFiles === undefined ? 'unnamed' : 'named'
  const files = plan.ignoreFiles ?? IGNORE_FILES.filter((path) => ports.isThere(path))
  const exceptions: Exception[] = []
  for (const read of [
    ...files.map((path) => readerFor(path)(ports.read('ignore-file', path, named), path)),
    // Together, as what one document says a later statement of another may revoke.
    readOpenVexFiles(
      plan.vex.map((path) => ({ text: ports.read('vex', path, 'named'), where: path })),
      now,
    ),
  ]) {
    exceptions.push(...read.exceptions)
    problems.push(...read.problems)
  }
  const age = { now, maxDays: plan.feedMaxAge }
  const kev = plan.kev === undefined ? undefined : readKev(ports.read('kev', plan.kev, 'named'), age)
  const epss = plan.epss === undefined ? undefined : readEpss(ports.read('epss', plan.epss, 'named'), age)
  const baseline = base === undefined ? undefined : readReport(base)
  for (const read of [kev, epss]) if (read !== undefined && 'problem' in read) problems.push(read.problem)
  if (baseline !== undefined && 'problem' in baseline) problems.push(`baseline: ${baseline.problem}`)
  return {
    ...plan.policy,
    exceptions,
    problems,
    ...(kev !== undefined && 'kev' in kev ? { kev: kev.kev.ids } : {}),
    ...(epss !== undefined && 'epss' in epss ? { epss: epss.epss.scores } : {}),
    ...(baseline !== undefined && 'scan' in baseline ? { baseline: baseline.scan } : {}),
  }
}

const readerFor = (path: string): typeof readIgnoreFile => (/\.ya?ml$/i.test(path) ? readIgnoreYaml : readIgnoreFile)

/** Scans from one mirror after the other, within the time for all of them, and at last with the databases of today, should an earlier step have fetched them. */
const scanned = async (plan: Plan, ports: Ports): Promise<string | Failure> => {
  const begun = ports.clock.monotonic()
  const left = (): number => plan.timeoutMs - (ports.clock.monotonic() - begun)
  const scanner = await ports.open()
  try {
    let ended: Ended = { kind: 'timed-out', said: '' }
    for (const [index, mirror] of plan.mirrors.entries()) {
      if (left() <= 0) return failureOf({ ...ended, kind: 'timed-out' }, plan.timeoutMs)
      ended = await scanner.scan(mirror, left())
      const report = reportOf(ended, scanner)
      if (report !== undefined) return report
      if (!isMirrorFault(ended)) return failureOf(ended, plan.timeoutMs)
      const next = plan.mirrors[index + 1]
      ports.say(`${mirror.database} did not give its database${next === undefined ? '' : `, ${next.database} is next`}`)
    }
    if (scanner.here().database && left() > 0) {
      ports.say('no mirror gave a database: the one that was fetched earlier today is used')
      const again = await scanner.scan(undefined, left())
      return reportOf(again, scanner) ?? failureOf(again, plan.timeoutMs)
    }
    return failureOf(ended, plan.timeoutMs)
  } finally {
    scanner.close()
  }
}

/** A scan that was cut short may leave a report that says less than was there. */
const reportOf = (ended: Ended, scanner: Scanner): string | undefined =>
  ended.kind === 'exited' && ended.code === 0 ? scanner.written() : undefined

const failed = ({ code, text, next }: Failure): Gate => ({ ...unusable([]), reason: { code, text, next } })

const without = (plan: Plan, gate: Gate): Gated => ({
  gate,
  scan: { artifact: { name: plan.target, type: 'unknown' }, targets: 0, found: [] },
  scanned: false,
})
