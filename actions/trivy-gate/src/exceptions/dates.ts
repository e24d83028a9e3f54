const DAY = /^(\d{4})-(\d{2})-(\d{2})$/
const MOMENT = /^(\d{4}-\d{2}-\d{2})[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/

/** Whether a text is a day of the calendar, `YYYY-MM-DD`. */
export const isDay = (text: string): boolean => {
  const match = DAY.exec(text)
  if (match === null) return false
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  // The 30th of February would silently be the 1st of March.
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}

/** A point in time with its offset from UTC (RFC 3339) in milliseconds since 1970; `undefined` for anything else. */
export const momentOf = (text: string): number | undefined => {
  const day = MOMENT.exec(text)?.[1]
  if (day === undefined || !isDay(day)) return undefined
  const milliseconds = Date.parse(text.toUpperCase().replace(' ', 'T'))
  return Number.isNaN(milliseconds) ? undefined : milliseconds
}

/** A day as it is, of a point in time its day in UTC (so that it never ends later than was written); `undefined` for anything else. */
export const dayOf = (text: string): string | undefined => {
  if (isDay(text)) return text
  const milliseconds = momentOf(text)
  const day = milliseconds === undefined ? undefined : new Date(milliseconds).toISOString().slice(0, 10)
  return day !== undefined && isDay(day) ? day : undefined
}

/** What `exp:` words in a text say: a day, or as `problem` what a text has that says none; neither where there are none. `rest`: the text without them. */
export const expiryIn = (text: string): { readonly rest: string; readonly day?: string; readonly problem?: string } => {
  const words = text.split(/\s+/).filter((word) => word !== '')
  const said = words.filter((word) => word.startsWith('exp:')).map((word) => word.slice('exp:'.length))
  const rest = words.filter((word) => !word.startsWith('exp:')).join(' ')
  const [day] = said
  if (day === undefined) return { rest }
  if (said.length > 1) return { rest, problem: 'more than one exp:' }
  return isDay(day) ? { rest, day } : { rest, problem: 'an exp: that is no day; write exp:YYYY-MM-DD' }
}
