/** A share 0 … 1 as people read it: three digits, `0.531 %`. */
export const percent = (share: number): string => `${Number((share * 100).toPrecision(3))}\u00a0%`

/** A tolerated increase, absolute 0 … 1, in percentage points: `+0.11 points`. */
export const points = (increase: number): string => `+${Number((increase * 100).toPrecision(3))} points`

/** A number of requests, in groups of three digits; weighted counts have one decimal. */
export const requests = (n: number): string => grouped(String(Math.round(n * 10) / 10))

/** A value in a unit of its own: four digits. */
export const value = (number: number): string => grouped(String(Number(number.toPrecision(4))))

/** `k of n (share)`; in words where nothing was counted. */
export const counted = ({ n, k }: { readonly n: number; readonly k: number }): string =>
  n > 0 ? `${requests(k)} of ${requests(n)} (${percent(k / n)})` : 'no requests'

/** e^log, as a power of ten where it is large or next to nothing. */
export const magnitude = (log: number): string =>
  log > 14 || log < -7 ? powerOfTen(Math.round(log / Math.LN10)) : grouped(String(Number(Math.exp(log).toPrecision(3))))

/** 10 to a whole power, with raised digits. */
export const powerOfTen = (power: number): string =>
  `10${[...String(power)].map((digit) => RAISED[digit] ?? digit).join('')}`

/** The time of day, UTC, of ms since 1970; `?` of what is no time. */
export const clock = (at: number): string =>
  Number.isNaN(new Date(at).getTime()) ? '?' : new Date(at).toISOString().slice(11, 19)

/** Day and time of day, UTC, of an ISO 8601 time; the text itself where it is none. */
export const moment = (iso: string): string =>
  Number.isNaN(Date.parse(iso)) ? iso : new Date(iso).toISOString().slice(0, 19).replace('T', ' ')

/** How long, of ms: `42 s`, `13 min 20 s`, `2 h 5 min`; `?` of what is no number. */
export const duration = (ms: number): string => {
  if (Number.isNaN(ms)) return '?'
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  if (hours > 0) return minutes === 0 ? `${hours}\u00a0h` : `${hours}\u00a0h ${minutes}\u00a0min`
  if (minutes === 0) return `${seconds}\u00a0s`
  return seconds % 60 === 0 ? `${minutes}\u00a0min` : `${minutes}\u00a0min ${seconds % 60}\u00a0s`
}

const grouped = (digits: string): string => {
  const [whole = '', part] = digits.split('.')
  const shown = whole.replace(/\B(?=(?:\d{3})+$)/g, ',')
  return part === undefined || digits.includes('e') ? shown : `${shown}.${part}`
}

const RAISED: Readonly<Record<string, string>> = Object.fromEntries(
  [...'-0123456789'].map((digit, index) => [digit, [...'⁻⁰¹²³⁴⁵⁶⁷⁸⁹'][index] ?? digit]),
)
