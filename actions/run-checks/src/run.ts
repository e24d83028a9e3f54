import { logged } from '@sluice/kit/log'
import type { Check } from './check.ts'
import { type CheckReport, duration, type Ended, resultOf, wordsFor } from './ended.ts'
import { hidden } from './environment.ts'
import { grown } from './tail.ts'
import { letThrough, type Passage } from './workflow-command.ts'

/** What the action needs of the world. */
export type Ports = {
  /**
   * Runs one command to its end, which comes soon after its time is up or the run is cancelled. Nothing of it runs on afterwards.
   * @param heard gets every line of its output
   */
  execute(check: Check, heard: (line: string) => void): Promise<Ended>
  /** A line for the log; the runner reads workflow commands in it. */
  say(line: string): void
  readonly clock: {
    monotonic(): number
    /** Ends early, without throwing, when the run is cancelled. */
    sleep(ms: number): Promise<void>
  }
  readonly cancelled: AbortSignal
  /** Texts that reports must not repeat. Grows by what the checks mask. */
  readonly secrets: Set<string>
}

const SILENCE_MS = 20_000

/** Runs the checks in order. One that fails does not stop the next, so that one run shows everything that is wrong; a cancelled run stops. */
export const run = async (checks: readonly Check[], ports: Ports): Promise<readonly CheckReport[]> => {
  const reports: CheckReport[] = []
  for (const check of checks) reports.push(ports.cancelled.aborted ? notRun(check) : await once(check, ports))
  return reports
}

const once = async (check: Check, ports: Ports): Promise<CheckReport> => {
  const { clock, say } = ports
  const begun = clock.monotonic()
  let tail: readonly string[] = []
  let passage: Passage = {}
  let saidAt = begun
  const heard = (text: string): void => {
    const { line, next, secret } = letThrough(text, passage)
    passage = next
    // The log is masked line by line, and so are the reports.
    for (const part of secret?.split(/\r?\n/) ?? []) if (part.trim() !== '') ports.secrets.add(part)
    tail = grown(tail, text)
    saidAt = clock.monotonic()
    say(line)
  }
  say(`::group::${logged(check.name)}`)
  for (const line of check.run.trim().split(/\r\n|\n|\r/)) say(logged(`$ ${line}`))
  say(logged(`in ${check.folder}, at most ${duration(check.timeoutMs)}`))
  let ended: Ended | undefined
  const work = ports.execute(check, heard).then((how) => {
    ended = how
    return how
  })
  while (ended === undefined) {
    await Promise.race([work, clock.sleep(SILENCE_MS)])
    // Once it is cancelled a sleep ends at once, and the end of the command is near.
    if (ports.cancelled.aborted) await work
    const now = clock.monotonic()
    if (ended === undefined && now - saidAt >= SILENCE_MS) {
      saidAt = now
      say(`… ${logged(check.name)}: still running, ${duration(now - begun)} of at most ${duration(check.timeoutMs)}`)
    }
  }
  const how = await work
  const report = reportOf(check, how, { tookMs: clock.monotonic() - begun, tail, secrets: ports.secrets })
  say('::endgroup::')
  say(
    `${report.result === 'passed' ? '✅' : '❌'} ${logged(`${check.name}: ${report.text}`)} (${duration(report.tookMs)})`,
  )
  return report
}

const reportOf = (
  { name, folder, timeoutMs }: Check,
  ended: Ended,
  seen: { readonly tookMs: number; readonly tail: readonly string[]; readonly secrets: ReadonlySet<string> },
): CheckReport => {
  const result = resultOf(ended)
  return {
    name,
    folder,
    result,
    tookMs: Math.round(seen.tookMs),
    ...(ended.kind === 'exited' ? { exitCode: ended.code } : {}),
    text: wordsFor(ended, timeoutMs),
    tail: result === 'passed' ? [] : seen.tail.map((line) => hidden(line, seen.secrets)),
  }
}

const notRun = ({ name, folder }: Check): CheckReport => ({
  name,
  folder,
  result: 'not-run',
  tookMs: 0,
  text: 'not run: cancelled before its turn',
  tail: [],
})
