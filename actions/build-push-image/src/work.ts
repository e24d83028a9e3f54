import type { Part, Seen, Timed } from './outcome.ts'

/** What the parts of the work leave behind for the report. */
export type Work = {
  timed<T>(what: Part, act: () => Promise<T>): Promise<T>
  note(...sentences: readonly string[]): void
  saw(more: Partial<Pick<Seen, 'builder' | 'progress' | 'attempts'>>): void
  seen(): Seen
}

/** The work before anything was done. */
export const begin = (clock: { monotonic(): number }): Work => {
  const times: Timed[] = []
  const notes: string[] = []
  let rest: Omit<Seen, 'times' | 'notes'> = { attempts: 0 }
  return {
    timed: async (what, act) => {
      const from = clock.monotonic()
      try {
        return await act()
      } finally {
        times.push({ what, ms: clock.monotonic() - from })
      }
    },
    note: (...sentences) => void notes.push(...sentences),
    saw: (more) => {
      rest = { ...rest, ...more }
    },
    seen: () => ({ ...rest, times, notes }),
  }
}
