import { expect, test } from 'vitest'
import { junit } from '../src/junit.ts'
import { found, gate, HOSTILE, judged, scan, use } from './products.ts'

test('a suite for each target, a case for each finding; what is excused is skipped and says why', () => {
  const text = junit(
    gate(
      [
        judged(found()),
        judged(found({ id: 'CVE-2' }), { state: 'excepted', exception: 0 }),
        judged(found({ id: 'CVE-3', target: 'go.mod' }), { state: 'in-grace', until: '2026-12-24T00:00:00Z' }),
        judged(found({ id: 'CVE-4', target: 'go.mod' }), { state: 'known' }),
        judged(found({ id: 'CVE-5', target: 'go.mod' }), { state: 'unfixed' }),
        judged(found({ id: 'CVE-6', target: 'go.mod' }), { state: 'below' }),
      ],
      { exceptions: [use()] },
    ),
    scan(),
  )
  expect(text.split('\n')).toEqual([
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites tests="6" failures="1" errors="0" skipped="4">',
    '<testsuite name="ghcr.io/acme/shop:1.2.3 (debian 12.5)" tests="2" failures="1" errors="0" skipped="1">',
    '<testcase classname="vulnerability" name="CVE-2026-0001 openssl 3.0.11"><failure type="CRITICAL" message="CRITICAL: a buffer is read past its end">ghcr.io/acme/shop:1.2.3 (debian 12.5)',
    'fails the gate',
    'fixed in 3.0.13</failure></testcase>',
    '<testcase classname="vulnerability" name="CVE-2 openssl 3.0.11"><skipped message="excepted by .trivyignore:3 until 2027-01-01: not reached"/></testcase>',
    '</testsuite>',
    '<testsuite name="go.mod" tests="4" failures="0" errors="0" skipped="3">',
    '<testcase classname="vulnerability" name="CVE-3 openssl 3.0.11"><skipped message="in grace until 2026-12-24"/></testcase>',
    '<testcase classname="vulnerability" name="CVE-4 openssl 3.0.11"><skipped message="known at the base"/></testcase>',
    '<testcase classname="vulnerability" name="CVE-5 openssl 3.0.11"><skipped message="no fixed version yet"/></testcase>',
    '<testcase classname="vulnerability" name="CVE-6 openssl 3.0.11"/>',
    '</testsuite>',
    '</testsuites>',
    '',
  ])
})

test.each([
  ['pass', '<testsuites tests="1" failures="0" errors="0" skipped="0">', 'shop:1.2.3"/>'],
  ['fail', '<testsuites tests="1" failures="1" errors="0" skipped="0">', '<failure type="fail" message="This is why">'],
  [
    'inconclusive',
    '<testsuites tests="1" failures="1" errors="0" skipped="0">',
    '<failure type="inconclusive" message="This is why">',
  ],
  [
    'nothing-to-check',
    '<testsuites tests="1" failures="0" errors="0" skipped="1">',
    '<skipped message="This is why"/>',
  ],
  [
    'error',
    '<testsuites tests="1" failures="0" errors="1" skipped="0">',
    '<error type="error" message="This is why">This is what to do.</error>',
  ],
] as const)('with no finding, %s is told by the case of the gate', (verdict, totals, told) => {
  const text = junit(gate([], { verdict }), scan())
  expect(text).toContain(totals)
  expect(text).toContain(told)
})

test('an inconclusive gate is no file that passes, whatever else it lists', () => {
  expect(junit(gate([judged(found(), { state: 'below' })], { verdict: 'inconclusive' }), scan())).toContain(
    '<failure type="inconclusive"',
  )
})

test.each(HOSTILE)('no text of a report ends an attribute or an element: %j', (bad) => {
  const one = found({ id: bad, title: bad, target: bad, url: bad, package: { name: bad, version: bad, fixed: bad } })
  const text = junit(
    gate([judged(one), judged(one, { state: 'excepted', exception: 0 })], { exceptions: [use({}, bad)] }),
    scan(),
  )
  const tags = text.replace(/<\?xml[^>]*>/, '').match(/<[^>]*>/g) ?? []
  for (const tag of tags)
    expect(tag).toMatch(/^<\/?(?:testsuites?|testcase|failure|skipped)(?: [a-z]+="[^"<>]*")*\/?>$/)
  expect(tags).toHaveLength(11)
  expect(text).not.toMatch(/[^\P{Cc}\n]|\ufffe/u)
})
