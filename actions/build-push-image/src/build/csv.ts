/**
 * A field of the lists that buildx reads as CSV, such as `name=a,b`, quoted where it has to be.
 * Source: https://www.rfc-editor.org/rfc/rfc4180
 */
export const csvField = (field: string): string =>
  /[",\r\n]|^\s/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
