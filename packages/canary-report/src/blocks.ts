import { add, type Count, type Pair, zero } from '@sluice/evidence/count'
import type { CountedSeries } from '@sluice/evidence/series'
import { weighed } from './interval.ts'

/** Neighbouring intervals of one weight, counted together so that a curve can be read. Times in ms. `weighed`: what the counts are taken for. */
export type Block = {
  readonly from: number
  readonly until: number
  readonly weight: number
  readonly baseline: Count
  readonly canary: Count
  readonly weighed: Pair
}

/**
 * The intervals of a metric in at most about `most` blocks (each change of weight or step begins one more). A block takes in more where the canary has
 * answered fewer than 300 requests, up to six times its share of the time: of fewer an interval says next to nothing. What is left over before a change
 * belongs to the block before it.
 */
export const blocksOf = (series: CountedSeries, most: number): readonly Block[] => {
  const times = timesOf(series)
  const wanted = ((times.at(-1)?.until ?? 0) - (times[0]?.from ?? 0)) / most
  return stretches(series).flatMap((stretch) => {
    const blocks: Block[] = []
    for (const index of stretch) {
      const next = blockOf(series, index, times[index])
      const open = blocks.at(-1)
      if (open === undefined || isFull(open, wanted, next.until)) blocks.push(next)
      else blocks[blocks.length - 1] = joined(open, next)
    }
    const [before, last] = [blocks.at(-2), blocks.at(-1)]
    const short = last !== undefined && last.until - last.from < wanted / 2
    return before !== undefined && last !== undefined && (short || isThin(last))
      ? [...blocks.slice(0, -2), joined(before, last)]
      : blocks
  })
}

/** The indices of neighbouring intervals of one weight and step. */
const stretches = ({ samples }: CountedSeries): readonly (readonly number[])[] => {
  const found: number[][] = []
  samples.forEach(({ weight, step }, index) => {
    const before = samples[index - 1]
    if (before !== undefined && before.weight === weight && before.step === step) found.at(-1)?.push(index)
    else found.push([index])
  })
  return found
}

const blockOf = (
  { samples, baseline, canary }: CountedSeries,
  index: number,
  time: { readonly from: number; readonly until: number } = { from: 0, until: 0 },
): Block => {
  const counted = { baseline: baseline[index] ?? zero, canary: canary[index] ?? zero }
  const { weight = 0, dispersion } = samples[index] ?? {}
  return {
    ...time,
    ...counted,
    weight,
    weighed: {
      baseline: weighed(counted.baseline, dispersion?.baseline),
      canary: weighed(counted.canary, dispersion?.canary),
    },
  }
}

const joined = (one: Block, next: Block): Block => ({
  ...one,
  ...sum(one, next),
  until: next.until,
  weighed: sum(one.weighed, next.weighed),
})

const sum = (one: Pair, next: Pair): Pair => ({
  baseline: add(one.baseline, next.baseline),
  canary: add(one.canary, next.canary),
})

const isFull = (block: Block, wanted: number, next: number): boolean => {
  const exceeds = (length: number) => next - block.from > length * (1 + 1e-9)
  return exceeds(wanted) && (!isThin(block) || exceeds(6 * wanted))
}

const isThin = ({ weight, canary }: Block): boolean => weight > 0 && canary.n < ENOUGH

const ENOUGH = 300

/** When each interval began and ended, ms: it begins where the one before it ended, the first as long before as the next is long. */
export const timesOf = ({
  samples,
}: Pick<CountedSeries, 'samples'>): readonly { readonly from: number; readonly until: number }[] => {
  const ends = samples.map(({ at }) => Date.parse(at))
  const [first = 0, second = first] = ends
  return ends.map((until, index) => ({ from: ends[index - 1] ?? until - (second - first), until }))
}
