import type { Step } from '@sluice/release/record'

/** A time as people say it: `10 min`, `1 h 30 min`, `20 s`. @param ms rounded to seconds, above two minutes to minutes */
export const lasting = (ms: number): string => {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `12 requests/s`, two digits; what is below one a second by the minute: `3 requests/min`. */
export const requestRate = (perSecond: number): string =>
  perSecond >= 1 || perSecond === 0 ? `${short(perSecond)} requests/s` : `${short(60 * perSecond)} requests/min`

/** What a step asks of the canary: `5 %`, or `a copy of 10 %`. */
export const stepShare = ({ weight, mirror = 0 }: Step): string =>
  mirror > 0 ? `a copy of ${mirror} %` : `${weight} %`

/** An increase, 0 … 1, in percentage points with two digits. */
export const points = (increase: number): string => `${short(100 * increase)} percentage points`

const short = (value: number): string => String(value >= 100 ? Math.round(value) : Number(value.toPrecision(2)))
