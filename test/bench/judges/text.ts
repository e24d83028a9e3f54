import type { Estimate } from './figures.ts'

/** `0.12 % (0.05 to 0.3 %)` */
export const shareText = ({ value, low, high }: Estimate): string =>
  `${digits(100 * value)} % (${digits(100 * low)} to ${digits(100 * high)} %)`

/** `8.7 (8.3 to 9.1)` */
export const estimateText = ({ value, low, high }: Estimate): string =>
  `${digits(value)} (${digits(low)} to ${digits(high)})`

/** As many digits as say something: two, and whole numbers from 10 on. */
export const digits = (value: number): string =>
  Math.abs(value) >= 9.95
    ? value.toFixed(0)
    : Math.abs(value) >= 0.95
      ? value.toFixed(1)
      : `${Number(value.toPrecision(2))}`
