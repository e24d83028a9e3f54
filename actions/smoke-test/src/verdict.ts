import type { SeriesReport } from './series.ts'

/** A gate's words. */
export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'nothing-to-check' | 'error'
/** `code` is stable API; `text` says what happened, `next` what to do. */
export type Reason = { readonly code: string; readonly text: string; readonly next: string }

/** Why the rounds ended. */
export type End = 'passed' | 'retries' | 'deadline' | 'cancelled' | 'told-to-wait'

/** How the rounds of checks ended. */
export type Rounds = {
  readonly end: End
  readonly series: readonly SeriesReport[]
  readonly rounds: number
  /** Passing rounds in a row at the end, and how many were asked for. */
  readonly streak: number
  readonly consecutive: number
  readonly tookMs: number
}

/**
 * What the rounds prove. A service that could not be connected to is an `error` (nothing is known about the release); an answer that is
 * wrong or never came is a `fail`; too few passes in a row without a failure at the end are `inconclusive`.
 */
export const decide = (rounds: Rounds): { readonly verdict: Verdict; readonly reason: Reason } => {
  const { series, end } = rounds
  if (series.length === 0) return { verdict: 'nothing-to-check', reason: NOTHING }
  const count = `${series.length} ${series.length === 1 ? 'check' : 'checks'}`
  const spent = `in ${rounds.rounds} ${rounds.rounds === 1 ? 'round' : 'rounds'} and ${seconds(rounds.tookMs)}`
  if (end === 'passed') {
    const times = rounds.consecutive === 1 ? '' : ` ${rounds.consecutive} times in a row`
    return {
      verdict: 'pass',
      reason: { code: 'passed', text: `${count} passed${times}, ${spent}`, next: 'Nothing to do.' },
    }
  }
  if (end === 'cancelled') {
    return {
      verdict: 'error',
      reason: { code: 'cancelled', text: `Cancelled ${spent}: no verdict`, next: 'Run it again.' },
    }
  }
  const failed = series.filter(({ result }) => result !== 'passed' && result !== 'not-tried')
  const worst = CAUSES.find(({ code }) => failed.some(({ result }) => result === code))
  if (worst !== undefined) {
    const named = failed.filter(({ result }) => result === worst.code)
    const first = named[0]
    const text = `${failed.length} of ${count} failed: ${first?.name}: ${first?.problems[0] ?? worst.code}. Tried ${spent}, until ${WHY[end]}`
    return { verdict: worst.verdict, reason: { code: worst.code, text, next: worst.next } }
  }
  const text = `${rounds.streak} of ${rounds.consecutive} passes in a row ${spent}, when ${WHY[end]}`
  return {
    verdict: 'inconclusive',
    reason: {
      code: 'too-few-passes',
      text,
      next: 'Give it a longer deadline, a shorter interval or fewer consecutive passes.',
    },
  }
}

/** Milliseconds as people say them. */
export const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)

const NOTHING: Reason = {
  code: 'nothing-to-check',
  text: 'The list of checks is empty, so nothing was proven',
  next: 'Add a check, or say on-nothing-to-check: pass if that is meant.',
}

const WHY: Readonly<Record<End, string>> = {
  passed: 'they passed',
  retries: 'the retries were used up',
  deadline: 'the deadline ended',
  cancelled: 'it was cancelled',
  'told-to-wait': 'Retry-After asked for more time than the deadline leaves',
}

const CAUSES = [
  {
    code: 'wrong-image',
    verdict: 'fail',
    next: 'Another image serves than the one that was released: look at the rollout of the Deployment behind the service.',
  },
  {
    code: 'wrong-answer',
    verdict: 'fail',
    next: 'The service answers, but not as the checks expect: compare the answers below with the checks, and look at its logs.',
  },
  {
    code: 'no-answer',
    verdict: 'fail',
    next: 'The service takes connections but does not answer in time: look at its logs and load, or raise timeout.',
  },
  {
    code: 'unreachable',
    verdict: 'error',
    next: 'No connection was made, so nothing is known about the release: check address, DNS, port, TLS and network rules between the runner and the service.',
  },
] as const satisfies readonly { code: string; verdict: Verdict; next: string }[]
