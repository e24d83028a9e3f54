import { clock } from './numbers.ts'

/** A mark of an axis: where, and what is written there. */
export type Tick = { readonly value: number; readonly label: string }

/** A span of time that all charts of a page share, ms. */
export type Span = { readonly from: number; readonly until: number }

/** Marks of a time axis, UTC, on round times: at most `most`, with seconds only where they tell marks apart. */
export const timeTicks = ({ from, until }: Span, most: number): readonly Tick[] => {
  const step = TIME_STEPS.find((candidate) => (until - from) / candidate <= most) ?? (until - from) / most
  const first = Math.ceil(from / step) * step
  const count = Math.max(0, Math.floor((until - first) / step) + 1)
  return Array.from({ length: count }, (_, index) => {
    const value = first + index * step
    return { value, label: step < 60_000 ? clock(value) : clock(value).slice(0, 5) }
  })
}

/** Marks from 0 to `top` on 1, 2 or 5 times a power of ten, about `most` of them. `text` writes one. */
export const valueTicks = (top: number, most: number, text: (value: number) => string): readonly Tick[] => {
  const step = niceStep(top / most)
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, index) => {
    const value = Number((index * step).toPrecision(12))
    return { value, label: text(value) }
  })
}

const niceStep = (least: number): number => {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10)
}

const [S, M, H] = [1000, 60_000, 3_600_000]
const TIME_STEPS: readonly number[] = [
  S,
  2 * S,
  5 * S,
  10 * S,
  30 * S,
  M,
  2 * M,
  5 * M,
  10 * M,
  20 * M,
  30 * M,
  H,
  2 * H,
  6 * H,
  12 * H,
  24 * H,
]
