import { setTimeout as pause } from 'node:timers/promises'
import type { Clients } from '../../cluster/clients.ts'
import type { Watched } from './measured.ts'

/** What clients are answered and what the route says, as it goes on. Both are late by at most one look: 50 ms for answers, 100 ms and a read for weights. */
export type Watching = Pick<Watched, 'answers' | 'weights'> & { stop(): Promise<void> }

/** Looks at both until it is stopped. A read of the route that fails is tried again with the next look. */
export const watch = (clients: Clients, weight: () => Promise<number>): Watching => {
  const answers: { at: number; answer: string; count: number }[] = []
  const weights: { at: number; weight: number }[] = []
  let over = false
  const count = (): void => {
    const at = Date.now()
    for (const [answer, count] of Object.entries(clients.take())) answers.push({ at, answer, count })
  }
  const counting = setInterval(count, 50)
  const read = async (): Promise<void> => {
    while (!over) {
      const now = await weight().catch(() => undefined)
      if (now !== undefined && now !== weights.at(-1)?.weight) weights.push({ at: Date.now(), weight: now })
      await pause(100)
    }
  }
  const reading = read()
  return {
    answers,
    weights,
    stop: async () => {
      over = true
      await reading
      clearInterval(counting)
      count()
    },
  }
}
