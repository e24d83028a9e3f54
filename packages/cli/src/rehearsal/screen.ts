import type { Moment } from './moments.ts'
import { type Frame, frame, momentLine, statusLine } from './view.ts'

/** Where a rehearsal is shown: `tell` an event, `note` a line that stays, `stop` the view. */
export type Screen = { tell(moment: Moment): void; note(line: string): void; stop(): void }

/**
 * Shows the rehearsal while it runs: on a terminal a view that is drawn over itself four times a second, else a line for each
 * thing that happens and one every five seconds. `silent` shows nothing.
 */
export const openScreen = (
  { mode, began }: { readonly mode: 'live' | 'plain' | 'silent'; readonly began: number },
  current: () => Frame,
): Screen => {
  const out = process.stdout
  let drawn = 0
  let stopped = false
  const draw = (): void => {
    const lines = frame(current(), out.columns || 100)
    const up = drawn > 0 ? `\u001b[${drawn}A` : ''
    out.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[0J`)
    drawn = lines.length
  }
  const write = (line: string): void => {
    if (mode === 'silent') return
    if (drawn > 0) {
      out.write(`\u001b[${drawn}A\u001b[0J`)
      drawn = 0
    }
    out.write(`${line}\n`)
  }
  const timer =
    mode === 'silent'
      ? undefined
      : setInterval(() => (mode === 'live' ? draw() : write(statusLine(current()))), mode === 'live' ? 250 : 5_000)
  return {
    tell: (moment) => {
      if (stopped) return
      if (mode === 'plain') write(momentLine(moment, began))
      if (mode === 'live') draw()
    },
    note: write,
    stop: () => {
      clearInterval(timer)
      if (mode === 'live' && !stopped) draw()
      stopped = true
      drawn = 0
    },
  }
}
