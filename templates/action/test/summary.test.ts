import { expect, test } from 'vitest'
import { summarize } from '../src/summary.ts'

test('the summary says the verdict first, then the numbers', () => {
  expect(summarize({ kind: 'fail', code: 'too-large', bytes: 11 }, 'model.bin', 10)).toBe(
    [
      '### __NAME__: fail',
      '',
      'model.bin has 11 bytes; the limit is 10. Make the file smaller, or raise max-bytes.',
      '',
      '| File | Bytes | Limit |',
      '| --- | --- | --- |',
      '| model.bin | 11 | 10 |',
      '',
    ].join('\n'),
  )
})
