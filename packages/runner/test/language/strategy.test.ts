// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are parts of workflow files
import { expect, test } from 'vitest'
import { expandMatrix } from '../../src/language/matrix.ts'
import { jobName, strategyOf } from '../../src/language/strategy.ts'
import type { Json } from '../../src/template.ts'
import { jobOf, scopeOf } from './reading.ts'

const matrices = (matrix: Json): readonly Json[] => {
  const expansion = expandMatrix(matrix)
  if (expansion.kind === 'wrong') throw new Error(expansion.text)
  return expansion.configurations.map((one) => one.matrix)
}
const base = { arch: ['x64', 'x86'], os: ['linux', 'windows'] }

test('the last vector of a matrix turns fastest', () => {
  expect(matrices(base)).toEqual([
    { arch: 'x64', os: 'linux' },
    { arch: 'x64', os: 'windows' },
    { arch: 'x86', os: 'linux' },
    { arch: 'x86', os: 'windows' },
  ])
})

test.each<[string, Json, readonly Json[]]>([
  [
    'an exclude takes away every job that it fits, by part of its keys too',
    { ...base, exclude: [{ arch: 'X86' }] },
    [
      { arch: 'x64', os: 'linux' },
      { arch: 'x64', os: 'windows' },
    ],
  ],
  [
    'an include adds to the jobs that it fits, and one that fits none is a job of its own',
    { arch: ['x64', 'x86'], include: [{ arch: 'x64', publish: true }, { arch: 'arm' }] },
    [{ arch: 'x64', publish: true }, { arch: 'x86' }, { arch: 'arm' }],
  ],
  [
    'an include without a key of the matrix adds to all, a later one over an earlier one',
    {
      fruit: ['apple', 'pear'],
      include: [{ color: 'green' }, { color: 'pink', animal: 'cat' }, { fruit: 'apple', shape: 'circle' }],
    },
    [
      { fruit: 'apple', color: 'pink', animal: 'cat', shape: 'circle' },
      { fruit: 'pear', color: 'pink', animal: 'cat' },
    ],
  ],
  ['includes alone are the jobs', { include: [{ a: 1 }, { a: 2, b: 3 }] }, [{ a: 1 }, { a: 2, b: 3 }]],
  [
    'an include comes back for what an exclude took away',
    { os: ['a', 'b'], exclude: [{ os: 'a' }], include: [{ os: 'a', extra: 1 }] },
    [{ os: 'b' }, { os: 'a', extra: 1 }],
  ],
  [
    'filters look into mappings and compare as expressions do',
    {
      v: [
        { node: 12, name: 'a' },
        { node: 14, name: 'b' },
      ],
      exclude: [{ v: { node: '12' } }],
    },
    [{ v: { node: 14, name: 'b' } }],
  ],
])('%s', (_, matrix, expected) => {
  expect(matrices(matrix)).toEqual(expected)
})

test.each<[Json, string]>([
  [{ a: [] }, "Matrix vector 'a' does not contain any values"],
  [{}, 'Matrix must define at least one vector'],
  [{ include: [] }, 'Matrix must define at least one vector'],
  [{ a: 'b' }, "A sequence was expected for the matrix vector 'a'"],
  [{ a: [1], exclude: [{ b: 1 }] }, "Matrix exclude key 'b' does not match any key within the matrix"],
  [{ a: [1], include: [{}] }, 'Matrix include mapping does not contain any values'],
  [{ a: [...Array(257).keys()] }, 'The matrix makes 257 jobs; at most 256 are allowed'],
])('the matrix %j is refused in GitHub’s words', (matrix, text) => {
  expect(expandMatrix(matrix)).toEqual({ kind: 'wrong', text })
})

test('a matrix of 256 jobs is allowed', () => {
  expect(matrices({ a: [...Array(256).keys()] })).toHaveLength(256)
})

test('an empty matrix fails the job with the place of the matrix', () => {
  const job = jobOf('strategy:\n  matrix: ${{ fromJSON(\'{"dirs":[]}\') }}')
  expect(strategyOf(job, scopeOf())).toEqual({
    kind: 'wrong',
    text: "Error when evaluating 'strategy' for job 'build'. .github/workflows/w.yml (Line: 7, Col: 15): Matrix vector 'dirs' does not contain any values",
  })
})

test('a matrix from an expression that is no JSON fails the job', () => {
  const job = jobOf('strategy:\n  matrix: ${{ fromJSON(needs.a.outputs.matrix) }}')
  const strategy = strategyOf(job, scopeOf({ needs: { a: { outputs: {} } } }))
  expect(strategy.kind === 'wrong' && strategy.text).toMatch(/^Error when evaluating 'strategy' for job 'build'\. /)
})

test('without a matrix there is one job, with matrix null', () => {
  expect(strategyOf(jobOf('if: true'), scopeOf())).toEqual({
    kind: 'variants',
    variants: [
      {
        matrix: null,
        segments: [],
        strategy: { 'fail-fast': true, 'job-index': 0, 'job-total': 1, 'max-parallel': 1 },
      },
    ],
    failFast: true,
    maxParallel: 1,
  })
})

test('a matrix whose jobs are all excluded runs the job once, with matrix null', () => {
  const strategy = strategyOf(jobOf('strategy:\n  matrix: { a: [1], exclude: [{ a: 1 }] }'), scopeOf())
  expect(strategy.kind === 'variants' && strategy.variants.map(({ matrix }) => matrix)).toEqual([null])
})

test('fail-fast and max-parallel may come from expressions', () => {
  const job = jobOf(
    "strategy:\n  fail-fast: ${{ github.ref != 'x' }}\n  max-parallel: ${{ fromJSON('2') }}\n  matrix: { a: [1, 2, 3] }",
  )
  const strategy = strategyOf(job, scopeOf({ github: { ref: 'x' } }))
  expect(strategy).toMatchObject({ failFast: false, maxParallel: 2 })
  expect(strategy.kind === 'variants' && strategy.variants[2]?.strategy).toEqual({
    'fail-fast': false,
    'job-index': 2,
    'job-total': 3,
    'max-parallel': 2,
  })
})

test.each([
  ['fail-fast: ${{ github.ref }}', "Unexpected value 'x'"],
  ['max-parallel: ${{ github.ref }}', "Unexpected value 'x'"],
])('%s fails the job: text is neither a boolean nor a number', (line, text) => {
  const strategy = strategyOf(jobOf(`strategy:\n  ${line}\n  matrix: { a: [1] }`), scopeOf({ github: { ref: 'x' } }))
  expect(strategy).toMatchObject({ kind: 'wrong', text: expect.stringContaining(text) })
})

test('a whole strategy from an expression may lack its parts', () => {
  const strategy = strategyOf(jobOf('strategy: ${{ fromJSON(\'{"matrix":{"a":[1,2]}}\') }}'), scopeOf())
  expect(strategy).toMatchObject({ kind: 'variants', failFast: true, maxParallel: 2 })
})

const nameFrom = (lines: string, matrix: Json): string => {
  const job = jobOf(lines)
  const expansion = expandMatrix(matrix)
  const [one] = expansion.kind === 'expanded' ? expansion.configurations : []
  return jobName(job, one?.segments ?? [], scopeOf({ matrix: one?.matrix ?? null }))
}

test.each<[string, string, Json, string]>([
  ['the id and the values', 'if: true', { os: ['linux'], n: [12] }, 'build (linux, 12)'],
  ['a plain name and the values', 'name: Test it', { os: ['linux'] }, 'Test it (linux)'],
  ['a name with an expression, as it is', 'name: On ${{ matrix.os }}', { os: ['linux'], n: [1] }, 'On linux'],
  ['the id where the expression gives nothing', 'name: ${{ matrix.no }}', { os: ['linux'] }, 'build (linux)'],
  [
    'no value that an include adds',
    'if: true',
    { os: ['linux'], include: [{ os: 'linux', extra: 1 }] },
    'build (linux)',
  ],
  ['all values of an include of its own', 'if: true', { include: [{ os: 'mac', extra: true }] }, 'build (mac, true)'],
  ['the leaves of mappings, no empty text', 'if: true', { v: [{ a: 1, b: [2, ''] }] }, 'build (1, 2)'],
  ['at most 100 characters', 'if: true', { os: ['x'.repeat(200)] }, `build (${'x'.repeat(90)}...`],
])('the name of a job shows %s', (_, lines, matrix, name) => {
  expect(nameFrom(lines, matrix)).toBe(name)
})
