import { html, type Markup, type Part } from './html.ts'

/** A table: `caption` says what it is, the first cell of a row names the row. `numbers`: its cells are figures, set to the right. */
export type Table = {
  readonly caption: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly Part[])[]
  readonly numbers?: boolean
}

/** A table that is read out with its caption and headings, and scrolls by itself where it is wider than the page. */
export const table = ({
  caption,
  head,
  rows,
  numbers = false,
}: Table): Markup => html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table${numbers && html` class="numbers"`}>
<caption>${caption}</caption>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>
${rows.map(
  ([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
)}</tbody></table></div>`

/** Names with what they stand for. */
export const terms = (entries: readonly (readonly [string, Part])[]): Markup =>
  html`<dl>${entries.map(([name, part]) => html`<div><dt>${name}</dt><dd>${part}</dd></div>`)}</dl>`

/** What opens when asked for, and is open on paper. */
export const details = (summary: Part, content: Part): Markup =>
  html`<details><summary>${summary}</summary>${content}</details>`
