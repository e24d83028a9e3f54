/** Text for XML 1.0, in an element or between double quotes: markup escaped, and characters that XML forbids replaced. */
export const xml = (text: string): string => (PLAIN.test(text) ? text : escaped(text))

/** Most of a report's many texts need nothing done. */
const PLAIN = /^[ !#-%'-;=?-~]*$/

const escaped = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\p{Cc}|[\ufffe\uffff]/gu, (control) => ('\t\n\r'.includes(control) ? control : '\ufffd'))
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
