/** What must not be read in a log. Grows while a job runs. */
export type Masks = {
  /** Masks a value, each of its lines, and what it looks like when it is encoded. Empty text masks nothing. */
  add(value: string): void
  /** The text with every masked part as `***`; parts that touch become one. */
  mask(text: string): string
}

/**
 * The masks of one job. A secret of several lines masks each line too, because logs are masked line by line.
 * Source: `Worker.InitializeSecretMasker`, `SecretMasker`, `ValueEncoders` and the encoders of `HostContext` in actions/runner.
 */
export const masksOf = (values: readonly string[]): Masks => {
  const held = new Set<string>()
  const add = (value: string): void => {
    for (const part of [value, ...value.split(/[\r\n]+/)].flatMap((one) => [one, one.trim()]))
      if (part.trim() !== '') for (const form of [part, ...encoded(part)]) if (form !== '') held.add(form)
  }
  for (const value of values) add(value)
  return { add, mask: (text) => masked(text, held) }
}

/** The forms in which a secret leaves a program: base64 at each of the three offsets, quoted, as JSON, as part of a URL, as XML. */
const encoded = (value: string): readonly string[] => {
  const bytes = Buffer.from(value)
  const shifted = (by: number): string => bytes.subarray(bytes.length > by ? by : 0).toString('base64')
  return [
    bytes.toString('base64'),
    shifted(1),
    shifted(2),
    value.replaceAll('"', '\\"'),
    value.replaceAll("'", "''"),
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value.toWellFormed()).replace(
      /[!'()*]/g,
      (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
    ),
    value
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&apos;'),
    value.length > 8 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : '',
  ]
}

const masked = (text: string, values: ReadonlySet<string>): string => {
  const found: [number, number][] = []
  for (const value of values)
    for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) found.push([at, at + value.length])
  if (found.length === 0) return text
  found.sort(([a], [b]) => a - b)
  let [result, read, end] = ['', 0, -1]
  for (const [from, to] of found) {
    if (from > end) {
      result += `${text.slice(read, from)}***`
      end = to
    }
    end = Math.max(end, to)
    read = end
  }
  return result + text.slice(read)
}
