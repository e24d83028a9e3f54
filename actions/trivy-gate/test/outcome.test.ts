import { describe, expect, it } from 'vitest'
import { findingsOf, fresh } from '../src/outcome.ts'
import { found, gate, HOSTILE, judged, use } from './products.ts'

const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

describe('what is written beside the verdict', () => {
  it('has nothing in it that acts on a terminal or turns the text, wherever it stood', () => {
    for (const text of [...HOSTILE, 'a\u001b[2Jb\u202ec']) {
      const hostile = found({
        id: text,
        title: text,
        target: text,
        package: { name: text, version: text, fixed: text },
      })
      const inFile = found({ kind: 'secret', target: text, lines: { from: 1, to: 1 } })
      const exception = { ...use().exception, id: text, where: text }
      const all = findingsOf(
        gate([judged(hostile), judged(inFile)], {
          exceptions: [use({ exception, state: 'refused', problem: text })],
          notes: [text],
        }),
      )
      expect(all).toHaveLength(4)
      for (const finding of all) for (const part of Object.values(finding)) expect(part).not.toMatch(UNSEEN)
    }
  })

  it('says of what the baseline has when its grace ended, and does not count it as new', () => {
    const all = gate([judged(found(), { until: '2026-01-08' }), judged(found({ id: 'CVE-2026-2' }))])
    expect(findingsOf(all)[0]?.text).toContain('grace ended on 2026-01-08')
    expect(fresh(all, true)).toBe(1)
  })
})
