import type { Count } from '@sluice/evidence/count'
import { wilson } from '@sluice/evidence/interval'
import { percent } from './numbers.ts'

/** What a side's counts are taken for where its past is more uneven than chance: so many times fewer requests with the same share. */
export const weighed = ({ n, k }: Count, divisor = 1): Count => ({ n: n / divisor, k: k / divisor })

/** The 95 % interval of a share in words; `undefined` where nothing was counted. Display only, as `wilson` is. */
export const intervalText = (count: Count, divisor = 1): string | undefined => {
  if (count.n === 0) return undefined
  const { low, high } = wilson(weighed(count, divisor))
  return `${percent(low)} to ${percent(high)}`
}
