import { expect, test } from 'vitest'
import { xml } from '../src/xml.ts'

test('nothing in a text is markup, and what XML forbids is replaced', () => {
  expect(xml('<a b="c">&\n\t\0\u001b\ufffe\ud800')).toBe('&lt;a b=&quot;c&quot;&gt;&amp;\n\t\ufffd\ufffd\ufffd\ufffd')
})
