import type { Json } from './check.ts'

/** `{{name}}`; with a backslash before it the braces are meant literally. */
const WHOLE = /^\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}$/
const PLACEHOLDER = /\\?\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}/g

/**
 * As `fill`, for JSON: a text that is one `{{name}}` and nothing else becomes the captured value itself, so that a number stays one.
 */
export const fillValue = (value: Json, captured: ReadonlyMap<string, Json>): Json =>
  mapTexts(value, (text) => {
    const [, name = ''] = WHOLE.exec(text) ?? []
    return captured.get(name) ?? fill(text, captured)
  })

/** Replaces `{{name}}` in every text of a value; names that were not captured are left as they are (the checks file was checked before). */
export const fill = <T extends Json>(value: T, captured: ReadonlyMap<string, Json>): T =>
  mapTexts(value, (text) =>
    text.replace(PLACEHOLDER, (whole, name: string) => {
      if (whole.startsWith('\\')) return whole.slice(1)
      const found = captured.get(name)
      return found === undefined ? whole : typeof found === 'string' ? found : JSON.stringify(found)
    }),
  ) as T

/** Every name that a value's texts ask for. */
export const namesIn = (value: Json): ReadonlySet<string> => {
  const names = new Set<string>()
  mapTexts(value, (text) => {
    for (const match of text.matchAll(PLACEHOLDER)) if (!match[0].startsWith('\\')) names.add(match[1] ?? '')
    return text
  })
  return names
}

const mapTexts = (value: Json, change: (text: string) => Json): Json => {
  if (typeof value === 'string') return change(value)
  if (value === null || typeof value !== 'object') return value
  if (isList(value)) return value.map((item) => mapTexts(item, change))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]))
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)
