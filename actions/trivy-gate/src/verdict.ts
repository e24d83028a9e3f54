import { baselineNotes, baselineProblem, fixSinceOf, newOnes, newsOf } from './baseline.ts'
import { useExceptions } from './exceptions/ledger.ts'
import type { Entry } from './exceptions/match.ts'
import type { Doubt, Found, Gate, Judged, Scan, Severity } from './found.ts'
import { SEVERITIES } from './found.ts'
import { type Policy, type Stand, stand } from './policy.ts'
import { clip, withoutStop } from './words.ts'

/** Everything that a gate decides by. */
export type Settings = Policy & {
  readonly reportSeverity: ReadonlySet<Severity>
  readonly exceptions: readonly Entry[]
  /** Exceptions must say a reason and an expiry; those that end within so many days are told. */
  readonly strict: boolean
  readonly expiringWithinDays: number
  /** The scan of the state before the change: only what is new beside it fails. */
  readonly baseline?: Scan | undefined
  /** Sentences on what could not be read (a feed, the baseline, an ignore file): with one of them the verdict is `error`. */
  readonly problems: readonly string[]
}

/**
 * What a scan is worth. In this order: what could not be read is an `error`; one finding that fails makes it `fail`; where anything could fail, what nobody could judge (a severity, a
 * part of the report, the operating system) makes it `inconclusive`; without results there is `nothing-to-check`; else it is a `pass`.
 */
export const judge = (scan: Scan, settings: Settings, now: Date): Gate => {
  const { baseline, exceptions, strict, expiringWithinDays } = settings
  const unlike = baseline === undefined ? undefined : baselineProblem(scan, baseline)
  const problems = unlike === undefined ? settings.problems : [...settings.problems, unlike]
  if (problems.length > 0) return unusable(problems)
  const { uses, excusedBy } = useExceptions(scan.found, exceptions, {
    strict,
    now,
    expiringWithinDays,
    artifact: scan.artifact,
  })
  const fixSince = fixSinceOf(baseline)
  const stands = scan.found.map((found) => stand(found, settings, now, fixSince))
  const judged = besideBaseline(alone(scan.found, stands, excusedBy), scan, baseline)
  const failing = judged.filter(({ state }) => state === 'fails')
  const order = rank(settings.epss !== undefined)
  const worst = [...failing].sort(order)
  return {
    ...outcome(scan, { judged, worst, failOn: settings.failOn, beside: baseline !== undefined }),
    judged,
    shown: judged
      .filter(({ found, state }) => state === 'fails' || settings.reportSeverity.has(found.severity))
      .sort(order),
    exceptions: uses,
    notes: [
      ...(scan.notes ?? []),
      ...(scan.doubts ?? []).map(({ text }) => capital(text)),
      ...policyNotes(judged, stands, settings),
      ...(baseline === undefined ? [] : baselineNotes(scan, baseline)),
    ],
  }
}

/** The gate where nothing can be judged, since something that it needs could not be read. */
export const unusable = (problems: readonly string[]): Gate => ({
  verdict: 'error',
  reason: {
    code: 'unusable',
    text: problems.map(withoutStop).join('; '),
    next: 'Nothing was judged: mend that and run it again.',
  },
  judged: [],
  shown: [],
  exceptions: [],
  notes: [],
})

const alone = (
  found: readonly Found[],
  stands: readonly Stand[],
  excusedBy: readonly (number | undefined)[],
): readonly Judged[] =>
  found.map((one, index): Judged => {
    const { undated: _, ...own } = stands[index] ?? { state: 'fails' as const }
    const exception = excusedBy[index]
    if (exception === undefined) return { found: one, ...own }
    const { until: _until, ...rest } = own
    return { found: one, ...rest, state: 'excepted', exception }
  })

const besideBaseline = (judged: readonly Judged[], scan: Scan, baseline: Scan | undefined): readonly Judged[] => {
  if (baseline === undefined) return judged
  const fresh = newOnes(
    judged.map(({ found, state, until }) => {
      const fails = state === 'fails'
      return { found, fails, anyhow: fails && until !== undefined }
    }),
    scan.artifact,
    baseline,
  )
  const newsFor = newsOf(scan, baseline)
  return judged.map((one, index) => {
    if (one.state !== 'fails') return one
    // Its grace from the fix has ended: the baseline is what that began with, and excuses it no longer.
    if (!fresh.has(index)) return one.until === undefined ? { ...one, state: 'known' } : one
    const { until: _, ...rest } = one
    const news = newsFor(one.found)
    return news === undefined ? rest : { ...rest, news }
  })
}

/** Worst first: by severity, then what is known to be exploited, then by EPSS (where it is asked, and none counts as 1), by CVSS, and by name so that the order is always the same. */
const rank =
  (byEpss: boolean) =>
  (a: Judged, b: Judged): number =>
    SEVERITIES.indexOf(b.found.severity) - SEVERITIES.indexOf(a.found.severity) ||
    Number(b.exploited === true) - Number(a.exploited === true) ||
    (byEpss ? (b.epss ?? 1) - (a.epss ?? 1) : 0) ||
    (b.found.score ?? 0) - (a.found.score ?? 0) ||
    compare(a.found.id, b.found.id) ||
    compare(a.found.package?.name ?? '', b.found.package?.name ?? '') ||
    compare(a.found.target, b.found.target)

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

type Outcome = {
  readonly judged: readonly Judged[]
  /** Those that fail, worst first. */
  readonly worst: readonly Judged[]
  readonly failOn: ReadonlySet<Severity>
  readonly beside: boolean
}

const outcome = (scan: Scan, { judged, worst, failOn, beside }: Outcome): Pick<Gate, 'verdict' | 'reason'> => {
  if (worst.length > 0) return { verdict: 'fail', reason: failure(worst, beside) }
  // What nobody could judge hides nothing that fails where nothing can fail.
  const doubts = failOn.size === 0 ? [] : (scan.doubts ?? [])
  const [first] = doubts
  if (first !== undefined) {
    const next = [...new Set(doubts.map(({ code }) => MEND[code]))].join(' ')
    const told = doubts.map(({ text }) => text).join('; ')
    return {
      verdict: 'inconclusive',
      reason: { code: first.code, text: `Nothing fails that is understood, but ${told}`, next },
    }
  }
  if (scan.targets === 0) return { verdict: 'nothing-to-check', reason: NOTHING }
  return { verdict: 'pass', reason: { code: 'passed', text: passed(scan, judged, failOn), next: soon(judged) } }
}

const MEND: Readonly<Record<Doubt['code'], string>> = {
  'unknown-severity': 'Use a release of this action that knows the severity, or add UNKNOWN to fail-on.',
  'unknown-content':
    'Use a release of this action that knows it, and a report as trivy --format json writes it, unchanged.',
  'system-not-scanned':
    'Look for the system in what Trivy said: where it does not know it, scan by other means; else scan for vulnerabilities and leave os in --pkg-types.',
}

const NOTHING: Gate['reason'] = {
  code: 'nothing-to-check',
  text: 'Nothing was scanned: the report has no results',
  next: 'Look whether the scan was of the right path or image. Trivy also writes no results where it looked for nothing but secrets or licences and found none; say on-nothing-to-check: pass if that is meant.',
}

const failure = (worst: readonly Judged[], beside: boolean): Gate['reason'] => {
  const [is, fail] = worst.length === 1 ? ['finding', 'fails'] : ['findings', 'fail']
  const named = worst.slice(0, 3).map(described).join('; ')
  const more = worst.length > 3 ? `; and ${worst.length - 3} more` : ''
  return {
    code: 'failing-findings',
    text: `${worst.length} ${beside && worst.every(({ until }) => until === undefined) ? 'new ' : ''}${is} ${fail} (${bySeverity(worst)}): ${named}${more}`,
    next: advice(worst),
  }
}

const bySeverity = (judged: readonly Judged[]): string =>
  [...SEVERITIES]
    .reverse()
    .flatMap((severity) => {
      const count = judged.filter(({ found }) => found.severity === severity).length
      return count === 0 ? [] : [`${count} ${severity}`]
    })
    .join(', ')

const described = ({ found, state, exploited, news, until }: Judged): string => {
  const told = [
    ...(found.kind === 'vulnerability' ? [fixText(found)] : []),
    ...(exploited === true ? ['known to be exploited'] : []),
    ...(news === undefined ? [] : [news === 'added' ? 'added by this change' : 'newly disclosed']),
    ...(state === 'fails' && until !== undefined ? [`grace ended on ${until}`] : []),
  ]
  const end = told.length === 0 ? '' : ` (${told.join(', ')})`
  return `${short(found.id)}${placeText(found)}${end}`
}

const fixText = ({ package: of }: Found): string => (of?.fixed === undefined ? 'no fix' : `fixed in ${short(of.fixed)}`)

const placeText = (found: Found): string => {
  if (found.kind === 'end-of-life') return `, ${short(found.title)}`
  if (found.package !== undefined) return ` in ${short(`${found.package.name} ${found.package.version}`)}`
  return ` in ${short(found.target)}${found.lines === undefined ? '' : `:${found.lines.from}`}`
}

/** Text of a report in a sentence: on one line, without control characters, and no longer than a line. */
const short = (text: string): string => clip(text, 100)

const advice = (worst: readonly Judged[]): string => {
  const of = (kind: Found['kind']): readonly Found[] =>
    worst.flatMap(({ found }) => (found.kind === kind ? [found] : []))
  const fixable = of('vulnerability').filter(({ package: one }) => one?.fixed !== undefined)
  const first = fixable[0]?.package
  const others = new Set(fixable.map(({ package: one }) => one?.name)).size - 1
  return [
    ...(of('secret').length > 0 ? ['Revoke the secret first, then take it out, also of the history or layer.'] : []),
    ...(first === undefined
      ? []
      : [
          `Update ${short(first.name)} to ${short(first.fixed ?? '')}${others > 0 ? `, and ${others} more ${others === 1 ? 'package' : 'packages'} that have a fix` : ''}.`,
        ]),
    ...(of('end-of-life').length > 0 ? ['Move to a release of the operating system that is still maintained.'] : []),
    ...(of('misconfiguration').length > 0 ? ['Correct the configuration as the check says.'] : []),
    ...(of('license').length > 0 ? ['Replace what has a licence that is not allowed.'] : []),
    ...(of('vulnerability').length > fixable.length ? ['What has no fix can only be replaced or left out.'] : []),
    'What is accepted for a time belongs in an ignore file, with a reason and an expiry.',
  ].join(' ')
}

const passed = (scan: Scan, judged: readonly Judged[], failOn: ReadonlySet<Severity>): string => {
  const looked = `${scan.targets} ${scan.targets === 1 ? 'result' : 'results'}`
  if (judged.length === 0) return `Nothing was found in ${looked}`
  const severities = [...SEVERITIES].reverse().filter((severity) => failOn.has(severity))
  const counts = STATES.flatMap(([state, words]) => {
    const count = judged.filter((one) => one.state === state).length
    return count === 0 ? [] : [`${count} ${words}`]
  })
  return `None of ${judged.length} findings in ${looked} fails (fail-on: ${severities.join(', ') || 'nothing'}): ${counts.join(', ')}`
}

const STATES = [
  ['below', 'of no severity or probability that fails'],
  ['unfixed', 'without a fix'],
  ['in-grace', 'within grace'],
  ['excepted', 'excepted'],
  ['known', 'in the baseline already'],
] as const

const soon = (judged: readonly Judged[]): string => {
  const waiting = judged.filter(({ state }) => state === 'in-grace')
  const [first] = [...waiting].sort((a, b) => compare(a.until ?? '', b.until ?? '') || compare(a.found.id, b.found.id))
  if (first?.until === undefined) return 'Nothing to do.'
  return `Grace ends first on ${first.until}, for ${described(first)}: mend it before.`
}

const policyNotes = (judged: readonly Judged[], stands: readonly Stand[], policy: Policy): readonly string[] => {
  const undated = judged.filter(({ state }, index) => state === 'fails' && stands[index]?.undated === true).length
  const since = policy.grace.from === 'published' ? 'when it was published' : 'when its fix appeared'
  const exploited = judged.filter((one) => one.exploited === true && one.state !== 'fails')
  const asked = [...(policy.kev === undefined ? [] : ['KEV']), ...(policy.epss === undefined ? [] : ['EPSS'])]
  const unnamed = judged.filter(({ found }) => found.kind === 'vulnerability' && !found.id.startsWith('CVE-')).length
  const left = leftOut(policy.failOn)
  return [
    ...(undated > 0
      ? [`${counted(undated)} of a severity with grace ${undated === 1 ? 'has' : 'have'} none: nothing says ${since}`]
      : []),
    ...(exploited.length > 0
      ? [
          `Known to be exploited, and yet let through: ${exploited
            .slice(0, 5)
            .map((one) => `${described(one)}: ${WHY[one.state]}`)
            .join('; ')}${exploited.length > 5 ? `; and ${exploited.length - 5} more` : ''}`,
        ]
      : []),
    ...(asked.length > 0 && unnamed > 0
      ? [
          `${counted(unnamed)} ${unnamed === 1 ? 'has' : 'have'} no CVE, by which alone ${asked.join(' and ')} can be asked`,
        ]
      : []),
    ...(left.length > 0 ? [`fail-on leaves out ${left.join(', ')}, worse than others that it names`] : []),
  ]
}

const WHY: Readonly<Record<Judged['state'], string>> = {
  fails: 'it fails',
  below: 'of no severity that fails',
  unfixed: 'there is no fix',
  'in-grace': 'within grace',
  excepted: 'an exception excuses it',
  known: 'in the baseline already',
}

const counted = (count: number): string => (count === 1 ? '1 vulnerability' : `${count} vulnerabilities`)

const leftOut = (failOn: ReadonlySet<Severity>): readonly Severity[] => {
  const lowest = SEVERITIES.findIndex((severity) => failOn.has(severity))
  return lowest < 0 ? [] : SEVERITIES.slice(lowest).filter((severity) => !failOn.has(severity))
}

const capital = (clause: string): string => clause.charAt(0).toUpperCase() + clause.slice(1)
