/** Markup that may stand in the page as it is. Only `html` makes it, so what it holds of other people's text is escaped. */
export type Markup = { readonly markup: string }

/** What a template takes: markup stays, text and numbers are escaped, lists are joined, what is absent is nothing. */
export type Part = Markup | string | number | undefined | false | readonly Part[]

/** A template of HTML or SVG: every value that is not markup itself is escaped, for text and for attributes in double quotes. */
export const html = (strings: TemplateStringsArray, ...values: readonly Part[]): Markup => ({
  markup: strings.reduce((text, string, index) => `${text}${rendered(values[index - 1])}${string}`),
})

const rendered = (part: Part): string => {
  if (part === undefined || part === false) return ''
  if (typeof part === 'string') return escaped(part)
  if (typeof part === 'number') return String(part)
  return 'markup' in part ? part.markup : part.map(rendered).join('')
}

const escaped = (text: string): string => text.replace(UNSAFE, (character) => ESCAPES[character] ?? UNSEEN)

/** Characters of markup, and those that are not seen: controls but for tab and line feed, and what turns the direction of the text around it. */
const UNSAFE = /[&<>"']|(?![\t\n])[\p{Cc}\p{Cs}]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
const UNSEEN = '\ufffd'
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
