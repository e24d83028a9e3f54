/**
 * The page's style sheet. Canary and baseline are orange and blue, which are told apart in every common kind of colour blindness, and differ in stroke
 * too; all text has a contrast of at least 4.5 to 1 in both modes, marks of at least 3 to 1. On paper it is the light mode with every detail open.
 */
export const STYLE = `
:root {
  --page: #f4f6f8; --card: #ffffff; --ink: #17212d; --soft: #55616f; --edge: #d8dfe6; --grid: #e7ecf1; --sunk: #f0f3f6;
  --canary: #d2550a; --canary-ink: #a64100; --baseline: #1769aa; --baseline-ink: #145a92; --evidence: #6a3fb0; --absolute: #57708c;
  --good: #0c6e49; --good-soft: #e5f4ec; --bad: #b3261e; --bad-soft: #fcebe9; --unsure: #835400; --unsure-soft: #fdf3de;
  --weight: #4c6a88; --weight-soft: #dfe7ef;
  color-scheme: light dark;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #0e141b; --card: #161e28; --ink: #e6ecf3; --soft: #a0adbb; --edge: #2c3846; --grid: #232e3a; --sunk: #111923;
    --canary: #ff9a52; --canary-ink: #ffab70; --baseline: #5fb2f5; --baseline-ink: #7cc0f8; --evidence: #bda0f4; --absolute: #8fa5bc;
    --good: #5fd3a0; --good-soft: #12302a; --bad: #ff8d84; --bad-soft: #3a1d1f; --unsure: #f0b94d; --unsure-soft: #33290f;
    --weight: #8fb0cf; --weight-soft: #223244;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 28px 20px 8px; }
footer { max-width: 1060px; margin: 0 auto; padding: 0 20px 28px; color: var(--soft); font-size: 13px; }
h1, h2, h3, p, figure, dl, dd, ol { margin: 0; }
h2 { font-size: 19px; line-height: 1.3; letter-spacing: -.005em; margin-bottom: 10px; }
h3 { font-size: 16px; line-height: 1.35; margin-bottom: 2px; }
h3 small { color: var(--soft); font-weight: 400; font-size: 14px; margin-left: 6px; }
small { font-size: 13px; color: var(--soft); }
code { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
main > section, .verdict { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 22px 24px; margin-bottom: 18px; }
p, li, dd, td { overflow-wrap: anywhere; }

.verdict { border-top: 5px solid var(--tone); padding-top: 20px; }
.good { --tone: var(--good); --tone-soft: var(--good-soft); }
.bad { --tone: var(--bad); --tone-soft: var(--bad-soft); }
.unsure { --tone: var(--unsure); --tone-soft: var(--unsure-soft); }
.what { color: var(--soft); }
.what .name { color: var(--ink); font-weight: 600; }
h1 { display: flex; align-items: center; gap: 12px; font-size: 36px; line-height: 1.2; letter-spacing: -.02em; color: var(--tone); margin: 2px 0 10px; }
.icon { width: 38px; height: 38px; flex: none; }
.icon circle { fill: var(--tone); }
.icon path { fill: none; stroke: var(--card); stroke-width: 2.2; stroke-linecap: round; stroke-linejoin: round; }
.reason { font-size: 17px; max-width: 78ch; }
.reason b { color: var(--tone); margin-right: 4px; }
.answers { display: grid; grid-template-columns: repeat(3, 1fr); gap: 14px; margin: 20px 0; }
.answers section { background: var(--sunk); border-radius: 8px; padding: 12px 16px 14px; border-left: 4px solid var(--edge); }
.answers section[class] { border-left-color: var(--tone); background: var(--tone-soft); }
.answers section[class] b { color: var(--tone); }
.answers h2 { font-size: 13px; font-weight: 600; letter-spacing: .01em; color: var(--soft); margin-bottom: 3px; }
.answers section[class] h2 { color: var(--ink); }
dl { display: grid; gap: 5px; }
dl > div { display: grid; grid-template-columns: 150px 1fr; gap: 12px; }
dt { color: var(--soft); }

figure { margin-top: 10px; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); font-size: 13.5px; margin-bottom: 6px; }
.key { display: inline-flex; align-items: center; gap: 7px; }
.swatch { width: 28px; height: 14px; flex: none; }
figure > svg { display: block; width: 100%; height: auto; overflow: visible; }
svg.narrow { display: none; }
svg text { font: 13.5px -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; fill: var(--soft); }
svg.narrow text { font-size: 12.5px; }
svg path { fill: none; }
text.middle { text-anchor: middle; }
text.end { text-anchor: end; }
svg text.label { font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
.grid { stroke: var(--grid); }
.rule, .tick { stroke: var(--edge); }
svg .weight-area { fill: var(--weight-soft); }
.weight-line { stroke: var(--weight); stroke-width: 2.2; }
svg text.weight-text { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
.asked-line { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 2 4; }
.observed { fill: var(--canary); stroke: var(--card); stroke-width: 1; }
.canary-line { stroke: var(--canary); stroke-width: 2.6; stroke-linejoin: round; stroke-linecap: round; }
.baseline-line { stroke: var(--baseline); stroke-width: 2.2; stroke-dasharray: 7 3; stroke-linejoin: round; }
svg .canary-band { fill: var(--canary); opacity: .2; }
svg .baseline-band { fill: var(--baseline); opacity: .2; }
svg text.canary-text { fill: var(--canary-ink); }
svg text.baseline-text { fill: var(--baseline-ink); }
.max-line { stroke: var(--bad); stroke-width: 1.6; stroke-dasharray: 2 3; }
svg text.max-text, svg text.reject-text { fill: var(--bad); }
.evidence-line { stroke: var(--evidence); stroke-width: 2.2; stroke-linejoin: round; }
svg text.evidence-text { fill: var(--evidence); }
.absolute-line { stroke: var(--absolute); stroke-width: 1.6; stroke-dasharray: 6 3; }
.reject-line { stroke: var(--bad); stroke-width: 1.8; }
svg .reject-area { fill: var(--bad); opacity: .08; }
.crossing { fill: var(--bad); stroke: var(--card); stroke-width: 2; }
svg text.crossing-text { fill: var(--bad); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
.event { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 1 3; }
.event.restart { stroke: var(--bad); }
.mark { fill: var(--card); stroke: var(--soft); }
.mark.restart { stroke: var(--bad); stroke-width: 1.8; }
svg text.mark-text, svg.narrow text.mark-text { font-size: 11.5px; fill: var(--ink); }
ol.events { columns: 2; column-gap: 32px; margin-top: 14px; padding-left: 26px; font-size: 14px; }
ol.events li { break-inside: avoid; padding-left: 2px; }
ol.events li::marker { color: var(--soft); font-size: 13px; }
ol.events .restart { color: var(--bad); }
time { font-variant-numeric: tabular-nums; color: var(--soft); margin-right: 4px; }

article { margin-top: 26px; padding-top: 20px; border-top: 1px solid var(--edge); }
article p { color: var(--soft); max-width: 90ch; }
.scroll { overflow-x: auto; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--baseline); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: 13.5px; padding: 0 0 6px; }
th, td { text-align: left; vertical-align: top; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--grid); }
thead th { color: var(--soft); font-size: 13px; font-weight: 600; border-bottom-color: var(--edge); vertical-align: bottom; }
tbody th { font-weight: 600; }
.numbers { font-size: 13px; }
.numbers th, .numbers td { padding: 3px 14px 3px 0; white-space: nowrap; }
.numbers td, .numbers thead th + th { text-align: right; }
.numbers thead th { white-space: normal; }
.numbers tbody th { font-weight: 400; }
.over { color: var(--bad); }
.meter { display: block; width: 80px; height: 8px; margin: 5px 0 4px; }
.meter-all { fill: var(--edge); }
.meter-part { fill: var(--evidence); }
.full .meter-part { fill: var(--bad); }
.level { font-weight: 600; color: var(--soft); }
.level.error { color: var(--bad); }
.level.warning { color: var(--unsure); }
section > p + .scroll { margin-top: 10px; }

details { border-top: 1px solid var(--grid); }
details:first-of-type { border-top: 0; }
summary { cursor: pointer; padding: 9px 0; font-weight: 600; }
details > :not(summary) { margin-bottom: 14px; }
.query { display: block; background: var(--sunk); border-radius: 6px; padding: 8px 10px; white-space: pre-wrap; }

@media (max-width: 760px) {
  .answers { grid-template-columns: 1fr; gap: 10px; }
  ol.events { columns: 1; }
}
@media (max-width: 640px) {
  main { padding: 12px 10px 4px; }
  footer { padding: 0 12px 20px; }
  main > section, .verdict { padding: 16px 14px; border-radius: 10px; margin-bottom: 12px; }
  h1 { font-size: 29px; }
  .icon { width: 32px; height: 32px; }
  .reason { font-size: 16px; }
  dl > div { grid-template-columns: 1fr; gap: 0; margin-bottom: 4px; }
  th, td { padding-right: 10px; }
  .scroll table { min-width: 560px; }
  .numbers { min-width: 0; }
}
@media screen and (max-width: 640px) {
  svg.wide { display: none; }
  svg.narrow { display: block; }
}
@media print {
  @page { margin: 14mm 12mm; }
  body { background: none; font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main, footer { max-width: none; padding: 0; }
  main > section, .verdict { border: 0; border-radius: 0; padding: 0 0 8pt; margin-bottom: 10pt; }
  .verdict { border-top: 4pt solid var(--tone); padding-top: 8pt; }
  .answers { grid-template-columns: repeat(3, 1fr); }
  h2, h3, caption, summary { break-after: avoid; }
  figure, tr, article, .answers, li, table:not(.numbers) { break-inside: avoid; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
  .numbers { font-size: 7.5pt; line-height: 1.3; }
  .numbers th, .numbers td { padding: 1pt 6pt 1pt 0; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  details > * { display: block; }
  summary { list-style: none; }
}
`
