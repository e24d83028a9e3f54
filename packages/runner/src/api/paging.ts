import type { Call } from './exchange.ts'

/**
 * One page of a list, and the `link` header that leads to the others: `first`, `prev`, `next` and `last`, where there are any.
 * `per_page` is 1 to 100, 30 unless told; anything that is no number is taken as the default.
 * Source: docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
 * @param base the API's own address, without a slash at the end
 */
export const pageOf = <T>(
  items: readonly T[],
  { path, query }: Pick<Call, 'path' | 'query'>,
  base: string,
): { readonly items: readonly T[]; readonly headers: Readonly<Record<string, string>> } => {
  const size = Math.min(100, wholeNumber(query.get('per_page'), 30))
  const page = wholeNumber(query.get('page'), 1)
  const last = Math.max(1, Math.ceil(items.length / size))
  const shown = items.slice((page - 1) * size, page * size)
  const to = (number: number, rel: string): string => {
    const parameters = new URLSearchParams(query)
    parameters.set('page', String(number))
    return `<${base}${path}?${parameters}>; rel="${rel}"`
  }
  const links = [
    ...(page > 1 ? [to(Math.min(page - 1, last), 'prev')] : []),
    ...(page < last ? [to(page + 1, 'next'), to(last, 'last')] : []),
    ...(page > 1 ? [to(1, 'first')] : []),
  ]
  return { items: shown, headers: links.length === 0 ? {} : { link: links.join(', ') } }
}

const wholeNumber = (text: string | null, otherwise: number): number =>
  text !== null && /^\d+$/.test(text) && Number(text) > 0 ? Number(text) : otherwise
