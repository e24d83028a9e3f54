import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseExposition } from '../src/prometheus-text.ts'

const samplesOf = (text: string) => {
  const parsed = parseExposition(text)
  if (parsed.kind !== 'parsed') throw new Error(`line ${parsed.line}: ${parsed.text}`)
  return parsed.samples.map(({ name, labels, value }) => ({ name, labels: { ...labels }, value }))
}

describe('a line of the text format', () => {
  test.each([
    ['up 1', 'up', {}, 1],
    ['  up   1  ', 'up', {}, 1],
    ['up{} 0', 'up', {}, 0],
    ['a{b="c",d="e",} 2.5e3', 'a', { b: 'c', d: 'e' }, 2500],
    ['a{ b = "c" , d="e" } 1 1700000000000', 'a', { b: 'c', d: 'e' }, 1],
    ['a{b="quote \\" slash \\\\ line \\n end"} 1', 'a', { b: 'quote " slash \\ line \n end' }, 1],
    ['a{b="braces } and , = too"} 1', 'a', { b: 'braces } and , = too' }, 1],
    ['ns:rule:sum +Inf', 'ns:rule:sum', {}, Number.POSITIVE_INFINITY],
    ['a -Inf', 'a', {}, Number.NEGATIVE_INFINITY],
    ['a NaN', 'a', {}, Number.NaN],
    ['h_bucket{le="0.5"} 3 # {trace_id="x"} 0.4 1700000000', 'h_bucket', { le: '0.5' }, 3],
    ['{"http.requests", route="/a"} 4', 'http.requests', { route: '/a' }, 4],
  ])('%s', (line, name, labels, value) => {
    expect(samplesOf(line)).toEqual([{ name, labels, value }])
  })

  test.each(['a', 'a b', 'a{b="c" 1', 'a{b=c} 1', '{b="c"} 1', 'a{b="c"}', '<html>'])('%s is malformed', (line) => {
    expect(parseExposition(`up 1\n\n${line}\n`)).toMatchObject({ kind: 'malformed', line: 3 })
  })

  test('whatever a label holds comes back as it was', () => {
    const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
    const label = fc.string({ unit: 'binary' }).filter((text) => !/\r/.test(text))
    fc.assert(
      fc.property(label, fc.double({ noNaN: true }), (text, value) => {
        const shown = Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
        expect(samplesOf(`a{b="${escaped(text)}"} ${shown}`)).toEqual([
          { name: 'a', labels: { b: text }, value: value === 0 ? 0 : value },
        ])
      }),
    )
  })
})

test('comments are passed over, types kept, and nothing is read after # EOF', () => {
  const parsed = parseExposition('# HELP a What a is.\n# TYPE a counter\r\na_total 1\r\n# EOF\nnot read')
  expect(parsed).toMatchObject({ kind: 'parsed', types: { a: 'counter' }, samples: [{ name: 'a_total', value: 1 }] })
})

test('names like those of every object are labels like any other', () => {
  expect(samplesOf('a{__proto__="x",constructor="y"} 1')[0]?.labels.constructor).toBe('y')
})
