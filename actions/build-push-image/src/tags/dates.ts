import { Fault } from '@sluice/kit/faults'

/** A wall clock: its digits are those that `getUTC…` gives. */
type Clock = { readonly wall: Date; readonly at: number; readonly offset: number }

const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const DAY = 86_400_000

/** What each token of moment's formats (https://momentjs.com/docs/#/displaying/format/) stands for, in English. */
const TOKENS: ReadonlyMap<string, (clock: Clock) => string> = new Map([
  ...forms('M', ({ wall }) => wall.getUTCMonth() + 1),
  ['MMM', ({ wall }) => named(MONTHS, wall.getUTCMonth()).slice(0, 3)],
  ['MMMM', ({ wall }) => named(MONTHS, wall.getUTCMonth())],
  ['Q', ({ wall }) => `${quarter(wall)}`],
  ['Qo', ({ wall }) => ordinal(quarter(wall))],
  ...forms('D', ({ wall }) => wall.getUTCDate()),
  ['DDD', ({ wall }) => `${dayOfYear(wall)}`],
  ['DDDo', ({ wall }) => ordinal(dayOfYear(wall))],
  ['DDDD', ({ wall }) => padded(dayOfYear(wall), 3)],
  ['d', ({ wall }) => `${wall.getUTCDay()}`],
  ['do', ({ wall }) => ordinal(wall.getUTCDay())],
  ['dd', ({ wall }) => named(DAYS, wall.getUTCDay()).slice(0, 2)],
  ['ddd', ({ wall }) => named(DAYS, wall.getUTCDay()).slice(0, 3)],
  ['dddd', ({ wall }) => named(DAYS, wall.getUTCDay())],
  ['e', ({ wall }) => `${wall.getUTCDay()}`],
  ['E', ({ wall }) => `${wall.getUTCDay() || 7}`],
  ...forms('w', ({ wall }) => week(wall, SUNDAYS).week),
  ...forms('W', ({ wall }) => week(wall, ISO).week),
  ['gg', ({ wall }) => padded(week(wall, SUNDAYS).year % 100, 2)],
  ['gggg', ({ wall }) => padded(week(wall, SUNDAYS).year, 4)],
  ['GG', ({ wall }) => padded(week(wall, ISO).year % 100, 2)],
  ['GGGG', ({ wall }) => padded(week(wall, ISO).year, 4)],
  ['Y', ({ wall }) => `${wall.getUTCFullYear()}`],
  ['YY', ({ wall }) => padded(wall.getUTCFullYear() % 100, 2)],
  ['YYYY', ({ wall }) => padded(wall.getUTCFullYear(), 4)],
  ['A', ({ wall }) => (wall.getUTCHours() < 12 ? 'AM' : 'PM')],
  ['a', ({ wall }) => (wall.getUTCHours() < 12 ? 'am' : 'pm')],
  ...forms('H', ({ wall }) => wall.getUTCHours()),
  ...forms('h', ({ wall }) => wall.getUTCHours() % 12 || 12),
  ...forms('k', ({ wall }) => wall.getUTCHours() || 24),
  ...forms('m', ({ wall }) => wall.getUTCMinutes()),
  ...forms('s', ({ wall }) => wall.getUTCSeconds()),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((digits): [string, (clock: Clock) => string] => [
    'S'.repeat(digits),
    ({ wall }) => padded(wall.getUTCMilliseconds(), 3).padEnd(9, '0').slice(0, digits),
  ]),
  ['Z', ({ offset }) => offsetText(offset, ':')],
  ['ZZ', ({ offset }) => offsetText(offset, '')],
  ['X', ({ at }) => `${Math.floor(at / 1000)}`],
  ['x', ({ at }) => `${at}`],
])

/** All that moment reads as a token, known here or not; `[text]` and `\x` stand for themselves. */
const PIECES =
  /\[[^\]]*\]|\\.|LTS|LT|L{1,4}|l{1,4}|Mo|M{1,4}|Qo?|DDDo|Do|D{1,4}|do|d{1,4}|[eE]|wo|ww?|Wo|WW?|Y{1,6}|y{1,4}o?|N{1,5}|g{2,5}|G{2,5}|[Aa]|HH?|hh?|kk?|mm?|ss?|S{1,9}|ZZ?|zz?|X|x/g

/**
 * Whether a format has only tokens that are known here; those that are not would come out as letters.
 * @throws Fault('input') for a token of moment's that is left out: names of zones and eras, and dates in a locale's own style
 */
export const checkFormat = (format: string): void => {
  for (const [piece] of format.matchAll(PIECES)) {
    if (!/^[[\\]/.test(piece) && !TOKENS.has(piece))
      throw new Fault('input', `the date's token ${piece} is not known; known: ${[...TOKENS.keys()].join(' ')}`)
  }
}

/** @throws Fault('input') for what is no time zone of the IANA's list */
export const checkZone = (zone: string): void => {
  offsetOf(0, zone)
}

/**
 * An instant (ms UTC) in moment's format, in English.
 * The zone's offset is asked of Intl, and never goes through the machine's own zone: an hour that does not exist there would come out as another.
 * @throws Fault('input') as `checkFormat` and `checkZone`
 */
export const formatDate = (at: number, format: string, zone: string): string => {
  checkFormat(format)
  const offset = offsetOf(at, zone)
  const clock = { wall: new Date(at + offset * 60_000), at, offset }
  return format.replace(PIECES, (piece) => {
    if (piece.startsWith('[')) return piece.slice(1, -1)
    return piece.startsWith('\\') ? piece.slice(1) : (TOKENS.get(piece)?.(clock) ?? piece)
  })
}

/** Minutes east of UTC. */
const offsetOf = (at: number, zone: string): number => {
  const said = zoneFormat(zone)
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName')?.value
  const [, sign, hours = '0', minutes = '0'] = /([+-])(\d\d):(\d\d)/.exec(said ?? '') ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

const zoneFormat = (zone: string): Intl.DateTimeFormat => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  } catch {
    throw new Fault('input', `"${zone.slice(0, 60)}" is no time zone; one is written as Europe/Berlin, or UTC`)
  }
}

/** A week begins on `first` (0: Sunday); the first of a year is the one that has the year's day `has` of January. */
type Weeks = { readonly first: number; readonly has: number }
const ISO: Weeks = { first: 1, has: 4 }
const SUNDAYS: Weeks = { first: 0, has: 1 }

const week = (wall: Date, weeks: Weeks): { readonly year: number; readonly week: number } => {
  const start = (year: number): number => {
    const day = Date.UTC(year, 0, weeks.has)
    return day - ((new Date(day).getUTCDay() - weeks.first + 7) % 7) * DAY
  }
  const guess = wall.getUTCFullYear()
  const at = wall.getTime()
  const year = at >= start(guess + 1) ? guess + 1 : at < start(guess) ? guess - 1 : guess
  return { year, week: Math.floor((at - start(year)) / (7 * DAY)) + 1 }
}

const quarter = (wall: Date): number => Math.floor(wall.getUTCMonth() / 3) + 1
const dayOfYear = (wall: Date): number => Math.floor((wall.getTime() - Date.UTC(wall.getUTCFullYear(), 0, 1)) / DAY) + 1
const padded = (value: number, digits: number): string => `${value}`.padStart(digits, '0')
const named = (names: readonly string[], index: number): string => names[index] ?? ''

const ordinal = (value: number): string => {
  const isTeen = value % 100 >= 11 && value % 100 <= 13
  return `${value}${isTeen ? 'th' : (['th', 'st', 'nd', 'rd'][value % 10] ?? 'th')}`
}

const offsetText = (offset: number, between: string): string => {
  const minutes = Math.abs(offset)
  return `${offset < 0 ? '-' : '+'}${padded(Math.floor(minutes / 60), 2)}${between}${padded(minutes % 60, 2)}`
}

/** A number's token: as it is, with two digits, and as an ordinal where moment has one. */
function forms(letter: string, read: (clock: Clock) => number): [string, (clock: Clock) => string][] {
  const all: [string, (clock: Clock) => string][] = [
    [letter, (clock) => `${read(clock)}`],
    [letter.repeat(2), (clock) => padded(read(clock), 2)],
  ]
  return 'MDwW'.includes(letter) ? [...all, [`${letter}o`, (clock) => ordinal(read(clock))]] : all
}
