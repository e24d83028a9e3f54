import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { readIgnoreFile } from '../../src/exceptions/ignore-file.ts'
import { readIgnoreYaml } from '../../src/exceptions/ignore-yaml.ts'
import { readOpenVex } from '../../src/exceptions/openvex.ts'
import { entryName } from '../../src/exceptions/quote.ts'

const NOW = new Date('2026-06-15T12:00:00Z')

describe('the name of an entry', () => {
  test.each([
    'CVE-2024-0001',
    'GHSA-69fq-xp46-6x23',
    'RHSA-2024:1234',
    'SUSE-SU-2024:1234-1',
    'DSA-5678-1',
    'AVD-AWS-0086',
    'DS-0002',
  ])('is its id where that is %s', (id) => expect(entryName(id)).toBe(id))
  test.each([
    'glpat-abcdefghij0123456789',
    'sk-0123456789',
    'a'.repeat(32),
    'AKIAIOSFODNN7EXAMPLE',
    'CVE-2024-c2VjcmV0',
    'CVE-2024-1\nc2VjcmV0',
    `CVE-${'1'.repeat(40)}`,
    '123e4567-e89b-12d3-a456-426614174000',
  ])('is not %j, which may be a token', (id) => expect(entryName(id)).toBe('an entry'))
})

/** Files that are none of exceptions, or damaged ones, around a word. */
const around = (word: string): readonly string[] => {
  const statement = (more: object) =>
    JSON.stringify({
      '@context': 'https://openvex.dev/ns/v0.2.0',
      timestamp: '2026-01-01T00:00:00Z',
      statements: [{ vulnerability: { name: 'CVE-2024-1' }, products: [{ '@id': 'pkg:npm/a' }], ...more }],
    })
  return [
    `\textraheader = AUTHORIZATION: basic ${word}\n`,
    `${word} exp:${word}\nCVE-2024-1 exp:${word}\nCVE-2024-1 ${word}\nA ${word}: # exp:${word}\nA${word}CVE-2024-1\n${word}\u200b\n`,
    JSON.stringify({ auths: { 'ghcr.io': { auth: word } } }, null, 2),
    `{"auth": ${word}}`,
    `{"a": 1}${word}`,
    `{"@context": "${word}"}`,
    `vulnerabilities: ${word}`,
    `vulnerabilities:\n  - ${word}\n  - ${word}: 1\n  - id: A\n    paths: ["${word}[", ${word}, 1]\n    purls: [${word}]\n    expired_at: ${word}\n  - id: "${word}\\u200b"\n    paths: ${word}\n`,
    `${word}: 1\n${word}: 2\n`,
    `a: *${word}\nb: !${word} 1\nc: "${word}\n`,
    `a: ${word}\n${word}\n@${word}: [${word}\n`,
    `%${word}\n---\n? ${word}\n- ${word}\n`,
    `a: "\\q${word}"\nb: 'x' ${word}\n`,
    statement({ status: word }),
    statement({ status: 'not_affected', justification: word, timestamp: word, [word]: word }),
    statement({
      status: 'fixed',
      status_notes: `exp:${word}`,
      products: [{ '@id': `pkg:${word}` }, word, { [word]: 1 }],
    }),
    statement({ status: [word], vulnerability: { name: `${word}\u200b`, aliases: word }, products: word }),
    JSON.stringify({ statements: word, '@context': 'https://openvex.dev/ns', timestamp: word, [word]: 1 }),
  ]
}

it('no problem of any file repeats a word of it', () => {
  const words = fc.oneof(
    fc.base64String({ minLength: 12, maxLength: 64 }),
    fc.stringMatching(/^(?:ghs_|glpat-|sk-|AKIA)[A-Za-z0-9]{12,40}$/),
    fc.uuid(),
    fc.stringMatching(/^[0-9]{12}$/),
  )
  let problems = 0
  fc.assert(
    fc.property(words, (word) => {
      for (const text of around(word)) {
        for (const read of [readIgnoreFile, readIgnoreYaml, readOpenVex]) {
          const told = read(text, 'file', NOW).problems
          problems += told.length
          const parts = [word, word.slice(0, 8), word.slice(-8)]
          for (const problem of told) for (const part of parts) expect(problem).not.toContain(part)
        }
      }
    }),
    { numRuns: 50 },
  )
  expect(problems).toBeGreaterThan(1000)
})
