/** What is wrong with a document, and the path of keys to it. */
export type Found = { readonly path: readonly PropertyKey[]; readonly text: string }
/** A map of a document whose shape was not checked. */
export type Fields = Readonly<Record<string, unknown>>

/** The value as a map; an empty one when it is none. */
export const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}

/** The value as a list; an empty one when it is none. */
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
