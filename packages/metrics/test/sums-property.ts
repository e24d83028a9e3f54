import type fastCheck from 'fast-check'
import { expect } from 'vitest'
import type { MetricSource } from '../src/pods.ts'
import type { Side } from '../src/reading.ts'

/** One run: a source with the clock it reads, and the way to put requests into the server it asks. */
export type Run = {
  readonly clock: { at: number }
  readonly source: MetricSource
  readonly start: number
  readonly hold: (side: Side, role: 'total' | 'bad', at: number, count: number) => void | Promise<void>
}

const SIDES = ['baseline', 'canary'] as const

/**
 * For requests at any second of ten minutes, and looks at any moments of twenty: the buckets of a side follow one another without a gap, each is
 * given once and only after its delay, and together they sum to what the server holds up to the last one.
 */
export const heldToItsWord = async (fc: typeof fastCheck, begin: () => Promise<Run>, numRuns = 25): Promise<void> => {
  const request = fc.record({
    side: fc.constantFrom(...SIDES),
    second: fc.integer({ min: 0, max: 599 }),
    count: fc.integer({ min: 1, max: 50 }),
    bad: fc.boolean(),
  })
  const looks = fc.array(fc.integer({ min: 0, max: 1200 }), { minLength: 1, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 25 }), looks, async (requests, moments) => {
      const { clock, source, start, hold } = await begin()
      for (const { side, second, count, bad } of requests) {
        await hold(side, 'total', start + second * 1000, count)
        if (bad) await hold(side, 'bad', start + second * 1000, count)
      }
      const given: { side: Side; from: number; to: number; total: number; bad: number }[] = []
      for (const moment of [...moments.sort((a, b) => a - b), 1500]) {
        clock.at = start + moment * 1000
        const scrape = await source.read(start)
        if (scrape.kind !== 'buckets') expect(scrape.kind).toBe('empty')
        else {
          for (const bucket of scrape.buckets) expect(bucket.to).toBeLessThanOrEqual(clock.at - 60_000)
          given.push(...scrape.buckets)
        }
      }
      const last = Math.max(...requests.map(({ second }) => second))
      for (const side of SIDES) {
        const own = given.filter((bucket) => bucket.side === side)
        expect(own.map(({ from }) => from)).toEqual(own.map((_, index) => start + index * 60_000))
        expect(own.every(({ from, to }) => to - from === 60_000)).toBe(true)
        expect(own.length).toBe(Math.floor(last / 60) + 1)
        const sent = requests.filter((request) => request.side === side)
        const sum = (of: readonly { readonly count: number }[]): number => of.reduce((all, { count }) => all + count, 0)
        expect(own.reduce((all, { total }) => all + total, 0)).toBe(sum(sent))
        expect(own.reduce((all, { bad }) => all + bad, 0)).toBe(sum(sent.filter(({ bad }) => bad)))
      }
    }),
    { numRuns },
  )
}
