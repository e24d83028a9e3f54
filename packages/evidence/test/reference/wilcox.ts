import { readFileSync } from 'node:fs'
import { join } from 'node:path'

type WilcoxRow =
  | {
      readonly kind: 'test'
      readonly name: string
      readonly confidence: number
      readonly w: number
      readonly sigma: number
      readonly p: number | null
      readonly ends: readonly [number, number] | readonly [null, null]
      readonly estimate: number | null
      readonly kayenta: number | null
      readonly fine: readonly [number, number, number] | readonly [null, null, null]
      readonly first: readonly number[]
      readonly second: readonly number[]
    }
  | {
      readonly kind: 'percentiles'
      readonly values: readonly number[]
      readonly percent: readonly number[]
      readonly is: readonly number[]
    }
  | {
      readonly kind: 'normal'
      readonly tails: readonly number[]
      readonly quantiles: readonly number[]
      readonly z: readonly number[]
      readonly upper: readonly number[]
    }

/** What R says of rank tests, percentiles and the normal distribution: `wilcox.jsonl`, made by `wilcox.R` beside it. */
export const wilcox: readonly WilcoxRow[] = readFileSync(join(import.meta.dirname, 'wilcox.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line): WilcoxRow => JSON.parse(line))
