/** Takes out of a text what nobody may read. */
export type Clean = (text: string) => string

const MASK = '***'
/** What is shorter stands in any text by chance. */
const SHORTEST = 4
const SHORTEST_LINE = 8
/** Of an image with a digest, such as `docker-image://name@sha256:…`, nothing is a credential. */
const USER_INFO = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>]{1,4000}@(?!sha256:)/gi

/**
 * Makes one that replaces the user information of URLs, and known secrets, by asterisks. Of a secret of several lines each line that is long enough is
 * one, as what is logged comes line by line.
 */
export const cleaner = (secrets: readonly string[]): Clean => {
  const values = [...new Set(secrets.flatMap(partsOf))].sort((a, b) => b.length - a.length)
  const few = values.filter((value) => value.length < SHORTEST_LINE)
  // A file may have thousands of lines: each place of a text is looked up once, not once for each of them.
  const many = Map.groupBy(
    values.filter((value) => value.length >= SHORTEST_LINE),
    (value) => value.slice(0, SHORTEST_LINE),
  )
  return (text) =>
    few.reduce((left, value) => left.replaceAll(value, MASK), without(text, many)).replace(USER_INFO, `$1${MASK}@`)
}

const partsOf = (secret: string): readonly string[] => {
  const whole = secret.trim()
  const lines = whole.split(/[\r\n]+/).map((line) => line.trim())
  return [
    ...(whole.length >= SHORTEST ? [whole] : []),
    ...(lines.length > 1 ? lines.filter((line) => line.length >= SHORTEST_LINE) : []),
  ]
}

const without = (text: string, values: ReadonlyMap<string, readonly string[]>): string => {
  if (values.size === 0) return text
  let left = ''
  let from = 0
  for (let at = 0; at + SHORTEST_LINE <= text.length; at++) {
    const found = values.get(text.slice(at, at + SHORTEST_LINE))?.find((value) => text.startsWith(value, at))
    if (found === undefined) continue
    left += `${text.slice(from, at)}${MASK}`
    from = at + found.length
    at = from - 1
  }
  return left + text.slice(from)
}
