/** A JSON pointer from its parts: `/metadata/annotations/sluice.dev~1epoch`. Source: RFC 6901. */
export const pointerOf = (...parts: readonly (string | number)[]): string =>
  parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

/** The parts of a JSON pointer; none for the whole document. */
export const partsOf = (pointer: string): readonly string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))

/** The value that a pointer names; `undefined` when nothing is there. */
export const valueAt = (document: unknown, pointer: string): unknown =>
  partsOf(pointer).reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Readonly<Record<string, unknown>>)[part]
        : undefined,
    document,
  )
