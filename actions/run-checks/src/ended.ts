/** How a check's command ended. */
export type Ended =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'cancelled' }
  /** It could not begin: no such folder, no right to start it. */
  | { readonly kind: 'not-started'; readonly text: string }

/** What became of a check; `not-run`: the run was cancelled before its turn. */
export type CheckResult = 'passed' | 'failed' | 'timed-out' | 'cancelled' | 'not-started' | 'not-run'

/** One check as reports and summary tell it. */
export type CheckReport = {
  readonly name: string
  readonly folder: string
  readonly result: CheckResult
  readonly tookMs: number
  /** Of the command; absent when a signal ended it or it never ran. */
  readonly exitCode?: number
  /** How it ended, in words. */
  readonly text: string
  /** The last lines of its output; empty for one that passed. */
  readonly tail: readonly string[]
}

/** What an end means for the check. */
export const resultOf = (ended: Ended): CheckResult => {
  if (ended.kind === 'exited') return ended.code === 0 ? 'passed' : 'failed'
  return ended.kind === 'signalled' ? 'failed' : ended.kind
}

/** How it ended, in words: the exit code with what shells mean by it. */
export const wordsFor = (ended: Ended, timeoutMs: number): string => {
  switch (ended.kind) {
    case 'exited':
      return ended.code === 0 ? 'passed' : `exit code ${ended.code}${meaning(ended.code)}`
    case 'signalled':
      return `ended by ${ended.signal}${ended.signal === 'SIGKILL' ? OUT_OF_MEMORY : ''}`
    case 'timed-out':
      return `took longer than ${duration(timeoutMs)}; all its processes were ended`
    case 'cancelled':
      return 'cancelled; all its processes were ended'
    case 'not-started':
      return ended.text
  }
}

/** Milliseconds as people say them. */
export const duration = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1).replace(/\.0$/, '')} s`
  const seconds = Math.round(ms / 1000)
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

const OUT_OF_MEMORY = ' (the machine may have run out of memory)'

/** Source: https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html */
const meaning = (code: number): string => {
  if (code === 126) return ' (a command was found but may not be executed)'
  if (code === 127) return ' (a command was not found: is the tool set up in an earlier step?)'
  if (code === 137) return ` (killed${OUT_OF_MEMORY})`
  const signal = SIGNALS[code - 128]
  return signal === undefined ? '' : ` (${signal})`
}

const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
}
