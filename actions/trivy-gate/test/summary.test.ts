import { expect, test } from 'vitest'
import { commentOf } from '../src/comment.ts'
import { counts } from '../src/counts.ts'
import type { Gate } from '../src/found.ts'
import { summarize } from '../src/summary.ts'
import { found, gate, HOSTILE, judged, scan, use } from './products.ts'

const MARKER = '<!-- sluice trivy-gate shop -->'

test('a pass with nothing is four lines', () => {
  expect(
    summarize(
      gate([], { reason: { code: 'passed', text: 'Nothing was found in 3 results', next: 'Nothing to do.' } }),
      scan(),
    ),
  ).toBe(
    '### ✅ Trivy gate: pass\n\n**Nothing was found in 3 results.**\n\n→ Nothing to do.\n\nScanned `ghcr.io/acme/shop:1.2.3`, debian 12.5 · 3 targets · Trivy 0.72.0 · 2026-11-22 03:00\n',
  )
})

test('what fails comes right after the verdict, and says what is new, exploited and mended by what', () => {
  const text = summarize(
    gate([
      judged(found({ url: 'https://avd.aquasec.com/nvd/cve-2026-0001' }), {
        news: 'added',
        exploited: true,
        epss: 0.1234,
      }),
      judged(
        found({
          id: 'AVD-DS-0002',
          kind: 'misconfiguration',
          severity: 'HIGH',
          target: 'Dockerfile',
          type: 'config/dockerfile',
          title: 'runs as root',
          lines: { from: 7, to: 9 },
        }),
      ),
      judged(found({ id: 'CVE-2026-0003', severity: 'LOW' }), { state: 'in-grace', until: '2026-12-24' }),
    ]),
    scan(),
  )
  const [head = '', reason = '', next = '', failing = '', ...rest] = text.split('\n\n')
  expect([reason, next]).toEqual(['**This is why.**', '→ This is what to do.'])
  expect(head).toBe('### ❌ Trivy gate: fail')
  expect(failing).toBe('#### What fails: 2')
  expect(rest[0]?.split('\n')).toEqual([
    '| Severity | Finding | Package | Fixed in | Where | Note |',
    '| --- | --- | --- | --- | --- | --- |',
    '| CRITICAL | [CVE-2026-0001](https://avd.aquasec.com/nvd/cve-2026-0001) a buffer is read past its end | `openssl 3.0.11` | `3.0.13` | `debian 12.5` | new: this change added it; exploited (KEV); EPSS 12.3 % |',
    '| HIGH | AVD-DS-0002 runs as root | `openssl 3.0.11` | `3.0.13` | `Dockerfile:7` | – |',
  ])
  expect(rest[1]?.split('\n')).toEqual([
    '| Severity | ❌ Fails | New | In grace | All |',
    '| --- | --- | --- | --- | --- |',
    '| CRITICAL | 1 | 1 | – | 1 |',
    '| HIGH | 1 | – | – | 1 |',
    '| LOW | – | – | 1 | 1 |',
    '| **All** | 2 | 1 | 1 | 3 |',
  ])
  expect(text).toContain('in grace until 2026-12-24')
})

test('exceptions that need somebody are told, the pressing ones first; those that hold are not', () => {
  const text = summarize(
    gate([], {
      exceptions: [
        use({ state: 'unused' }, 'CVE-1'),
        use({ state: 'active' }, 'CVE-2'),
        use({ state: 'expiring' }, 'CVE-3'),
        use({ state: 'refused', problem: 'it gives no reason' }, 'CVE-4'),
        use({ state: 'expired' }, 'CVE-5'),
      ],
      notes: ['fail-on leaves out CRITICAL'],
    }),
    scan(),
  )
  expect(text).toContain('#### Exceptions to look at: 4')
  expect(text.match(/CVE-\d/g)).toEqual(['CVE-5', 'CVE-4', 'CVE-3', 'CVE-1'])
  expect(text).toContain('| refused, does not hold | CVE-4 | `.trivyignore:3` | 2027-01-01 | it gives no reason |')
  expect(text).toContain('\n- fail-on leaves out CRITICAL\n')
})

test('where nothing was scanned no exception is called unused', () => {
  const exceptions = [use({ state: 'unused' }, 'CVE-1'), use({ state: 'expired' }, 'CVE-2')]
  expect(summarize(gate([], { verdict: 'nothing-to-check', exceptions }), scan()).match(/CVE-\d/g)).toEqual(['CVE-2'])
})

test('what is hidden by report-severity is said', () => {
  const all = [judged(found()), judged(found({ id: 'b' }), { state: 'below' })]
  expect(summarize(gate(all, { shown: all.slice(0, 1) }), scan())).toContain(
    "1 further finding below `report-severity`: in Trivy's own report only (output `scan`).",
  )
})

test('who is sent to the report file for more finds it there', () => {
  const all = (count: number) => Array.from({ length: count }, (_, index) => judged(found({ id: `CVE-${index}` })))
  expect(summarize(gate(all(2000)), scan())).toContain('… and 1950 more: see the report file.')
  expect(summarize(gate(all(2001)), scan())).toContain(
    "… and 1951 more: the report file has the 2000 worst in all, Trivy's own report (output `scan`) has every one.",
  )
  const exceptions = Array.from({ length: 2001 }, (_, index) => use({ state: 'unused' }, `CVE-${index}`))
  expect(summarize(gate([], { exceptions }), scan())).toContain('… and 1951 more: see the report file.')
})

test('the comment starts with its marker, and of 30,000 the first are shown', () => {
  const all = Array.from({ length: 30_000 }, (_, index) => judged(found({ id: `CVE-${index}` })))
  const text = commentOf(gate(all), scan(), MARKER)
  expect(text.startsWith(`${MARKER}\n\n### ❌ Trivy gate: fail\n`)).toBe(true)
  expect(text).toContain('… and 29980 more')
  expect(text).toMatch(/<details><summary>.*<\/summary>\n\n[\s\S]*\n\n<\/details>\n$/)
  const summary = summarize(gate(all), scan())
  expect(summary).toContain('… and 29950 more')
  expect(summary.match(/^\| CRITICAL \| CVE/gm)).toHaveLength(50)
})

/** What a page would show as more than text: the text without code, and without the links that we made. */
const shownAsMarkup = (text: string): string =>
  text
    .replaceAll(MARKER, '')
    .replace(/<\/?(?:details|summary)>/g, '')
    .replace(/`[^`\n]*`/g, '')

const hostileGate = (bad: string): Gate =>
  gate(
    [
      judged(
        found({
          id: bad,
          title: bad,
          target: bad,
          url: bad,
          package: { name: bad, version: bad, purl: bad, fixed: bad, path: bad },
        }),
      ),
      judged(found({ id: bad, title: bad, target: bad }), { state: 'excepted', exception: 0 }),
    ],
    {
      reason: { code: 'x', text: bad, next: bad },
      exceptions: [
        use({
          state: 'refused',
          problem: bad,
          exception: { ...use().exception, where: bad, reason: bad, expires: bad, id: bad },
        }),
      ],
      notes: [bad],
    },
  )

test.each(HOSTILE)('no text of a report breaks a table, starts HTML, notifies or links: %j', (bad) => {
  const hostile = scan({
    artifact: { name: bad, type: 'x' },
    os: { family: bad, name: bad, endOfLife: true },
    scanner: bad,
    createdAt: bad,
  })
  for (const text of [summarize(hostileGate(bad), hostile), commentOf(hostileGate(bad), hostile, MARKER)]) {
    const bare = shownAsMarkup(text)
    expect(bare).not.toMatch(/<(?!\/?$)/)
    expect(bare).not.toMatch(/@\w/)
    expect(bare).not.toMatch(/#\d|GH-\d/)
    expect(bare).not.toMatch(/:\/\/|www\.\w/)
    expect(bare).not.toMatch(/(?<!\\)\]\(/)
    expect(text).not.toMatch(/[\u202e]|[^\P{Cc}\n]/u)
    expect(text.isWellFormed()).toBe(true)
    expect(text.match(/^#/gm)).toHaveLength(3)
    const rows = text.split('\n').filter((line) => line.startsWith('|'))
    const cells = (line: string): number => line.replace(/\\\\/g, '').replace(/\\\|/g, '').split('|').length
    expect(rows.length).toBeGreaterThan(6)
    for (const [index, line] of rows.entries())
      if (rows[index + 1]?.startsWith('| ---')) expect(cells(line)).toBe(cells(rows[index + 2] ?? ''))
  }
})

test('texts without end stay within what GitHub takes', () => {
  for (const piece of ['&', '<', '漢', '\\', '@a', '😀', '`']) {
    const bad = piece.repeat(200_000)
    const one = hostileGate(bad)
    const many = {
      ...one,
      shown: Array.from({ length: 500 }, (_, index) => one.shown[index % 2] ?? judged(found())),
      notes: Array(500).fill(bad),
      exceptions: Array(500).fill(one.exceptions[0]),
    }
    const hostile = scan({ artifact: { name: bad, type: 'x' } })
    expect(Buffer.byteLength(summarize(many, hostile))).toBeLessThan(1024 * 1024)
    expect(commentOf(many, hostile, MARKER).length).toBeLessThanOrEqual(65_536)
  }
})

test('counts are by severity of what is shown, fails and is new', () => {
  const all = [
    judged(found(), { news: 'added' }),
    judged(found()),
    judged(found({ severity: 'LOW' }), { state: 'known' }),
    judged(found({ severity: 'UNKNOWN' }), { state: 'below' }),
  ]
  const none = { unknown: 0, low: 0, medium: 0, high: 0, critical: 0 }
  expect(counts(gate(all))).toEqual({
    shown: { ...none, total: 4, critical: 2, low: 1, unknown: 1 },
    failing: { ...none, total: 2, critical: 2 },
    new: { ...none, total: 1, critical: 1 },
  })
})
